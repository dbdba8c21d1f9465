"""What is asked in what order, and what may be said of the answer: the one place where a verdict is decided.

One primary test, uncorrected: accuracy of the primary mixture against its control of equal compute. Then one secondary
family, corrected by Holm's method: its accuracy against the single, and the measures of SECONDARY against the single
and the control. Everything else is exploratory: an interval and a plain p-value, and no verdict.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emorec.tables.bootstrap import holm
from emorec.tables.controls import primary_mixture, reference_single
from emorec.tables.read import Model

LEVEL = 0.05
SECONDARY = ("macro_f1", "names_group", "within_group")


def verdict(low: float, high: float, p: float) -> str:
    """Better (higher) or worse where the interval excludes zero and p, corrected for its family, is at most LEVEL."""
    if p <= LEVEL and low > 0:
        return "better"
    return "worse" if p <= LEVEL and high < 0 else "not told apart"


def tier(models: Sequence[Model], model: str, reference: str, measure: str) -> str:
    """Whether the comparison of two models by a measure is primary, secondary or exploratory."""
    primary, single = primary_mixture(models), reference_single(models)
    if primary is None or model != primary.name or reference not in (primary.control, single.name):
        return "exploratory"
    if measure == "accuracy":
        return "primary" if reference == primary.control else "secondary"
    return "secondary" if measure in SECONDARY else "exploratory"


def with_verdicts(table: pd.DataFrame, models: Sequence[Model]) -> pd.DataFrame:
    """The comparisons with columns tier, p_holm (of the secondary family alone) and verdict (empty where exploratory).

    `table` has model, reference, measure, low, high and p; higher is better.
    """
    rows = table[["model", "reference", "measure"]].itertuples(index=False)
    tiers = np.array([tier(models, *row) for row in rows], dtype=object)
    family = tiers == "secondary"
    p_holm = np.full(len(table), np.nan)
    p_holm[family] = holm(table["p"].to_numpy()[family])
    corrected = np.where(family, p_holm, table["p"])
    found = [
        verdict(low, high, p) if own != "exploratory" else ""
        for own, low, high, p in zip(tiers, table["low"], table["high"], corrected, strict=True)
    ]
    return table.assign(tier=tiers, p_holm=p_holm, verdict=found)
