"""Training and validation loss and accuracy by epoch: the single ResNet and the networks of headline mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from emorec import EMOTIONS
from emorec.figures import style
from emorec.frames import each_row

INPUTS = ("tables/models.csv", "tables/curves.csv", "tables/gate.csv", "tables/classes.csv")

# Panels beside each other; more networks go on below.
COLUMNS = 5
SPLITS = {"train": ("training", style.TRAIN_COLOUR), "val": ("validation", style.VAL_COLOUR)}
CHOSEN = "#D55E00"


@dataclass(frozen=True)
class Panel:
    """One network: its heading, and the accuracy (a fraction) of always naming the commonest of its own classes."""

    network: str
    title: str
    commonest: float | None = None


@style.styled
def draw(curves: pd.DataFrame, panels: Sequence[Panel]) -> Figure:
    """Two panels a network, loss over accuracy; `curves` as curves.csv."""
    columns = min(COLUMNS, len(panels))
    blocks = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    figure = style.new_figure(14 + 76 * len(blocks))
    grid = figure.subplots(2 * len(blocks), columns, sharey="row", squeeze=False)
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
            if panel.commonest is not None:
                lower.axhline(100 * panel.commonest, color=style.INK, linewidth=0.8, linestyle=(0, (1, 1.5)))
            upper.set_title(style.wrap(panel.title, 17 if columns == COLUMNS else 24), fontsize=8)
            upper.tick_params(labelbottom=False)
            lower.set_xlabel("epoch")
        grid[2 * number, 0].set_ylabel("loss")
        grid[2 * number + 1, 0].set_ylabel("accuracy, %")
    style.legend_above(figure, handles(curves, panels))
    return figure


def lines(axes: Axes, rows: pd.DataFrame, quantity: str, scale: float) -> None:
    """One network's `rows`: its seeds as thin lines where there are several, their mean, rings at the chosen epochs."""
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
    axes.plot(
        rows.loc[best, "epoch"],
        scale * rows.loc[best, column],
        linestyle="none",
        marker="o",
        markersize=4,
        markerfacecolor="white",
        markeredgecolor=CHOSEN,
        markeredgewidth=1.1,
        zorder=5,
    )
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))


def handles(curves: pd.DataFrame, panels: Sequence[Panel]) -> list[Line2D]:
    """Legend entries for what the panels show."""
    several = curves[curves["network"].isin([panel.network for panel in panels])]["seed"].nunique() > 1
    entries = [Line2D([], [], color=colour, linewidth=1.5, label=name) for name, colour in SPLITS.values()]
    if several:
        entries.append(Line2D([], [], color=style.MUTED, linewidth=0.5, label="single seeds"))
    ring: dict[str, Any] = {"marker": "o", "markersize": 4, "markerfacecolor": "white", "markeredgewidth": 1.1}
    entries.append(Line2D([], [], linestyle="none", color=CHOSEN, label="chosen epoch", **ring))
    if any(panel.commonest is not None for panel in panels):
        dots: dict[str, Any] = {"linestyle": (0, (1, 1.5)), "linewidth": 0.8}
        entries.append(Line2D([], [], color=style.INK, label="always the commonest class", **dots))
    return entries


def parts(models: pd.DataFrame, curves: pd.DataFrame, gate: pd.DataFrame, classes: pd.DataFrame) -> list[Panel]:
    """The reference network, the gate and the experts of the first mixture that has them, and headline mixtures that
    were trained as one network, under whose name they are."""
    roles = curves.drop_duplicates("network").set_index("network")["role"]
    faces = classes[classes["split"] == "val"].set_index("emotion")["faces"].reindex(list(EMOTIONS), fill_value=0)
    single, every = style.reference(models), [[name] for name in EMOTIONS]
    labels = style.model_labels(models)
    panels = [Panel(single, labels[single], share(faces, every))]
    shown = models[models["model"].isin(style.headline(models)) & (models["kind"] == "mixture")]
    for mixture in each_row(shown[shown["family"] == "mixture"].head(1)):
        panels += separate(mixture, roles, gate, faces)
    for model in shown["model"]:
        if roles.get(model) == "mixture":
            panels.append(Panel(model, labels[model], share(faces, every)))
    return panels


def separate(mixture: Any, roles: pd.Series, gate: pd.DataFrame, faces: pd.Series) -> list[Panel]:
    """The panels of a mixture whose gate and experts are networks of their own; `mixture` is its row of models.csv."""
    own = gate[gate["model"] == mixture.model]
    experts = list(dict.fromkeys(own["expert"]))
    groups = [list(dict.fromkeys(own.loc[(own["expert"] == e) & own["own"].astype(bool), "emotion"])) for e in experts]
    networks = mixture.parts.split()
    panels = []
    if len(networks) > len(groups):  # what routes stands first: a gate, or the single, which has its panel
        router = networks.pop(0)
        if roles.get(router) == "gate":
            panels.append(Panel(router, "gate", share(faces, groups)))
    for network, group in zip(networks, groups, strict=True):
        # The expert for one emotion has no curve, and one for all of them is the single network, which has its panel.
        if roles.get(network) == "expert":
            panels.append(Panel(network, "expert: " + ", ".join(group), share(faces, [[name] for name in group])))
    return panels


def share(faces: pd.Series, classes: Sequence[Sequence[str]]) -> float | None:
    """The share of the commonest of `classes` (groups of emotions) among the faces of all; None where they overlap or
    have no faces."""
    named = [emotion for group in classes for emotion in group]
    if len(set(named)) < len(named):
        return None
    counts = [float(faces[list(group)].sum()) for group in classes]
    return max(counts) / sum(counts) if sum(counts) else None


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    models, curves, gate, classes = (pd.read_csv(study / path) for path in INPUTS)
    return draw(curves, parts(models, curves, gate, classes))
