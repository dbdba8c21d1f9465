"""Where the confusions of one pair of emotions go: from the single's answers to those of its control and the mixture.

Shown are the test faces of either emotion that one model or both take for the other; the rest, most of them, is not.
"""

from collections.abc import Mapping
from itertools import accumulate, product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path as Outline

from emorec.figures import style
from emorec.frames import each_row

ANSWERS = {"right": "right", "confused": "confused", "another emotion": "another\nemotion"}
# What the model puts right, and what it newly confuses; all else is grey.
TONES = {("confused", "right"): style.BETTER, ("right", "confused"): style.WORSE}
STREAMS = {"put right": style.BETTER, "newly confused": style.WORSE, "other": style.MUTED}
OPACITY = 0.4
# Of the height that all faces take: between the answers of one model.
GAP = 0.09
BLOCK = 0.03


def most_confused(flows: pd.DataFrame, reference: str) -> tuple[str, str]:
    """The pair with the most test faces that `reference` takes for each other: a choice that no mixture has part in."""
    rows = flows[flows["reference"] == reference].sort_values("confused", ascending=False, kind="stable")
    return str(rows["first"].iloc[0]), str(rows["second"].iloc[0])


def streams(row: Any) -> dict[tuple[str, str], float]:
    """Faces by (reference's answer, model's answer); `row` is one of error_flow.csv."""
    return {
        ("right", "confused"): row.from_right,
        ("confused", "right"): row.to_right,
        ("confused", "confused"): row.confused - row.to_right - row.to_other,
        ("confused", "another emotion"): row.to_other,
        ("another emotion", "confused"): row.from_other,
    }


def draw(models: pd.DataFrame, flows: pd.DataFrame) -> Figure:
    """From the single's answers to the primary mixture's and to its control's."""
    reference, labels, mixture = style.reference(models), style.model_labels(models), style.primary(models)
    chosen = [model for model in (mixture, style.controls(models).get(mixture or "")) if model]
    rows = flows[(flows["reference"] == reference) & flows["model"].isin(chosen)]
    if rows.empty:
        return style.nothing("This study has no mixture to compare with another model.")
    first, second = most_confused(flows, reference)
    rows = rows[(rows["first"] == first) & (rows["second"] == second)]
    flowing = {row.model: streams(row) for row in each_row(rows)}
    shown = [model for model in chosen if model in flowing]
    figure = style.new_figure(70)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    most = max(sum(faces.values()) for faces in flowing.values())
    for axes, model in zip(panels, shown, strict=True):
        alluvium(axes, flowing[model], most)
        axes.set_xticks([0, 1], [style.wrap(labels[name], 22) for name in (reference, model)])
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelsize=8)
    figure.suptitle(f"{first} and {second} faces that one of the two models takes for the other emotion")
    patches = [Patch(color=colour, alpha=OPACITY, label=name, linewidth=0) for name, colour in STREAMS.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
    return figure


def alluvium(axes: Axes, faces: dict[tuple[str, str], float], total: float) -> None:
    """Streams between two stacks of answers, in the order of ANSWERS from the top, in a panel for `total` faces."""
    sides = [{a: sum(n for key, n in faces.items() if key[side] == a) for a in ANSWERS} for side in (0, 1)]
    tops = [stack(side, GAP * total) for side in sides]
    for side, (counts, top) in enumerate(zip(sides, tops, strict=True)):
        start, edge, align = (-BLOCK, -BLOCK - 0.02, "right") if side == 0 else (1.0, 1 + BLOCK + 0.02, "left")
        for answer, count in counts.items():
            axes.add_patch(Rectangle((start, top[answer] - count), BLOCK, count, color=style.MUTED, linewidth=0))
            words = f"{ANSWERS[answer]} {count:.0f}"
            axes.text(edge, top[answer] - count / 2, words, ha=align, va="center", fontsize=7.5)
    for source, target in product(ANSWERS, ANSWERS):
        count = faces.get((source, target), 0.0)
        if count <= 0:
            continue
        high = tops[0][source], tops[1][target]
        tops[0][source] -= count
        tops[1][target] -= count
        axes.add_patch(stream(high, count, TONES.get((source, target), style.MUTED)))
        if source == target:  # the other streams end in an answer of their own, whose number is theirs
            axes.text(0.5, (sum(high) - count) / 2, f"{count:.0f} by both", ha="center", va="center")
    axes.set(xlim=(-0.34, 1.34), ylim=(-(1 + 3 * GAP) * total, 0.03 * total))
    axes.spines[:].set_visible(False)
    axes.set_yticks([])


def stack(counts: Mapping[str, float], gap: float) -> dict[str, float]:
    """The upper edges of blocks of these heights, one below the other from 0 down."""
    heights = (count + gap for count in counts.values())
    return {name: -edge for name, edge in zip(counts, accumulate(heights, initial=0.0), strict=False)}


def stream(high: tuple[float, float], count: float, colour: str) -> PathPatch:
    """A band of the height `count` from x = 0 to 1, whose upper edge goes from one height to the other."""
    (a, b), low = high, (high[0] - count, high[1] - count)
    points = [(0, a), (0.5, a), (0.5, b), (1, b), (1, low[1]), (0.5, low[1]), (0.5, low[0]), (0, low[0]), (0, a)]
    codes = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
    return PathPatch(Outline(points, codes), facecolor=colour, alpha=OPACITY, linewidth=0)
