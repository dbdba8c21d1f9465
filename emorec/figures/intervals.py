"""Differences with their 95 % intervals, row by row: their marks follow the verdict that a table gives them."""

from collections.abc import Collection, Sequence

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
SIZE, SIZE_EXPLORATORY = 5.5, 3.4
BETTER_RIGHT = "← worse   Δ, points   better →"


def interval(axes: Axes, row: float, found: Sequence[float], verdict: str) -> None:
    """Draw (difference, low, high), which are fractions, in points at the height `row`."""
    difference, low, high = (100 * value for value in found)
    look = LOOKS[verdict]
    axes.hlines(row, low, high, color=look.colour, linewidth=1.5 if verdict else 0.9)
    axes.plot(difference, row, **look.point(SIZE if verdict else SIZE_EXPLORATORY))


def handles(verdicts: Collection[str]) -> list[Line2D]:
    """Legend entries of those of LOOKS that occur."""
    told = style.handles({name: look for name, look in LOOKS.items() if name and name in verdicts}, SIZE)
    exploratory = style.handles({"exploratory, no verdict": LOOKS[""]}, SIZE_EXPLORATORY)
    return told + exploratory if "" in verdicts else told


def prepare(axes: Axes, rows: int) -> None:
    """An empty panel for `rows` differences with a line at nothing."""
    style.rows(axes, rows)
    axes.axvline(0, color=style.INK, linewidth=0.8)
