"""Recall of every emotion by the headline models on the test faces: mean over seeds, the seeds as small dots."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emorec import EMOTIONS
from emorec.figures import style

# The models of one emotion fill this share of its row.
FILLED = 0.76


def draw(models: pd.DataFrame, recall: pd.DataFrame) -> Figure:
    """One row an emotion, one line of dots a model in it; `recall` as recall.csv."""
    test = recall[recall["split"] == "test"]
    shown = [model for model in style.headline(models) if model in set(test["model"])]
    looks = style.model_looks(models)
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 22 + len(EMOTIONS) * max(7.0, 2.2 * len(shown))))
    axes = figure.subplots()
    style.rows(axes, len(EMOTIONS))
    step = FILLED / max(len(shown), 3)
    for place, model in enumerate(shown):
        look = looks[model]
        rows = test[test["model"] == model]
        for row, emotion in enumerate(EMOTIONS):
            # An emotion without test faces has no recall.
            values = 100 * rows.loc[rows["emotion"] == emotion, "recall"].dropna().to_numpy()
            if not len(values):
                continue
            height = row + (place - (len(shown) - 1) / 2) * step
            if len(values) > 1:
                axes.hlines(height, values.min(), values.max(), color=look.colour, linewidth=0.9)
                axes.plot(values, np.full(len(values), height), "o", color=look.colour, markersize=1.8)
            axes.plot(values.mean(), height, **look.point(4.8))
    supports = test[test["model"] == shown[0]].groupby("emotion")["support"].first()
    labels = [f"{emotion} ({supports.get(emotion, 0):,.0f})" for emotion in EMOTIONS]
    axes.set_yticks(range(len(EMOTIONS)), labels)
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.set_xlabel("Recall on test faces, %   (faces of the emotion in brackets)")
    style.legend_above(figure, style.model_handles(models, shown))
    return figure
