"""Tables of models against each other on the test split, paired by face and by seed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.tables.bootstrap import holm
from emorec.tables.controls import opponents, primary_mixture
from emorec.tables.groupings import Groups
from emorec.tables.metrics import CLASSES, HARD_PAIRS, PAIRS, accuracy, macro_f1, mutual_confusion
from emorec.tables.read import Model
from emorec.tables.resampled import Drawn, Resampled
from emorec.tables.verdicts import verdict, with_verdicts
from emorec.tables.who_errs import OF_GROUPS, statistic

COLUMNS = ["model", "reference", "measure", "grouping", "tier", "difference", "low", "high", "p", "p_holm", "verdict"]
COLUMNS += ["seeds"]
PAIR_COLUMNS = ["model", "reference", "first", "second", "hard", "reference_rate", "rate", "difference", "low", "high"]
PAIR_COLUMNS += ["p", "p_holm", "verdict", "seeds"]


def comparisons_table(resampled: Resampled, models: Sequence[Model], groupings: Mapping[str, Groups]) -> pd.DataFrame:
    """comparisons.csv: every difference of accuracy, macro-F1, naming the group and deciding within it, with verdicts.

    The last two are by the grouping of the model, or else of the primary mixture.
    """
    primary = primary_mixture(models)
    rows = []
    for model, reference in opponents(models):
        grouping = next((m.grouping for m in (model, primary) if m and m.grouping in groupings), "")
        mine, theirs = (_measured(resampled, m.name, groupings.get(grouping)) for m in (model, reference))
        for measure, own in mine.items():
            by = grouping if measure in OF_GROUPS else ""
            head = {"model": model.name, "reference": reference.name, "measure": measure, "grouping": by}
            rows.append(head | own.minus(theirs[measure]).estimate(-1, 1).columns("difference"))
    return with_verdicts(pd.DataFrame(rows), models)[COLUMNS]


def _measured(resampled: Resampled, model: str, groups: Groups | None) -> dict[str, Drawn]:
    found = {name: resampled.of_confusion(model, of) for name, of in (("accuracy", accuracy), ("macro_f1", macro_f1))}
    return found | {measure: statistic(resampled, model, groups, measure) for measure in OF_GROUPS if groups}


def pair_comparisons_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """pair_comparisons.csv: difference of each pair's mutual confusion rate (negative: fewer confusions).

    Holm's family is the 21 pairs of one model against one reference: which pairs changed is one question.
    """
    rows = []
    for model, reference in opponents(models):
        mine, theirs = (resampled.of_confusion(m.name, mutual_confusion) for m in (model, reference))
        values, draws = mine.values - theirs.values, mine.draws - theirs.draws
        found = [Drawn(values[:, k], draws[:, :, k]).estimate(-1, 1) for k in range(len(PAIRS))]
        p_holm = holm(np.array([pair.p for pair in found]))
        rates = zip(theirs.values.mean(axis=0), mine.values.mean(axis=0), strict=True)
        for pair, own, p, (reference_rate, rate) in zip(PAIRS, found, p_holm, rates, strict=True):
            head = {"model": model.name, "reference": reference.name, "first": pair[0], "second": pair[1]}
            measured = {"hard": pair in HARD_PAIRS, "reference_rate": reference_rate, "rate": rate, "p_holm": p}
            rows.append(head | measured | own.columns("difference") | {"verdict": verdict(-own.high, -own.low, p)})
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def error_flow_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """error_flow.csv: where the confusions of each pair went, and where the model's own come from.

    Of the test faces of either emotion that the reference takes for the other (`confused`, mean over seeds): how many
    the model gets right (`to_right`) or takes for a third emotion (`to_other`), and which most of these (`other`). Of
    those that the model alone takes for the other: how many the reference got right (`from_right`) or took for a third
    (`from_other`). confused - to_right - to_other + from_right + from_other are those that it confuses (`still`).
    """
    rows = []
    for model, reference in opponents(models):
        before, after = (resampled.runs[m.name].predicted for m in (reference, model))
        flow = np.zeros((CLASSES, CLASSES, CLASSES))  # by label, reference's answer, model's answer
        np.add.at(flow, (np.broadcast_to(resampled.labels, before.shape), before, after), 1 / len(before))
        for first, second in PAIRS:
            i, j = EMOTIONS.index(first), EMOTIONS.index(second)
            third = [k for k in range(CLASSES) if k not in (i, j)]
            others = flow[i, j, third] + flow[j, i, third]
            head = {"model": model.name, "reference": reference.name, "first": first, "second": second}
            faces = {
                "confused": flow[i, j].sum() + flow[j, i].sum(),
                "to_right": flow[i, j, i] + flow[j, i, j],
                "to_other": others.sum(),
                "other": EMOTIONS[third[int(others.argmax())]] if others.any() else "",
                "from_right": flow[i, i, j] + flow[j, j, i],
                "from_other": flow[i, third, j].sum() + flow[j, third, i].sum(),
                "still": flow[i, :, j].sum() + flow[j, :, i].sum(),
            }
            rows.append(head | faces)
    return pd.DataFrame(rows)
