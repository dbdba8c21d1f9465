"""Selective accuracy: the share of errors among the faces that a model is surest of, by how many it answers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emorec.figures import style

INPUTS = ("tables/models.csv", "tables/risk_coverage.csv")

# Below, a curve is the luck of a few faces.
FEWEST = 25


@style.styled
def draw(models: pd.DataFrame, risk_coverage: pd.DataFrame) -> Figure:
    """One line a headline model, mean over seeds; `risk_coverage` as risk_coverage.csv."""
    looks, labels = style.model_looks(models), style.model_labels(models)
    shown = [model for model in style.headline(models) if model in set(risk_coverage["model"])]
    figure = style.new_figure(max(74, 14 + 6 * len(shown)))
    axes = figure.subplots()
    handles = []
    for model in shown:
        rows = risk_coverage[(risk_coverage["model"] == model) & (risk_coverage["faces"] >= FEWEST)]
        curve = 100 * rows.groupby("coverage")["risk"].mean()
        look = looks[model]
        axes.plot(100 * curve.index, curve, color=look.colour)
        axes.plot(100 * curve.index[-1:], curve.iloc[-1:], clip_on=False, **look.point(4.5))
        name = style.wrap(labels[model], 30)
        point = look.point(4.5) | {"linestyle": "-"}
        handles.append(Line2D([], [], label=name, **point))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, None)
    axes.grid()
    axes.set_xlabel("faces answered, the surest first, %")
    axes.set_ylabel("errors among the answers, %")
    figure.legend(handles=handles, loc="outside right upper", labelspacing=0.7)
    return figure


def make(study: Path) -> Figure:
    """The figure of a study's tables."""
    return draw(pd.read_csv(study / INPUTS[0]), pd.read_csv(study / INPUTS[1]))
