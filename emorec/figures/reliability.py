"""Reliability diagrams: how often the headline models are right when they are so sure, before and after scaling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/reliability.csv", "tables/calibration.csv")

# A bin of fewer faces says next to nothing about its accuracy.
FEWEST = 10
COLUMNS = 3


def pooled(reliability: pd.DataFrame, model: str, scaled: bool) -> pd.DataFrame:
    """One model's bins with the faces of all seeds together: faces, confidence and accuracy, in %, by bin."""
    rows = reliability[(reliability["model"] == model) & (reliability["scaled"].astype(bool) == scaled)]
    rows = rows[rows["faces"] > 0]
    sums = rows.assign(
        confidence=rows["faces"] * rows["confidence"],
        accuracy=rows["faces"] * rows["accuracy"],
    )
    sums = sums.groupby("bin")[["faces", "confidence", "accuracy"]].sum()
    shares = 100 * sums[["confidence", "accuracy"]].div(sums["faces"], axis=0)
    return shares.assign(faces=sums["faces"])[sums["faces"] >= FEWEST]


@style.styled
def draw(models: pd.DataFrame, reliability: pd.DataFrame, calibration: pd.DataFrame, chosen: Sequence[str]) -> Figure:
    """One panel for each of the `chosen` models; tables as reliability.csv and calibration.csv."""
    looks, labels = style.model_looks(models), style.model_labels(models)
    errors = calibration[calibration["metric"] == "ece"].groupby("model")[["before", "after"]].mean()
    temperatures = calibration.groupby("model")["temperature"].mean()
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = style.new_figure(76 if rows == 1 else 10 + 64 * rows, squares=True)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(chosen) :]:
        axes.remove()
    for place, (model, axes) in enumerate(zip(chosen, grid.flat, strict=False)):
        axes.plot([0, 100], [0, 100], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        dots(axes, pooled(reliability, model, False), style.TRAIN_COLOUR, filled=False)
        dots(axes, pooled(reliability, model, True), looks[model].colour, filled=True)
        axes.set_title(style.wrap(labels[model], 28))
        axes.set_aspect("equal")
        axes.set_xlim(0, 102)
        axes.set_ylim(0, 102)
        axes.set_xticks(range(0, 101, 25))
        axes.set_yticks(range(0, 101, 25))
        axes.grid()
        axes.set_xlabel("largest probability, %" if place + columns >= len(chosen) else "")
        text = f"ECE {100 * errors['before'][model]:.1f} → {100 * errors['after'][model]:.1f} points"
        axes.text(0.97, 0.04, f"{text}\nT = {temperatures[model]:.2f}", transform=axes.transAxes, ha="right")
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy, %")
    ring: dict[str, Any] = {"marker": "o", "markersize": 4.5, "linewidth": 0.9}
    handles = [
        Line2D([], [], color=style.TRAIN_COLOUR, markerfacecolor="white", label="as they are", **ring),
        Line2D([], [], color=style.INK, label="scaled by the temperature T", **ring),
        Line2D([], [], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), label="as sure as right"),
    ]
    style.legend_above(figure, handles)
    return figure


def dots(axes: Axes, bins: pd.DataFrame, colour: str, *, filled: bool) -> None:
    """A line through the bins; a dot's area grows with the bin's share of the faces."""
    axes.plot(bins["confidence"], bins["accuracy"], color=colour, linewidth=0.9)
    share = bins["faces"] / max(bins["faces"].sum(), 1)
    axes.scatter(
        bins["confidence"],
        bins["accuracy"],
        s=6 + 130 * np.asarray(share),
        facecolor=colour if filled else "white",
        edgecolor=colour,
        linewidth=0.9,
        zorder=4,
    )


def make(study: Path) -> Figure:
    """The figure of a study's tables: its headline models."""
    models, reliability, calibration = (style.read(study / path) for path in INPUTS)
    return draw(models, reliability, calibration, style.headline(models))
