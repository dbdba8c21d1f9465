"""Tables of models against each other on the test split, paired by face and by seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.tables import who_errs
from emorec.tables.bootstrap import estimate, holm
from emorec.tables.controls import opponents, primary_mixture
from emorec.tables.metrics import CLASSES, accuracy, macro_f1
from emorec.tables.pairs import HARD_PAIRS, PAIRS, mutual_confusion
from emorec.tables.read import Model
from emorec.tables.resampled import Drawn, Resampled
from emorec.tables.verdicts import verdict, with_verdicts
from emorec.tables.who_errs import Groups

COLUMNS = ["model", "reference", "measure", "grouping", "tier", "difference", "low", "high", "p", "p_holm", "verdict"]
COLUMNS += ["seeds"]
PAIR_COLUMNS = ["model", "reference", "first", "second", "hard", "reference_rate", "rate", "difference", "low", "high"]
PAIR_COLUMNS += ["p", "p_holm", "verdict", "seeds"]
FLOW_COLUMNS = ["model", "reference", "first", "second", "confused", "to_right", "to_other", "other"]
FLOW_COLUMNS += ["from_right", "from_other", "still"]


def comparisons_table(resampled: Resampled, models: Sequence[Model], groupings: Mapping[str, Groups]) -> pd.DataFrame:
    """comparisons.csv: every difference of accuracy, macro-F1, naming the group and deciding within it, with verdicts.

    The last two are by the grouping of the model, or else of the primary mixture. Which comparison is a test and which
    is exploratory: see `verdicts`.
    """
    primary = primary_mixture(models)
    rows = []
    for model, reference in opponents(models):
        grouping = next((m.grouping for m in (model, primary) if m and m.grouping in groupings), "")
        asked: list[tuple[str, str, Callable[[str], Drawn]]] = [
            ("accuracy", "", partial(resampled.of_confusion, statistic=accuracy)),
            ("macro_f1", "", partial(resampled.of_confusion, statistic=macro_f1)),
        ]
        if grouping:
            asked += [
                (measure, grouping, partial(_of_groups, resampled, groupings[grouping], measure))
                for measure in ("names_group", "within_group")
            ]
        for measure, by, drawn in asked:
            found = drawn(model.name).minus(drawn(reference.name)).estimate(-1, 1)
            head = {"model": model.name, "reference": reference.name, "measure": measure, "grouping": by}
            rows.append(head | found.columns("difference"))
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in ("tier", "p_holm", "verdict")])
    return with_verdicts(table, models)[COLUMNS]


def _of_groups(resampled: Resampled, groups: Groups, measure: str, model: str) -> Drawn:
    return who_errs.statistic(resampled, model, groups, measure)


def pair_comparisons_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """pair_comparisons.csv: difference of each pair's mutual confusion rate (negative: fewer confusions).

    Holm's family is the 21 pairs of one model against one reference: which pairs changed is one question, and the
    verdict answers it; no other family counts them. `hard` marks the pairs that the literature calls so. Rates are
    means over the seeds that both models have.
    """
    tables = []
    for model, reference in opponents(models):
        mine, theirs = (resampled.of_confusion(m.name, mutual_confusion) for m in (model, reference))
        difference = mine.minus(theirs)
        found = [
            estimate(difference.values[:, k], difference.draws[:, :, k], bounds=(-1, 1)) for k in range(len(PAIRS))
        ]
        common = [[own.seeds.index(seed) for seed in difference.seeds] for own in (mine, theirs)]
        p_holm = holm(np.array([pair.p for pair in found]))
        table = pd.DataFrame(
            {
                "model": model.name,
                "reference": reference.name,
                "first": [first for first, _ in PAIRS],
                "second": [second for _, second in PAIRS],
                "hard": [pair in HARD_PAIRS for pair in PAIRS],
                "reference_rate": theirs.values[common[1]].mean(axis=0),
                "rate": mine.values[common[0]].mean(axis=0),
            }
        )
        table = table.join(pd.DataFrame([pair.columns("difference") for pair in found]))
        verdicts = [verdict(-pair.high, -pair.low, p) for pair, p in zip(found, p_holm, strict=True)]
        tables.append(table.assign(p_holm=p_holm, verdict=verdicts))
    return pd.concat(tables, ignore_index=True)[PAIR_COLUMNS] if tables else pd.DataFrame(columns=PAIR_COLUMNS)


def error_flow_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """error_flow.csv: where the confusions of each pair went, and where the model's own come from.

    Of the test faces of either emotion that the reference takes for the other (`confused`, mean over seeds): how many
    the model gets right (`to_right`), how many it takes for a third emotion (`to_other`), and which most of these
    (`other`). Of those that the model takes for the other and the reference does not: how many the reference got right
    (`from_right`), how many it took for a third (`from_other`). The rest it confuses as the reference does, so that
    confused - to_right - to_other + from_right + from_other are the faces that the model confuses (`still`).
    """
    rows = []
    for model, reference in opponents(models):
        a, b = resampled.of(model.name), resampled.of(reference.name)
        seeds = [seed for seed in a.seeds if seed in b.seeds]
        flow = np.zeros((CLASSES, CLASSES, CLASSES))  # by label, reference's answer, model's answer
        before, after = (own.predicted[[own.seeds.index(seed) for seed in seeds]] for own in (b, a))
        np.add.at(flow, (np.broadcast_to(resampled.labels, before.shape), before, after), 1 / len(seeds))
        for first, second in PAIRS:
            i, j = EMOTIONS.index(first), EMOTIONS.index(second)
            third = [k for k in range(CLASSES) if k not in (i, j)]
            others = flow[i, j, third] + flow[j, i, third]
            rows.append(
                {
                    "model": model.name,
                    "reference": reference.name,
                    "first": first,
                    "second": second,
                    "confused": flow[i, j].sum() + flow[j, i].sum(),
                    "to_right": flow[i, j, i] + flow[j, i, j],
                    "to_other": others.sum(),
                    "other": EMOTIONS[third[int(others.argmax())]] if others.any() else "",
                    "from_right": flow[i, i, j] + flow[j, j, i],
                    "from_other": flow[i, third, j].sum() + flow[j, third, i].sum(),
                    "still": flow[i, :, j].sum() + flow[j, :, i].sum(),
                }
            )
    return pd.DataFrame(rows, columns=FLOW_COLUMNS)
