"""The test split on all of its faces and on resamples of them, the same for every model, which pairs differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emorec.tables.bootstrap import RESAMPLES, Estimate, estimate, face_weights
from emorec.tables.controls import opponents
from emorec.tables.metrics import confusion_counts
from emorec.tables.read import Model, by_model


@dataclass(frozen=True)
class Drawn:
    """A statistic of each of S seeds: on all faces, values (S,), and on B resamples of them, draws (B, S)."""

    values: np.ndarray
    draws: np.ndarray

    def minus(self, other: Drawn) -> Drawn:
        """The difference, seed by seed."""
        return Drawn(self.values - other.values, self.draws - other.draws)

    def estimate(self, least: float = -np.inf, most: float = np.inf) -> Estimate:
        """Mean over seeds, interval within `least` to `most`, p-value of a difference from zero: see `bootstrap`."""
        return estimate(self.values, self.draws, least, most)


def drawn(measures: Sequence[Callable[..., dict[str, np.ndarray]]], weights: np.ndarray) -> dict[str, Drawn]:
    """Statistics by name, of one function a seed: from weights (B, N) of the faces, or None, to each statistic (B,)."""
    points, draws = ([measure(each) for measure in measures] for each in (None, weights))
    return {
        name: Drawn(np.array([own[name][0] for own in points]), np.stack([own[name] for own in draws], axis=1))
        for name in points[0]
    }


def compared(models: Sequence[Model], statistics: Mapping[str, Drawn]) -> Iterator[tuple[str, str, Drawn]]:
    """(model, reference, statistic): each model's own, with the reference empty; then each comparison's difference."""
    for model, own in statistics.items():
        yield model, "", own
    for one, other in opponents(models):
        yield one.name, other.name, statistics[one.name].minus(statistics[other.name])


def estimates(models: Sequence[Model], statistics: Mapping[str, Drawn], **head: object) -> list[dict[str, object]]:
    """Rows of a table of shares, `head` on each: scores, which have no reference and no p-value, and differences."""
    return [
        {"model": model, "reference": reference, **head}
        | own.estimate(-1 if reference else 0, 1).columns("estimate")
        | ({} if reference else {"p": np.nan})
        for model, reference, own in compared(models, statistics)
    ]


class Resampled:
    """The test faces of every model, N with labels (N,) and rows (N,), and B resamples of them, weights (B, N)."""

    def __init__(self, predictions: pd.DataFrame, resamples: int = RESAMPLES) -> None:
        self.runs = by_model(predictions, "test")
        first = next(iter(self.runs.values()))
        self.row, self.labels = first.row, first.labels
        self.weights = face_weights(first.labels.size, resamples)
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def counts(self, model: str, faces: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Confusion counts of each seed, over all or over the chosen `faces` (N,) bools: (S, 7, 7) and (B, S, 7, 7)."""
        if faces is None and model in self._counts:
            return self._counts[model]
        chosen = np.ones(self.labels.size, bool) if faces is None else faces
        labels, weights = self.labels[chosen], self.weights[:, chosen]
        predicted = self.runs[model].predicted[:, chosen]
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
        return Drawn(statistic(points), statistic(draws))

    def mean(self, values: np.ndarray, faces: np.ndarray | None = None) -> Drawn:
        """Mean over all test faces, or the chosen ones, of values (S, N); NaN where none is chosen or drawn."""
        chosen = np.ones(self.labels.size, bool) if faces is None else faces
        # One product with all weights: to pick the chosen faces' would copy them.
        totals = self.weights @ np.where(chosen, np.vstack([values, np.ones(chosen.size)]), 0).T.astype(np.float32)
        counted = totals[:, -1:]
        means = np.divide(totals[:, :-1], counted, out=np.full((len(totals), len(values)), np.nan), where=counted > 0)
        return Drawn(values[:, chosen].mean(axis=1) if chosen.any() else np.full(len(values), np.nan), means)
