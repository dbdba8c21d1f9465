"""Tables of how each model does by itself: scores, recall, confusion, pairs, spread, summary."""

from __future__ import annotations

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.tables.bootstrap import RESAMPLES, estimate, face_weights
from emorec.tables.metrics import METRICS, confusion_counts, precision_recall_f1, scores
from emorec.tables.pairs import PAIRS, mutual_confusion
from emorec.tables.read import by_model, splits

# `predictions` is, everywhere here, what `read_predictions` returns.
BOUNDS = {"accuracy": (0, 1), "macro_f1": (0, 1), "nll": (0, np.inf), "brier": (0, 2), "ece": (0, 1)}


def scores_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """scores.csv: each of METRICS for every model, seed and split."""
    rows = []
    for split, model, seed, labels, p in _runs(predictions):
        for metric, value in scores(labels, p).items():
            rows.append({"model": model, "seed": seed, "split": split, "metric": metric, "value": float(value[0])})
    return pd.DataFrame(rows)


def recall_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """recall.csv: support, recall, precision and F1 of every emotion."""
    rows = []
    for split, model, seed, labels, p in _runs(predictions):
        confusion = confusion_counts(labels, p.argmax(axis=1))[0]
        precision, recall, f1 = precision_recall_f1(confusion)
        for c, emotion in enumerate(EMOTIONS):
            rows.append(
                {
                    "model": model,
                    "seed": seed,
                    "split": split,
                    "emotion": emotion,
                    "support": int(confusion[c].sum()),
                    "recall": recall[c],
                    "precision": precision[c],
                    "f1": f1[c],
                }
            )
    return pd.DataFrame(rows)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """confusion.csv: faces by true and predicted emotion; `rate` is the share of the true emotion's faces."""
    rows = []
    for split, model, seed, labels, p in _runs(predictions):
        confusion = confusion_counts(labels, p.argmax(axis=1))[0]
        for i, true in enumerate(EMOTIONS):
            support = confusion[i].sum()
            for j, predicted in enumerate(EMOTIONS):
                rows.append(
                    {
                        "model": model,
                        "seed": seed,
                        "split": split,
                        "true": true,
                        "predicted": predicted,
                        "count": int(confusion[i, j]),
                        "rate": confusion[i, j] / support if support else np.nan,
                    }
                )
    return pd.DataFrame(rows)


def pairs_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """pairs.csv: mutual confusion rate of all 21 pairs of emotions."""
    rows = []
    for split, model, seed, labels, p in _runs(predictions):
        rates = mutual_confusion(confusion_counts(labels, p.argmax(axis=1))[0])
        for (first, second), rate in zip(PAIRS, rates, strict=True):
            rows.append({"model": model, "seed": seed, "split": split, "first": first, "second": second, "rate": rate})
    return pd.DataFrame(rows)


def summary_table(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """summary.csv: mean and standard deviation over seeds, and the 95 % interval over faces and seeds of the mean.

    With `seeds` = 1, `sd` is empty and the interval is over faces alone. Intervals: see `bootstrap`.
    """
    rows = []
    for split in splits(predictions):
        weights = None
        for model, runs in by_model(predictions, split).items():
            if weights is None:
                weights = face_weights(runs.labels.size, resamples)
            points = [scores(runs.labels, p) for p in runs.probabilities]
            draws = [scores(runs.labels, p, weights) for p in runs.probabilities]
            for metric in METRICS:
                values = np.array([point[metric][0] for point in points])
                found = estimate(values, np.stack([d[metric] for d in draws], axis=1), bounds=BOUNDS[metric])
                rows.append(
                    {
                        "model": model,
                        "split": split,
                        "metric": metric,
                        "mean": found.value,
                        "sd": float(values.std(ddof=1)) if values.size > 1 else None,
                        "seeds": found.seeds,
                        "low": found.low,
                        "high": found.high,
                    }
                )
    table = pd.DataFrame(rows)
    return table.assign(sd=table["sd"].astype(float))


def spread_table(recall: pd.DataFrame, confusion: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """spread.csv: mean and standard deviation over seeds of every recall, confusion rate and pair's mutual confusion.

    `first` and `second` are the emotions: of a recall the first alone, of a confusion the true and the predicted one.
    With `seeds` = 1, `sd` is empty.
    """
    long = [
        recall.rename(columns={"emotion": "first", "recall": "value"}).assign(measure="recall", second=""),
        confusion.rename(columns={"true": "first", "predicted": "second", "rate": "value"}).assign(measure="confusion"),
        pairs.rename(columns={"rate": "value"}).assign(measure="pair"),
    ]
    keys = ["model", "split", "measure", "first", "second"]
    over_seeds = pd.concat(long)[[*keys, "value"]].groupby(keys, sort=False)["value"]
    return over_seeds.agg(mean="mean", sd="std", seeds="count").reset_index()


def _runs(predictions: pd.DataFrame) -> list[tuple[str, str, int, np.ndarray, np.ndarray]]:
    """(split, model, seed, labels (N,), probabilities (N, 7)) of every run on every split."""
    return [
        (split, model, seed, runs.labels, runs.probabilities[s])
        for split in splits(predictions)
        for model, runs in by_model(predictions, split).items()
        for s, seed in enumerate(runs.seeds)
    ]
