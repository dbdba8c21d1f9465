"""Printed tables of the models side by side, by what they try."""

from __future__ import annotations

from typing import Any

from emorec.frames import row_at
from emorec.report import experiments as x
from emorec.report import lookups
from emorec.report.markdown.pipe import pipe
from emorec.report.results import Results
from emorec.report.wording import text as w
from emorec.tables.comparisons import STATISTICS

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
    return pipe(header, rows, "l" + "r" * (len(header) - 1))


def beside_singles(results: Results, singles: list[str]) -> str:
    """The headline's mixtures against the singles but the first: accuracy, macro-F1, confusion of the hard pairs."""
    rows = []
    for single in singles:
        for model in [m for m in results.headline if m in results.mixtures]:
            rows_of = (x.comparison(results, model, single, metric, "other_singles") for metric in STATISTICS)
            cells = [_difference(row) for row in rows_of]
            rows.append([f"{results.label(model)} minus {results.label(single)}", *cells])
    return pipe(["Difference", "Accuracy", "Macro-F1", "Hard pairs"], rows, "lrrr")


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
    return pipe(header, rows, "lllrrr"[: len(header)])
