"""How the primary mixture's confusions differ from the single's and from its control's: blue is better everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from emorec.figures import style
from emorec.figures.confusion import finish, rates

INPUTS = ("tables/models.csv", "tables/confusion.csv")


def differences(confusion: pd.DataFrame, model: str, reference: str) -> pd.DataFrame:
    """`model`'s rates less `reference`'s (true × predicted, test split, mean over seeds), in points."""
    return rates(confusion, model) - rates(confusion, reference)


def gains(change: pd.DataFrame) -> pd.DataFrame:
    """A change of rates as gains: more on the diagonal and less off it are both positive."""
    return change * (2 * np.eye(len(change)) - 1)


@style.styled
def draw(models: pd.DataFrame, confusion: pd.DataFrame, chosen: Sequence[tuple[str, str]]) -> Figure:
    """One matrix for each (model, reference) of `chosen`; `confusion` as confusion.csv."""
    if not chosen:
        return style.nothing("This study has no mixture to compare with another model.")
    labels = style.model_labels(models)
    matrices = [differences(confusion, model, reference) for model, reference in chosen]
    # One scale for all, symmetric about nothing.
    limit = max([1.0, *(float(np.nanmax(np.abs(matrix.to_numpy()))) for matrix in matrices)])
    figure = style.new_figure(86, squares=True)
    grid = figure.subplots(1, len(chosen), squeeze=False)[0]
    for axes, matrix, (model, reference) in zip(grid, matrices, chosen, strict=True):
        sns.heatmap(
            gains(matrix),
            ax=axes,
            vmin=-limit,
            vmax=limit,
            cmap=style.GAIN_LOSS,
            square=True,
            annot=matrix.map(style.signed).to_numpy(),
            fmt="",
            annot_kws={"size": 7, "color": style.INK},
            linewidths=0.5,
            cbar=False,
        )
        title = f"{style.wrap(labels[model], 34)}\n{style.wrap(f'− {labels[reference]}', 34)}"
        finish(axes, title, left=axes is grid[0], bottom=True)
    bar = figure.colorbar(grid[0].collections[0], ax=list(grid), aspect=35, fraction=0.02, pad=0.01)
    bar.set_ticks([-limit, 0, limit], labels=["worse", "0", "better"])
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    models, confusion = (style.read(study / path) for path in INPUTS)
    return draw(models, confusion, style.contests(models))
