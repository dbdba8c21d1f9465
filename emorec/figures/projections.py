"""t-SNE of the learned representations of the same test faces; those confused within a hard pair stand out."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec import EMOTIONS
from emorec.figures import style
from emorec.tables.metrics import HARD_PAIRS

# The points are drawn in this many interleaved layers, so that no emotion covers the others.
LAYERS = 12
# At the size of print; the points are pixels in the SVG, everything else is not.
POINT = 4.0
# Of the faces that no hard pair's confusion concerns, and the area of the others.
PALE, LARGER = 0.25, 2.0
# Markers of one area look unequal; these factors even them out.
AREAS = {"v": 1.25, "^": 1.25, "P": 1.5, "X": 1.25, "s": 0.9, "o": 1.0, "D": 0.8}


def confused(points: pd.DataFrame) -> pd.Series:
    """Whether each face's answer is the other emotion of a hard pair."""
    hard = {frozenset(pair) for pair in HARD_PAIRS}
    answers = zip(points["label"], points["predicted"], strict=True)
    return pd.Series([frozenset(pair) in hard for pair in answers], points.index, dtype=bool)


def draw(models: pd.DataFrame, projections: pd.DataFrame) -> Figure:
    """The single, the primary mixture and its control where they have points."""
    labels = style.model_labels(models)
    points = projections[projections["method"] == "tsne"].sort_values("row")
    shown = [model for model in style.core(models) if model in set(points["model"])]
    if not shown:
        return style.nothing("No model of this study's headline has a published representation.")
    side = min((style.PAGE_WIDTH_MM - 6) / len(shown), 78)
    figure = style.new_figure(side + 19)
    for model, axes in zip(shown, figure.subplots(1, len(shown), squeeze=False)[0], strict=True):
        scatter(axes, points[points["model"] == model])
        axes.set_title(style.wrap(labels[model], int(side / 1.9)))
        axes.set_box_aspect(1)
    style.legend_above(figure, handles())
    return figure


def scatter(axes: Axes, points: pd.DataFrame) -> None:
    """One model's faces, sorted by row."""
    layer, highlighted = np.arange(len(points)) % LAYERS, confused(points).to_numpy()
    for depth in range(LAYERS):
        for emotion in EMOTIONS:
            own = (layer == depth) & (points["label"] == emotion).to_numpy()
            marker = style.EMOTION_LOOKS[emotion].marker
            look: dict[str, Any] = {"marker": marker, "c": style.EMOTION_LOOKS[emotion].colour, "linewidths": 0}
            size = POINT * AREAS[marker]
            pale, full = points[own & ~highlighted], points[own & highlighted]
            axes.scatter(pale["x"], pale["y"], s=size, alpha=PALE, zorder=-2, **look)
            axes.scatter(full["x"], full["y"], s=LARGER * size, zorder=-1, **look)
    # Below this depth all points become one image instead of thousands of outlines.
    axes.set_rasterization_zorder(0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=style.FAINT)
    axes.margins(0.03)


def handles() -> list[Line2D]:
    """Legend entries of the emotions, and of pale and full marks."""
    dot: dict[str, Any] = {"linestyle": "none", "markeredgewidth": 0}
    entries = [
        Line2D([], [], marker=look.marker, color=look.colour, markersize=4.5, label=emotion, **dot)
        for emotion, look in style.EMOTION_LOOKS.items()
    ]
    pale = Line2D([], [], marker="o", color=style.MUTED, alpha=PALE, markersize=3.2, label="other faces", **dot)
    full = Line2D([], [], marker="o", color=style.MUTED, markersize=4.5, label="confused within a hard pair", **dot)
    return [*entries, full, pale]
