"""Synthetic faces: how near each model comes to what was planted in them.

The likeliest emotion given a face's action units, by the generator's densities (`posterior`), is the best answer that
anybody can give. It stands in the table like a model, by the name of POSTERIOR.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emorec import EMOTIONS
from emorec.data.synthetic import posterior, wrong_label_targets
from emorec.data.truth import Truth
from emorec.errors import EmorecError
from emorec.tables.groupings import Groups, inside, pair_rates
from emorec.tables.metrics import PAIRS, confusion_counts
from emorec.tables.resampled import Resampled

POSTERIOR = "posterior"
TOP = 6  # as many pairs as the literature calls hard

_OFF_DIAGONAL = ~np.eye(len(EMOTIONS), dtype=bool)


def truth_table(
    resampled: Resampled, truth: Truth, wrong_labels: float, planted: np.ndarray, groups: Mapping[str, Groups]
) -> pd.DataFrame:
    """truth.csv: measures of every model and seed on the test faces; the rows of POSTERIOR have no seed.

    accuracy_true, accuracy_given: by the emotion that was drawn, and by the label, of which a share is wrong.
    agreement: share of faces with the posterior's answer. distance: mean total variation between the probabilities and
    the posterior of the label, 0 to 1. correlation: Pearson's, of the 42 rates at which one emotion is taken for
    another with the planted ones; pair_rank: Spearman's, of the 21 mutual confusions. top_pairs: how many of the TOP
    pairs that were planted most are among the TOP that are confused most. Besides, inside and inside_chance: for models
    with experts of given emotions (`groups`), as in groupings.csv, of the `planted` confusion (7, 7).

    Raises EmorecError where `truth` lacks a predicted face.
    """
    if resampled.row.max() >= truth.true_labels.size:
        raise EmorecError("data/truth.npz: lacks test faces that were predicted; run the data stage again")
    true, given = truth.true_labels[resampled.row].astype(int), resampled.labels
    of_truth = posterior(truth.action_units[resampled.row])
    of_label = of_truth @ ((1 - wrong_labels) * np.eye(len(EMOTIONS)) + wrong_labels * wrong_label_targets())
    answer = of_truth.argmax(axis=1)
    rows: list[tuple[str, int | None, str, float]] = []

    def add(model: str, seed: int | None, p: np.ndarray, predicted: np.ndarray) -> None:
        distance = np.abs(p - of_label).sum(axis=1) / 2
        of_faces = np.stack([predicted == true, predicted == given, predicted == answer, distance], axis=1)
        means = (np.ones((1, given.size)) @ of_faces)[0] / given.size
        measures = dict(zip(("accuracy_true", "accuracy_given", "agreement", "distance"), means, strict=True))
        measures |= confusion_measures(confusion_counts(true, predicted)[0], planted)
        rows.extend((model, seed, name, float(value)) for name, value in measures.items())

    add(POSTERIOR, None, of_label, answer)
    for model, replicates in resampled.runs.items():
        for run in zip(replicates.seeds, replicates.probabilities, replicates.predicted, strict=True):
            add(model, *run)
    for model in resampled.runs:
        if groups.get(model):
            rows.append((model, None, "inside", inside(groups[model], pair_rates(planted))))
            rows.append((model, None, "inside_chance", inside(groups[model], np.ones(len(PAIRS)))))
    return pd.DataFrame(rows, columns=["model", "seed", "measure", "value"]).astype({"seed": "Int64"})


def confusion_measures(confusion: np.ndarray, planted: np.ndarray) -> dict[str, float]:
    """correlation, pair_rank and top_pairs of counts (7, 7) with the planted rates (7, 7)."""
    rates = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    pairs = np.stack([pair_rates(confusion), pair_rates(planted)])
    ours, wanted = np.argsort(-np.nan_to_num(pairs), axis=1, kind="stable")[:, :TOP]
    return {
        "correlation": correlation(rates[_OFF_DIAGONAL], planted[_OFF_DIAGONAL]),
        "pair_rank": correlation(*rankdata(pairs, axis=1)),
        "top_pairs": float(np.isin(ours, wanted).sum()),
    }


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's of x and y (K,); NaN where one side does not vary, as where a model says one thing."""
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 1e-12 and np.ptp(y) > 1e-12 else float("nan")


def planted_pairs(planted: np.ndarray) -> pd.DataFrame:
    """planted.csv: first, second, and the mutual confusion of the pair in the planted one (7, 7), highest first."""
    table = pd.DataFrame(PAIRS, columns=["first", "second"]).assign(rate=pair_rates(planted))
    return table.sort_values("rate", ascending=False, kind="stable", ignore_index=True)
