"""Printed tables of what the models get right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emorec import EMOTIONS
from emorec.frames import each_row, row_at
from emorec.report import experiments as x
from emorec.report import lookups
from emorec.report.markdown.experiments import COSTS, cost
from emorec.report.markdown.pipe import pipe
from emorec.report.results import Results
from emorec.report.wording import text as w
from emorec.tables.pairs import HARD_PAIRS

# The main text shows this many pairs; the appendix shows all.
TOP_PAIRS = 8

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1", "nll": "NLL", "brier": "Brier", "ece": "ECE"}


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
    return pipe(header, rows, "l" + "r" * (len(header) - 1))


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
    return pipe(header, rows, "llrrrr")


def _p(p: float) -> str:
    return w.NONE if pd.isna(p) else "< 0.001" if p < 0.001 else w.number(p, 3)


def claims(results: Results, *, primary: bool) -> str:
    """The study's questions about the first mixture with their verdicts; or the findings about all other models."""
    table = results["claims"]
    own = table[table.primary.astype(bool) == primary]
    if not primary:
        rows = [[row.verdict, row.sentence] for row in each_row(own)]
        return pipe(["Verdict", "Finding"], rows or [[w.NONE, "no other question was asked"]], "ll")
    rows = [[row.question, row.verdict, row.sentence] for row in each_row(own)]
    return pipe(["Question", "Verdict", "Finding"], rows, "lll")


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
    return pipe(header, rows or [["no pair", *[w.NONE] * 6]], "lrrrrrr")


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
    return pipe(header, rows or [["no pair", *[w.NONE] * 5]], "lrrrrr")


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
    return pipe(header, rows, "lr" + "r" * len(wanted))


def _change(row: pd.Series) -> str:
    """A difference with its interval, in bold where it is one after Holm's correction."""
    text = w.signed(100 * row.difference)
    text = f"**{text}**" if row.p_holm <= x.ALPHA else text
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
