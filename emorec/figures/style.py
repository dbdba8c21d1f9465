"""The one style of all figures, which rest on no colour alone: every emotion and every model also has a marker.

Colours are those of Okabe & Ito (2008, "Color Universal Design"), told apart by the common forms of colour blindness.
"""

import itertools
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from emorec.files import atomic
from emorec.frames import each_row

PAGE_WIDTH_MM = 170.0
# Of an A4 or letter page, less its margins and room for a caption.
PAGE_HEIGHT_MM = 215.0
PNG_DPI = 200
# Of what is pixels within an SVG (clouds of points): enough for print, and half the bytes.
SVG_DPI = 150

# What is better is blue and what is worse vermilion in every figure.
BETTER, WORSE = "#0072B2", "#D55E00"
# The same for a surface. Pale at the ends, so that dark numbers can be read on it.
GAIN_LOSS = LinearSegmentedColormap.from_list("gain_loss", ["#E58A4A", "#F8DCC6", "#ffffff", "#CBE1EF", "#5AA5D2"])

INK = "#222222"
MUTED = "#6b6b6b"
FAINT = "#d9d9d9"
BAND = "#f3f3f3"
DASHED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (4, 3))}

# What differs from matplotlib's defaults.
RC: dict[str, Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 8.0,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.4,
    "figure.titlesize": 9.5,
    "figure.titleweight": "bold",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    # Text as outlines: the SVG looks the same in a browser, in Typst and in print, whatever fonts are there.
    "svg.fonttype": "path",
    # Without a salt matplotlib draws the identifiers at random, and no two builds would be equal.
    "svg.hashsalt": "emorec",
}
TICKS = {"labelsize": 7.5, "color": MUTED, "labelcolor": INK, "major.width": 0.6, "major.size": 2.5}
RC |= {f"{axis}tick.{name}": value for axis in "xy" for name, value in TICKS.items()}


@dataclass(frozen=True)
class Look:
    """How an emotion, a model or a verdict is drawn: colour, marker, filled or hollow."""

    colour: str
    marker: str
    filled: bool = True

    def point(self, size: float = 5.0) -> dict[str, Any]:
        """Keyword arguments for a lone marker of `size` points in Axes.plot or Line2D."""
        return {
            "linestyle": "none",
            "marker": self.marker,
            "markersize": size * (0.88 if self.marker == "D" else 1.0),
            "color": self.colour,
            "markerfacecolor": self.colour if self.filled else "white",
            "markeredgecolor": self.colour,
            "markeredgewidth": 0.9,
        }


# Okabe and Ito's colours less yellow (too faint on white); grey stands for the absence of an emotion.
EMOTION_LOOKS = {
    "angry": Look("#D55E00", "v"),
    "disgust": Look("#009E73", "P"),
    "fear": Look("#CC79A7", "s"),
    "happy": Look("#E69F00", "o"),
    "sad": Look("#0072B2", "D"),
    "surprise": Look("#56B4E9", "^"),
    "neutral": Look("#4D4D4D", "X"),
}

# What a model is made of decides how it is drawn: the same colour and marker in every figure. None is a colour of
# BETTER or WORSE.
FAMILIES = {
    "single": Look("#1A1A1A", "o"),
    "ensemble": Look("#E69F00", "s"),
    "mixture": Look("#009E73", "D"),
    "fine-tuned": Look("#CC79A7", "^"),
    "joint": Look("#56B4E9", "v"),
}
# For a second model of a family in a figure that sets its models apart by colour.
SPARE_COLOURS = ("#999999", "#F0E442", "#8C564B", "#BDBD22")

TRAIN_COLOUR, VAL_COLOUR = "#8A8A8A", "#0072B2"


def context() -> AbstractContextManager[None]:
    """In it figures are drawn and written in this style, whatever the user's own settings of matplotlib are."""
    return matplotlib.style.context(["default", RC])


