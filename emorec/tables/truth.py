"""Synthetic faces: how near each model comes to what was planted in them.

The generator's densities give the probability of every emotion given a face's action units (`posterior`). Its likeliest
emotion is the best answer that anybody who reads the action units without error can give. It stands in the table like a
model, by the name of POSTERIOR, so that each number of a model has beside it the best that these test faces allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from emorec import EMOTIONS
from emorec.data.synthetic import planted_confusion, posterior, wrong_label_targets
from emorec.data.truth import Truth
from emorec.errors import EmorecError
from emorec.tables.groupings import inside, pair_rates
from emorec.tables.metrics import confusion_counts
from emorec.tables.pairs import PAIRS
from emorec.tables.read import by_model

COLUMNS = ["model", "seed", "measure", "value"]
POSTERIOR = "posterior"
Groups = Sequence[Sequence[str]]
TOP = 6  # as many pairs as the literature calls hard

_OFF_DIAGONAL = ~np.eye(len(EMOTIONS), dtype=bool)


def truth_table(
    predictions: pd.DataFrame,
    truth: Truth,
    wrong_labels: float,
    groups: Mapping[str, Groups] = MappingProxyType({}),
    count: int = 20_000,
) -> pd.DataFrame:
    """truth.csv, on the test faces; the rows of POSTERIOR have no seed.

    accuracy_true, accuracy_given: by the emotion that was drawn, and by the label, of which a share is wrong.
    agreement: share of faces with the posterior's answer. distance: mean total variation between the probabilities and
    the posterior of the label, 0 to 1. correlation: Pearson's, of the 42 rates at which one emotion is taken for
    another with the planted ones; pair_rank: Spearman's, of the 21 mutual confusions. top_pairs: how many of the TOP
    pairs that were planted most are among the TOP that are confused most. inside, inside_chance: for models with
    experts of given emotions, the share of the planted mutual confusion that lies inside one expert's group, and its
    mean over groupings of the same sizes.

    Args:
        wrong_labels: the share of wrong labels that was asked for.
        groups: by model, the emotions of each expert, of the models whose experts have some.
        count: faces for the Monte Carlo estimate of the planted confusions.

    Raises:
        EmorecError: `truth` lacks a predicted face.
    """
    runs = by_model(predictions, "test")
    first = next(iter(runs.values()))
    if first.row.max() >= truth.true_labels.size:
        raise EmorecError("data/truth.npz: lacks test faces that were predicted; run the data stage again")
    true, given = truth.true_labels[first.row].astype(int), first.labels
    of_truth = _posterior(truth.action_units[first.row])
    of_label = of_truth @ ((1 - wrong_labels) * np.eye(len(EMOTIONS)) + wrong_labels * wrong_label_targets())
    answer = of_truth.argmax(axis=1)
    planted = planted_confusion(count=count)
    rows = []

    def measure(model: str, seed: int | None, p: np.ndarray, predicted: np.ndarray) -> None:
        confusion = confusion_counts(true, predicted)[0]
        support = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
        mine, theirs = pair_rates(confusion), pair_rates(planted)
        found = {
            "accuracy_true": (predicted == true).mean(),
            "accuracy_given": (predicted == given).mean(),
            "agreement": (predicted == answer).mean(),
            "distance": np.abs(p - of_label).sum(axis=1).mean() / 2,
            "correlation": _or_nan(pearsonr, (confusion / support)[_OFF_DIAGONAL], planted[_OFF_DIAGONAL]),
            "pair_rank": _or_nan(spearmanr, mine, theirs),
            "top_pairs": len(set(top_pairs(mine)) & set(top_pairs(theirs))),
        }
        rows.extend((model, seed, name, float(value)) for name, value in found.items())

    measure(POSTERIOR, None, of_label, answer)
    for model, replicates in runs.items():
        for seed, p in zip(replicates.seeds, replicates.probabilities, strict=True):
            measure(model, seed, p, p.argmax(axis=1))
    rates = pair_rates(planted)
    for model in runs:
        if groups.get(model):
            rows.append((model, None, "inside", inside(groups[model], rates)))
            rows.append((model, None, "inside_chance", inside(groups[model], np.ones(len(PAIRS)))))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seed": "Int64"})


def planted_pairs(count: int = 20_000) -> pd.DataFrame:
    """planted.csv: first, second, and the planted mutual confusion of the pair, the most confused first."""
    table = pd.DataFrame(PAIRS, columns=["first", "second"]).assign(rate=planted_rates(count))
    return table.sort_values("rate", ascending=False, kind="stable", ignore_index=True)


def planted_rates(count: int = 20_000) -> np.ndarray:
    """The planted mutual confusion of PAIRS, by Monte Carlo over `count` faces: (21,)."""
    return pair_rates(planted_confusion(count=count))


def top_pairs(rates: np.ndarray) -> list[tuple[str, str]]:
    """The TOP of PAIRS by rate (21,), most confused first."""
    order = np.argsort(-np.nan_to_num(rates), kind="stable")
    return [PAIRS[place] for place in order[:TOP]]


def _posterior(action_units: np.ndarray) -> np.ndarray:
    blocks = np.array_split(action_units, len(action_units) // 512 + 1)  # of a size that stays in cache
    return np.concatenate([posterior(block) for block in blocks])


def _or_nan(correlation, x: np.ndarray, y: np.ndarray) -> float:
    """A correlation coefficient; NaN where one side does not vary, as for a model that always says one thing."""
    return float(correlation(x, y).statistic) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")
