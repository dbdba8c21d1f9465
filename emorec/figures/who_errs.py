"""Who errs, the gate or the experts: how often each model names the group and decides within it, and the two crossed.

Any model's probabilities name a group (by their sums) and decide within it, so all are asked the same questions.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from emorec.figures import style
from emorec.frames import row_at

SCORES = {"names_group": "names the group", "within_group": "decides within the group"}
ERRORS = {"within_errors": ("within a group", "#8c8c8c"), "across_errors": ("across groups", "#d9d9d9")}
# The surface of the crossed accuracies is as strong as can be at this many points.
STRONGEST = 3.0


def crossed(routing: pd.DataFrame, mixture: str, other: str) -> tuple[np.ndarray, np.ndarray]:
    """What comes out where `other` or `mixture` routes (rows) and decides (columns), in % and in points.

    The accuracies (2, 2), and the differences to `other` alone with the bounds of their intervals (2, 2, 3).
    """
    rows = routing[(routing["mixture"] == mixture) & (routing["other"] == other)].set_index(["routed_by", "decided_by"])
    found = rows.reindex(pd.MultiIndex.from_product([(other, mixture), (other, mixture)]))
    columns = ["accuracy", "difference", "difference_low", "difference_high"]
    percents = 100 * found[columns].to_numpy(float).reshape(2, 2, 4)
    return percents[..., 0], percents[..., 1:]


def draw(models: pd.DataFrame, scores: pd.DataFrame, routing: pd.DataFrame) -> Figure:
    """Above a line a model, below a square a reference of the primary mixture."""
    if scores.empty:
        return style.nothing("This study has no grouping of emotions.")
    # The primary mixture's, else the first that models are scored by.
    groupings = scores["grouping"].unique()
    mixtures = models.loc[models["model"] == style.primary(models), "grouping"]
    grouping = next((name for name in mixtures if name in groupings), groupings[0])
    own = scores[(scores["grouping"] == grouping) & (scores["reference"] == "") & (scores["group"] == "")]
    shown = [model for model in style.headline(models) if model in set(own["model"])]
    found = own.set_index(["model", "measure"])
    primary, crosses = style.primary(models), set(zip(routing["mixture"], routing["other"], strict=True))
    pairs = [pair for pair in reversed(style.contests(models)) if pair in crosses]

    labels = [style.wrap(style.model_labels(models)[model], 26) for model in shown]
    height = 20 + style.row_height(labels) * len(labels)
    if not pairs:
        figure = style.new_figure(height + 6)
        upper = figure
    else:
        figure = style.new_figure(height + 6 + 46)
        upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=[height, 46]))
        kinds = models.set_index("model")["kind"].to_dict()
        for (mixture, other), axes in style.panels(lower.subplots(1, 2), pairs):
            kind = kinds[other]
            cross(axes, *crossed(routing, mixture, other), kind)
            axes.set_title(f"who routes × who decides ({kind})")
    left, middle, right = upper.subplots(1, 3, sharey=True, width_ratios=[1, 1, 1.1])
    looks = style.model_looks(models)
    for (measure, title), axes in zip(SCORES.items(), (left, middle), strict=True):
        style.rows(axes, len(shown))
        axes.set(title=title, xlabel="% of test faces")
        for row, model in enumerate(shown):
            score(axes, row, 100 * row_at(found, (model, measure))[["estimate", "low", "high"]], looks[model])
        low, high = axes.get_xlim()
        axes.set_xlim(low, high + 0.2 * (high - low))  # room for the values
    errors(right, found, shown)
    left.set_yticks(range(len(shown)), labels)
    for label, model in zip(left.get_yticklabels(), shown, strict=True):
        label.set_fontweight("bold" if model == primary else "normal")
    return figure


def score(axes: Axes, row: int, found: pd.Series, look: style.Look) -> None:
    """One share with its interval and its value after it; nothing for a model that is not asked."""
    estimate, low, high = found.astype(float)
    if not np.isfinite(estimate):
        return
    axes.hlines(row, low, high, color=look.colour, linewidth=1.2)
    axes.plot(estimate, row, **look.point(5))
    axes.annotate(f"{estimate:.1f}", (high, row), (2.5, 0), textcoords="offset points", va="center", fontsize=7)


def errors(axes: Axes, found: pd.DataFrame, shown: Sequence[str]) -> None:
    """A bar a model: its errors within a group and across groups, which add up to its error."""
    style.rows(axes, len(shown), grid=False)
    for row, model in enumerate(shown):
        start = 0.0
        for measure, (_, colour) in ERRORS.items():
            share = 100 * float(row_at(found, (model, measure))["estimate"])
            axes.barh(row, share, left=start, height=0.58, color=colour, linewidth=0)
            axes.text(start + share / 2, row, f"{share:.1f}", ha="center", va="center", fontsize=7)
            start += share
        axes.annotate(f"{start:.1f}", (start, row), (2, 0), textcoords="offset points", va="center", fontsize=7)
    axes.margins(x=0.16)
    axes.set_xlim(left=0)
    axes.set(title="errors", xlabel="% of test faces")
    handles = [Patch(color=colour, label=name) for name, colour in ERRORS.values()]
    axes.figure.legend(handles=handles, loc="outside upper right", ncols=2, borderaxespad=0.1)


def cross(axes: Axes, accuracy: np.ndarray, differences: np.ndarray, kind: str) -> None:
    """Who routes by who decides: the accuracies in %, coloured by the difference to the other model alone."""
    axes.imshow(differences[..., 0], cmap=style.GAIN_LOSS, vmin=-STRONGEST, vmax=STRONGEST, aspect="auto")
    for row, column in np.ndindex(2, 2):
        difference, low, high = differences[row, column]
        value, change = f"{accuracy[row, column]:.1f} %", f"the {kind} alone"
        if row or column:
            change = f"Δ {style.signed(difference)} ({style.signed(low)} to {style.signed(high)})"
        axes.text(column, row - 0.14, value, fontsize=9, fontweight="bold", ha="center", va="center")
        axes.text(column, row + 0.2, change, fontsize=7.5, ha="center", va="center")
    axes.set_xticks(range(2), [f"{kind}\ndecides", "experts\ndecide"])
    axes.set_yticks(range(2), [f"{kind}\nroutes", "gate\nroutes"])
    axes.xaxis.tick_top()
    axes.spines[:].set(visible=True, color=style.FAINT)
    axes.set_xticks([0.5], minor=True)
    axes.set_yticks([0.5], minor=True)
    axes.grid(which="minor", color=style.FAINT, linewidth=0.6)
    axes.tick_params(which="both", length=0)
