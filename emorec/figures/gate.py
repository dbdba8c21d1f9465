"""How the gate weighs the experts on the test faces of each emotion; an expert's own emotions are outlined."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emorec import EMOTIONS
from emorec.figures import style
from emorec.figures.confusion import SHARES, heat_map


def draw(models: pd.DataFrame, gate: pd.DataFrame) -> Figure:
    """One heat map (experts × emotions, mean weight over seeds in %) a headline mixture; `gate` as gate.csv."""
    test = gate[gate["split"] == "test"]
    labels = style.model_labels(models)
    shown = [model for model in style.headline(models) if model in set(test["model"])]
    if not shown:
        return style.nothing("No mixture of this study's headline has a gate.")
    columns = min(2, len(shown))
    experts = {model: list(dict.fromkeys(test.loc[test["model"] == model, "expert"])) for model in shown}
    # A row of panels is as high as its mixture with the most experts.
    counts = [len(experts[model]) for model in shown]
    tallest = [max(counts[start : start + columns]) for start in range(0, len(shown), columns)]
    cell = 7.0 if columns == 1 else 6.0
    figure = style.new_figure(sum(cell * count + 9 for count in tallest) + (14 if columns == 1 else 24))
    grid = figure.subplots(len(tallest), columns, squeeze=False, height_ratios=[cell * count + 8 for count in tallest])
    for place, (model, axes) in enumerate(style.panels(grid, shown)):
        rows = test[test["model"] == model]
        weights = rows.pivot_table(index="expert", columns="emotion", values="weight", aggfunc="mean", observed=False)
        weights = 100 * weights.reindex(index=experts[model], columns=list(EMOTIONS))
        heat_map(axes, weights, vmin=0, vmax=100, cmap=SHARES, annot_kws={"size": 7.5 if columns == 1 else 7})
        own = rows[rows["own"].astype(bool)].drop_duplicates(["expert", "emotion"])
        for expert, emotion in zip(own["expert"], own["emotion"], strict=True):
            corner = (EMOTIONS.index(emotion) + 0.04, experts[model].index(expert) + 0.05)
            axes.add_patch(Rectangle(corner, 0.92, 0.9, fill=False, edgecolor=style.INK, linewidth=1.5))
        left, bottom = place % columns == 0, place + columns >= len(shown)
        axes.set_title(style.wrap(labels[model], 80 if columns == 1 else 28))
        axes.set(xlabel="true emotion" if bottom else "", ylabel="expert" if left else "")
        axes.set_xticklabels(EMOTIONS if bottom else [], rotation=0 if columns == 1 else 90)
        axes.set_yticklabels([style.wrap(expert_label(name), 16) for name in experts[model]], rotation=0)
    return figure


def expert_label(name: str) -> str:
    """`fear-surprise`, the emotions of an expert, to `fear, surprise`; any other name as it is."""
    parts = name.split("-")
    return ", ".join(parts) if set(parts) <= set(EMOTIONS) else name.replace("-", " ")
