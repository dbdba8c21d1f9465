"""Tables as Markdown pipe tables, to be included by the report.

Each writer returns one pipe table: a header, alignments, rows. The widths of the dashes set the relative widths of the
columns, because a table wider than the page would otherwise overflow in print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from emorec import EMOTIONS
from emorec.frames import each_row, row_at
from emorec.report import experiments as x
from emorec.report import lookups, walltimes
from emorec.report.results import Results
from emorec.report.variables import study
from emorec.report.wording import text as w
from emorec.tables.comparisons import STATISTICS
from emorec.tables.pairs import HARD_PAIRS
from emorec.tables.truth import POSTERIOR

# The main text shows this many pairs; the appendix shows all.
TOP_PAIRS = 8

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1", "nll": "NLL", "brier": "Brier", "ece": "ECE"}


def tables(results: Results, meta: dict[str, Any]) -> dict[str, str]:
    """Every included table by name; `tables/_<name>.md` holds it."""
    return {
        "data": data(results),
        "summary": summary(results),
        "comparisons": comparisons(results),
        "claims": claims(results, primary=True),
        "recall": recall(results, results.headline),
        "pairs": pairs(results),
        "flow": flow(results),
        "all_pairs": all_pairs(results),
        "calibration": calibration(results),
        "all_calibration": all_calibration(results),
        "representation": representation(results),
        "audit": audit(results),
        "without_twins": on_other_terms(results, "without_twins", "Without twins"),
        "models": models(results),
        "networks": networks(results),
        "scores": scores(results),
        "hyperparameters": hyperparameters(results),
        "colophon": colophon(results, meta),
        **_of_some(results),
    }


def _of_some(results: Results) -> dict[str, str]:
    """Tables that only some studies have."""
    tried = x.experiments(results)
    found = {f"experiment_{name}": experiment(results, models) for name, models in tried.items()}
    if "single" in tried:
        found["beside_singles"] = beside_singles(results, tried["single"])
    if has_gate(results):
        found["gate"] = gate(results)
    if len(results["groupings"].grouping.unique()) > 1:
        found["groupings"] = groupings(results)
    if has_more_models(results):
        found |= {"all_claims": claims(results, primary=False), "all_recall": recall(results, lookups.ranked(results))}
    if len(results.jobs):
        found["walltimes"] = wall_times(results)
    if results.has_votes:
        found |= {"ferplus": ferplus(results), "by_majority": on_other_terms(results, "by_majority", "By the majority")}
    if results.has_truth:
        found["truth"] = truth(results)
    return found


def has_gate(results: Results) -> bool:
    """Whether the study's first mixture has a gate of experts with emotions of their own."""
    return any(results.groups(results.mixture).values())


def has_more_models(results: Results) -> bool:
    """Whether there are models or claims beyond those that the main text's tables show."""
    return set(lookups.ranked(results)) != set(results.headline) or not results["claims"].primary.all()


