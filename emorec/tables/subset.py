"""The headline results on other terms: for part of the test faces, or by other labels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.comparisons import Resampled, comparisons_table
from emorec.tables.metrics import accuracy, macro_f1
from emorec.tables.read import Model

COLUMNS = ["model", "reference", "metric", "faces", "estimate", "low", "high", "p_holm", "seeds"]


def results_table(predictions: pd.DataFrame, models: Sequence[Model], resamples: int = RESAMPLES) -> pd.DataFrame:
    """Accuracy and macro-F1 of every model but oracles, and every comparison, on the test faces of `predictions`.

    Rows without a reference are scores, as in summary.csv; the others are differences, as in comparisons.csv.
    """
    resampled = Resampled(predictions, resamples)
    scores = []
    for model in models:
        if model.kind == "oracle":
            continue
        for metric, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
            found = resampled.estimate(model.name, statistic)
            estimated = {"estimate": found.value, "low": found.low, "high": found.high, "seeds": found.seeds}
            scores.append({"model": model.name, "reference": "", "metric": metric, **estimated})
    differences = comparisons_table(resampled, models).rename(columns={"difference": "estimate"})
    table = pd.concat([pd.DataFrame(scores), differences], ignore_index=True)
    return table.assign(faces=resampled.row.size).reindex(columns=COLUMNS)
