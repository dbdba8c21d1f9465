"""Metrics of seven-class predictions, on arrays alone, for a whole set of faces and for its resamples alike.

`weights` (B, N) says how often each of N faces counts in each of B resamples; without it all count once, and B is 1.
"""

from itertools import combinations

import numpy as np

from emorec import EMOTIONS

METRICS = {"accuracy": 1.0, "macro_f1": 1.0, "nll": np.inf, "brier": 2.0, "ece": 1.0}  # each with its largest value
CLASSES = len(EMOTIONS)
PAIRS = tuple(combinations(EMOTIONS, 2))
# The pairs that FER2013's literature calls hard, in the order of the errors that they cause there.
HARD_PAIRS = (
    ("sad", "neutral"),
    ("fear", "sad"),
    ("angry", "sad"),
    ("fear", "surprise"),
    ("angry", "disgust"),
    ("happy", "neutral"),
)
BINS = 15
FLOOR = 2.0**-17  # probabilities are stored in steps of 2^-16: a stored zero is anything below half a step


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Count faces by true (rows) and predicted (columns) emotion: (B, 7, 7) from labels and predictions (N,)."""
    weights = np.ones((1, labels.size)) if weights is None else weights
    cells = np.zeros((labels.size, CLASSES * CLASSES), dtype=weights.dtype)
    cells[np.arange(labels.size), labels.astype(int) * CLASSES + predicted.astype(int)] = 1
    return (weights @ cells).reshape(-1, CLASSES, CLASSES)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of faces predicted rightly: (...) from counts (..., 7, 7)."""
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 by emotion, each (..., 7).

    Without faces of an emotion, recall and F1 are NaN; without predictions of it, precision is 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    absent = np.where(true > 0, 0.0, np.nan)
    return _ratio(hits, predicted), _ratio(hits, true) + absent, _ratio(2 * hits, true + predicted) + absent


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 over the emotions that have faces: (...); NaN without any face."""
    _, _, f1 = precision_recall_f1(confusion)
    present = np.isfinite(f1).sum(axis=-1)
    total = np.nansum(f1, axis=-1)
    return np.divide(total, present, out=np.full_like(total, np.nan, dtype=float), where=present > 0)


def mutual_confusion(confusion: np.ndarray) -> np.ndarray:
    """How often a face of either emotion of PAIRS is taken for the other: (..., 21) from counts (..., 7, 7).

    (n_ij + n_ji) / (n_i + n_j), where n_ij faces of emotion i are predicted as j; NaN where neither emotion occurs.
    """
    first, second = np.triu_indices(CLASSES, 1)  # PAIRS
    support = confusion.sum(axis=-1)
    swapped = (confusion[..., first, second] + confusion[..., second, first]).astype(float)
    either = support[..., first] + support[..., second]
    return np.divide(swapped, either, out=np.full_like(swapped, np.nan), where=either > 0)


def scores(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """All of METRICS, each (B,), of labels (N,) and probabilities (N, 7)."""
    confusion = confusion_counts(labels, np.asarray(probabilities).argmax(axis=1), weights)
    of_answers = {"accuracy": accuracy(confusion), "macro_f1": macro_f1(confusion)}
    return of_answers | probability_scores(labels, probabilities, weights)


def probability_scores(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """nll, brier and ece, each (B,), of labels (N,) and probabilities (N, 7).

    nll: mean natural-log loss of the truth, probabilities clipped at FLOOR. brier: mean squared distance of the
    probabilities to the one-hot truth, summed over emotions (Brier 1950: 0 to 2). ece: expected calibration error of
    the largest probability over 15 equal-width bins (Guo et al. 2017, arXiv 1706.04599).
    """
    weights = np.ones((1, labels.size)) if weights is None else weights
    p, labels, faces = np.asarray(probabilities, dtype=np.float64), labels.astype(int), np.arange(labels.size)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    per_face = np.zeros((labels.size, 2 + BINS))
    per_face[:, 0] = -np.log(np.clip(p[faces, labels], FLOOR, 1))
    per_face[:, 1] = ((p - np.eye(CLASSES)[labels]) ** 2).sum(axis=1)
    per_face[faces, 2 + bins(confidence)] = right - confidence
    means = weights @ per_face.astype(weights.dtype) / weights.sum(axis=1, keepdims=True)
    return {"nll": means[:, 0], "brier": means[:, 1], "ece": np.abs(means[:, 2:]).sum(axis=1)}


def bins(confidence: np.ndarray) -> np.ndarray:
    """The bin of each largest probability (N,), of BINS of equal width that hold their upper ends: (N,) int."""
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=float), where=denominator > 0)
