"""The three splits as numbers, FER2013's names for them, and how one is made where the user's data lacks it."""

import numpy as np

from emorec import EMOTIONS, SPLITS

TRAIN, VAL, TEST = range(len(SPLITS))

# The Kaggle challenge ranked teams by PublicTest while it ran and by PrivateTest at its end.
USAGES = {"Training": TRAIN, "PublicTest": VAL, "PrivateTest": TEST}

VAL_FROM_TRAIN = "val is every tenth training face of each emotion, as the source has no validation faces"
TEST_FROM_VAL = "test is every second validation face of each emotion, as the source has no test faces"
BOTH_FROM_TRAIN = "val and test are each a tenth of the faces of each emotion, as the source has no splits"
BY_SUBJECT = "val and test are each a tenth of the subjects, as the source has no splits"

_TURN = {VAL: 4, TEST: 9}  # of every ten faces of an emotion, the fifth and the tenth


def carve(labels: np.ndarray, split: np.ndarray, missing: tuple[int, ...]) -> np.ndarray:
    """Move a tenth of the training faces to each split in `missing` (VAL, TEST, or both).

    Stratified and without chance: the training faces of each emotion are counted in source order, and of every ten the
    fifth goes to `val` and the tenth to `test`, so the same data always gives the same splits. `labels` (n,) are
    emotions 0 to 6, `split` (n,), which is left as it was, and what is returned are indices in SPLITS.
    """
    carved = split.astype(np.uint8)  # a copy
    for other in missing:
        carved[_every(10, _TURN[other], labels, split == TRAIN)] = other
    return carved


def complete(
    labels: np.ndarray, split: np.ndarray, present: set[int], subjects: np.ndarray | None = None
) -> tuple[np.ndarray, str]:
    """Splits for the faces of a source that has but those that are `present`, and a sentence on how they are made.

    Where the `subjects` (n,) are known and no split is, a tenth of them goes to each of `val` and `test`.
    """
    if {VAL, TEST} <= present:
        return split, ""
    if TEST in present:
        return carve(labels, split, (VAL,)), VAL_FROM_TRAIN
    if VAL in present:
        halved = split.astype(np.uint8)
        halved[_every(2, 1, labels, split == VAL)] = TEST
        return halved, TEST_FROM_VAL
    if subjects is None:
        return carve(labels, split, (VAL, TEST)), BOTH_FROM_TRAIN
    turn = np.unique(subjects, return_inverse=True)[1] % 10
    apart = split.astype(np.uint8)
    for other in (VAL, TEST):
        apart[turn == _TURN[other]] = other
    return apart, BY_SUBJECT


def _every(step: int, first: int, labels: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The places of every tenth face, say, of each emotion `among` (n,) bool, from its `first` on."""
    faces = (np.flatnonzero(among & (labels == emotion)) for emotion in range(len(EMOTIONS)))
    return np.concatenate([own[first::step] for own in faces])
