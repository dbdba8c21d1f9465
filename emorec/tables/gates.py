"""How mixtures' gates share the faces out: by emotion, by expert, and whether a gate has collapsed.

A gate collapses when it learns to select the same few experts whatever the face (Shazeer et al. 2017, arXiv 1701.06538,
section 4). Two numbers tell that from a gate that decides: the entropy of its weights for a face, low where it is sure
which expert to select, and that of its mean weights over faces, high where all experts are selected for some.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import entr

from emorec import EMOTIONS, SPLITS
from emorec.errors import EmorecError
from emorec.predictions.store import Gate

LEAST_BALANCE = 0.5  # of the entropy that equal shares have
LEAST_SHARE = 0.1  # of an equal share

Gates = Mapping[tuple[str, int], Gate]


def gate_table(gates: Gates, groups: Mapping[str, Sequence[Sequence[str]]]) -> pd.DataFrame:
    """gate.csv: mean weight of each expert on the faces of each emotion.

    `own`: whether the emotion is among the expert's, by the model's `groups`, one an expert, or none at all. Raises
    EmorecError where there are not as many groups as experts.
    """
    rows = []
    for model, seed, split, experts, labels, weights in _by_split(gates):
        owned = list(groups.get(model, ())) or [()] * len(experts)
        if len(owned) != len(experts):
            raise EmorecError(
                f"model {model}: {len(owned)} groups for {len(experts)} experts; run the predictions stage again"
            )
        for c, emotion in enumerate(EMOTIONS):
            faces = weights[labels == c]
            means = faces.mean(axis=0) if len(faces) else np.full(len(experts), np.nan)
            for expert, mean, own in zip(experts, means, owned, strict=True):
                rows.append((model, seed, split, emotion, expert, float(mean), emotion in own))
    return pd.DataFrame(rows, columns=["model", "seed", "split", "emotion", "expert", "weight", "own"])


def gate_use_table(gates: Gates) -> pd.DataFrame:
    """gate_use.csv: how much each expert is used; entropy, balance and collapsed are the gate's, on each of its rows.

    share: the expert's mean weight. top_share: share of the faces on which its weight is the largest. entropy: mean
    over faces of the entropy of the weights, and balance: entropy of the shares, both over log(experts), 0 to 1.
    """
    rows = []
    for model, seed, split, experts, _, weights in _by_split(gates):
        shares = weights.mean(axis=0)
        tops = np.bincount(weights.argmax(axis=1), minlength=len(experts)) / len(weights)
        of_gate = (float(entropy(weights).mean()), float(entropy(shares)), collapsed(shares))
        for expert, share, top in zip(experts, shares, tops, strict=True):
            rows.append((model, seed, split, expert, float(share), float(top), *of_gate))
    columns = ["model", "seed", "split", "expert", "share", "top_share", "entropy", "balance", "collapsed"]
    return pd.DataFrame(rows, columns=columns)


def entropy(weights: np.ndarray) -> np.ndarray:
    """Entropy of weights (..., E) that sum to 1, over log(E): (...), 0 where one expert has all, 1 where all share."""
    return entr(weights).sum(axis=-1) / np.log(weights.shape[-1])


def collapsed(shares: np.ndarray) -> bool:
    """Whether a gate with these mean weights (E,) has collapsed, by LEAST_BALANCE or LEAST_SHARE."""
    return bool(entropy(shares) < LEAST_BALANCE or shares.min() < LEAST_SHARE / shares.size)


def _by_split(gates: Gates) -> Iterator[tuple[str, int, str, tuple[str, ...], np.ndarray, np.ndarray]]:
    """(model, seed, split, experts, labels (N,), weights (N, E)) of every gate on every split."""
    for split in SPLITS:
        for (model, seed), gate in gates.items():
            chosen = gate.split == split
            if chosen.any():
                yield model, seed, split, gate.experts, gate.labels[chosen], gate.weights[chosen]
