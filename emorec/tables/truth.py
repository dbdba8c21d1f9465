"""Synthetic faces: how near each model comes to what was planted in them.

The generator's densities give the probability of every emotion given a face's action units (`posterior`). Its likeliest
emotion is the best answer that anybody who reads the action units without error can give. It stands in the table like a
model, by the name of POSTERIOR, so that each number of a model has beside it the best that these test faces allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from emorec import EMOTIONS
from emorec.data.synthetic import planted_confusion, posterior, wrong_label_targets
from emorec.data.truth import Truth
from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, estimate, face_weights
from emorec.tables.groupings import inside, pair_rates
from emorec.tables.metrics import confusion_counts
from emorec.tables.pairs import PAIRS
from emorec.tables.read import by_model

COLUMNS = ["model", "seed", "measure", "value"]
POSTERIOR = "posterior"
SUMMARY_COLUMNS = ["model", "measure", "mean", "low", "high", "seeds"]
TOP = 6  # as many pairs as the literature calls hard
MEASURES = (
    "accuracy_true",
    "accuracy_given",
    "agreement",
    "distance",
    "correlation",
    "pair_rank",
    "top_pairs",
)
# Those with intervals, and the bounds of each. Resamples of faces shuffle the ranks of rare confusions more than fresh
# faces do: in simulations with 2000 faces intervals of pair_rank and top_pairs covered 86 and 77 %, of correlation 93.
BOUNDS = {"accuracy_true": (0, 1), "accuracy_given": (0, 1), "agreement": (0, 1), "distance": (0, 1)}
BOUNDS |= {"correlation": (-1, 1)}
Groups = Sequence[Sequence[str]]

_OFF_DIAGONAL = ~np.eye(len(EMOTIONS), dtype=bool)


def truth_tables(
    predictions: pd.DataFrame,
    truth: Truth,
    wrong_labels: float,
    groups: Mapping[str, Groups] = MappingProxyType({}),
    count: int = 20_000,
    resamples: int = RESAMPLES,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """truth.csv and truth_summary.csv, on the test faces.

    truth: each of MEASURES by model and seed; the rows of POSTERIOR have no seed. accuracy_true, accuracy_given: by the
    emotion that was drawn, and by the label, of which a share is wrong. agreement: share of faces with the posterior's
    answer. distance: mean total variation between the probabilities and the posterior of the label, 0 to 1.
    correlation: Pearson's, of the 42 rates at which one emotion is taken for another with the planted ones; pair_rank:
    Spearman's, of the 21 mutual confusions. top_pairs: how many of the TOP pairs that were planted most are among the
    TOP that are confused most. Besides, inside and inside_chance: for models with experts of given emotions, the share
    of the planted mutual confusion that lies inside one expert's group, and its mean over groupings of the same sizes.

    truth_summary: the mean over seeds of each of MEASURES, with the 95 % interval over faces and seeds of BOUNDS' ones.
    What was planted is held: it is known, but for the Monte Carlo error of `count` faces.

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
    weights = face_weights(given.size, resamples)
    rows: list[tuple[str, int | None, str, float]] = []
    summary = []

    def measured(p: np.ndarray, predicted: np.ndarray, drawn: np.ndarray | None) -> dict[str, np.ndarray]:
        """MEASURES, each (B,), on all faces or on draws of them."""
        drawn = np.ones((1, given.size)) if drawn is None else drawn
        distance = np.abs(p - of_label).sum(axis=1) / 2
        of_faces = np.stack([predicted == true, predicted == given, predicted == answer, distance], axis=1)
        means = drawn @ of_faces.astype(drawn.dtype) / given.size
        linear = dict(zip(("accuracy_true", "accuracy_given", "agreement", "distance"), means.T, strict=True))
        return linear | confusion_measures(confusion_counts(true, predicted, drawn), planted)

    def add(model: str, seeds: Sequence[int | None], p: Iterable[np.ndarray], predicted: Iterable[np.ndarray]) -> None:
        points = [measured(*run, None) for run in zip(p, predicted, strict=True)]
        draws = [measured(*run, weights) for run in zip(p, predicted, strict=True)]
        for seed, values in zip(seeds, points, strict=True):
            rows.extend((model, seed, name, float(values[name][0])) for name in MEASURES)
        for name in MEASURES:
            scored, drawn = (np.stack([seed[name] for seed in of], axis=1) for of in (points, draws))
            found = estimate(scored[0], drawn, bounds=BOUNDS.get(name, (-np.inf, np.inf)))
            ends = (found.low, found.high) if name in BOUNDS else (None, None)
            summary.append((model, name, found.value, *ends, found.seeds))

    add(POSTERIOR, [None], [of_label], [answer])
    for model, replicates in runs.items():
        add(model, replicates.seeds, replicates.probabilities, replicates.predicted)
    rates = pair_rates(planted)
    for model in runs:
        if groups.get(model):
            rows.append((model, None, "inside", inside(groups[model], rates)))
            rows.append((model, None, "inside_chance", inside(groups[model], np.ones(len(PAIRS)))))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"seed": "Int64"})
    return table, pd.DataFrame(summary, columns=SUMMARY_COLUMNS).astype({"low": float, "high": float})


def confusion_measures(confusion: np.ndarray, planted: np.ndarray) -> dict[str, np.ndarray]:
    """correlation, pair_rank and top_pairs, each (...), of counts (..., 7, 7) with the planted rates (7, 7)."""
    support = np.maximum(confusion.sum(axis=-1, keepdims=True), 1)
    mine, theirs = pair_rates(confusion), pair_rates(planted)
    ranks = [rankdata(rates, axis=-1) for rates in (mine, theirs)]
    ours = np.argsort(-np.nan_to_num(mine), axis=-1, kind="stable")[..., :TOP]
    wanted = np.argsort(-np.nan_to_num(theirs), kind="stable")[:TOP]
    return {
        "correlation": correlation((confusion / support)[..., _OFF_DIAGONAL], planted[_OFF_DIAGONAL]),
        "pair_rank": correlation(*ranks),
        "top_pairs": np.isin(ours, wanted).sum(axis=-1).astype(float),
    }


def correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's, of each of x (..., K) with y (K,); NaN where one side does not vary, as if a model says one thing."""
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean()
    spread = np.sqrt((x**2).sum(axis=-1) * (y**2).sum())
    return np.divide((x * y).sum(axis=-1), spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)


def planted_pairs(count: int = 20_000) -> pd.DataFrame:
    """planted.csv: first, second, and the planted mutual confusion of the pair, the most confused first."""
    table = pd.DataFrame(PAIRS, columns=["first", "second"]).assign(rate=planted_rates(count))
    return table.sort_values("rate", ascending=False, kind="stable", ignore_index=True)


def planted_rates(count: int = 20_000) -> np.ndarray:
    """The planted mutual confusion of PAIRS, by Monte Carlo over `count` faces: (21,)."""
    return pair_rates(planted_confusion(count=count))


def _posterior(action_units: np.ndarray) -> np.ndarray:
    blocks = np.array_split(action_units, len(action_units) // 512 + 1)  # of a size that stays in cache
    return np.concatenate([posterior(block) for block in blocks])
