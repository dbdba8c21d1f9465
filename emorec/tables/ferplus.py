"""What FER+'s ten taggers say of the test faces: of the labels, of the models, and of their errors.

A face is judged by its majority, the tag with the most votes, if that is one of FER2013's seven emotions; ties,
contempt, unknown and no face leave a face out. Its agreement is the share of the votes that the majority has.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.data.votes import Votes, majority
from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.controls import is_compared
from emorec.tables.metrics import accuracy, macro_f1
from emorec.tables.read import Model
from emorec.tables.resampled import Resampled, estimates

FERPLUS_COLUMNS = ["model", "seed", "agreement", "faces", "judged", "label_accuracy", "majority_accuracy"]
FERPLUS_COLUMNS += ["errors", "sided", "kept", "ceiling", "tagger"]
# The majority's share of the votes, from which on and below which a face is on the level; of ten votes.
LEVELS = {"all": (0.0, 2.0), "10": (1.0, 2.0), "8 or 9": (0.8, 1.0), "6 or 7": (0.6, 0.8), "5 or fewer": (0.0, 0.6)}


def levels(votes: np.ndarray) -> dict[str, np.ndarray]:
    """Which faces belong to each of LEVELS: (n,) bools from votes (n, 10)."""
    share = votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1) + 1e-9
    return {name: (least <= share) & (share < below) for name, (least, below) in LEVELS.items()}


def ceiling(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How often the likeliest emotion by the votes is the label: (n,), one or none, a share where emotions are tied."""
    own = votes[:, : len(EMOTIONS)]
    most = own == own.max(axis=1, keepdims=True)
    return most[np.arange(labels.size), labels] / most.sum(axis=1)


def tagger(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How often a tagger drawn at random voted for the label: (n,)."""
    return votes[np.arange(labels.size), labels] / np.maximum(votes.sum(axis=1), 1)


def ferplus_table(resampled: Resampled, votes: Votes) -> pd.DataFrame:
    """ferplus.csv: by model, seed and agreement, on the test faces. Raises EmorecError where a face has no votes.

    Over the judged faces of a level: accuracies, errors by the label, and of these the share in which the majority
    sides with the model (`sided`) and in which it keeps to the label (`kept`). The rows without a model are about the
    labels; `ceiling` and `tagger` are over all faces of the level.
    """
    own, labels = of_faces(votes, resampled.row), resampled.labels
    voted = majority(own)
    judged = (voted >= 0) & (voted < len(EMOTIONS))
    rows = []
    for level, at in levels(own).items():
        counted = at & judged
        counts = {"agreement": level, "faces": int(at.sum()), "judged": int(counted.sum())}
        of_labels = {
            "majority_accuracy": _mean((labels == voted)[counted]),
            "ceiling": _mean(ceiling(own, labels)[at]),
            "tagger": _mean(tagger(own, labels)[at]),
        }
        rows.append({"model": "", **counts, **of_labels})
        for model, replicates in resampled.runs.items():
            for seed, predicted in zip(replicates.seeds, replicates.predicted, strict=True):
                wrong = counted & (predicted != labels)
                measured = {
                    "label_accuracy": _mean((predicted == labels)[counted]),
                    "majority_accuracy": _mean((predicted == voted)[counted]),
                    "errors": int(wrong.sum()),
                    "sided": _mean((predicted == voted)[wrong]),
                    "kept": _mean((labels == voted)[wrong]),
                }
                rows.append({"model": model, "seed": seed, **counts, **measured})
    table = pd.DataFrame(rows, columns=FERPLUS_COLUMNS)
    return table.astype({"seed": "Int64", "errors": "Int64"})


def by_majority_table(
    predictions: pd.DataFrame, models: Sequence[Model], votes: Votes, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """by_majority.csv: accuracy and macro-F1 by the taggers' majority in the label's place, on the judged faces."""
    test = predictions[predictions["split"] == "test"]
    voted = majority(of_faces(votes, test["row"].to_numpy()))
    judged = (voted >= 0) & (voted < len(EMOTIONS))
    resampled = Resampled(test.assign(label=voted)[judged], resamples)
    names = [model.name for model in models if is_compared(model)]
    rows = []
    for measure, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
        found = {name: resampled.of_confusion(name, statistic) for name in names}
        rows += estimates(models, found, measure=measure, faces=resampled.row.size)
    return pd.DataFrame(rows)


def of_faces(votes: Votes, row: np.ndarray) -> np.ndarray:
    """The votes (n, 10) of the faces with these rows (n,). EmorecError where one has none."""
    place = pd.Index(votes.row).get_indexer(row)
    if (place < 0).any():
        raise EmorecError("data/votes.npz: lacks test faces that were predicted; run the data stage again")
    return votes.votes[place].astype(int)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
