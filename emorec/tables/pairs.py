"""Mutual confusion of two emotions: how often a face of either is taken for the other."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from emorec import EMOTIONS

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


def mutual_confusion(confusion: np.ndarray) -> np.ndarray:
    """(n_ij + n_ji) / (n_i + n_j) for each of PAIRS: (..., 21) from counts (..., 7, 7).

    n_ij faces of emotion i are predicted as j; n_i faces are truly i. NaN where neither emotion occurs.
    """
    first, second = np.array([(EMOTIONS.index(a), EMOTIONS.index(b)) for a, b in PAIRS]).T
    support = confusion.sum(axis=-1)
    swapped = (confusion[..., first, second] + confusion[..., second, first]).astype(float)
    either = support[..., first] + support[..., second]
    return np.divide(swapped, either, out=np.full_like(swapped, np.nan), where=either > 0)
