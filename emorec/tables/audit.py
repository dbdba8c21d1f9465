"""Test faces that training has seen: how many there are, and what is left of the results without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import Faces
from emorec.data.twins import NEAREST, find_twins
from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.read import Model
from emorec.tables.subset import results_table

AUDIT_COLUMNS = ["split", "other", "faces", "exact", "twins", "mirrored", "same_label"]
TWINS_COLUMNS = ["row", "label", "twin", "exact", "distance", "nearest", "nearest_label", "mirrored"]

# Faces of the first, looked for in the second.
LOOKED_FOR = (
    ("train", "train"),
    ("val", "val"),
    ("test", "test"),
    ("val", "train"),
    ("test", "val"),
    ("test", "train"),
)


def audit_tables(faces: Faces, nearest: int = NEAREST) -> tuple[pd.DataFrame, pd.DataFrame]:
    """audit.csv and twins.csv.

    audit: for each of LOOKED_FOR the faces of `split`, how many have a face in `other` that is equal to the last pixel
    (`exact`) or a twin (`twins`, exact ones included), how many twins are `mirrored`, and the share of twins whose
    label is the same (empty without twins). Within a split, both of two twins are counted.

    twins: each test face with its nearest training face; `distance` is 1 - similarity, empty where no training face
    comes near. `nearest`: as in `find_twins`.
    """
    rows, of_test = [], None
    for split, other in LOOKED_FOR:
        queries, references = (np.flatnonzero(faces.split == SPLITS.index(name)) for name in (split, other))
        twins = find_twins(faces.images, queries, references, nearest)
        found = twins.found
        same = faces.labels[queries] == faces.labels[twins.nearest]
        rows.append(
            {
                "split": split,
                "other": other,
                "faces": queries.size,
                "exact": int(twins.exact.sum()),
                "twins": int(found.sum()),
                "mirrored": int((found & twins.mirrored).sum()),
                "same_label": same[found].mean() if found.any() else np.nan,
            }
        )
        if (split, other) == ("test", "train"):
            near = twins.nearest >= 0
            names = np.array(EMOTIONS)
            of_test = pd.DataFrame(
                {
                    "row": faces.row[queries],
                    "label": names[faces.labels[queries]],
                    "twin": found,
                    "exact": twins.exact,
                    "distance": np.where(near, (1 - twins.similarity.astype(float)).round(4), np.nan),
                    "nearest": pd.array(np.where(near, faces.row[twins.nearest], -1), dtype="Int64"),
                    "nearest_label": np.where(near, names[faces.labels[twins.nearest]], ""),
                    "mirrored": found & twins.mirrored,
                },
                columns=TWINS_COLUMNS,
            )
            of_test.loc[~near, "nearest"] = pd.NA
    assert of_test is not None
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS), of_test


def without_twins_table(
    predictions: pd.DataFrame, models: Sequence[Model], twins: pd.DataFrame, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """without_twins.csv: `results_table` without the test faces that have a twin in training.

    `twins` is twins.csv. EmorecError where no test face is, or where one is not in `twins`.
    """
    test = predictions[predictions["split"] == "test"]
    if not test["row"].isin(twins["row"]).all():
        raise EmorecError("tables/twins.csv: lacks test faces that were predicted; make it anew with the audit tables")
    kept = test[~test["row"].isin(twins.loc[twins["twin"].astype(bool), "row"])]
    if kept.empty:
        raise EmorecError("tables/twins.csv: every test face has a twin in training; nothing is left to score")
    return results_table(kept, models, resamples)
