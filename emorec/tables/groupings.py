"""Groupings of the emotions: what the experts specialise in, and how much of the confusion lies within a group.

A grouping gives the confusions within its groups to experts, the others to the gate.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emorec.tables.metrics import PAIRS, confusion_counts, mutual_confusion
from emorec.tables.read import by_model

Groups = Sequence[Sequence[str]]


def groupings_table(
    predictions: pd.DataFrame,
    groupings: Mapping[str, Groups],
    methods: Mapping[str, str],
    reference: str,
    planted: np.ndarray | None,
) -> pd.DataFrame:
    """groupings.csv: every expert's emotions, with three numbers of the whole grouping on each row.

    inside: share of the `reference` model's confusions on val, mutual rates of PAIRS, that fall within one group, mean
    over seeds; inside_chance: its mean over groupings of the same sizes; inside_planted: the share of the `planted`
    confusion (7, 7) of synthetic faces, empty for others. `methods`: given, spectral or random, by grouping.
    """
    runs = by_model(predictions, "val")[reference]
    rates = [pair_rates(confusion_counts(runs.labels, predicted)[0]) for predicted in runs.predicted]
    rows = []
    for name, groups in groupings.items():
        measured = (
            float(np.mean([inside(groups, rate) for rate in rates])),
            inside(groups, np.ones(len(PAIRS))),
            np.nan if planted is None else inside(groups, pair_rates(planted)),
        )
        for number, group in enumerate(groups, 1):
            rows.append((name, methods[name], number, " ".join(group), *measured))
    columns = ["grouping", "method", "expert", "emotions", "inside", "inside_chance", "inside_planted"]
    return pd.DataFrame(rows, columns=columns)


def pair_rates(confusion: np.ndarray) -> np.ndarray:
    """Mutual confusion of PAIRS, both emotions of a pair counting alike: (..., 21) from counts or rates (..., 7, 7)."""
    return mutual_confusion(confusion / np.maximum(confusion.sum(axis=-1, keepdims=True), 1e-12))


def inside(groups: Groups, rates: np.ndarray) -> float:
    """Share of the `rates` (21,) that belongs to PAIRS with both emotions in one of the groups; NaN without any."""
    sets = [set(group) for group in groups]
    own = np.array([any({*pair} <= group for group in sets) for pair in PAIRS])
    total = float(np.nansum(rates))
    return float(np.nansum(rates[own])) / total if total > 0 else float("nan")
