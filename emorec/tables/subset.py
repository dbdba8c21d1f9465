"""The headline results on other terms: for part of the test faces, or by other labels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.comparisons import comparisons_table
from emorec.tables.performance import summary_table
from emorec.tables.read import Model

COLUMNS = ["model", "reference", "metric", "faces", "estimate", "low", "high", "p_holm"]


def results_table(predictions: pd.DataFrame, models: Sequence[Model], resamples: int = RESAMPLES) -> pd.DataFrame:
    """Accuracy and macro-F1 of every model, and every comparison, on the test faces of `predictions`.

    Rows without a reference are scores, as in summary.csv; the others are differences, as in comparisons.csv.
    """
    test = predictions[predictions["split"] == "test"]
    scores = summary_table(test, resamples)
    scores = scores[scores["metric"].isin(["accuracy", "macro_f1"])].rename(columns={"mean": "estimate"})
    differences = comparisons_table(test, models, resamples).rename(columns={"difference": "estimate"})
    table = pd.concat([scores.assign(reference=""), differences], ignore_index=True)
    return table.assign(faces=test["row"].nunique()).reindex(columns=COLUMNS)
