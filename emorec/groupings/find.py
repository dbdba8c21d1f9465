"""Finding a grouping by what the single network confuses: its outputs in, a grouping's file out."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.cluster import SpectralClustering

from emorec import EMOTIONS, SPLITS
from emorec import config as configs
from emorec.config import Study
from emorec.data.stored import load_twins
from emorec.errors import EmorecError
from emorec.files import write_json
from emorec.networks.outputs import load_outputs
from emorec.paths import Layout
from emorec.tables.metrics import PAIRS, confusion_counts, mutual_confusion

log = logging.getLogger(__name__)


def stage(name: str, study: Study, layout: Layout) -> None:
    """Find a grouping of a study, apart from `find` so that this does not depend on all that follows from a config."""
    experts = configs.spectral_groupings(study)[name]
    without_twins = configs.training_of(study, study.reference).twins == "drop"
    find(name, experts, study.reference, study.seeds, layout, without_twins)


def find(name: str, experts: int, single: str, seeds: Sequence[int], layout: Layout, without_twins: bool) -> None:
    """Find a grouping for so many experts from what the single network confuses on val, over all seeds.

    Faces of val with a twin in test have no say where the single is trained `without_twins`.
    """
    predicted = {}
    for seed in seeds:
        outputs = load_outputs(layout.network(single, seed) / "outputs.npz")
        val = outputs["split"] == SPLITS.index("val")
        if without_twins:
            val &= ~load_twins(layout.twins, outputs["row"])
        labels, predicted[seed] = outputs["label"][val], outputs["logits"][val].argmax(axis=1)
    found = describe(name, experts, labels, predicted)
    write_json(layout.grouping(name), found)
    log.info("%s: %s", name, "; ".join(", ".join(group) for group in found["groups"]))


def mutual_confusions(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How often each two emotions are taken for one another, from labels and answers (n,): (7, 7), symmetric."""
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
    """A found grouping as it is written, from labels (n,) and the single's answers (n,) by seed.

    Raises EmorecError if the confusions do not fall into that many groups.
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
