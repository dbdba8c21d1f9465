"""Who errs: whoever names the group of a face, or whoever decides within it.

A mixture by a grouping answers in two steps: its gate names the group of emotions that a face belongs to, and an expert
decides within it. Any model's probabilities can be read so: their sums over groups name one, and what they say inside a
group decides. So the steps of two models can be crossed: the one routes, the other decides.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.predictions.combine import membership
from emorec.tables.controls import is_compared, reference_single
from emorec.tables.groupings import Groups
from emorec.tables.read import Model
from emorec.tables.resampled import Drawn, Resampled, estimates

ROUTING_COLUMNS = ["mixture", "other", "grouping", "routed_by", "decided_by", "accuracy", "low", "high"]
ROUTING_COLUMNS += ["difference", "difference_low", "difference_high", "p", "seeds"]
# A model that gives fewer of the faces' own groups any probability, as with a top-1 gate, is not asked what it decides.
LEAST_DECIDED = 0.99


def routing(probabilities: np.ndarray, groups: Groups) -> np.ndarray:
    """The probability of each group, summed over its emotions: (..., G) from (..., 7)."""
    return probabilities @ membership(groups).T


def names_group(probabilities: np.ndarray, labels: np.ndarray, groups: Groups) -> np.ndarray:
    """Whether the likeliest group holds the label (N,): (S, N) bools from probabilities (S, N, 7)."""
    return membership(groups)[routing(probabilities, groups).argmax(axis=-1), labels]


def within_group(probabilities: np.ndarray, labels: np.ndarray, groups: Groups) -> np.ndarray:
    """How often the likeliest emotion of the label's group is the label: (S, N) from probabilities (S, N, 7).

    One or none; where the group has no probability at all, its emotions are equally likely. Where groups overlap, the
    one to which the model gives most is taken. NaN for a model that decides fewer faces than LEAST_DECIDED.
    """
    members = membership(groups)
    sums = np.where(members[:, labels].T, routing(probabilities, groups), -1)
    inside = members[sums.argmax(axis=-1)]
    right = np.where(inside, probabilities, -1).argmax(axis=-1) == labels
    undecided = sums.max(axis=-1) <= 0
    if undecided.mean() > 1 - LEAST_DECIDED:
        return np.full(right.shape, np.nan)
    return np.where(undecided, 1 / inside.sum(axis=-1), right)


def errors(probabilities: np.ndarray, labels: np.ndarray, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Whether the answer is wrong but shares a group with the label, and whether it shares none: (S, N) bools each."""
    answers, members = probabilities.argmax(axis=-1), membership(groups)
    together = (members[:, labels][:, None, :] & members[:, answers]).any(axis=0)
    wrong = answers != labels
    return wrong & together, wrong & ~together


def crossed(routes: np.ndarray, decides: np.ndarray, labels: np.ndarray, groups: Groups) -> np.ndarray:
    """Whether the label is the likeliest emotion where one model routes and another decides: (S, N) bools.

    p(y) ∝ Σ_g r_g d_g(y), with r_g the routing model's probability of group g, and d_g the deciding model's own
    probabilities restricted to it. Both come from probabilities (S, N, 7).
    """
    total = np.zeros_like(decides)
    for column, members in enumerate(membership(groups)):
        own = np.where(members, decides, 0.0)
        mass = own.sum(axis=-1, keepdims=True)
        own = np.divide(own, mass, out=np.broadcast_to(members / members.sum(), own.shape).copy(), where=mass > 0)
        total += routing(routes, groups)[..., column : column + 1] * own
    return total.argmax(axis=-1) == labels


OF_GROUPS = {"names_group": names_group, "within_group": within_group}
MEASURES = OF_GROUPS | {
    "within_errors": lambda *of: errors(*of)[0],
    "across_errors": lambda *of: errors(*of)[1],
}


def statistic(resampled: Resampled, model: str, groups: Groups, measure: str, group: Sequence[str] = ()) -> Drawn:
    """One of MEASURES, over all test faces or those whose label is in `group`."""
    values = MEASURES[measure](resampled.runs[model].probabilities, resampled.labels, groups)
    return resampled.mean(values, _of(group, resampled.labels))


def _of(group: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Which faces belong to a group of emotions, to any where it is empty: (N,) bools."""
    return np.isin(labels, [EMOTIONS.index(emotion) for emotion in group or EMOTIONS])


def group_scores_table(resampled: Resampled, models: Sequence[Model], groupings: Mapping[str, Groups]) -> pd.DataFrame:
    """group_scores.csv: each of MEASURES for every model and grouping, and the difference of every comparison.

    `group` names the emotions of one group, whose faces alone are then counted, and is empty for all test faces. Rows
    without a reference are scores.
    """
    rows = []
    for grouping, groups in groupings.items():
        for measure, group in [*product(MEASURES, [()]), *((measure, own) for own in groups for measure in OF_GROUPS)]:
            found = {m.name: statistic(resampled, m.name, groups, measure, group) for m in models}
            faces = int(_of(group, resampled.labels).sum())
            head = {"grouping": grouping, "group": " ".join(group), "measure": measure, "faces": faces}
            rows += estimates(models, found, **head)
    return pd.DataFrame(rows)


def routing_table(resampled: Resampled, models: Sequence[Model], groupings: Mapping[str, Groups]) -> pd.DataFrame:
    """routing.csv: accuracy where a mixture or another model (its control, the single) routes, and either decides.

    The difference is to the other model alone, which routes and decides.
    """
    single, labels = reference_single(models).name, resampled.labels
    p = {name: runs.probabilities for name, runs in resampled.runs.items()}
    rows = []
    for mixture in models:
        groups = groupings.get(mixture.grouping)
        if mixture.kind != "mixture" or groups is None or not is_compared(mixture):
            continue
        is_partition = (membership(groups).sum(axis=0) == 1).all()
        if not is_partition or np.isnan(within_group(p[mixture.name], labels, groups)).any():
            continue
        for other in dict.fromkeys((mixture.control or single, single)):
            found = {
                (routes, decides): resampled.mean(crossed(p[routes], p[decides], labels, groups))
                for routes, decides in product((other, mixture.name), repeat=2)
            }
            for (routes, decides), crossing in found.items():
                head = {"mixture": mixture.name, "other": other, "grouping": mixture.grouping}
                steps = {"routed_by": routes, "decided_by": decides}
                score = crossing.estimate(0, 1).columns("accuracy")
                gain = crossing.minus(found[other, other]).estimate(-1, 1)
                difference = {"difference": gain.value, "difference_low": gain.low, "difference_high": gain.high}
                rows.append(head | steps | score | difference | {"p": gain.p})
    return pd.DataFrame(rows, columns=ROUTING_COLUMNS)
