"""How the mixtures' confusions differ from the single ResNet's and from their controls', in points."""

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

PANELS = 4


def differences(confusion: pd.DataFrame, model: str, reference: str) -> pd.DataFrame:
    """`model`'s rates less `reference`'s (true × predicted, test split, mean over seeds), in points."""
    return rates(confusion, model) - rates(confusion, reference)


def signed(value: float) -> str:
    """A difference with its sign to one decimal; what rounds to nothing is `0`."""
    if not np.isfinite(value):
        return ""
    return "0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


@style.styled
def draw(models: pd.DataFrame, confusion: pd.DataFrame, chosen: Sequence[tuple[str, str]]) -> Figure:
    """One matrix for each (model, reference) of `chosen`; `confusion` as confusion.csv."""
    if not chosen:
        return style.nothing("This study has no mixture to compare with another model.")
    labels = style.model_labels(models)
    matrices = [differences(confusion, model, reference) for model, reference in chosen]
    # One scale for all, symmetric about nothing.
    limit = max([1.0, *(float(np.nanmax(np.abs(matrix.to_numpy()))) for matrix in matrices)])
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = style.new_figure(91 * rows, squares=True)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(chosen):
            axes.remove()
            continue
        matrix, (model, reference) = matrices[place], chosen[place]
        sns.heatmap(
            matrix,
            ax=axes,
            vmin=-limit,
            vmax=limit,
            cmap="PuOr_r",
            square=True,
            annot=matrix.map(signed).to_numpy(),
            fmt="",
            annot_kws={"size": 7},
            linewidths=0.5,
            cbar=False,
        )
        title = f"{style.wrap(labels[model], 34)}\n{style.wrap(f'− {labels[reference]}', 34)}"
        finish(axes, title, left=place % columns == 0, bottom=True)
    bar = figure.colorbar(grid[0, 0].collections[0], ax=list(figure.axes), aspect=35, fraction=0.02, pad=0.01)
    bar.set_label("difference, points")
    bar.outline.set_visible(False)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables: the first mixture and the single, headline mixtures and their controls."""
    models = pd.read_csv(study / INPUTS[0], keep_default_na=False)
    return draw(models, pd.read_csv(study / INPUTS[1]), style.contests(models)[:PANELS])
