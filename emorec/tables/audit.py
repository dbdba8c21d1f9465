"""Test faces that training has seen: how many there are, and what models gain on them and on the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import Faces
from emorec.data.twins import NEAREST, find_twins
from emorec.errors import EmorecError
from emorec.tables.controls import is_compared, opponents
from emorec.tables.metrics import macro_f1
from emorec.tables.read import Model
from emorec.tables.resampled import Drawn, Resampled

AUDIT_COLUMNS = ["split", "other", "faces", "exact", "twins", "mirrored", "same_label"]
TWINS_COLUMNS = ["row", "label", "twin", "exact", "distance", "nearest", "nearest_label", "mirrored"]
SCORES_COLUMNS = [
    "model",
    "reference",
    "measure",
    "emotion",
    "subset",
    "count",
    "estimate",
    "low",
    "high",
    "p",
    "seeds",
]

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


def twins_scores_table(resampled: Resampled, models: Sequence[Model], twins: pd.DataFrame) -> pd.DataFrame:
    """twins_scores.csv: accuracy, macro-F1 and recall of every compared model, and the difference of every comparison,
    on all test faces, on those with a twin in training, on the rest, and the interaction.

    `twins` is twins.csv. The interaction is the value on twins minus that on the rest, from the same resamples, so that
    it has an interval of its own. Rows without a reference are scores; there the interaction says how much easier
    twins are. EmorecError where a test face is not in `twins`.
    """
    known = twins.set_index("row")["twin"]
    if not np.isin(resampled.row, known.index).all():
        raise EmorecError("tables/twins.csv: lacks test faces that were predicted; make it anew with the audit tables")
    twin = known.loc[resampled.row].to_numpy(bool)
    compared = [model.name for model in models if is_compared(model)]
    rows = []
    for measure, emotion in (("accuracy", ""), ("macro_f1", ""), *(("recall", emotion) for emotion in EMOTIONS)):
        own = resampled.labels == EMOTIONS.index(emotion) if emotion else np.ones(twin.size, bool)
        parts = {"all": own, "twins": own & twin, "rest": own & ~twin}
        drawn = {
            model: {name: _drawn(resampled, model, measure, faces) for name, faces in parts.items()}
            for model in compared
        }
        counts = {name: int(faces.sum()) for name, faces in parts.items()} | {"interaction": int(own.sum())}
        pairs = [(model, "") for model in compared] + [(m.name, r.name) for m, r in opponents(models)]
        for model, reference in pairs:
            found = drawn[model]
            if reference:
                found = {name: found[name].minus(drawn[reference][name]) for name in parts}
            found |= {"interaction": found["twins"].minus(found["rest"])}
            for name, value in found.items():
                low, high = (0, 1) if not reference and name in parts else (-1, 1) if name in parts else (-2, 2)
                head = {"model": model, "reference": reference, "measure": measure, "emotion": emotion, "subset": name}
                estimated = value.estimate(low, high).columns("estimate")
                if not reference and name in parts:
                    estimated["p"] = np.nan  # no difference from anything
                rows.append(head | {"count": counts[name]} | estimated)
    return pd.DataFrame(rows, columns=SCORES_COLUMNS)


def _drawn(resampled: Resampled, model: str, measure: str, faces: np.ndarray) -> Drawn:
    if measure == "macro_f1":
        return resampled.of_confusion(model, macro_f1, faces)
    return resampled.accuracy(model, faces)  # among the faces of one emotion that is its recall
