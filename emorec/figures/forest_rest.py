"""The differences of the forest plot on the test faces that have no twin in training."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from emorec.figures import forest, style

INPUTS = ("tables/models.csv", "tables/twins_scores.csv")


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    models, scores = (style.read(study / path) for path in INPUTS)
    return forest.draw(models, forest.exploratory(scores[(scores["subset"] == "rest") & (scores["emotion"] == "")]))
