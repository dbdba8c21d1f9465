"""Test faces that training has seen: how many there are, and what models gain on them and on the rest."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import Faces
from emorec.data.twins import NEAREST, find_twins
from emorec.errors import EmorecError
from emorec.tables.controls import is_compared
from emorec.tables.metrics import macro_f1
from emorec.tables.read import Model
from emorec.tables.resampled import Drawn, Resampled, compared

# Faces of the first, looked for in the second.
LOOKED_FOR = (*zip(SPLITS, SPLITS, strict=True), ("val", "train"), ("test", "val"), ("test", "train"))


def audit_tables(faces: Faces, nearest: int = NEAREST) -> tuple[pd.DataFrame, pd.DataFrame]:
    """audit.csv: for each of LOOKED_FOR how many faces of `split` have a face in `other` that is equal to the last
    pixel (`exact`) or a twin (`twins`, exact ones included), and how many of the twins have the `same_label`.

    And twins.csv: each test face with its nearest training face; `distance` is 1 - similarity, empty where no training
    face comes near. `nearest`: as in `find_twins`.
    """
    rows, names = [], np.array(EMOTIONS)
    for split, other in LOOKED_FOR:
        queries, references = (np.flatnonzero(faces.split == SPLITS.index(name)) for name in (split, other))
        twins = find_twins(faces.images, queries, references, nearest)
        found, labels, of_nearest = twins.found, faces.labels[queries], faces.labels[twins.nearest]
        rows.append(
            {
                "split": split,
                "other": other,
                "faces": queries.size,
                "exact": int(twins.exact.sum()),
                "twins": int(found.sum()),
                "mirrored": int((found & twins.mirrored).sum()),
                "same_label": (labels == of_nearest)[found].mean() if found.any() else np.nan,
            }
        )
    # The last that were looked for are test faces among the training faces.
    near = twins.nearest >= 0
    of_test = {
        "row": faces.row[queries],
        "label": names[labels],
        "twin": found,
        "exact": twins.exact,
        "distance": np.where(near, (1 - twins.similarity.astype(float)).round(4), np.nan),
        "nearest": pd.Series(faces.row[twins.nearest], dtype="Int64").where(near),
        "nearest_label": np.where(near, names[of_nearest], ""),
        "mirrored": found & twins.mirrored,
    }
    return pd.DataFrame(rows), pd.DataFrame(of_test)


def twins_scores_table(resampled: Resampled, models: Sequence[Model], twins: pd.DataFrame) -> pd.DataFrame:
    """twins_scores.csv: accuracy, macro-F1 and recall of every compared model, and the difference of every comparison,
    on all test faces, on those with a twin in training, on the rest, and the interaction.

    `twins` is twins.csv. The interaction is the value on twins minus that on the rest, from the same resamples. Rows
    without a reference are scores. Raises EmorecError where a test face is not in `twins`.
    """
    known = twins.set_index("row")["twin"]
    if not np.isin(resampled.row, known.index).all():
        raise EmorecError("tables/twins.csv: lacks test faces that were predicted; make it anew with the audit tables")
    twin = known.loc[resampled.row].to_numpy(bool)
    names = [model.name for model in models if is_compared(model)]
    rows = []
    for measure, emotion in (("accuracy", ""), ("macro_f1", ""), *(("recall", emotion) for emotion in EMOTIONS)):
        own = resampled.labels == EMOTIONS.index(emotion) if emotion else np.ones(twin.size, bool)
        parts = {"all": own, "twins": own & twin, "rest": own & ~twin}
        counts = {name: int(faces.sum()) for name, faces in parts.items()} | {"interaction": int(own.sum())}
        statistics = [
            compared(models, {name: _statistic(resampled, name, measure, faces) for name in names})
            for faces in parts.values()
        ]
        for (model, reference, whole), (_, _, on_twins), (_, _, on_rest) in zip(*statistics, strict=True):
            found = {"all": whole, "twins": on_twins, "rest": on_rest, "interaction": on_twins.minus(on_rest)}
            for subset, value in found.items():
                head = {"model": model, "reference": reference, "measure": measure, "emotion": emotion}
                most = 1 if subset in parts else 2
                is_score = not reference and subset in parts
                estimated = value.estimate(0 if is_score else -most, most).columns("estimate")
                if is_score:
                    estimated["p"] = np.nan  # no difference from anything
                rows.append(head | {"subset": subset, "count": counts[subset]} | estimated)
    return pd.DataFrame(rows)


def _statistic(resampled: Resampled, model: str, measure: str, faces: np.ndarray) -> Drawn:
    if measure == "macro_f1":
        return resampled.of_confusion(model, macro_f1, faces)
    # Accuracy, which among the faces of one emotion is its recall.
    return resampled.mean(resampled.runs[model].predicted == resampled.labels, faces)
