"""How often each model mistakes the hard pairs of emotions for each other, and the difference to the single ResNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emorec.figures import style
from emorec.frames import row_at
from emorec.tables.pairs import HARD_PAIRS

INPUTS = ("tables/models.csv", "tables/pairs.csv", "tables/pair_comparisons.csv")

# The comparisons hold every pair; besides the hard ones, this many that the single network confuses most are shown.
OTHERS = 4
FILLED = 0.7


Pair = tuple[str, str]


def shown_pairs(comparisons: pd.DataFrame, reference: str) -> tuple[list[Pair], list[Pair]]:
    """The hard pairs and the worst others of those compared with `reference`, each list by its rate, highest first."""
    hard = {frozenset(pair) for pair in HARD_PAIRS}
    rows = comparisons[comparisons["reference"] == reference]
    ordered = rows.groupby(["first", "second"])["reference_rate"].mean().sort_values(ascending=False, kind="stable")
    pairs = [(str(first), str(second)) for first, second in ordered.index]
    others = [pair for pair in pairs if frozenset(pair) not in hard]
    return [pair for pair in pairs if frozenset(pair) in hard], others[:OTHERS]


@style.styled
def draw(models: pd.DataFrame, pairs: pd.DataFrame, comparisons: pd.DataFrame, chosen: Sequence[str]) -> Figure:
    """Left the `chosen` models' mutual confusion rates, right their differences to the first one with 95 % intervals.

    The hard pairs stand above the dashed line, the other pairs with the highest rates below it.

    `pairs` as pairs.csv, `comparisons` as pair_comparisons.csv.
    """
    reference = chosen[0]
    hard, others = shown_pairs(comparisons, reference)
    shown = hard + others
    if not shown:
        return style.nothing("This study has one model only: there is nothing to compare it with.")
    looks, labels = style.model_looks(models), style.model_labels(models)
    test = pairs[pairs["split"] == "test"]
    against = comparisons[comparisons["reference"] == reference].set_index(["model", "first", "second"]).sort_index()

    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 24 + len(shown) * max(9.0, 3.0 * len(chosen))))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1, 1.15])
    for axes in (left, right):
        style.bands(axes, len(shown))
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        if hard and others:
            axes.axhline(len(hard) - 0.5, color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)))
    right.axvline(0, color=looks[reference].colour, linewidth=0.9)
    step = FILLED / max(len(chosen), 3)
    for place, model in enumerate(chosen):
        look = looks[model]
        for row, (first, second) in enumerate(shown):
            height = row + (place - (len(chosen) - 1) / 2) * step
            # A pair is unordered: either emotion may come first in either table.
            either = test["first"].isin((first, second)) & test["second"].isin((first, second))
            values = 100 * test.loc[(test["model"] == model) & either, "rate"].to_numpy()
            if len(values) > 1:
                left.hlines(height, values.min(), values.max(), color=look.colour, linewidth=0.9)
                left.plot(values, np.full(len(values), height), "o", color=look.colour, markersize=1.8)
            if len(values):
                left.plot(values.mean(), height, **look.point(4.8))
            if (model, first, second) in against.index:
                compared = row_at(against, (model, first, second))
                right.hlines(height, 100 * compared["low"], 100 * compared["high"], color=look.colour, linewidth=1.1)
                right.plot(100 * compared["difference"], height, **look.point(4.8))
    left.set_yticks(range(len(shown)), [f"{first} – {second}" for first, second in shown])
    left.set_xlim(left=0)
    seeds = test["seed"].nunique()
    left.set_xlabel("Mutual confusion rate, %" + ("\nmean over seeds and single seeds" if seeds > 1 else ""))
    right.set_xlabel(style.wrap(f"Difference to {labels[reference]}, points", 48) + "\nwith its 95 % interval")
    style.legend_above(figure, style.model_handles(models, chosen))
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables: its headline models."""
    models, pairs, comparisons = (pd.read_csv(study / path) for path in INPUTS)
    return draw(models, pairs, comparisons, style.headline(models))
