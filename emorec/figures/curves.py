"""Training and validation loss and accuracy by epoch: the single ResNet and the primary mixture's networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from emorec.figures import style
from emorec.frames import each_row

INPUTS = ("tables/models.csv", "tables/curves.csv", "tables/gate.csv")

# Panels beside each other; more networks go on below.
COLUMNS = 6
START = 0.2
SPLITS = {"train": ("training", style.TRAIN_COLOUR), "val": ("validation", style.VAL_COLOUR)}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4, "color": "#D55E00"}
RING |= {"markerfacecolor": "white", "markeredgewidth": 1.1}


@dataclass(frozen=True)
class Panel:
    """One network and its heading."""

    network: str
    title: str


@style.styled
def draw(curves: pd.DataFrame, panels: Sequence[Panel]) -> Figure:
    """A column a network, loss over accuracy, each panel to a scale of its own; `curves` as curves.csv."""
    columns = min(COLUMNS, len(panels))
    blocks = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    figure = style.new_figure(12 + 68 * len(blocks))
    grid = figure.subplots(2 * len(blocks), columns, squeeze=False)
    for number, block in enumerate(blocks):
        for column in range(columns):
            upper, lower = grid[2 * number, column], grid[2 * number + 1, column]
            if column >= len(block):
                upper.remove()
                lower.remove()
                continue
            panel = block[column]
            rows = curves[curves["network"] == panel.network]
            lines(upper, rows, "loss", 1.0)
            lines(lower, rows, "accuracy", 100.0)
            upper.set_title(style.wrap(panel.title, 15 if columns > 3 else 24), fontsize=8)
            upper.tick_params(labelbottom=False)
            lower.set_xlabel("epoch")
        grid[2 * number, 0].set_ylabel("loss")
        grid[2 * number + 1, 0].set_ylabel("accuracy, %")
    style.legend_above(figure, handles(curves, panels))
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


def handles(curves: pd.DataFrame, panels: Sequence[Panel]) -> list[Line2D]:
    """Legend entries for what the panels show."""
    several = curves[curves["network"].isin([panel.network for panel in panels])]["seed"].nunique() > 1
    entries = [Line2D([], [], color=colour, linewidth=1.5, label=name) for name, colour in SPLITS.values()]
    if several:
        entries.append(Line2D([], [], color=style.MUTED, linewidth=0.5, label="single seeds"))
    entries.append(Line2D([], [], label="kept epoch", **RING))
    return entries


def parts(models: pd.DataFrame, curves: pd.DataFrame, gate: pd.DataFrame) -> list[Panel]:
    """The reference network, then the gate and the experts of the primary mixture, or itself if it is one network."""
    roles = curves.drop_duplicates("network").set_index("network")["role"]
    single, labels = style.reference(models), style.model_labels(models)
    panels = [Panel(single, labels[single])]
    for mixture in each_row(models[models["model"] == style.primary(models)]):
        if roles.get(mixture.model) == "mixture":
            panels.append(Panel(mixture.model, labels[mixture.model]))
        else:
            panels += separate(mixture, roles, gate)
    return panels


def separate(mixture: Any, roles: pd.Series, gate: pd.DataFrame) -> list[Panel]:
    """The panels of a mixture whose networks were trained apart; `mixture` is its row of models.csv."""
    own = gate[gate["model"] == mixture.model]
    experts = list(dict.fromkeys(own["expert"]))
    emotions = own[own["own"].astype(bool)].groupby("expert")["emotion"]
    groups = [", ".join(emotions.get_group(expert).unique()) for expert in experts]
    networks = mixture.parts.split()
    # One network a group, after what routes to them where anything does.
    of_network = dict(zip(networks[-len(groups) :], groups, strict=True))
    # The expert for one emotion has no curve, and one for all of them is the single network, which has its panel.
    titles = {"gate": "gate", "expert": "expert: "}
    return [
        Panel(name, titles[roles[name]] + of_network.get(name, ""))
        for name in dict.fromkeys(networks)
        if roles.get(name) in titles
    ]


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    models, curves, gate = (style.read(study / path) for path in INPUTS)
    return draw(curves, parts(models, curves, gate))
