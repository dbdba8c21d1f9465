"""Accuracy on the test faces against compute per image: every model with its 95 % interval, bounds apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy.optimize import isotonic_regression

from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/summary.csv", "tables/oracle.csv")

# Models of about equal compute (an ensemble and its mixtures, by design) are set apart by this share of the axis, where
# they are few and where they are many.
APART = {True: 0.034, False: 0.0185}
# Up to this many models are told apart by their markers alone; more of them are numbered.
FEW = 5


@style.styled
def draw(models: pd.DataFrame, summary: pd.DataFrame, oracle: pd.DataFrame) -> Figure:
    """One point a model; `models` as models.csv, `summary` as summary.csv, `oracle` as oracle.csv."""
    ranked = summary[(summary["split"] == "test") & (summary["metric"] == "accuracy")].set_index("model")
    bounds = oracle.set_index("model").rename(columns={"accuracy": "mean"})
    parts = (ranked.drop(bounds.index, errors="ignore"), bounds)
    accuracy = pd.concat([part[["mean", "low", "high"]].astype(float) for part in parts])
    flops = models.set_index("model")["flops"].astype(float)
    base = style.reference(models)
    shown = sorted(
        (model for model in models["model"] if model in accuracy.index), key=lambda m: flops[m] / flops[base]
    )
    relative = (flops[shown] / flops[base]).to_numpy()

    # Room for the spread points on both sides, however few different computes there are.
    low, high = np.log2(relative.min()) - 0.35, np.log2(relative.max()) + 0.35
    if high - low < 1.5:
        low, high = low - 0.4, high + 0.4
    few = len(shown) <= FEW
    gap = APART[few] * (high - low)
    moved = spread(np.log2(relative), gap)
    low, high = min(low, moved.min() - gap), max(high, moved.max() + gap)

    figure = style.new_figure(78 if few else min(style.PAGE_HEIGHT_MM, 84 + 4.6 * lines(models, shown)))
    axes = figure.subplots()
    axes.set_xscale("log", base=2)
    axes.set_xlim(2**low, 2**high)
    axes.axhline(100 * accuracy["mean"][base], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    looks = style.model_looks(models)
    score = accuracy["mean"][base]
    far = accuracy[(accuracy["low"] > score + style.FAR) | (accuracy["high"] < score - style.FAR)].index
    for number, (place, model) in enumerate(zip(2**moved, shown, strict=True), 1):
        row, look = accuracy.loc[model], looks[model]
        if model in far:
            at_edge(axes, place, row["mean"], row["mean"] > score, look, "" if few else f"{number}: ")
            continue
        axes.vlines(place, 100 * row["low"], 100 * row["high"], color=look.colour, linewidth=1.2)
        axes.plot(place, 100 * row["mean"], **look.point(6))
        if not few:
            # In turn above and below, so that neighbours' numbers keep clear of each other.
            edge, offset, side = ("high", 2.5, "bottom") if number % 2 else ("low", -2.5, "top")
            middle: dict[str, Any] = {"ha": "center", "va": side, "fontsize": 7}
            axes.annotate(str(number), (place, 100 * row[edge]), (0, offset), textcoords="offset points", **middle)
    axes.margins(y=0.09 if far.empty else 0.2)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(FixedLocator(ticks(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    aside = "" if np.allclose(2**moved, relative) else "models of equal compute stand side by side"
    label = f"Operations per image, logarithmic (1×: {operations(flops[base])})"
    axes.set_xlabel("\n".join(filter(None, [label, aside])))
    axes.set_ylabel("Accuracy on test faces, %")
    name_models(axes, models, shown)
    return figure


def at_edge(axes: Axes, place: float, accuracy: float, above: bool, look: style.Look, name: str) -> None:
    """A model that is beyond the axis: its mark at the edge, an arrow out of it and its accuracy in percent."""
    height, end = (0.92, 1.0) if above else (0.08, 0.0)
    across = axes.get_xaxis_transform()
    axes.plot(place, height, transform=across, **look.point(6))
    arrow = {"arrowstyle": "->", "color": look.colour, "shrinkA": 3, "shrinkB": 0}
    axes.annotate("", (place, end), (place, height), xycoords=across, textcoords=across, arrowprops=arrow)
    axes.annotate(
        f"{name}{100 * accuracy:.1f} %", (place, height), xycoords=across, xytext=(6, 0), textcoords="offset points",
        ha="left", va="center", fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip


def names(models: pd.DataFrame, shown: Sequence[str]) -> list[str]:
    """Legend labels, numbered from 1 where there are more than a few."""
    labels = style.model_labels(models)
    bounds = set(models.loc[models["kind"] == "oracle", "model"])
    texts = [labels[model] + (" (a bound)" if model in bounds else "") for model in shown]
    if len(shown) <= FEW:
        return [style.wrap(text, 30) for text in texts]
    return [style.wrap(f"{number}  {text}", 46) for number, text in enumerate(texts, 1)]


def lines(models: pd.DataFrame, shown: Sequence[str]) -> float:
    """Height of a legend of two columns in lines, its gaps included."""
    heights = [0.72 * text.count("\n") + 1 for text in names(models, shown)]
    half = -(-len(heights) // 2)
    return max(sum(heights[:half]), sum(heights[half:]))


def name_models(axes: Axes, models: pd.DataFrame, shown: Sequence[str]) -> None:
    """The legend, one line a model in the order of compute: on the right where they are few, else below."""
    looks = style.model_looks(models)
    few = len(shown) <= FEW
    entries = zip(shown, names(models, shown), strict=True)
    axes.figure.legend(
        handles=[Line2D([], [], label=name, **looks[model].point(5.5)) for model, name in entries],
        loc="outside right upper" if few else "outside lower center",
        title="Mean and 95 % interval" + ("" if few else ", in the order of operations"),
        alignment="left",
        ncols=1 if few else 2,
        labelspacing=0.7 if few else 0.5,
        fontsize=7.5,
    )


def spread(places: np.ndarray, gap: float) -> np.ndarray:
    """The nearest places (least squares) in the same order with at least `gap` between any two.

    With the required gaps taken off, that is a regression by a rising sequence: pool adjacent violators
    (Barlow et al. 1972). Places that differ by next to nothing keep the order in which they come.
    """
    order = np.argsort(np.round(places, 2), kind="stable")
    steps = gap * np.arange(len(places))
    moved = places.astype(float).copy()
    moved[order] = isotonic_regression(places[order] - steps).x + steps
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
    return draw(*(pd.read_csv(study / path) for path in INPUTS))