def pipe(header: Sequence[str], rows: Sequence[Sequence[str]], align: str, widths: Sequence[int] | None = None) -> str:
    """A pipe table. `align` has a letter a column, l, r or c; `widths` are relative widths of the columns.

    Raises ValueError for a row of the wrong length or a table without rows: the report must not hold an empty one.
    """
    if not rows:
        raise ValueError(f"no rows for the table headed {', '.join(header)}")
    if any(len(row) != len(header) for row in rows) or len(align) != len(header):
        raise ValueError(f"a row of the table headed {', '.join(header)} has another number of cells")
    widths = widths or [max(len(_visible(cell)) for cell in column) for column in zip(header, *rows, strict=True)]
    # Pandoc reads the dashes as shares of the page once a line is longer than 72 characters.
    rules = [_rule(letter, max(width, 3)) for letter, width in zip(align, widths, strict=True)]
    lines = [list(header), rules, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _rule(letter: str, width: int) -> str:
    dashes = "-" * width
    return {"l": f":{dashes}", "r": f"{dashes}:", "c": f":{dashes}:"}[letter]


def _visible(cell: str) -> str:
    return cell.replace("*", "").replace("`", "")


def _cell(cell: str) -> str:
    """Text safe inside a cell: no line break, no column mark."""
    return " ".join(str(cell).split("\n")).replace("|", r"\|")


def data(results: Results) -> str:
    """Faces by emotion and split."""
    table = results["classes"].set_index(["emotion", "split"])
    rows = []
    for emotion in EMOTIONS:
        cells = [row_at(table, (emotion, split)) for split in ("train", "val", "test")]
        rows.append([emotion, *(f"{w.count(c.faces)} ({w.percent(c.share)})" for c in cells)])
    totals = results["classes"].groupby("split").faces.sum()
    rows.append(["all", *(w.count(totals[split]) for split in ("train", "val", "test"))])
    return pipe(["Emotion", "Training", "Validation", "Test"], rows, "lrrr")


def summary(results: Results) -> str:
    """Every model's cost and test scores, the best accuracy in bold where the intervals support it."""
    best = lookups.best(results)
    rows = []
    for model in lookups.ranked(results):
        cells = cost(results, model)
        for metric in METRICS:
            found = lookups.summary_row(results, model, metric)
            if metric in ("accuracy", "macro_f1"):
                value = w.number(100 * found["mean"])
                value = f"**{value}**" if metric == "accuracy" and model in best else value
                cells.append(f"{value} ({w.interval(found['low'], found['high'])})")
            elif metric != "brier":
                cells.append(w.number(found["mean"], 3))
        rows.append([results.label(model), *cells])
    header = ["Model", *COSTS, "Accuracy, %", "Macro-F1, %", "NLL", "ECE"]
    return pipe(header, rows, "l" + "r" * (len(header) - 1), [26, 10, 10, 9, 20, 20, 7, 7])


COSTS = ("Parameters", "Operations", "Faces/s")


def cost(results: Results, model: str) -> list[str]:
    """Parameters, operations for a face, and measured faces a second of a model."""
    row = results.row(model)
    return [w.short(row.parameters), w.short(row.flops), w.count(row.images_per_second)]


def experiment(results: Results, models: list[str]) -> str:
    """The reference, the first mixture (but for other singles) and `models`: cost, accuracy, differences. Singles are
    compared by macro-F1 as well, mixtures with their controls.

    Bold marks a difference that its interval and its Holm-corrected p-value agree on.
    """
    singles = all(results.row(model).kind == "single" for model in models)
    first = [results.reference, *([] if singles else [results.mixture])]
    oracles = x.bounds(results).set_index("model")
    rows = []
    for model in [*first, *models]:
        bound = model in oracles.index
        found = row_at(oracles, model) if bound else lookups.summary_row(results, model, "accuracy")
        mean = found["accuracy"] if bound else found["mean"]
        label = f"*{results.label(model)} (bound)*" if bound else results.label(model)
        cells = [f"{w.number(100 * mean)} ({w.interval(found['low'], found['high'])})"]
        cells += [_difference(x.comparison(results, model, results.reference))]
        control = results.control(model)
        if singles:
            cells += [_difference(x.comparison(results, model, results.reference, "macro_f1"))]
        else:
            cells += [_difference(x.comparison(results, model, control) if control else None)]
        rows.append([label, *cost(results, model), *cells])
    header = ["Model", *COSTS, "Accuracy, %", "− single", "macro-F1 − single" if singles else "− control"]
    return pipe(header, rows, "l" + "r" * (len(header) - 1), [30, 10, 10, 9, 20, 20, 20])


def beside_singles(results: Results, singles: list[str]) -> str:
    """The headline's mixtures against the singles but the first: accuracy, macro-F1, confusion of the hard pairs."""
    rows = []
    for single in singles:
        for model in [m for m in results.headline if m in results.mixtures]:
            rows_of = (x.comparison(results, model, single, metric, "other_singles") for metric in STATISTICS)
            cells = [_difference(row) for row in rows_of]
            rows.append([f"{results.label(model)} minus {results.label(single)}", *cells])
    return pipe(["Difference", "Accuracy", "Macro-F1", "Hard pairs"], rows, "lrrr", [40, 20, 20, 20])


def _difference(row: Any) -> str:
    """A difference in points with its interval, in bold where it holds."""
    if row is None:
        return w.NONE
    text = w.signed(100 * row.difference)
    text = text if x.verdict(row) == "unclear" else f"**{text}**"
    return f"{text} ({w.interval(row.low, row.high)})"


def groupings(results: Results) -> str:
    """Every grouping that a model uses: its groups, and how much confusion lies inside them."""
    truth = results.has_truth
    rows = []
    for name, part in results["groupings"].groupby("grouping", sort=False):
        own = part.iloc[0]
        cells = [w.percent(own.inside), w.percent(own.inside_chance)]
        cells += [w.percent(own.inside_planted)] if truth else []
        rows.append([f"`{name}`", str(own.method), w.groups([text.split() for text in part.emotions]), *cells])
    header = ["Grouping", "Method", "Experts' emotions", "Inside", "By chance", *(["Planted"] if truth else [])]
    return pipe(header, rows, "lllrrr"[: len(header)], [16, 9, 48, 8, 9, 8][: len(header)])


def wall_times(results: Results) -> str:
    """What the workflow measured of the networks' jobs."""
    stages = {"train": "training", "outputs": "outputs"}
    rows = [
        [
            f"`{row.network}`",
            stages[row.stage],
            w.count(row.jobs),
            w.duration(row.seconds),
            w.duration(row.processor),
            w.NONE if pd.isna(row.memory) else f"{w.count(row.memory)}{w.NBSP}MB",
        ]
        for row in each_row(walltimes.by_network(results.jobs).sort_values("stage", ascending=False, kind="stable"))
    ]
    header = ["Network", "Stage", "Jobs", "Clock", "Processors", "Memory"]
    return pipe(header, rows, "llrrrr", [34, 10, 7, 10, 11, 10])


def comparisons(results: Results) -> str:
    """Paired differences with intervals and corrected tests, in bold where they hold."""
    rows = []
    for row in each_row(results["comparisons"]):
        said = x.verdict(row) != "unclear"
        difference = w.signed(100 * row.difference)
        rows.append(
            [
                f"{results.label(row.model)} minus {results.label(row.reference)}",
                {"accuracy": "accuracy", "macro_f1": "macro-F1"}.get(row.metric, row.metric),
                f"**{difference}**" if said else difference,
                w.interval(row.low, row.high),
                _p(row.p_holm),
                _p(row.mcnemar_p_max),
            ]
        )
    header = ["Comparison", "Score", "Difference", "95 % interval", "*p* (Holm)", "McNemar's *p*"]
    if not rows:
        rows = [["only one model", *[w.NONE] * 5]]
    return pipe(header, rows, "llrrrr", [38, 10, 11, 15, 10, 12])


def _p(p: float) -> str:
    return w.NONE if pd.isna(p) else "< 0.001" if p < 0.001 else w.number(p, 3)


def claims(results: Results, *, primary: bool) -> str:
    """The study's questions about the first mixture with their verdicts; or the findings about all other models."""
    table = results["claims"]
    own = table[table.primary.astype(bool) == primary]
    if not primary:
        rows = [[row.verdict, row.sentence] for row in each_row(own)]
        return pipe(["Verdict", "Finding"], rows or [[w.NONE, "no other question was asked"]], "ll", [12, 88])
    rows = [[row.question, row.verdict, row.sentence] for row in each_row(own)]
    return pipe(["Question", "Verdict", "Finding"], rows, "lll", [34, 12, 54])


def recall(results: Results, models: Sequence[str]) -> str:
    """Recall by model and emotion; a row a model, so that any number of models fits the page."""
    table = results["recall"]
    support = table[(table.model == results.reference) & (table.split == "test")].groupby("emotion").support.first()
    rows = [["*test faces*", *(w.count(support[emotion]) for emotion in EMOTIONS), w.count(support.sum())]]
    for model in models:
        values = lookups.recalls(results, model)
        spread = results["spread"]
        own = spread[(spread.model == model) & (spread.split == "test") & (spread.measure == "recall")]
        deviation = own.set_index("first").sd
        cells = [w.with_deviation(100 * values[emotion], 100 * deviation[emotion]) for emotion in EMOTIONS]
        rows.append([results.label(model), *cells, w.number(100 * values.mean())])
    return pipe(["Model", *EMOTIONS, "mean"], rows, "lrrrrrrrr")


def flow(results: Results) -> str:
    """Where the confusions of the hard pairs went, from the single network to the first mixture."""
    rows = []
    for row in each_row(lookups.flow(results, results.mixture, results.reference)):
        if frozenset((row.first, row.second)) not in _HARD:
            continue
        other = f" ({row.other})" if row.other else ""
        cells = [row.confused, row.to_right, row.to_other, row.from_right, row.from_other, row.still]
        texts = [w.number(value, int(results.seeds > 1)) for value in cells]
        texts[2] += other
        rows.append([w.pair(row.first, row.second), *texts])
    header = ["Pair", "Single", "to right", "to a third", "from right", "from a third", "Mixture"]
    return pipe(header, rows or [["no pair", *[w.NONE] * 6]], "lrrrrrr", [18, 9, 10, 20, 10, 12, 9])


_HARD = {frozenset(pair) for pair in HARD_PAIRS}


def pairs(results: Results) -> str:
    """The pairs that the reference confuses most, under the main mixture."""
    rows = []
    for row in each_row(lookups.pair_rows(results, results.mixture, results.reference).head(TOP_PAIRS)):
        rows.append(
            [
                w.pair(row.first, row.second),
                w.number(100 * row.reference_rate),
                w.number(100 * row.rate),
                w.signed(100 * row.difference),
                w.interval(row.low, row.high),
                _p(row.p_holm),
            ]
        )
    header = ["Pair", results.label(results.reference), results.label(results.mixture)]
    header += ["Difference", "95 % interval", "*p* (Holm)"]
    return pipe(header, rows or [["no pair", *[w.NONE] * 5]], "lrrrrr", [18, 14, 14, 12, 16, 12])


def all_pairs(results: Results) -> str:
    """Every pair: the reference's rate and the differences between the models of the paper's comparison."""
    first = lookups.pair_rows(results, results.mixture, results.reference)
    wanted = [
        (model, other)
        for model, other in (
            (results.ensemble, results.reference),
            (results.mixture, results.reference),
            (results.mixture, results.ensemble),
        )
        if model and other
    ]
    rows = []
    for row in each_row(first):
        cells = [w.pair(row.first, row.second), w.number(100 * row.reference_rate)]
        for model, other in wanted:
            part = lookups.pair_rows(results, model, other).set_index(["first", "second"])
            cells.append(_change(row_at(part, (row.first, row.second))) if len(part) else w.NONE)
        rows.append(cells)
    header = ["Pair", results.label(results.reference)]
    header += [f"{results.label(model)} minus {results.label(other)}" for model, other in wanted]
    rows = rows or [["no pair", *[w.NONE] * (len(header) - 1)]]
    return pipe(header, rows, "lr" + "r" * len(wanted), [18, 12, *[24] * len(wanted)])


def _change(row: pd.Series) -> str:
    """A difference with its interval, in bold where it is one after Holm's correction."""
    text = w.signed(100 * row.difference)
    text = f"**{text}**" if row.p_holm < x.ALPHA else text
    return f"{text} ({w.interval(row.low, row.high)})"


def gate(results: Results) -> str:
    """Mean gate weight of the main mixture by emotion; an expert's own emotions in bold."""
    weights = lookups.gate_weights(results, results.mixture)
    groups = results.groups(results.mixture)
    rows = []
    for emotion in EMOTIONS:
        cells = [w.number(100 * weights[emotion][expert]) for expert in groups]
        own = [emotion in group for group in groups.values()]
        rows.append([emotion, *(f"**{c}**" if o else c for c, o in zip(cells, own, strict=True))])
    return pipe(["Emotion", *(w.listing(group) for group in groups.values())], rows, "l" + "r" * len(groups))


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
    return pipe(header, rows, "lrrrrr", [24, 6, 22, 22, 18, 18])


def all_calibration(results: Results) -> str:
    """Temperature and all scores before and after scaling; a row a model."""
    rows = []
    for model in lookups.ranked(results):
        found = lookups.calibrated(results, model)
        cells = [w.number(found[side][metric], 3) for metric in _CALIBRATED for side in ("before", "after")]
        rows.append([results.label(model), w.number(found.temperature.iloc[0], 2), *cells])
    header = ["Model", "*T*", *(cell for name in _CALIBRATED.values() for cell in (name, "scaled"))]
    return pipe(header, rows, "lr" + "rr" * len(_CALIBRATED), [24, 6, *[8] * 2 * len(_CALIBRATED)])


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
    return pipe(["Model", *map(_measure_name, names)], rows, "l" + "r" * len(names), [24, *[10] * len(names)])


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
    return pipe(["Model or comparison", "Score", "All test faces", heading], rows, "llrr", [44, 11, 22, 22])


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
    return pipe(header, rows, "lrrrrrrr", [24, 20, 7, 11, 9, 12, 7, 7])


def models(results: Results) -> str:
    """What each model is made of, what it costs, and what it is compared with."""
    foreign = {"other": "others: other", "down-weighted": "others weigh less"}
    rows = []
    for row in each_row(results["models"]):
        groups = w.groups(results.grouped(row.model))
        made = [groups or (f"{int(row.experts)} free experts" if row.experts > 0 else "")]
        made += [f"gate: {row.gate}" if row.gate else "", foreign.get(row.foreign, "")]
        control = results.label(row.control) if row.control else w.NONE
        cells = [w.count(row.networks), *cost(results, row.model), w.duration(row.train_seconds)]
        family = row.family if row.kind != "oracle" else "bound"
        rows.append([f"{row.label} (`{row.model}`)", family, ". ".join(filter(None, made)) or w.NONE, control, *cells])
    header = ["Model", "Family", "Experts", "Control", "Networks", *COSTS, "Training"]
    return pipe(header, rows, "llllrrrrr", [24, 10, 28, 14, 9, 10, 10, 8, 9])


def networks(results: Results) -> str:
    """Every network with its kept epoch."""
    frame = pd.DataFrame(
        [{k: n[k] for k in ("network", "role", "best_epoch", "val_accuracy", "parameters", "train_seconds")}
         | {"outputs": len(n["classes"])} for n in results.networks]
    )  # fmt: skip
    rows = []
    frame["order"] = frame.role.map({"classifier": 0, "gate": 1, "expert": 2, "mixture": 3})
    for name, part in frame.sort_values(["order", "network"]).groupby("network", sort=False):
        low, high = int(part.best_epoch.min()), int(part.best_epoch.max())
        rows.append(
            [
                f"`{name}`",
                str(part.role.iloc[0]),
                w.count(part.outputs.iloc[0]),
                w.count(len(part)),
                str(low) if low == high else f"{low} to {high}",
                w.number(100 * part.val_accuracy.mean()),
                w.large(part.parameters.iloc[0]),
                w.duration(part.train_seconds.mean()),
            ]
        )
    header = ["Network", "Role", "Outputs", "Seeds", "Kept epoch", "Validation accuracy", "Parameters", "Training"]
    return pipe(header, rows, "llrrrrrr", [32, 10, 8, 6, 10, 11, 12, 9])


def scores(results: Results) -> str:
    """Every score of every model, seed and split."""
    keys = ["model", "seed", "split"]
    table = results["scores"].pivot_table(index=keys, columns="metric", values="value", sort=False)
    rows = []
    for row in each_row(table.reset_index()):
        values = [w.number(100 * value) for value in (row.accuracy, row.macro_f1)]
        values += [w.number(value, 3) for value in (row.nll, row.brier, row.ece)]
        rows.append([results.label(row.model), str(row.seed), {"val": "validation"}.get(row.split, row.split), *values])
    return pipe(["Model", "Seed", "Split", *METRICS.values()], rows, "lrlrrrrr", [28, 6, 11, 10, 10, 8, 8, 8])


def hyperparameters(results: Results) -> str:
    """Every setting of the reference network, and the networks where it is another one."""
    reference = w.flatten(lookups.reference_record(results)["spec"])
    others: dict[str, dict[str, str]] = {}
    roles: dict[str, list[str]] = {}
    for record in results.networks:
        if record["network"] not in others:
            others[record["network"]] = w.flatten(record["spec"])
            roles.setdefault(record["role"], []).append(record["network"])
    keys = [*reference, *(k for spec in others.values() for k in spec)]
    rows = []
    for key in dict.fromkeys(keys):
        value = reference.get(key, w.NONE)
        different: dict[str, list[str]] = {}
        for name, spec in others.items():
            if spec.get(key, w.NONE) != value:
                different.setdefault(spec.get(key, w.NONE), []).append(name)
        text = "; ".join(f"{found} in {_named(names, roles)}" for found, names in different.items())
        rows.append([f"`{key}`", value, text])
    if not any(row[2] for row in rows):
        return pipe(["Setting", "Value, in all networks"], [row[:2] for row in rows], "ll", [36, 24])
    return pipe(["Setting", "Value", "Otherwise"], rows, "lll", [36, 18, 46])


def _named(names: list[str], roles: dict[str, list[str]]) -> str:
    """Networks by name, all of one role together where there are several of it."""
    every = {"expert": "every expert", "gate": "every gate", "mixture": "every jointly trained mixture"}
    parts, left = [], list(names)
    for role, own in roles.items():
        if role in every and len(own) > 1 and set(own) <= set(left):
            parts.append(every[role])
            left = [name for name in left if name not in own]
    return w.listing([*parts, *(f"`{name}`" for name in left)])


def colophon(results: Results, meta: dict[str, Any]) -> str:
    """What made the report: code, config, data, software, hardware."""
    known = study.branches(results, meta)["meta"]
    rows = [
        ["Study", f"`{known['study']}`"],
        ["Commit", f"`{known['commit_full']}`"],
        ["Working tree", known["tree"]],
        ["Date of the commit", known["date"]],
        *([["Results", str(meta["results"])]] if meta.get("results") else []),
        ["SHA-256 of the config", _hash(known["config_sha256"])],
        ["SHA-256 of the data", _hash(str(results.data["sha256"]))],
        ["Source of the data", str(results.data["source"])],
        ["Software", known["versions"]],
        ["Hardware of the training", known["hardware"]],
    ]
    return pipe(["What", "Which"], rows, "ll", [26, 74])


def _hash(digest: str) -> str:
    """A digest in groups of sixteen, so that it breaks across lines in print."""
    groups = [digest[i : i + 16] for i in range(0, len(digest), 16)]
    return " ".join(f"`{group}`" for group in groups)
