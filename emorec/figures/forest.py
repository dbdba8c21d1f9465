"""What every mixture gains or loses against the single network and against its control of equal compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec.figures import style
from emorec.frames import row_at

INPUTS = ("tables/models.csv", "tables/comparisons.csv")

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
# Holm-corrected p-values from here on decide nothing, whatever the interval says.
ALPHA = 0.05
VERDICTS = {"ahead": "#0072B2", "behind": "#D55E00", "undecided": style.MUTED}


def verdict(row: pd.Series) -> str:
    """ahead, behind or undecided: the interval and the Holm-corrected p-value of a comparison have to agree."""
    if not row["p_holm"] <= ALPHA:
        return "undecided"
    return "ahead" if row["low"] > 0 else "behind" if row["high"] < 0 else "undecided"


@style.styled
def draw(models: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """A row a mixture, in the config's order; `models` as models.csv, `comparisons` as comparisons.csv.

    Panels: accuracy against the single, then accuracy and macro-F1 against the control.
    """
    mixtures = models[models["kind"] == "mixture"]
    if mixtures.empty:
        return style.nothing("This study has no mixture to compare with another model.")
    labels, single = style.model_labels(models), style.reference(models)
    panels = [("accuracy", dict.fromkeys(mixtures["model"], single), f"against the {labels[single]}")]
    controls = dict(zip(mixtures["model"], mixtures["control"], strict=True))
    if set(controls.values()) - {single}:
        panels += [(metric, controls, "against equal compute") for metric in METRICS]
    else:
        panels.append(("macro_f1", panels[0][1], panels[0][2]))
    found = comparisons.set_index(["model", "reference", "metric"]).sort_index()

    lines = [_lines(labels[model], labels.get(control, ""), single != control) for model, control in controls.items()]
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 28 + sum(3.4 * text.count("\n") + 5.4 for text in lines)))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (metric, references, name) in zip(grid, panels, strict=True):
        style.bands(axes, len(mixtures))
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        for row, (model, reference) in enumerate(references.items()):
            if (model, reference, metric) in found.index:
                interval(axes, row, row_at(found, (model, reference, metric)))
        axes.set_title(f"{METRICS[metric]}\n{style.wrap(name, 24)}")
        axes.set_xlabel("difference, points")
        # With a model that is beyond the axis, room for its mark at the edge.
        axes.set_xmargin(0.35 if any(text.get_text() for text in axes.texts) else 0.12)
    grid[0].set_yticks(range(len(mixtures)), lines)
    style.legend_above(figure, handles())
    return figure


def _lines(label: str, control: str, other: bool) -> str:
    """A mixture's label, with the control that the last panels compare it with."""
    return style.wrap(label, 34) + (f"\n({style.wrap(f'control: {control}', 36)})" if other and control else "")


def interval(axes: Axes, row: int, compared: pd.Series) -> None:
    """One difference with its 95 % interval at a row; filled where it is decided. At the edge, with its value, where
    to scale it would press all others into one line."""
    reached = verdict(compared)
    colour = VERDICTS[reached]
    if compared["low"] > style.FAR or compared["high"] < -style.FAR:
        above = compared["difference"] > 0
        along, outside, side = (0.96, 1.0, -1) if above else (0.04, 0.0, 1)
        up = axes.get_yaxis_transform()
        axes.plot(along, row, transform=up, **point(reached))
        arrow = {"arrowstyle": "->", "color": colour, "shrinkA": 2, "shrinkB": 0}
        axes.annotate("", (outside, row), (along, row), xycoords=up, textcoords=up, arrowprops=arrow)
        value = f"{100 * compared['difference']:+.1f}".replace("-", "−")
        axes.annotate(
            value, (along, row), xycoords=up, xytext=(6 * side, 0), textcoords="offset points",
            ha="right" if above else "left", va="center", fontsize=7,
        )  # fmt: skip
        return
    axes.hlines(row, 100 * compared["low"], 100 * compared["high"], color=colour, linewidth=1.3)
    axes.plot(100 * compared["difference"], row, **point(reached))


def point(reached: str) -> dict[str, Any]:
    """The marker of a verdict."""
    marker = {"ahead": ">", "behind": "<", "undecided": "o"}[reached]
    return style.Look(VERDICTS[reached], marker, filled=reached != "undecided").point(5.2)


def handles() -> list[Line2D]:
    """Legend entries of the verdicts."""
    names = {
        "ahead": "ahead (95 % interval and Holm)",
        "behind": "behind",
        "undecided": "not told apart",
    }
    return [Line2D([], [], label=name, **point(reached)) for reached, name in names.items()]


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    models = pd.read_csv(study / INPUTS[0], keep_default_na=False)
    return draw(models, pd.read_csv(study / INPUTS[1]))
