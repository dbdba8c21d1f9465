"""How evenly the gates use their experts, and how sure they are of whom they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/gate_use.csv")

# Two tones in turn: what has to be told apart is one expert from the next, and each segment has its number.
TONES = ("#9ecae1", "#deebf7")
COLLAPSED = "#D55E00"


@style.styled
def draw(models: pd.DataFrame, use: pd.DataFrame) -> Figure:
    """A row a mixture with a gate; left the experts' shares, right entropy and balance. `use` as gate_use.csv."""
    test = use[use["split"] == "test"]
    shown = [model for model in models["model"] if model in set(test["model"])]
    if not shown:
        return style.nothing("No mixture of this study has a gate.")
    labels = [style.wrap(style.model_labels(models)[model], 34) for model in shown]
    height = sum(3.4 * text.count("\n") + 6.6 for text in labels)
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 26 + height))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    style.bands(left, len(shown))
    style.bands(right, len(shown))
    collapsed = False
    for row, model in enumerate(shown):
        own = test[test["model"] == model]
        shares = 100 * own.groupby("expert", sort=False)["share"].mean()
        start = 0.0
        for number, share in enumerate(shares, 1):
            tone = TONES[number % 2]
            left.barh(row, share, left=start, height=0.62, color=tone, edgecolor=style.MUTED, linewidth=0.5)
            if share >= 3:
                left.text(start + share / 2, row, str(number), ha="center", va="center", fontsize=7)
            start += share
        equal = 100 / len(shares)
        for line in range(1, len(shares)):
            for side in (-1, 1):
                left.plot([line * equal] * 2, [row + side * 0.31, row + side * 0.45], color=style.INK, linewidth=1.0)
        gates = own.drop_duplicates("seed")
        right.plot(gates["entropy"].mean(), row, **style.Look(style.INK, "o").point(5))
        right.plot(gates["balance"].mean(), row, **style.Look("#0072B2", "D", filled=False).point(5))
        lost = int(gates["collapsed"].astype(bool).sum())
        if lost:
            collapsed = True
            right.plot(1.09, row, marker="x", color=COLLAPSED, markersize=5, markeredgewidth=1.4, clip_on=False)
    left.set_xlim(0, 100)
    left.set_yticks(range(len(shown)), labels)
    left.set_xlabel("share of the weight, %, by expert")
    right.set_xlim(-0.04, 1.14 if collapsed else 1.04)
    right.set_xticks([0, 0.5, 1])
    right.grid(axis="x")
    right.set_xlabel("of the most possible")
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
    entries = [
        Line2D([], [], color=style.INK, linestyle="none", marker="|", markersize=6, label="equal shares"),
        Line2D([], [], label="entropy for a face", **style.Look(style.INK, "o").point(5)),
        Line2D([], [], label="balance over faces", **style.Look("#0072B2", "D", filled=False).point(5)),
    ]
    if collapsed:
        cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "markersize": 5, "markeredgewidth": 1.4}
        entries.append(Line2D([], [], color=COLLAPSED, label="collapsed, in a seed at least", **cross))
    style.legend_above(figure, entries)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    return draw(pd.read_csv(study / INPUTS[0]), pd.read_csv(study / INPUTS[1]))
