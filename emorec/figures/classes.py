"""How many faces of each emotion the training, validation and test splits hold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from emorec import EMOTIONS, SPLITS
from emorec.figures import style

INPUTS = ("tables/classes.csv",)

NAMES = {"train": "Training", "val": "Validation", "test": "Test"}


@style.styled
def draw(classes: pd.DataFrame) -> Figure:
    """One panel a split, one bar an emotion; `classes` as classes.csv."""
    figure = style.new_figure(56)
    panels = figure.subplots(1, len(SPLITS), sharey=True, sharex=True)
    for axes, split in zip(panels, SPLITS, strict=True):
        rows = classes[classes["split"] == split].set_index("emotion").reindex(list(EMOTIONS))
        shares = 100 * rows["share"].fillna(0.0)
        faces = rows["faces"].fillna(0).astype(int)
        axes.barh(range(len(EMOTIONS)), shares, height=0.72, color=[style.EMOTION_COLOURS[name] for name in EMOTIONS])
        for row, (share, count) in enumerate(zip(shares, faces, strict=True)):
            axes.annotate(f"{count:,}", (share, row), (2, 0), textcoords="offset points", va="center", fontsize=7)
        axes.set_title(f"{NAMES[split]} ({faces.sum():,} faces)")
        axes.set_xlabel("share, %")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    # Room for the numbers after the longest bar.
    panels[0].set_xlim(0, 100 * classes["share"].max() * 1.22)
    panels[0].set_yticks(range(len(EMOTIONS)), EMOTIONS)
    panels[0].set_ylim(len(EMOTIONS) - 0.5, -0.5)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    return draw(pd.read_csv(study / INPUTS[0]))
