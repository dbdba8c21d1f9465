"""The three splits as numbers, FER2013's names for them, and how one is made where the user's data lacks it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emorec import EMOTIONS, SPLITS

TRAIN, VAL, TEST = range(len(SPLITS))

# The Kaggle challenge ranked teams by PublicTest while it ran and by PrivateTest at its end.
USAGES = {"Training": TRAIN, "PublicTest": VAL, "PrivateTest": TEST}

VAL_FROM_TRAIN = "val is every tenth training face of each emotion, as the source has no validation faces"
TEST_FROM_VAL = "test is every second validation face of each emotion, as the source has no test faces"
BOTH_FROM_TRAIN = "val and test are each a tenth of the faces of each emotion, as the source has no splits"

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


def complete(labels: np.ndarray, split: np.ndarray, present: set[int]) -> tuple[np.ndarray, str]:
    """Splits for the faces of a source that has but those that are `present`, and a sentence on how they are made."""
    if {VAL, TEST} <= present:
        return split, ""
    if TEST in present:
        return carve(labels, split, (VAL,)), VAL_FROM_TRAIN
    if VAL in present:
        return halve(labels, split), TEST_FROM_VAL
    return carve(labels, split, (VAL, TEST)), BOTH_FROM_TRAIN
