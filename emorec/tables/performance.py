"""Tables of how each model does by itself; `predictions` is what `read_predictions` returns."""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.tables.bootstrap import RESAMPLES, face_weights
from emorec.tables.metrics import METRICS, PAIRS, confusion_counts, mutual_confusion, precision_recall_f1, scores
from emorec.tables.read import by_model
from emorec.tables.resampled import drawn


def scores_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """scores.csv: each of METRICS for every model, seed and split."""
    runs, answers = _runs(predictions)
    value = np.array([[score[0] for score in scores(labels, p).values()] for labels, p in answers])
    return _long(runs, pd.DataFrame({"metric": list(METRICS)}), value=value)


def recall_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """recall.csv: support, recall, precision and F1 of every emotion."""
    runs, counts = _confusions(predictions)
    precision, recall, f1 = precision_recall_f1(counts)
    support = counts.sum(axis=2).astype(int)
    return _long(runs, pd.DataFrame({"emotion": EMOTIONS}), support=support, recall=recall, precision=precision, f1=f1)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """confusion.csv: faces by true and predicted emotion; `rate` is the share of the true emotion's faces."""
    runs, counts = _confusions(predictions)
    support = counts.sum(axis=2, keepdims=True)
    rate = np.divide(counts, support, out=np.full_like(counts, np.nan), where=support > 0)
    cells = pd.DataFrame(product(EMOTIONS, EMOTIONS), columns=["true", "predicted"])
    return _long(runs, cells, count=counts.astype(int), rate=rate)


def pairs_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """pairs.csv: mutual confusion rate of all 21 pairs of emotions."""
    runs, counts = _confusions(predictions)
    return _long(runs, pd.DataFrame(PAIRS, columns=["first", "second"]), rate=mutual_confusion(counts))


def summary_table(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """summary.csv: mean and standard deviation over seeds, and the mean's 95 % interval: see `bootstrap`."""
    rows = []
    for split in predictions["split"].unique():
        models = by_model(predictions, split)
        weights = face_weights(next(iter(models.values())).labels.size, resamples)
        for model, runs in models.items():
            found = drawn([partial(scores, runs.labels, p) for p in runs.probabilities], weights)
            for metric, own in found.items():
                sd = own.values.std(ddof=1) if own.values.size > 1 else np.nan
                head = {"model": model, "split": split, "metric": metric, "sd": sd}
                rows.append(head | own.estimate(0, METRICS[metric]).columns("mean"))
    return pd.DataFrame(rows)[["model", "split", "metric", "mean", "sd", "seeds", "low", "high"]]


def spread_table(recall: pd.DataFrame, confusion: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """spread.csv: mean and standard deviation over seeds of every recall, confusion rate and pair's mutual confusion.

    `first` and `second` are the emotions: of a recall the first alone, of a confusion the true and the predicted one.
    """
    long = [
        recall.rename(columns={"emotion": "first", "recall": "value"}).assign(measure="recall", second=""),
        confusion.rename(columns={"true": "first", "predicted": "second", "rate": "value"}).assign(measure="confusion"),
        pairs.rename(columns={"rate": "value"}).assign(measure="pair"),
    ]
    keys = ["model", "split", "measure", "first", "second"]
    over_seeds = pd.concat(long)[[*keys, "value"]].groupby(keys, sort=False)["value"]
    return over_seeds.agg(mean="mean", sd="std", seeds="count").reset_index()


def _runs(predictions: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[np.ndarray, np.ndarray]]]:
    """Model, seed and split of every run on every split, a row each, and its labels (N,) and probabilities (N, 7)."""
    found = [
        ((model, seed, split), (runs.labels, p))
        for split in predictions["split"].unique()
        for model, runs in by_model(predictions, split).items()
        for seed, p in zip(runs.seeds, runs.probabilities, strict=True)
    ]
    runs, answers = zip(*found, strict=True)
    return pd.DataFrame(runs, columns=["model", "seed", "split"]), list(answers)


def _confusions(predictions: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Model, seed and split of every run, and its confusion counts: (R, 7, 7)."""
    runs, answers = _runs(predictions)
    return runs, np.concatenate([confusion_counts(labels, p.argmax(axis=1)) for labels, p in answers])


def _long(runs: pd.DataFrame, entries: pd.DataFrame, **values: np.ndarray) -> pd.DataFrame:
    """A row for each of R runs and of E entries, with each of the values, (R, ...) of R × E numbers."""
    return runs.merge(entries, how="cross").assign(**{name: value.ravel() for name, value in values.items()})
