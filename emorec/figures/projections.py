"""PCA and t-SNE of the learned representations of the same test faces, coloured by their true emotion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec import EMOTIONS
from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/projections.csv")

METHODS = {"pca": "PCA", "tsne": "t-SNE"}
# The points are drawn in this many interleaved layers, so that no emotion covers the others.
LAYERS = 12
COLUMNS = 3
# At the size of print; the points are pixels in the SVG, everything else is not.
POINT = 5.0
# Markers of one area look unequal; these factors even them out.
AREAS = {"v": 1.25, "^": 1.25, "P": 1.5, "X": 1.25, "s": 0.9, "o": 1.0, "D": 0.8}


@style.styled
def draw(models: pd.DataFrame, projections: pd.DataFrame, chosen: Sequence[str]) -> Figure:
    """Methods down, the `chosen` models across, the rest of them below; `projections` as projections.csv."""
    labels = style.model_labels(models)
    methods = [method for method in METHODS if method in set(projections["method"])]
    columns = min(COLUMNS, len(chosen))
    blocks = [chosen[start : start + columns] for start in range(0, len(chosen), columns)]
    side = (style.PAGE_WIDTH_MM - 8) / columns
    rows = [(method, block) for block in blocks for method in methods]
    figure = style.new_figure(12 + len(rows) * min(side, 72 if len(blocks) == 1 else 48) + 5)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for row, (method, block) in enumerate(rows):
        for axes in grid[row, len(block) :]:
            axes.remove()
        for column, model in enumerate(block):
            axes = grid[row, column]
            points = projections[(projections["method"] == method) & (projections["model"] == model)].sort_values("row")
            layer = np.arange(len(points)) % LAYERS
            for depth in range(LAYERS):
                for emotion in EMOTIONS:
                    part = points[(layer == depth) & (points["label"] == emotion).to_numpy()]
                    marker = style.EMOTION_MARKERS[emotion]
                    axes.scatter(
                        part["x"],
                        part["y"],
                        s=POINT * AREAS[marker],
                        c=style.EMOTION_COLOURS[emotion],
                        marker=marker,
                        linewidths=0,
                        zorder=-1,
                    )
            # Below this depth all points become one image instead of thousands of outlines.
            axes.set_rasterization_zorder(0)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(True)
            axes.spines[:].set_color(style.FAINT)
            axes.margins(0.03)
            if method == methods[0]:
                axes.set_title(style.wrap(labels[model], int(side / 1.9)))
            if column == 0:
                axes.set_ylabel(METHODS[method], fontweight="bold")
    style.legend_above(
        figure,
        [
            Line2D(
                [],
                [],
                linestyle="none",
                marker=style.EMOTION_MARKERS[emotion],
                color=style.EMOTION_COLOURS[emotion],
                markeredgewidth=0,
                markersize=5.5,
                label=emotion,
            )
            for emotion in EMOTIONS
        ],
    )
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables: its headline models, as far as they were projected."""
    models, projections = (pd.read_csv(study / path) for path in INPUTS)
    there = set(projections["model"])
    return draw(models, projections, [model for model in style.headline(models) if model in there])
