"""What copies in training change: differences on such faces and on others, and how far faces are from training."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from emorec.data.twins import TWIN
from emorec.figures import intervals, style
from emorec.frames import each_row

SUBSETS = {"twins": "faces with a twin", "rest": "other faces", "interaction": "twins − others"}
WIDTH = 0.025
TWIN_COLOUR, OTHER_COLOUR = "#4D4D4D", "#BDBDBD"


def draw(models: pd.DataFrame, scores: pd.DataFrame, twins: pd.DataFrame) -> Figure:
    """Above, what the headline models gain in accuracy on whom; below, how far all test faces are from training."""
    if twins["distance"].isna().all():
        return style.nothing("No training face comes near any test face.")
    differences = scores[(scores["measure"] == "accuracy") & scores["estimate"].notna()]
    found = {(row.model, row.reference, row.subset): row for row in each_row(differences)}
    single, controls = style.reference(models), style.controls(models)
    pairs = [
        (model, other)
        for model in style.headline(models)
        for other in dict.fromkeys([single, controls.get(model, single)])
        if (model, other, "interaction") in found
    ]
    if not pairs:
        figure = style.new_figure(58)
        distances(figure, twins)
        return figure
    labels = style.model_labels(models)
    names = [f"{style.wrap(labels[model], 30)}\n− {style.wrap(labels[other], 28)}" for model, other in pairs]
    height = 23 + style.row_height(names) * len(names)
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, height + 50))
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=[height, 50]))
    panels = upper.subplots(1, len(SUBSETS), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (subset, title) in zip(panels, SUBSETS.items(), strict=True):
        intervals.prepare(axes, len(pairs))
        interaction = subset == "interaction"
        axes.set(title=title, xlabel="difference of the two Δ, points" if interaction else intervals.BETTER_RIGHT)
        for row, pair in enumerate(pairs):
            change = found[(*pair, subset)]
            # All of it is exploratory: no verdicts.
            intervals.interval(axes, row, (change.estimate, change.low, change.high), "")
    panels[0].set_yticks(range(len(pairs)), names)
    distances(lower, twins)
    return figure


def distances(figure: FigureBase, twins: pd.DataFrame) -> None:
    """A histogram of the distances, exact copies in a bar of their own."""
    axes = figure.subplots()
    distance, exact, twin = twins["distance"], twins["exact"].astype(bool), twins["twin"].astype(bool)
    copies = int(exact.sum())
    axes.bar(-1.5 * WIDTH, copies, width=WIDTH, color=TWIN_COLOUR)
    parts = [distance[twin & ~exact], distance[~twin & distance.notna()]]
    edges = np.arange(0, 1 + WIDTH, WIDTH).tolist()
    axes.hist(parts, bins=edges, stacked=True, color=[TWIN_COLOUR, OTHER_COLOUR])
    axes.axvline(1 - TWIN, color=style.INK, **style.DASHED)
    if copies:
        place = (-1.5 * WIDTH, copies)
        axes.annotate(f"exact copies: {copies:,}", place, (0, 2), textcoords="offset points", fontsize=7, ha="left")
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
        Line2D([], [], color=style.INK, label="threshold", **style.DASHED),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
