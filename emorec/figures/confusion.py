"""Confusion matrices side by side: the share of an emotion's test faces that is given each emotion, mean over seeds."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from emorec import EMOTIONS
from emorec.figures import style

# White to dark blue: monotonic in lightness, so that it survives a grey printer.
SHARES = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"])
# The square root lifts the confusions, a few percent each, out of the white.
SHARES_NORM = PowerNorm(0.5, vmin=0, vmax=100)


def rates(confusion: pd.DataFrame, model: str) -> pd.DataFrame:
    """`model`'s rates (true × predicted, both in the order of EMOTIONS), mean over seeds, test split, in %."""
    rows = confusion[(confusion["model"] == model) & (confusion["split"] == "test")]
    matrix = rows.pivot_table(index="true", columns="predicted", values="rate", aggfunc="mean", observed=False)
    return 100 * matrix.reindex(index=list(EMOTIONS), columns=list(EMOTIONS))


def heat_map(axes: Axes, values: pd.DataFrame, **look: Any) -> None:
    """Numbers on a surface of colours; `look` as seaborn's heatmap takes it."""
    usual = {"annot": True, "fmt": ".0f", "annot_kws": {"size": 7}, "linewidths": 0.5, "cbar": False}
    sns.heatmap(values, ax=axes, **(usual | look))
    axes.tick_params(length=0, pad=2)


def matrices(
    figure: Figure, titles: Sequence[str], tables: Sequence[pd.DataFrame], looks: Sequence[dict[str, Any]]
) -> Colorbar:
    """A matrix (true × predicted) beside another, each with its title and look; returns the bar of their colours."""
    grid = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, title, table, look in zip(grid, titles, tables, looks, strict=True):
        heat_map(axes, table, square=True, **look)
        axes.set(title=title, xlabel="predicted", ylabel="true" if axes is grid[0] else "")
        axes.set_xticklabels(EMOTIONS, rotation=90)
        axes.set_yticklabels(EMOTIONS if axes is grid[0] else [], rotation=0)
    bar = figure.colorbar(grid[0].collections[0], ax=list(grid), aspect=35, fraction=0.02, pad=0.01)
    bar.outline.set_visible(False)
    return bar


def draw(models: pd.DataFrame, confusion: pd.DataFrame) -> Figure:
    """The single, the primary mixture and its control; tables as models.csv and confusion.csv."""
    labels, chosen = style.model_labels(models), style.core(models)
    figure = style.new_figure(71 if len(chosen) == 3 else 88, squares=True)
    titles = [style.wrap(labels[model], 22 if len(chosen) == 3 else 34) for model in chosen]
    look = {"norm": SHARES_NORM, "cmap": SHARES}
    bar = matrices(figure, titles, [rates(confusion, model) for model in chosen], [look] * len(chosen))
    bar.set_label("% of the true emotion's faces")
    bar.set_ticks([0, 5, 10, 20, 40, 60, 80, 100])
    return figure
