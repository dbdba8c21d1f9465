"""Accuracy on the test faces against compute per image, with 95 % intervals: what the same compute buys."""

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, NullLocator
from scipy.optimize import isotonic_regression

from emorec.figures import style
from emorec.figures.forest import left_out

# Models of about equal compute (an ensemble and its mixtures, by design) are set apart by this share of the axis.
APART = 0.026


def shown_models(models: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """The reference and all that is compared with it, less what the forest leaves out, by operations per image."""
    compared = set(comparisons["model"]) - set(left_out(models, comparisons)) | {style.reference(models)}
    rows = models[models["model"].isin(compared)].sort_values("flops", kind="stable")
    return rows["model"].tolist()


def draw(models: pd.DataFrame, summary: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """One point a model, marked by its family; `models` as models.csv, `summary` as summary.csv."""
    accuracy = summary[(summary["split"] == "test") & (summary["metric"] == "accuracy")].set_index("model")
    shown = shown_models(models, comparisons)
    table = models.set_index("model")
    flops, base = table["flops"].astype(float), style.reference(models)
    relative = (flops[shown] / flops[base]).to_numpy()

    # Room for the points set apart on both sides, however few different computes there are.
    low, high = np.log2(relative.min()) - 0.35, np.log2(relative.max()) + 0.35
    if high - low < 1.5:
        low, high = low - 0.4, high + 0.4
    gap = APART * (high - low)
    moved = set_apart(np.log2(relative), gap)
    low, high = min(low, moved.min() - gap), max(high, moved.max() + gap)

    figure = style.new_figure(64)
    axes = figure.subplots()
    axes.set_xscale("log", base=2)
    axes.set_xlim(2**low, 2**high)
    axes.axhline(100 * accuracy["mean"][base], color=style.MUTED, zorder=0, **style.DASHED)
    primary = style.primary(models)
    for place, model in zip(2**moved, shown, strict=True):
        row, look = accuracy.loc[model], look_of(str(table["family"][model]), first=model in (base, primary))
        axes.vlines(place, 100 * row["low"], 100 * row["high"], color=look.colour, linewidth=1.2)
        axes.plot(place, 100 * row["mean"], **look.point(6))
    axes.margins(y=0.09)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(FixedLocator(ticks(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    aside = "" if np.allclose(2**moved, relative) else "; models of equal compute stand side by side"
    axes.set_xlabel(f"operations per image (1×: {operations(flops[base])}){aside}")
    axes.set_ylabel("accuracy on test faces, %")
    figure.legend(handles=handles(models, shown), loc="outside right upper", labelspacing=0.7)
    return figure


def look_of(family: str, *, first: bool) -> style.Look:
    """By family; the reference and the primary mixture are filled, and so are the ensembles, which have no first."""
    return replace(style.FAMILIES[family], filled=first or family == "ensemble")


def handles(models: pd.DataFrame, shown: list[str]) -> list[Line2D]:
    """Legend entries: the reference and the primary mixture by their labels, others by their family."""
    family, labels = models.set_index("model")["family"].to_dict(), style.model_labels(models)
    named = [model for model in shown if model in (style.reference(models), style.primary(models))]
    entries = {style.wrap(labels[model], 26): look_of(family[model], first=True) for model in named}
    names = {"single": "other singles", "ensemble": "ensembles", "mixture": "other mixtures"}
    others = {family[model] for model in shown if model not in named}
    entries |= {names.get(each, each): look_of(each, first=False) for each in style.FAMILIES if each in others}
    return style.handles(entries, 5.5)


def set_apart(places: np.ndarray, gap: float) -> np.ndarray:
    """The nearest places (least squares) in the same order with at least `gap` between any two."""
    # Places that differ by next to nothing keep the order in which they come.
    order = np.argsort(np.round(places, 2), kind="stable")
    # With the gaps taken off, a regression by a rising sequence: pool adjacent violators (Barlow et al. 1972).
    steps = gap * np.arange(len(places))
    moved = places.astype(float).copy()
    moved[order] = isotonic_regression(places[order] - steps).x + steps
    return moved


def ticks(low: float, high: float) -> list[float]:
    """Round factors between 2^low and 2^high, for a logarithmic axis."""
    steps = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 120]
    inside = [step for step in steps if 2**low <= step <= 2**high]
    while len(inside) > 8:
        inside = inside[inside.index(1) % 2 :: 2]  # of which 1, the reference, is always one
    return inside


def operations(flops: float) -> str:
    """A number of floating-point operations with its prefix: 1.2e9 to `1.2 GFLOPs`."""
    return EngFormatter("FLOPs")(float(f"{flops:.3g}"))
