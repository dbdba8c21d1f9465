"""How often each pair of emotions is confused, and what the primary mixture changes: hard pairs above the line."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emorec.figures import intervals, style
from emorec.frames import row_at

# Besides the hard pairs, this many that the single network confuses most are shown.
OTHERS = 4

Pair = tuple[str, str]


def shown_pairs(comparisons: pd.DataFrame, reference: str) -> tuple[list[Pair], list[Pair]]:
    """The hard pairs and the worst others of those compared with `reference`, each list by its rate, highest first."""
    rows = comparisons[comparisons["reference"] == reference]
    found = rows.groupby(["first", "second"], sort=False)[["reference_rate", "hard"]].first()
    ordered = found.sort_values("reference_rate", ascending=False, kind="stable")
    hard, others = (ordered.index[ordered["hard"].astype(bool) == chosen].to_list() for chosen in (True, False))
    return hard, others[:OTHERS]


def draw(models: pd.DataFrame, pairs: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Left the mutual confusion rates, right the primary mixture's differences to its references."""
    chosen, contests = style.core(models), style.contests(models)
    hard, others = shown_pairs(comparisons, style.reference(models))
    shown = hard + others
    if not shown or not contests:
        return style.nothing("This study has no mixture to compare with another model.")
    labels = style.model_labels(models)
    found = comparisons.set_index(["model", "reference", "first", "second"]).sort_index()
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 26 + 5.4 * len(shown)))
    panels = figure.subplots(1, 1 + len(contests), sharey=True, width_ratios=[0.9] + [1] * len(contests))
    rates(panels[0], models, pairs, shown, chosen)
    panels[-1].sharex(panels[1])
    verdicts = set()
    for axes, contest in zip(panels[1:], contests, strict=True):
        intervals.prepare(axes, len(shown))
        for row, pair in enumerate(shown):
            change = row_at(found, (*contest, *pair))
            verdicts.add(change["verdict"])
            intervals.interval(axes, row, change[["difference", "low", "high"]].to_list(), change["verdict"])
        axes.set(title=style.wrap(f"Δ vs {labels[contest[1]]}", 24), xlabel=intervals.BETTER_RIGHT)
    panels[1].invert_xaxis()  # fewer confusions are better
    for axes in panels if hard and others else []:
        axes.axhline(len(hard) - 0.5, color=style.INK, **style.DASHED)
    panels[0].set_yticks(range(len(shown)), [f"{first} – {second}" for first, second in shown])
    style.legend_above(figure, style.model_handles(models, chosen) + intervals.handles(verdicts))
    return figure


def rates(axes: Axes, models: pd.DataFrame, pairs: pd.DataFrame, shown: Sequence[Pair], chosen: Sequence[str]) -> None:
    """The models' mean rates, one row a pair, the models slightly apart."""
    looks = style.model_looks(models)
    test = pairs[pairs["split"] == "test"]
    means = test.groupby(["model", "first", "second"])["rate"].mean()
    style.rows(axes, len(shown))
    for row, pair in enumerate(shown):
        for place, model in enumerate(chosen):
            height = row + 0.22 * (place - (len(chosen) - 1) / 2)
            axes.plot(100 * means[(model, *pair)], height, **looks[model].point(4))
    axes.set_xlim(left=0)
    axes.set(title="confused", xlabel="% of the two emotions' faces")
