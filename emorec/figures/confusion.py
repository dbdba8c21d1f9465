"""Confusion matrices side by side: the share of an emotion's test faces that is given each emotion, mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from emorec import EMOTIONS
from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/confusion.csv")

COLUMNS = 3
# White to dark blue: monotonic in lightness, so that it survives a grey printer.
SHARES = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"])
# The square root lifts the confusions, a few percent each, out of the white.
SHARES_NORM = PowerNorm(0.5, vmin=0, vmax=100)


def rates(confusion: pd.DataFrame, model: str) -> pd.DataFrame:
    """`model`'s rates (true × predicted, both in the order of EMOTIONS), mean over seeds, test split, in %."""
    rows = confusion[(confusion["model"] == model) & (confusion["split"] == "test")]
    matrix = rows.pivot_table(index="true", columns="predicted", values="rate", aggfunc="mean", observed=False)
    return 100 * matrix.reindex(index=list(EMOTIONS), columns=list(EMOTIONS))


def finish(axes: Axes, title: str, *, left: bool, bottom: bool) -> None:
    """Title and labels of one matrix; only the outer ones name their axes."""
    axes.set_title(title)
    axes.set_xlabel("predicted" if bottom else "")
    axes.set_ylabel("true" if left else "")
    axes.tick_params(length=0, pad=2)
    axes.set_xticklabels(EMOTIONS, rotation=90)
    axes.set_yticklabels(EMOTIONS if left else [], rotation=0)


@style.styled
def draw(models: pd.DataFrame, confusion: pd.DataFrame, chosen: Sequence[str]) -> Figure:
    """One matrix for each of the `chosen` models, in that order; `confusion` as confusion.csv."""
    labels = style.model_labels(models)
    columns = min(COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = style.new_figure((71 if columns == COLUMNS else 88) * rows, squares=True)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(chosen):
            axes.remove()
            continue
        sns.heatmap(
            rates(confusion, chosen[place]),
            ax=axes,
            norm=SHARES_NORM,
            cmap=SHARES,
            square=True,
            annot=True,
            fmt=".0f",
            annot_kws={"size": 7},
            linewidths=0.5,
            cbar=False,
        )
        title = style.wrap(labels[chosen[place]], 22 if columns == COLUMNS else 34)
        finish(axes, title, left=place % columns == 0, bottom=place + columns >= len(chosen))
    bar = figure.colorbar(grid[0, 0].collections[0], ax=list(figure.axes), aspect=35, fraction=0.02, pad=0.01)
    bar.set_label("% of the true emotion's faces")
    bar.set_ticks([0, 5, 10, 20, 40, 60, 80, 100])
    bar.outline.set_visible(False)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables: the single, the primary mixture and its control."""
    models, confusion = (style.read(study / path) for path in INPUTS)
    return draw(models, confusion, style.core(models))
