"""The test split on all of its faces and on resamples of them, the same for every model, which pairs differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, Estimate, estimate, face_weights
from emorec.tables.metrics import confusion_counts
from emorec.tables.read import Replicates, by_model


@dataclass(frozen=True)
class Drawn:
    """A statistic of each of S seeds: on all faces, values (S,), and on B resamples of them, draws (B, S)."""

    seeds: tuple[int, ...]
    values: np.ndarray
    draws: np.ndarray

    def minus(self, other: Drawn) -> Drawn:
        """The difference, seed by seed, over the seeds that both have. EmorecError where they have none in common."""
        common = tuple(seed for seed in self.seeds if seed in other.seeds)
        if not common:
            raise EmorecError(
                f"seeds {_listed(self.seeds)} and {_listed(other.seeds)}: none in common; train both models on the same"
            )
        a, b = ([own.seeds.index(seed) for seed in common] for own in (self, other))
        return Drawn(common, self.values[a] - other.values[b], self.draws[:, a] - other.draws[:, b])

    def estimate(self, low: float = -np.inf, high: float = np.inf) -> Estimate:
        """Mean over seeds, interval within `low` to `high`, p-value of a difference from zero: see `bootstrap`."""
        return estimate(self.values, self.draws, bounds=(low, high))


class Resampled:
    """The test faces of every model, N faces with labels (N,) and rows (N,), and B resamples of them, weights (B, N).

    EmorecError where predictions have no test split.
    """

    def __init__(self, predictions: pd.DataFrame, resamples: int = RESAMPLES) -> None:
        self.runs = by_model(predictions, "test")
        if not self.runs:
            raise EmorecError("predictions: no faces of the test split; run the predictions stage again")
        first = next(iter(self.runs.values()))
        self.row, self.labels = first.row, first.labels
        self.weights = face_weights(first.labels.size, resamples)
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, model: str) -> Replicates:
        """The model's runs; EmorecError where there are none."""
        if model not in self.runs:
            raise EmorecError(f"model {model}: no predictions on the test split; run the predictions stage again")
        return self.runs[model]

    def counts(self, model: str, faces: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Confusion counts of each seed, over all or over the chosen `faces` (N,) bools: (S, 7, 7) and (B, S, 7, 7)."""
        if faces is None and model in self._counts:
            return self._counts[model]
        chosen = np.ones(self.labels.size, bool) if faces is None else faces
        labels, weights = self.labels[chosen], self.weights[:, chosen]
        predicted = self.of(model).predicted[:, chosen]
        points = np.stack([confusion_counts(labels, seed)[0] for seed in predicted])
        # A matrix product at a time: one for all seeds would hold B x N x S counts of which most are zero.
        draws = np.stack([confusion_counts(labels, seed, weights) for seed in predicted], axis=1)
        if faces is None:
            self._counts[model] = points, draws
        return points, draws

    def of_confusion(
        self, model: str, statistic: Callable[[np.ndarray], np.ndarray], faces: np.ndarray | None = None
    ) -> Drawn:
        """A statistic of confusion counts, (..., 7, 7) to (...), over all test faces or the chosen ones."""
        points, draws = self.counts(model, faces)
        return Drawn(self.of(model).seeds, statistic(points), statistic(draws))

    def accuracy(self, model: str, faces: np.ndarray | None = None) -> Drawn:
        """Share of the test faces, or of the chosen ones, that the model gets right."""
        runs = self.of(model)
        return self.mean(runs.seeds, (runs.predicted == self.labels).astype(float), faces)

    def mean(self, seeds: tuple[int, ...], values: np.ndarray, faces: np.ndarray | None = None) -> Drawn:
        """Mean over all test faces, or the chosen ones, of values (S, N); NaN where none is chosen or drawn."""
        chosen = np.ones(self.labels.size, bool) if faces is None else faces
        # One product with all weights: to pick the chosen faces' would copy them.
        totals = self.weights @ np.where(chosen, np.vstack([values, np.ones(chosen.size)]), 0).T.astype(np.float32)
        drawn = totals[:, -1:]
        means = np.divide(totals[:, :-1], drawn, out=np.full((len(totals), len(values)), np.nan), where=drawn > 0)
        return Drawn(seeds, values[:, chosen].mean(axis=1) if chosen.any() else np.full(len(values), np.nan), means)


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
