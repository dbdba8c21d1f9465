"""How far each test face is from its nearest training face, and from where on the two count as one photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emorec.data.twins import TWIN
from emorec.figures import style

INPUTS = ("tables/twins.csv",)

WIDTH = 0.025
TWIN_COLOUR, OTHER_COLOUR = "#D55E00", "#8A8A8A"


@style.styled
def draw(twins: pd.DataFrame) -> Figure:
    """A histogram of distances, exact copies in a bar of their own; `twins` as twins.csv."""
    distance, exact, twin = twins["distance"], twins["exact"].astype(bool), twins["twin"].astype(bool)
    figure = style.new_figure(58)
    axes = figure.subplots()
    if distance.isna().all():
        return style.nothing("No training face comes near any test face.")
    edges = np.arange(0, 1 + WIDTH, WIDTH).tolist()
    copies = int(exact.sum())
    axes.bar(-1.5 * WIDTH, copies, width=WIDTH, color=TWIN_COLOUR)
    axes.hist(
        [distance[twin & ~exact], distance[~twin & distance.notna()]],
        bins=edges,
        stacked=True,
        color=[TWIN_COLOUR, OTHER_COLOUR],
    )
    axes.axvline(1 - TWIN, color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        f"exact copies: {copies:,}", (-1.5 * WIDTH, copies), (0, 2), textcoords="offset points", fontsize=7, ha="left"
    )
    far = int(distance.isna().sum())
    axes.set_xlim(-2.5 * WIDTH, 1)
    axes.margins(y=0.12)
    axes.grid(axis="y")
    axes.set_xlabel(
        f"distance to the nearest training face   (none comes near {far:,} of the {len(twins):,} test faces)"
    )
    axes.set_ylabel("test faces")
    handles = [
        Patch(color=TWIN_COLOUR, label="a twin of a training face"),
        Patch(color=OTHER_COLOUR, label="another face"),
        Line2D([], [], color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)), label="threshold"),
    ]
    style.legend_above(figure, handles)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's table."""
    return draw(pd.read_csv(study / INPUTS[0]))
