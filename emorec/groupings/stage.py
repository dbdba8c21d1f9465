"""The groupings stage's edge: the single networks' outputs to a grouping's file."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from emorec import SPLITS
from emorec.data.twins_file import load_twins
from emorec.files import write_json
from emorec.groupings.find import describe
from emorec.networks.files import load_outputs
from emorec.paths import Layout

log = logging.getLogger(__name__)


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
