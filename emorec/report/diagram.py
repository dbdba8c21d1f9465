"""The methods' diagram of the mixture, drawn with the study's own experts."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from emorec.figures import style

# Centres of the columns and half the size of a box, in millimetres of the drawing.
FACE, NETWORK, WEIGH, SUM, ANSWER = 12.0, 60.0, 106.0, 130.0, 154.0
HALF_WIDTH, HALF_HEIGHT, STEP = 24.0, 5.5, 15.0
PRODUCT = {"fc": "white", "ec": "none", "pad": 1}
GATE_COLOUR, EXPERT_COLOUR, PLAIN = "#E8F1F8", "#FBEEE6", "#F3F3F3"


def draw(groups: Sequence[Sequence[str]]) -> Figure:
    """Boxes for a face, gate and experts, sum and answer; `groups` are the experts' emotions, in the gate's order."""
    height = STEP * (len(groups) + 1) + 6
    figure = style.new_figure(height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, style.PAGE_WIDTH_MM)
    axes.set_ylim(0, height)
    axes.axis("off")
    places = [height - 3 - STEP * (row + 0.5) for row in range(len(groups) + 1)]
    middle = sum(places[1:]) / len(groups)
    _box(axes, FACE, middle, "face x", PLAIN, half_width=10)
    _box(axes, NETWORK, places[0], "gate g(x)\none weight for each expert", GATE_COLOUR)
    _box(axes, ANSWER, middle, "p(y | x)\nseven emotions", PLAIN, half_width=14)
    _arrow(axes, (FACE + 10, middle), (NETWORK - HALF_WIDTH, places[0]))
    for number, (group, y) in enumerate(zip(groups, places[1:], strict=True), start=1):
        _box(axes, NETWORK, y, f"expert {number}\n{', '.join(group)}", EXPERT_COLOUR)
        axes.text(WEIGH, y, f"× g$_{{{number}}}$(x)", ha="center", va="center", bbox=PRODUCT)
        _arrow(axes, (FACE + 10, middle), (NETWORK - HALF_WIDTH, y))
        _arrow(axes, (NETWORK + HALF_WIDTH, y), (WEIGH - 9, y))
        _arrow(axes, (WEIGH + 9, y), (SUM, middle))
    # One weight goes to every product; the line stops above the first.
    axes.plot([NETWORK + HALF_WIDTH, WEIGH], [places[0]] * 2, color=style.MUTED, linewidth=0.9)
    _arrow(axes, (WEIGH, places[0]), (WEIGH, places[1] + 3))
    for upper, lower in zip(places[1:], places[2:], strict=False):
        _arrow(axes, (WEIGH, upper - 3), (WEIGH, lower + 3))
    circle = {"boxstyle": "circle,pad=0.25", "fc": "white", "ec": style.MUTED, "lw": 0.7}
    axes.text(SUM, middle, "Σ", ha="center", va="center", bbox=circle)
    _arrow(axes, (SUM, middle), (ANSWER - 14, middle))
    return figure


def _box(axes: Axes, x: float, y: float, text: str, colour: str, half_width: float = HALF_WIDTH) -> None:
    look: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=1.5", "ec": style.MUTED, "linewidth": 0.7}
    low = (x - half_width, y - HALF_HEIGHT)
    axes.add_patch(FancyBboxPatch(low, 2 * half_width, 2 * HALF_HEIGHT, fc=colour, **look))
    axes.text(x, y, text, ha="center", va="center", linespacing=1.35)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow, which leaves room for the circle at the sum."""
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "color": style.MUTED, "linewidth": 0.9}
    look |= {"shrinkA": 7 if start[0] == SUM else 0, "shrinkB": 7 if end[0] == SUM else 0}
    axes.add_patch(FancyArrowPatch(start, end, **look))
