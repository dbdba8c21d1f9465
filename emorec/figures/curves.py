"""Training and validation loss and accuracy by epoch: the single ResNet and the primary mixture's networks."""

import re
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from emorec import EMOTIONS
from emorec.figures import style

# Panels beside each other; more networks go on below.
COLUMNS = 6
START = 0.2
SPLITS = {"train": ("training", style.TRAIN_COLOUR), "val": ("validation", style.VAL_COLOUR)}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4, "color": "#D55E00"}
RING |= {"markerfacecolor": "white", "markeredgewidth": 1.1}


def draw(models: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """A column a network, loss over accuracy, each panel to a scale of its own."""
    titles = parts(models, curves)
    columns = min(COLUMNS, len(titles))
    blocks = -(-len(titles) // columns)
    figure = style.new_figure(12 + 68 * blocks)
    grid = figure.subplots(2 * blocks, columns, squeeze=False)
    losses, accuracies = (style.panels(grid[start::2], list(titles)) for start in (0, 1))
    for (name, upper), (_, lower) in zip(losses, accuracies, strict=True):
        rows = curves[curves["network"] == name]
        lines(upper, rows, "loss", 1.0)
        lines(lower, rows, "accuracy", 100.0)
        upper.set_title(style.wrap(titles[name], 15 if columns > 3 else 24), fontsize=8)
        upper.tick_params(labelbottom=False)
        lower.set_xlabel("epoch")
    for upper, lower in zip(grid[::2, 0], grid[1::2, 0], strict=True):
        upper.set_ylabel("loss")
        lower.set_ylabel("accuracy, %")
    legend = [Line2D([], [], color=colour, linewidth=1.5, label=name) for name, colour in SPLITS.values()]
    if curves.loc[curves["network"].isin(titles), "seed"].nunique() > 1:
        legend.append(Line2D([], [], color=style.MUTED, linewidth=0.5, label="single seeds"))
    style.legend_above(figure, [*legend, Line2D([], [], label="kept epoch", **RING)])
    return figure


def lines(axes: Axes, rows: pd.DataFrame, quantity: str, scale: float) -> None:
    """One network's `rows`: its seeds as thin lines where there are several, their mean, rings at the kept epochs."""
    several = rows["seed"].nunique() > 1
    best = rows["best"].astype(bool)
    for split, (_, colour) in SPLITS.items():
        column = f"{split}_{quantity}"
        if several:
            for _, history in rows.groupby("seed"):
                axes.plot(history["epoch"], scale * history[column], color=colour, linewidth=0.5, alpha=0.55)
        mean = rows.groupby("epoch")[column].mean()
        axes.plot(mean.index, scale * mean, color=colour, linewidth=1.5)
    column = f"val_{quantity}"
    axes.plot(rows.loc[best, "epoch"], scale * rows.loc[best, column], zorder=5, **RING)
    axes.set_ylim(*window(rows, quantity, scale))
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(axis="y", pad=1)


def window(rows: pd.DataFrame, quantity: str, scale: float) -> tuple[float, float]:
    """Limits for what follows the first fifth of the epochs: the first steps would press all that comes after flat."""
    later = rows[rows["epoch"] > START * rows["epoch"].max()]
    values = scale * later[[f"{split}_{quantity}" for split in SPLITS]].to_numpy()
    low, high = np.nanmin(values), np.nanmax(values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def parts(models: pd.DataFrame, curves: pd.DataFrame) -> dict[str, str]:
    """Networks with their titles: the reference, gate and experts of the primary mixture, or itself if it is one."""
    roles = curves.drop_duplicates("network").set_index("network")["role"]
    labels, primary, parts = style.model_labels(models), style.primary(models), models.set_index("model")["parts"]
    if primary is None:  # a study of options to choose from: all networks that have room
        return {str(network): labels.get(network, network) for network in roles.index[: 2 * COLUMNS]}
    networks = [primary] if roles.get(primary) == "mixture" else parts[primary].split()
    # The expert for one emotion has no curve, and one for all of them is the single network itself.
    own = [style.reference(models), *networks]
    grouping = models.set_index("model")["grouping"][primary]
    return {name: labels.get(name) or title(name, grouping) for name in own if name in roles.index}


def title(network: str, grouping: str) -> str:
    """What a part of a mixture is called: `resnet18-expert-happy-neutral` to `expert: happy, neutral`, and
    `resnet18-expert-found-2` of the grouping `found` to `expert 2`."""
    _, _, group = network.partition("-expert-")
    if number := re.match(rf"{re.escape(grouping)}-(\d+)(?:-|$)", group):
        return f"expert {number[1]}"
    emotions = [word for word in group.split("-") if word in EMOTIONS]
    return f"expert: {', '.join(emotions)}" if group else "gate"
