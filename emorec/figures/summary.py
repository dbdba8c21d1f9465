"""Accuracy on the test faces against compute per image: every model with its 95 % interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/summary.csv")

# Models of about equal compute (an ensemble and its mixture, by design) are set apart by this share of the axis.
APART = 0.028


@style.styled
def draw(models: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """One point a model; `models` as models.csv, `summary` as summary.csv."""
    accuracy = summary[(summary["split"] == "test") & (summary["metric"] == "accuracy")].set_index("model")
    looks, labels = style.model_looks(models), style.model_labels(models)
    shown = [model for model in models["model"] if model in accuracy.index]
    flops = models.set_index("model")["flops"].astype(float)
    base = style.reference(models)
    relative = (flops[shown] / flops[base]).to_numpy()

    # Room for the spread points on both sides, however few different computes there are.
    low, high = np.log2(relative.min()) - 0.35, np.log2(relative.max()) + 0.35
    if high - low < 1.5:
        low, high = low - 0.4, high + 0.4
    places = 2 ** spread(np.log2(relative), APART * (high - low))

    figure = style.new_figure(max(74, 14 + 6 * len(shown)))
    axes = figure.subplots()
    axes.set_xscale("log", base=2)
    axes.set_xlim(2**low, 2**high)
    axes.axhline(100 * accuracy.loc[base, "mean"], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    for place, model in zip(places, shown, strict=True):
        row = accuracy.loc[model]
        look = looks[model]
        axes.vlines(place, 100 * row["low"], 100 * row["high"], color=look.colour, linewidth=1.3)
        axes.plot(place, 100 * row["mean"], label=labels[model], **look.point(6.5))
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(FixedLocator(ticks(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    note = "" if np.allclose(places, relative) else "\nmodels of equal compute stand side by side"
    axes.set_xlabel(f"Compute per image ({labels[base]} = 1×: {operations(flops[base])}){note}")
    axes.set_ylabel("Accuracy on test faces, %")
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        [style.wrap(name, 30) for name in names],
        loc="outside right upper",
        title="Mean and 95 % interval",
        alignment="left",
        labelspacing=0.7,
    )
    return figure


def spread(places: np.ndarray, gap: float) -> np.ndarray:
    """Move `places` that lie within `gap` of a neighbour apart to a row with that gap around their mean."""
    moved = places.astype(float).copy()
    order = np.argsort(places, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(places[order]) >= gap) + 1)
    for group in groups:
        # By compute, but in the order of the models' table where it differs by next to nothing.
        group = np.sort(group)
        group = group[np.argsort(places[group].round(2), kind="stable")]
        moved[group] = places[group].mean() + gap * (np.arange(len(group)) - (len(group) - 1) / 2)
    return moved


def ticks(low: float, high: float) -> list[float]:
    """Round factors between 2^low and 2^high, for a logarithmic axis."""
    steps = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 120]
    inside = [step for step in steps if 2**low <= step <= 2**high]
    while len(inside) > 8:
        # Keep 1, the reference, wherever the list is thinned.
        first = inside.index(1) % 2
        inside = inside[first::2]
    return inside


def operations(flops: float) -> str:
    """A number of floating-point operations with its prefix: 1.2e9 to `1.2 GFLOPs`."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if flops >= size:
            return f"{flops / size:.3g} {unit}FLOPs"
    return f"{flops:.0f} FLOPs"


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    return draw(pd.read_csv(study / INPUTS[0]), pd.read_csv(study / INPUTS[1]))
