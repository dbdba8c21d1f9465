"""Differences with their 95 % intervals, row by row: their marks follow the verdict that a table gives them.

A better one is blue and points to the right, a worse one is vermilion and points to the left, one that is not told
apart is hollow. Exploratory comparisons have no verdict, and are small and grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from emorec.figures import style

# By verdict, as in the tables; the empty one is an exploratory comparison's.
LOOKS = {
    "better": style.Look(style.BETTER, ">"),
    "worse": style.Look(style.WORSE, "<"),
    "not told apart": style.Look(style.INK, "o", filled=False),
    "": style.Look(style.MUTED, "o"),
}
NAMES = {"": "exploratory, no verdict"}
SIZE = {"": 3.4}
BETTER_RIGHT = "← worse   Δ, points   better →"


def interval(axes: Axes, row: float, points: Sequence[float], verdict: str) -> None:
    """Draw (difference, low, high), in points, at the height `row`."""
    difference, low, high = points
    look = LOOKS[verdict]
    axes.hlines(row, low, high, color=look.colour, linewidth=1.5 if verdict else 0.9)
    axes.plot(difference, row, **look.point(SIZE.get(verdict, 5.5)))


def handles(verdicts: Iterable[str]) -> list[Line2D]:
    """Legend entries of those of LOOKS that occur."""
    shown = set(verdicts)
    return [
        Line2D([], [], label=NAMES.get(verdict, verdict), **look.point(SIZE.get(verdict, 5.5)))
        for verdict, look in LOOKS.items()
        if verdict in shown
    ]


def prepare(axes: Axes, rows: int) -> None:
    """An empty panel for `rows` differences: bands, a line at nothing, a grid."""
    style.bands(axes, rows)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