def new_figure(height_mm: float, *, squares: bool = False) -> Figure:
    """An empty figure of the page's width that lays itself out; `squares` keeps square panels close together."""
    size = (PAGE_WIDTH_MM / 25.4, height_mm / 25.4)
    layout = ConstrainedLayoutEngine(compress=squares, w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=size, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def nothing(reason: str) -> Figure:
    """What stands in for a figure that a study has no data for, so that every study has the same files."""
    figure = new_figure(20)
    figure.text(0.5, 0.5, reason, ha="center", va="center", color=MUTED)
    return figure


def model_looks(models: pd.DataFrame) -> dict[str, Look]:
    """The look of every model by its family; headline models of one family, which share figures, differ in colour."""
    looks: dict[str, Look] = {}
    spare, taken = itertools.cycle(SPARE_COLOURS), set()
    for row in each_row(models):
        look = FAMILIES[row.family]
        if row.headline:
            look = replace(look, colour=next(spare)) if look.colour in taken else look
            taken.add(look.colour)
        looks[row.model] = look
    return looks


def model_labels(models: pd.DataFrame) -> dict[str, str]:
    """Human names by model, in the order of models.csv."""
    return dict(zip(models["model"], models["label"], strict=True))


def reference(models: pd.DataFrame) -> str:
    """The study's reference: its first single network."""
    return str(models.loc[models["kind"] == "single", "model"].iloc[0])


def headline(models: pd.DataFrame) -> list[str]:
    """The models that stand in figures with a panel or a line a model, as models.csv marks them."""
    return models.loc[models["headline"].astype(bool), "model"].tolist()


def primary(models: pd.DataFrame) -> str | None:
    """The mixture that the study's tests are about, as models.csv marks it."""
    marked = models.loc[models["primary"].astype(bool), "model"]
    return str(marked.iloc[0]) if len(marked) else None


def controls(models: pd.DataFrame) -> dict[str, str]:
    """The control of equal compute of each mixture that has one, by model."""
    rows = models[models["control"] != ""]
    return dict(zip(rows["model"], rows["control"], strict=True))


def contests(models: pd.DataFrame) -> list[tuple[str, str]]:
    """(model, reference) of the study's tests: the primary mixture against the single and against its control."""
    mixture = primary(models)
    if mixture is None:
        return []
    return [(mixture, other) for other in dict.fromkeys([reference(models), controls(models)[mixture]])]


def core(models: pd.DataFrame) -> list[str]:
    """The models that the study's tests are about, in the order of models.csv: single, control, primary mixture."""
    tested = {name for contest in contests(models) for name in contest} | {reference(models)}
    return [model for model in models["model"] if model in tested]


def signed(value: float) -> str:
    """A difference with its sign; what rounds to nothing is `0`, what is unknown nothing."""
    if not np.isfinite(value):
        return ""
    return "0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def wrap(text: str, characters: int) -> str:
    """`text` broken into lines of at most `characters`, also at hyphens."""
    return "\n".join(textwrap.wrap(text, max(characters, 4))) or text


def legend_above(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend over the whole figure, in the most columns in which its labels fit on the page."""
    # At 7.5 pt a character of DejaVu Sans takes 1.5 mm on average, a handle and its gaps 10 mm.
    widths = [max(map(len, str(handle.get_label()).split("\n"))) * 1.5 + 10 for handle in handles]
    columns: list[float] = []
    for rows in range(1, len(widths) + 1):  # matplotlib fills column by column
        columns = [max(widths[start : start + rows]) for start in range(0, len(widths), rows)]
        if sum(columns) <= PAGE_WIDTH_MM - 6:
            break
    figure.legend(handles=list(handles), loc="outside upper center", ncols=len(columns) or 1)


def handles(looks: Mapping[str, Look], size: float = 5.0) -> list[Line2D]:
    """Legend entries: a marker for each name."""
    return [Line2D([], [], label=name, **look.point(size)) for name, look in looks.items()]


def model_handles(models: pd.DataFrame, chosen: Sequence[str]) -> list[Line2D]:
    """Legend entries for the `chosen` models."""
    looks, labels = model_looks(models), model_labels(models)
    return handles({wrap(labels[model], 42): looks[model] for model in chosen})


def row_height(labels: Sequence[str]) -> float:
    """Millimetres for each of equal rows, at which no label meets the next."""
    lines = [1 + label.count("\n") for label in labels]
    both = max([a + b for a, b in itertools.pairwise(lines)], default=2)
    return max(5.2, 1.6 * both + 0.8)


def rows(axes: Axes, count: int, *, grid: bool = True) -> None:
    """Prepare `axes` for rows at 0, 1, …: every second one shaded, to lead the eye along it."""
    for row in range(0, count, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=-5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.grid(grid, axis="x")
    axes.tick_params(axis="y", length=0)


def panels(grid: np.ndarray, shown: Sequence[Any]) -> Iterator[tuple[Any, Axes]]:
    """Each of what is shown with a panel of a grid, row by row; the panels that are left are removed."""
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    yield from zip(shown, grid.flat, strict=False)


def no_frame(axes: Axes) -> None:
    """Leave the ticks and edges of a panel out, as around a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `figure` to `folder`/`name`.svg and .png; equal figures give equal bytes."""
    paths = (folder / f"{name}.svg", folder / f"{name}.png")
    with context():
        # A constrained layout settles only in the second pass; without the first, the two files would differ.
        figure.draw_without_rendering()
        with atomic(paths[0]) as temporary:
            figure.savefig(temporary, format="svg", dpi=SVG_DPI, metadata={"Date": None, "Creator": None})
        with atomic(paths[1]) as temporary:
            figure.savefig(temporary, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return paths
