"""Tables of models against each other on the test split, paired by face and by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, Estimate, estimate, face_weights, holm, mcnemar
from emorec.tables.controls import opponents
from emorec.tables.metrics import accuracy, confusion_counts, macro_f1
from emorec.tables.pairs import PAIRS, mutual_confusion
from emorec.tables.read import Model, Replicates, by_model

COLUMNS = ["model", "reference", "metric", "difference", "low", "high", "p", "p_holm", "mcnemar_p_max", "seeds"]
PAIR_COLUMNS = [
    "model",
    "reference",
    "first",
    "second",
    "reference_rate",
    "rate",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
]


class Resampled:
    """Confusion counts of every model on the test split, on all faces and on resamples of them.

    All models see the same resamples, which is what pairs their differences.
    """

    def __init__(self, predictions: pd.DataFrame, resamples: int = RESAMPLES) -> None:
        self.runs = by_model(predictions, "test")
        if not self.runs:
            raise EmorecError("predictions: no faces of the test split; run the predictions stage again")
        first = next(iter(self.runs.values()))
        self.row, self.labels = first.row, first.labels
        self.weights = face_weights(first.labels.size, resamples)
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def counts(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Counts of each seed on all faces (S, 7, 7) and on B resamples (B, S, 7, 7)."""
        if model not in self._counts:
            runs = self.of(model)
            points = [confusion_counts(runs.labels, predicted)[0] for predicted in runs.predicted]
            draws = [confusion_counts(runs.labels, predicted, self.weights) for predicted in runs.predicted]
            self._counts[model] = np.stack(points), np.stack(draws, axis=1)
        return self._counts[model]

    def of(self, model: str) -> Replicates:
        """The model's runs; EmorecError where there are none."""
        if model not in self.runs:
            raise EmorecError(f"model {model}: no predictions on the test split; run the predictions stage again")
        return self.runs[model]

    def shared_seeds(self, model: str, reference: str) -> tuple[list[int], list[int]]:
        """Positions of the seeds that both models have; EmorecError where they have none in common."""
        a, b = self.of(model).seeds, self.of(reference).seeds
        common = [seed for seed in a if seed in b]
        if not common:
            raise EmorecError(f"models {model} and {reference}: no seed in common; train both on the same seeds")
        return [a.index(seed) for seed in common], [b.index(seed) for seed in common]

    def difference(
        self, model: str, reference: str, statistic: Callable[[np.ndarray], np.ndarray], null: float = 0.0
    ) -> list[Estimate]:
        """Estimate `statistic` (of counts (..., 7, 7)) of the model less that of the reference, each part by itself.

        A statistic with one value a matrix gives a list of one; mutual confusion gives one of 21.
        """
        mine, theirs = self.shared_seeds(model, reference)
        (a, a_draws), (b, b_draws) = self.counts(model), self.counts(reference)
        values = statistic(a[mine]) - statistic(b[theirs])
        draws = statistic(a_draws[:, mine]) - statistic(b_draws[:, theirs])
        values, draws = values.reshape(len(mine), -1), draws.reshape(len(draws), len(mine), -1)
        return [estimate(values[:, k], draws[:, :, k], null, bounds=(-1, 1)) for k in range(values.shape[1])]


def comparisons_table(predictions: pd.DataFrame, models: Sequence[Model], resamples: int = RESAMPLES) -> pd.DataFrame:
    """comparisons.csv: difference of accuracy and of macro-F1, with interval, p-values and McNemar's test.

    Holm's family is all comparisons of one metric. McNemar is exact and by seed; the largest p-value is given.
    """
    resampled = Resampled(predictions, resamples)
    rows = []
    for model, reference in opponents(models):
        for metric, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
            (found,) = resampled.difference(model.name, reference.name, statistic)
            worst = _largest_mcnemar(resampled, model.name, reference.name) if metric == "accuracy" else np.nan
            rows.append(
                {
                    "model": model.name,
                    "reference": reference.name,
                    "metric": metric,
                    "difference": found.value,
                    "low": found.low,
                    "high": found.high,
                    "p": found.p,
                    "mcnemar_p_max": worst,
                    "seeds": found.seeds,
                }
            )
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "p_holm"])
    table["p_holm"] = table.groupby("metric")["p"].transform(holm) if len(table) else table["p"]
    return table[COLUMNS]


def pair_comparisons_table(
    predictions: pd.DataFrame, models: Sequence[Model], resamples: int = RESAMPLES
) -> pd.DataFrame:
    """pair_comparisons.csv: difference of each pair's mutual confusion rate (negative: fewer confusions).

    Holm's family is the 21 pairs of one model against one reference: which pairs changed is one question. Rates are
    means over the seeds that both models have.
    """
    resampled = Resampled(predictions, resamples)
    tables = []
    for model, reference in opponents(models):
        found = resampled.difference(model.name, reference.name, mutual_confusion)
        mine, theirs = resampled.shared_seeds(model.name, reference.name)
        table = pd.DataFrame(
            {
                "model": model.name,
                "reference": reference.name,
                "first": [first for first, _ in PAIRS],
                "second": [second for _, second in PAIRS],
                "reference_rate": mutual_confusion(resampled.counts(reference.name)[0][theirs]).mean(axis=0),
                "rate": mutual_confusion(resampled.counts(model.name)[0][mine]).mean(axis=0),
                "difference": [pair.value for pair in found],
                "low": [pair.low for pair in found],
                "high": [pair.high for pair in found],
                "p": [pair.p for pair in found],
            }
        )
        tables.append(table.assign(p_holm=holm(table["p"].to_numpy())))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PAIR_COLUMNS)


def _largest_mcnemar(resampled: Resampled, model: str, reference: str) -> float:
    a, b = resampled.of(model), resampled.of(reference)
    mine, theirs = resampled.shared_seeds(model, reference)
    return max(
        mcnemar(a.predicted[s] == a.labels, b.predicted[t] == b.labels) for s, t in zip(mine, theirs, strict=True)
    )
