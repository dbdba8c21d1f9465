"""Groupings found from faces: which emotions the single network confuses on val decides which share an expert.

The only stage between trainings: the singles' outputs go in, experts' emotions come out, one file a grouping.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import SpectralClustering

from emorec import EMOTIONS
from emorec.data.malformed import printable
from emorec.errors import EmorecError
from emorec.inputs import AGAIN, read_json
from emorec.tables.metrics import confusion_counts
from emorec.tables.pairs import PAIRS, mutual_confusion


def mutual_confusions(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How often each two emotions are taken for one another: (7, 7), symmetric, zero on the diagonal.

    The rates of `tables.pairs.mutual_confusion`, zero where neither emotion occurs; labels and predicted are (n,).
    """
    rates = np.nan_to_num(mutual_confusion(confusion_counts(labels, predicted)[0]))
    first, second = np.array([(EMOTIONS.index(a), EMOTIONS.index(b)) for a, b in PAIRS]).T
    found = np.zeros((len(EMOTIONS), len(EMOTIONS)))
    found[first, second] = found[second, first] = rates
    return found


def spectral_groups(confusions: np.ndarray, experts: int) -> list[list[str]]:
    """Emotions in `experts` groups, so that emotions that are confused come to share one.

    Spectral clustering (von Luxburg 2007, arXiv 0711.0189) of the graph whose edges are the mutual confusions (7, 7);
    its labels are read off by pivoted QR (Damle, Minden and Ying 2019, arXiv 1609.08251), which needs no random start.
    Groups come in the order of their first emotion. A group may have one emotion.
    """
    # No pair is wholly without confusion in the long run; without this, few faces could leave a graph in pieces.
    affinity = confusions + 1e-6
    np.fill_diagonal(affinity, 0)
    clustering = SpectralClustering(experts, affinity="precomputed", assign_labels="cluster_qr", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a graph in pieces would be clustered by chance
        found = clustering.fit_predict(affinity)
    numbers = list(dict.fromkeys(found.tolist()))
    return [[emotion for emotion, own in zip(EMOTIONS, found, strict=True) if own == number] for number in numbers]


def describe(name: str, experts: int, labels: np.ndarray, predicted: dict[int, np.ndarray]) -> dict[str, Any]:
    """A found grouping as it is written: groups, and what they were found from.

    labels: (n,) of the val faces; predicted: by seed of the single, (n,). Raises EmorecError if the confusions do not
    fall into that many groups.
    """
    confusions = np.mean([mutual_confusions(labels, answers) for answers in predicted.values()], axis=0)
    groups = spectral_groups(confusions, experts)
    if len(groups) != experts:
        raise EmorecError(
            f"groupings.{name}: the confusions on val fall into {len(groups)} groups, not {experts}; take fewer experts"
        )
    return {
        "grouping": name,
        "method": "spectral",
        "experts": experts,
        "groups": groups,
        "confusion": [[round(float(rate), 6) for rate in row] for row in confusions],
        "seeds": list(predicted),
    }


def read_groups(path: Path, experts: int) -> list[tuple[str, ...]]:
    """The groups of a found grouping's file.

    Raises EmorecError where it is missing, or does not put each emotion into one of as many groups as experts.
    """
    if not path.exists():
        raise EmorecError(f"{path}: missing; run `emorec grouping` once the single networks have their outputs")
    groups = read_json(path).get("groups")
    problem = _problem(groups, experts)
    if groups is None or problem:
        raise EmorecError(f"{path}: groups: {problem}; {AGAIN}")
    return [tuple(group) for group in groups]


def _problem(groups: Any, experts: int) -> str:
    """What keeps a value from being so many groups of all emotions; empty where nothing does."""
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        return "no list of lists of emotions"
    named = [emotion for group in groups for emotion in group]
    for emotion in named:
        if emotion not in EMOTIONS:
            return (
                f"unknown emotion '{printable(emotion, 40)}'" if isinstance(emotion, str) else "an emotion is no word"
            )
        if named.count(emotion) > 1:
            return f"{emotion} stands there twice"
    missing = [emotion for emotion in EMOTIONS if emotion not in named]
    if missing:
        return f"{', '.join(missing)} in none of them"
    if not all(groups):
        return "one of them is empty"
    if len(groups) != experts:
        return f"there are {len(groups)}, the config asks for {experts}"
    return ""
