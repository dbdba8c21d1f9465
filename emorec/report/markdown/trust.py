"""Printed tables of what limits the results: calibration, representations, twins, labels."""

from __future__ import annotations

from emorec.frames import each_row
from emorec.report import experiments as x
from emorec.report import lookups
from emorec.report.markdown.pipe import pipe
from emorec.report.results import Results
from emorec.report.wording import text as w
from emorec.tables.truth import POSTERIOR


def calibration(results: Results) -> str:
    """Temperature, and scores before and after scaling with their intervals; a row a headline model."""
    rows = []
    for model in results.headline:
        cells = []
        for metric, scale, digits in (("nll", 1, 3), ("ece", 100, 1)):
            for state in ("before", "after"):
                mean, low, high = lookups.calibration_interval(results, model, metric, state)
                cells.append(f"{w.number(scale * mean, digits)} ({w.interval(low, high, digits, scale=scale)})")
        temperature = lookups.calibrated(results, model).temperature.iloc[0]
        rows.append([results.label(model), w.number(temperature, 2), *cells])
    header = ["Model", "*T*", "NLL", "scaled", "ECE, points", "scaled"]
    return pipe(header, rows, "lrrrrr")


def all_calibration(results: Results) -> str:
    """Temperature and all scores before and after scaling; a row a model."""
    rows = []
    for model in lookups.ranked(results):
        found = lookups.calibrated(results, model)
        cells = [w.number(found[side][metric], 3) for metric in _CALIBRATED for side in ("before", "after")]
        rows.append([results.label(model), w.number(found.temperature.iloc[0], 2), *cells])
    header = ["Model", "*T*", *(cell for name in _CALIBRATED.values() for cell in (name, "scaled"))]
    return pipe(header, rows, "lr" + "rr" * len(_CALIBRATED))


_CALIBRATED = {"nll": "NLL", "brier": "Brier", "ece": "ECE", "aurc": "AURC"}


def representation(results: Results) -> str:
    """Measures of the representation; a row a model."""
    table = results["representation"]
    names = list(dict.fromkeys(table.measure))
    rows = []
    for model in [m for m in lookups.ranked(results) if m in set(table.model)]:
        values = {name: lookups.measure(results, model, name) for name in names}
        cells = [w.percent(x) if name == "knn_purity" else w.number(x, 3) for name, x in values.items()]
        rows.append([results.label(model), *cells])
    return pipe(["Model", *map(_measure_name, names)], rows, "l" + "r" * len(names))


def _measure_name(name: str) -> str:
    if name.startswith("fisher_"):
        return w.pair(*name.split("_")[1:3])
    return {"knn_purity": "purity"}.get(name, name.replace("_", " "))


def audit(results: Results) -> str:
    """Copies and twins within and across splits."""
    names = {"train": "training", "val": "validation", "test": "test"}
    rows = []
    for row in each_row(results["audit"]):
        where = "the same split" if row.split == row.other else names[row.other]
        share = w.percent(row.twins / row.faces) if row.faces else w.NONE
        cells = [w.count(row.exact), w.count(row.twins), share, w.count(row.mirrored), w.percent(row.same_label)]
        rows.append([f"{names[row.split]} ({w.count(row.faces)})", where, *cells])
    header = ["Faces", "Looked for in", "Exact copies", "Twins", "Share", "Mirrored", "Same label"]
    return pipe(header, rows, "llrrrrr")


def on_other_terms(results: Results, name: str, heading: str) -> str:
    """Scores and comparisons over all test faces by their labels, and as without_twins.csv or by_majority.csv says."""
    rows = []
    shown = results.headline
    for row in each_row(results[name]):
        if row.model not in shown or (row.reference and row.reference not in shown):
            continue
        score = {"accuracy": "accuracy", "macro_f1": "macro-F1"}[row.metric]
        if row.reference:
            what = f"{results.label(row.model)} minus {results.label(row.reference)}"
            before, number = x.comparison(results, row.model, row.reference, row.metric), w.signed
            found = None if before is None else (before.difference, before.low, before.high)
        else:
            what, number = results.label(row.model), w.number
            before = lookups.summary_row(results, row.model, row.metric)
            found = (before["mean"], before["low"], before["high"])
        cells = [
            w.NONE if one is None else f"{number(100 * one[0])} ({w.interval(*one[1:])})"
            for one in (found, (row.estimate, row.low, row.high))
        ]
        rows.append([what, score, *cells])
    return pipe(["Model or comparison", "Score", "All test faces", heading], rows, "llrr")


def ferplus(results: Results) -> str:
    """Agreement with the taggers' majority: the labels, then a row a model."""
    labels = lookups.agreements(results, "")
    names = list(labels.index)
    rows = [["*judged faces*", *(w.count(labels.judged[name]) for name in names), w.NONE, w.NONE]]
    for model in ["", *lookups.ranked(results)]:
        found = lookups.agreements(results, model)
        errors = [found.loc["all", "sided"], found.loc["all", "kept"]]
        cells = [w.number(100 * value) for value in [*found.majority_accuracy[names], *errors]]
        rows.append([results.label(model) if model else "FER2013's labels", *cells])
    return pipe(["Model", *names, "with model", "with label"], rows, "l" + "r" * (len(names) + 2))


def truth(results: Results) -> str:
    """Nearness to what was planted: the posterior, then a row a model."""
    digits = {"distance": 3, "correlation": 2, "pair_rank": 2, "top_pairs": 1}
    rows = []
    for model in [POSTERIOR, *lookups.ranked(results)]:
        found = lookups.truths(results, model)
        cells = [lookups.true_interval(results, model).replace(f"{w.NBSP}%", "")]
        cells += [w.number(100 * found[name]) for name in ("accuracy_given", "agreement")]
        cells += [w.number(found[name], places) for name, places in digits.items()]
        rows.append(["*posterior*" if model == POSTERIOR else results.label(model), *cells])
    header = ["Model", "True emotion", "Label", "Posterior's answer", "Distance", "Correlation", "Rank", "Top pairs"]
    return pipe(header, rows, "lrrrrrrr")
