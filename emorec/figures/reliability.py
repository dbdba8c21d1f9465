"""Reliability diagrams: how often the headline models are right when they are so sure, before and after scaling."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec.figures import style

# A bin of fewer faces says next to nothing about its accuracy.
FEWEST = 10


def pooled(reliability: pd.DataFrame, model: str, scaled: bool) -> pd.DataFrame:
    """One model's bins with the faces of all seeds together: faces, confidence and accuracy, in %, by bin."""
    rows = reliability[(reliability["model"] == model) & (reliability["scaled"].astype(bool) == scaled)]
    rows = rows[rows["faces"] > 0]
    weighed = rows[["confidence", "accuracy"]].mul(rows["faces"], axis=0)
    sums = weighed.assign(faces=rows["faces"]).groupby(rows["bin"]).sum()
    shares = 100 * sums[["confidence", "accuracy"]].div(sums["faces"], axis=0)
    return shares.assign(faces=sums["faces"])[sums["faces"] >= FEWEST]


def draw(models: pd.DataFrame, reliability: pd.DataFrame, calibration: pd.DataFrame) -> Figure:
    """One panel for each headline model; tables as models.csv, reliability.csv and calibration.csv."""
    chosen, looks, labels = style.headline(models), style.model_looks(models), style.model_labels(models)
    errors = calibration[calibration["metric"] == "ece"].groupby("model")[["before", "after"]].mean()
    temperatures = calibration.groupby("model")["temperature"].mean()
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = style.new_figure(76 if rows == 1 else 10 + 64 * rows, squares=True)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for place, (model, axes) in enumerate(style.panels(grid, chosen)):
        axes.plot([0, 100], [0, 100], color=style.MUTED, **style.DASHED)
        dots(axes, pooled(reliability, model, False), style.TRAIN_COLOUR, filled=False)
        dots(axes, pooled(reliability, model, True), looks[model].colour, filled=True)
        axes.set_title(style.wrap(labels[model], 28))
        axes.set_aspect("equal")
        axes.set(xlim=(0, 102), ylim=(0, 102), xticks=range(0, 101, 25), yticks=range(0, 101, 25))
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
        Line2D([], [], color=style.MUTED, label="as sure as right", **style.DASHED),
    ]
    style.legend_above(figure, handles)
    return figure


def dots(axes: Axes, bins: pd.DataFrame, colour: str, *, filled: bool) -> None:
    """A line through the bins; a dot's area grows with the bin's share of the faces."""
    axes.plot(bins["confidence"], bins["accuracy"], color=colour, linewidth=0.9)
    areas = 6 + 130 * np.asarray(bins["faces"] / max(bins["faces"].sum(), 1))
    face = colour if filled else "white"
    axes.scatter(
        bins["confidence"], bins["accuracy"], s=areas, facecolor=face, edgecolor=colour, linewidth=0.9, zorder=4
    )
