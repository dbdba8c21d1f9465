"""The three splits as numbers, FER2013's names for them, and how one is made where the user's data lacks it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emorec import EMOTIONS, SPLITS

TRAIN, VAL, TEST = range(len(SPLITS))

# The Kaggle challenge ranked teams by PublicTest while it ran and by PrivateTest at its end.
USAGES = {"Training": TRAIN, "PublicTest": VAL, "PrivateTest": TEST}

_TURN = {VAL: 4, TEST: 9}  # of every ten faces of an emotion, the fifth and the tenth


def carve(labels: np.ndarray, split: np.ndarray, missing: tuple[int, ...]) -> np.ndarray:
    """Move a tenth of the training faces to each split in `missing` (VAL, TEST, or both).

    Stratified and without chance: the training faces of each emotion are counted in source order, and of every ten the
    fifth goes to `val` and the tenth to `test`, so the same data always gives the same splits.

    Args:
        labels: (n,) emotions 0 to 6. split: (n,) indices in SPLITS.
    Returns:
        (n,) uint8, a new array; `split` is left as it was.
    """
    carved = split.astype(np.uint8)  # a copy
    for emotion in range(len(EMOTIONS)):
        faces = np.flatnonzero((split == TRAIN) & (labels == emotion))
        for other in missing:
            carved[faces[_TURN[other] :: 10]] = other
    return carved


def carve_groups(groups: Sequence[str], split: np.ndarray, missing: tuple[int, ...]) -> np.ndarray:
    """The same with whole groups, such as the faces of one person: a tenth of them, in their names' order.

    `groups`: (n,) names. Emotions are not balanced, since a person may show but a few.
    """
    carved = split.astype(np.uint8)
    names = np.array(groups)
    ordered = sorted(set(names[split == TRAIN].tolist()))
    for other in missing:
        carved[(split == TRAIN) & np.isin(names, ordered[_TURN[other] :: 10])] = other
    return carved


def halve(labels: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Move every second `val` face of each emotion, in source order, to `test`: (n,) uint8, a new array."""
    halved = split.astype(np.uint8)
    for emotion in range(len(EMOTIONS)):
        halved[np.flatnonzero((split == VAL) & (labels == emotion))[1::2]] = TEST
    return halved
