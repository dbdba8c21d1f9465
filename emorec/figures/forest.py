"""The study's tests of its primary mixture, and below them what every other model gains or loses in accuracy.

`forest-rest` is of the test faces without a twin in training, `forest-majority` judges all by FER+'s majority.
"""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emorec.figures import intervals, style
from emorec.frames import each_row

MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "names_group": "names the group",
    "within_group": "decides within the group",
}
# A model whose whole interval is further off than this fraction is left out: to scale, it would press all others into
# one line.
FAR = 0.08
NOTE_LETTERS, NOTE_ROOM = 16, 0.35  # of a line beside an interval, and what they take of a panel's width


@dataclass(frozen=True)
class Row:
    """A line of the figure: its label, and by panel the comparison in it; a heading has none."""

    label: str
    model: str = ""
    measure: str = ""
    references: tuple[str, ...] = ()
    note: str = ""  # in the last panel


def left_out(models: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """The compared models but the primary that are not shown: mixtures without a gate, and those far out of scale."""
    accuracy = comparisons[comparisons["measure"] == "accuracy"]
    far = set(accuracy.loc[(accuracy["low"] > FAR) | (accuracy["high"] < -FAR), "model"])
    gateless = set(models.loc[models["gate"] == "uniform", "model"])
    hidden = set(accuracy["model"]) & (far | gateless) - {style.primary(models)}
    return [model for model in models["model"] if model in hidden]


def rows_of(models: pd.DataFrame, comparisons: pd.DataFrame) -> list[Row]:
    """The lines of the figure from top to bottom."""
    labels, controls, single = style.model_labels(models), style.controls(models), style.reference(models)
    primary, rows = style.primary(models), []
    if primary is not None:
        measures = set(comparisons.loc[comparisons["model"] == primary, "measure"])
        rows.append(Row(labels[primary]))
        rows += [Row(MEASURES[m], primary, m, (single, controls[primary])) for m in MEASURES if m in measures]
    compared = set(comparisons["model"]) - set(left_out(models, comparisons)) - {primary}
    if compared:
        rows.append(Row("accuracy of other models"))
    for model in models.loc[models["model"].isin(compared), "model"]:
        control = controls.get(model, "")
        note = f"vs {labels[control]}" if control and control != controls.get(primary or "") else ""
        note = style.wrap(note, NOTE_LETTERS)
        rows.append(Row(style.wrap(labels[model], 36), model, "accuracy", (single, control), note))
    return rows


def draw(models: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Left against the single, right against the control; `comparisons` may be twins_scores.csv or by_majority.csv."""
    table = comparisons if "tier" in comparisons else exploratory(comparisons)
    # Of the measures by a grouping those that are tested: the tables have them by every grouping.
    shown = table[table["measure"].isin(["accuracy", "macro_f1"]) | (table["tier"] != "exploratory")]
    rows = rows_of(models, shown)
    if not rows:
        return style.nothing("This study has one model only: there is nothing to compare it with.")
    found = {(row.model, row.reference, row.measure): row for row in each_row(shown)}
    labels, controls = style.model_labels(models), style.controls(models)
    titles = [f"Δ vs {labels[style.reference(models)]}"]
    if set(controls.values()) - {style.reference(models)}:
        usual = labels.get(controls.get(style.primary(models) or "", ""))
        titles.append(f"Δ vs {usual} (equal compute)" if usual else "Δ vs control of equal compute")

    height = style.row_height([row.label for row in rows]) * len(rows)
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 24 + height))
    grid = figure.subplots(1, len(titles), sharey=True, sharex=True, squeeze=False)[0]
    verdicts, notes = set(), []
    for panel, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        intervals.prepare(axes, len(rows))
        axes.set(title=style.wrap(title, 34), xlabel=intervals.BETTER_RIGHT)
        for place, row in enumerate(rows):
            if not row.model or (row.model, row.references[panel], row.measure) not in found:
                continue
            compared = found[row.model, row.references[panel], row.measure]
            verdicts.add(compared.verdict)
            intervals.interval(axes, place, (compared.difference, compared.low, compared.high), compared.verdict)
            note = "primary test" if compared.tier == "primary" else row.note if axes is grid[-1] else ""
            if note:
                notes.append((axes, place, 100 * compared.low, 100 * compared.high, note))
    for each in notes:
        beside(*each)
    grid[0].set_yticks(range(len(rows)), [row.label for row in rows])
    for label, row in zip(grid[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if row.model else "bold")
    style.legend_above(figure, intervals.handles(verdicts))
    return figure


def exploratory(scores: pd.DataFrame) -> pd.DataFrame:
    """Differences under other conditions, as comparisons: they have intervals and no verdicts."""
    if "subset" in scores:
        scores = scores[(scores["subset"] == "rest") & (scores["emotion"] == "")]
    compared = scores[scores["reference"] != ""].rename(columns={"estimate": "difference"})
    return compared.assign(tier="exploratory", verdict="")


def beside(axes: Axes, row: int, low: float, high: float, note: str) -> None:
    """A few words in a row of a finished panel, on the side where its interval, `low` to `high`, leaves more room.

    The panel grows where that is less than NOTE_ROOM.
    """
    first, last = axes.get_xlim()
    if last - high > low - first:
        place, side = 0.99, "right"
        axes.set_xlim(first, max(last, (high - NOTE_ROOM * first) / (1 - NOTE_ROOM)))
    else:
        place, side = 0.01, "left"
        axes.set_xlim(min(first, (low - NOTE_ROOM * last) / (1 - NOTE_ROOM)), last)
    transform = axes.get_yaxis_transform()
    # On its row's ground, so that the line at zero does not run through the words.
    ground = {"facecolor": "white" if row % 2 else style.BAND, "edgecolor": "none", "pad": 0.5}
    axes.text(place, row, note, transform=transform, ha=side, va="center", fontsize=7, linespacing=0.9, bbox=ground)
