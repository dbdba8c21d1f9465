"""The edge between files and tables: embeddings and network records in, validated arrays out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emorec import EMOTIONS, npz
from emorec.errors import EmorecError
from emorec.inputs import read_json
from emorec.predictions.store import PROBABILITIES


@dataclass(frozen=True)
class Model:
    """One compared model: columns of models.csv; `control` is the model of equal compute, empty where none is.

    of: the single whose architecture and training its networks have, empty for a single.
    is_its_start: whether fine-tuning improved nothing in any seed, so that it is the mixture that it started from.
    """

    name: str
    kind: str
    grouping: str = ""
    family: str = ""
    gate: str = ""
    primary: bool = False
    control: str = ""
    of: str = ""
    is_its_start: bool = False


@dataclass(frozen=True)
class Replicates:
    """One model on one split: seeds (S), row (N,), labels (N,) and probabilities (S, N, 7)."""

    seeds: tuple[int, ...]
    row: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The likeliest emotion: (S, N)."""
        return self.probabilities.argmax(axis=2)


@dataclass(frozen=True)
class Embeddings:
    """Penultimate representation of the test faces: embeddings (N, D) float16, row (N,), label (N,)."""

    embeddings: np.ndarray
    row: np.ndarray
    label: np.ndarray


def by_model(predictions: pd.DataFrame, split: str) -> dict[str, Replicates]:
    """Arrays of each model on `split`, models in their order of appearance, seeds and rows ascending.

    Raises EmorecError where the split has none.
    """
    found = {}
    for model, own in predictions[predictions["split"] == split].groupby("model", sort=False):
        own = own.sort_values(["seed", "row"], kind="stable")
        seeds = tuple(own["seed"].unique().tolist())
        row, labels = (own[column].to_numpy()[: len(own) // len(seeds)] for column in ("row", "label"))
        probabilities = own[PROBABILITIES].to_numpy(dtype=np.float64).reshape(len(seeds), row.size, len(EMOTIONS))
        found[str(model)] = Replicates(seeds, row, labels, probabilities)
    if not found:
        raise EmorecError(f"no predictions on {split}; run the predictions stage again")
    return found


def read_embeddings(paths: Mapping[tuple[str, int], Path]) -> Iterator[tuple[tuple[str, int], Embeddings]]:
    """The embeddings of each (model, seed), sorted by row; one after the other, as many together may not fit in memory.

    Raises EmorecError for a file that is damaged or has other rows or labels than the first.
    """
    first: Embeddings | None = None
    for key, path in paths.items():
        own = _read_embedding(path)
        first = first or own
        if not (np.array_equal(own.row, first.row) and np.array_equal(own.label, first.label)):
            other = next(iter(paths.values()))
            raise EmorecError(f"{path}: its faces or labels are not those of {other}; embed every model's faces again")
        yield key, own


def _read_embedding(path: Path) -> Embeddings:
    again = "run the predictions stage again"
    try:
        embeddings, row, label = npz.read(path, ("embeddings", "row", "label")).values()
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; {again}") from None
    except (OSError, ValueError) as error:
        raise EmorecError(f"{path}: no npz file of embeddings ({error}); {again}") from None
    kinds = embeddings.dtype.kind == "f" and row.dtype.kind in "iu" and label.dtype.kind in "iu"
    if not kinds or embeddings.ndim != 2 or not len(embeddings) or not row.shape == label.shape == embeddings.shape[:1]:
        said = ", ".join(f"{array.dtype} {array.shape}" for array in (embeddings, row, label))
        raise EmorecError(f"{path}: embeddings, rows and labels do not agree ({said}); {again}")
    if not np.isfinite(embeddings).all():
        raise EmorecError(f"{path}: embeddings are not all finite (float16 overflows at 65504); {again}")
    order = np.argsort(row, kind="stable")
    return Embeddings(embeddings[order], row[order].astype(np.int64), label[order].astype(np.int64))


def read_record(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Read a JSON file. Raises EmorecError where it lacks one of `keys`."""
    record = read_json(path)
    if missing := [key for key in keys if key not in record]:
        raise EmorecError(f"{path}: no key {missing[0]!r}; run the stage that makes it again")
    return record
