"""The study's tests of its primary mixture, and below them what every other model gains or loses in accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emorec.figures import intervals, style
from emorec.frames import each_row

INPUTS = ("tables/models.csv", "tables/comparisons.csv")

MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "names_group": "names the group",
    "within_group": "decides within the group",
}
# A model whose whole interval is further off than this fraction is left out: to scale, it would press all others into
# one line.
FAR = 0.08


@dataclass(frozen=True)
class Row:
    """A line of the figure: its label, and by panel the comparison in it; a heading has none."""

    label: str
    model: str = ""
    measure: str = ""
    references: tuple[str, ...] = ()
    note: str = ""  # in the last panel


def left_out(models: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """The compared models that the figure does not show: mixtures without a gate, and those far out of its scale.

    The primary mixture is always shown.
    """
    accuracy = comparisons[comparisons["measure"] == "accuracy"]
    far = set(accuracy.loc[(accuracy["low"] > FAR) | (accuracy["high"] < -FAR), "model"])
    gateless = set(models.loc[models["gate"] == "uniform", "model"])
    compared, primary = set(accuracy["model"]), style.primary(models)
    return [m for m in models["model"] if m in compared and m != primary and m in far | gateless]


def rows_of(models: pd.DataFrame, comparisons: pd.DataFrame) -> list[Row]:
    """The lines of the figure from top to bottom."""
    labels, controls, single = style.model_labels(models), style.controls(models), style.reference(models)
    primary, rows = style.primary(models), []
    if primary is not None:
        own = _asked(comparisons)
        own = own[own["model"] == primary]
        measures = [measure for measure in MEASURES if measure in set(own["measure"])]
        rows.append(Row(labels[primary]))
        rows += [Row(MEASURES[m], primary, m, (single, controls[primary])) for m in measures]
    compared = set(comparisons["model"]) - set(left_out(models, comparisons)) - {primary}
    others = [model for model in models["model"] if model in compared]
    usual = controls.get(primary or "")
    if others:
        rows.append(Row("accuracy of other models"))
    for model in others:
        control = controls.get(model, "")
        note = style.wrap(f"vs {labels[control]}", 20) if control and control != usual else ""
        rows.append(Row(style.wrap(labels[model], 36), model, "accuracy", (single, control), note))
    return rows


@style.styled
def draw(models: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Left against the single, right against the control; `models` as models.csv, `comparisons` as comparisons.csv."""
    rows = rows_of(models, comparisons)
    if not rows:
        return style.nothing("This study has one model only: there is nothing to compare it with.")
    found = {(row.model, row.reference, row.measure): row for row in each_row(_asked(comparisons))}
    labels, controls = style.model_labels(models), style.controls(models)
    titles = [f"Δ vs {labels[style.reference(models)]}"]
    if set(controls.values()) - {style.reference(models)}:
        usual = labels.get(controls.get(style.primary(models) or "", ""))
        titles.append(f"Δ vs {usual} (equal compute)" if usual else "Δ vs control of equal compute")

    height = style.row_height([row.label for row in rows]) * len(rows)
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 24 + height))
    grid = figure.subplots(1, len(titles), sharey=True, sharex=True, squeeze=False)[0]
    verdicts, notes = set(), []
    for panel, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        intervals.prepare(axes, len(rows))
        axes.set_title(style.wrap(title, 34))
        axes.set_xlabel(intervals.BETTER_RIGHT)
        for place, row in enumerate(rows):
            if not row.model or (row.model, row.references[panel], row.measure) not in found:
                continue
            compared = found[row.model, row.references[panel], row.measure]
            verdicts.add(compared.verdict)
            points = [100 * value for value in (compared.difference, compared.low, compared.high)]
            intervals.interval(axes, place, points, compared.verdict)
            note = "primary test" if compared.tier == "primary" else row.note if axes is grid[-1] else ""
            notes += [(axes, place, points, note)] if note else []
    for axes, place, points, note in notes:
        beside(axes, place, points, note)
    grid[0].set_yticks(range(len(rows)), [row.label for row in rows])
    for label, row in zip(grid[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if row.model else "bold")
    style.legend_above(figure, intervals.handles(verdicts))
    return figure


def exploratory(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores and differences under other conditions, as comparisons: they have intervals and no verdicts."""
    compared = scores[scores["reference"] != ""].rename(columns={"estimate": "difference"})
    return compared.assign(tier="exploratory", verdict="")


def _asked(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and macro-F1 of all, and the steps of those that are tested: they are asked about each grouping, and the
    tests are about the mixture's own."""
    overall = comparisons["measure"].isin(["accuracy", "macro_f1"])
    return comparisons[overall | (comparisons["tier"] != "exploratory")]


def beside(axes: Axes, row: int, points: Sequence[float], note: str) -> None:
    """A few words in a row of a finished panel, on the side where the interval leaves more room."""
    low, high = axes.get_xlim()
    right = high - points[2] > points[1] - low
    place, side = (0.99, "right") if right else (0.01, "left")
    words: dict[str, Any] = {"ha": side, "va": "center", "fontsize": 7, "linespacing": 0.9}
    axes.text(place, row, note, transform=axes.get_yaxis_transform(), **words)


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    return draw(*(style.read(study / path) for path in INPUTS))
