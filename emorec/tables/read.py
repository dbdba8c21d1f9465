"""The edge between files and tables: predictions, embeddings and network records in, validated arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emorec import EMOTIONS, SPLITS, npz, parquet
from emorec.errors import EmorecError
from emorec.inputs import read_json
from emorec.plain import printable

PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]
KINDS = ("single", "ensemble", "mixture", "oracle")


@dataclass(frozen=True)
class Model:
    """One compared model: name, kind (of KINDS), label for readers, and what else the tables say of it.

    kind is what a model counts as: a fine-tuned or jointly trained mixture is a mixture; one that knows the label is an
    oracle. family is the config's kind, by default the same. grouping, gate, foreign: empty unless mixture; experts: 0
    unless mixture. of: the mixture whose bound an oracle is. control: the model of equal compute, empty where none is.
    `networks` maps each seed to the network.json files of the networks that the model is made of, `before` to those of
    the networks that were trained before, for these to start from.
    """

    name: str
    kind: str
    label: str
    grouping: str = ""
    networks: Mapping[int, Sequence[Path]] = field(default_factory=dict)
    family: str = ""
    gate: str = ""
    foreign: str = ""
    experts: int = 0
    of: str = ""
    control: str = ""
    before: Mapping[int, Sequence[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EmorecError(f"model {self.name}: unknown kind {self.kind!r}; use one of {', '.join(KINDS)}")


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
class Gate:
    """How a mixture's gate weighs its experts: split (N,), labels (N,), experts (E) and weights (N, E), rows sum to 1.

    The experts stand in the mixture's own order.
    """

    split: np.ndarray
    labels: np.ndarray
    experts: tuple[str, ...]
    weights: np.ndarray


@dataclass(frozen=True)
class Embeddings:
    """Penultimate representation of the test faces: embeddings (N, D) float16, row (N,), label (N,)."""

    embeddings: np.ndarray
    row: np.ndarray
    label: np.ndarray


def read_predictions(
    paths: Mapping[tuple[str, int], Path], read: Callable[[Path], pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Concatenate the predictions of each (model, seed): model, seed, split, row, label and PROBABILITIES.

    `read` reads one file; published ones have a form of their own.

    Faces are sorted by split and row, equally for every model and seed. Raises EmorecError, with the file and the
    reason, for missing columns, values that are no probabilities, sums off 1 by more than 1e-3, repeated rows, and
    rows or labels unlike the first file's.
    """
    if not paths:
        raise EmorecError("no predictions given; name at least one model")
    tables = []
    faces: pd.DataFrame | None = None
    for (model, seed), path in paths.items():
        table = _read_prediction(Path(path), read)
        own = table[["split", "row", "label"]]
        if faces is None:
            faces, first = own, path
        elif not own.equals(faces):
            raise EmorecError(
                f"{path}: its faces or labels are not those of {first}; predict every model on the same data again"
            )
        table = table[["split", "row", "label", *PROBABILITIES]]
        table.insert(0, "model", model)
        table.insert(1, "seed", seed)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def read_gates(paths: Mapping[tuple[str, int], Path]) -> dict[tuple[str, int], Gate]:
    """The gates of those (model, seed) that have one, as their predictions hold them. Errors as `read_predictions`."""
    found = {}
    for key, path in paths.items():
        table = _read_prediction(Path(path))
        columns = [column for column in table.columns if column.startswith("gate_")]
        if columns:
            weights = table[columns].to_numpy(dtype=np.float64)
            experts = tuple(column.removeprefix("gate_") for column in columns)
            found[key] = Gate(table["split"].to_numpy(), table["label"].to_numpy(), experts, weights)
    return found


def read_groups(model: Model) -> list[tuple[str, ...]]:
    """The emotions that each of a mixture's experts is asked about, by its networks' records; none where they are free.

    One that is asked about no group in particular, a generalist, is asked about all.
    """
    groups: list[tuple[str, ...]] = []
    paths = list(next(iter(model.networks.values()), ()))
    for path in paths[int(model.gate == "single") :]:  # the single in the gate's place is no expert
        record = read_record(path, ("role", "group", "mixture"))
        if record["role"] == "mixture":
            groups += [tuple(group) for group in record["mixture"]["groups"]]
        elif record["role"] in ("expert", "classifier"):
            groups.append(tuple(record["group"]) or EMOTIONS)
    return groups


def _read_prediction(path: Path, read: Callable[[Path], pd.DataFrame] | None = None) -> pd.DataFrame:
    again = "restore what was published" if read else "run the predictions stage again"
    try:
        table = (read or _read_parquet)(path)
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; {again}") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = printable(" ".join(str(error).split()), 200)
        raise EmorecError(f"{path}: no Parquet file of predictions ({reason}); {again}") from None
    missing = [c for c in ("split", "row", "label", *PROBABILITIES) if c not in table.columns]
    if missing:
        raise EmorecError(f"{path}: no column {', '.join(missing)}; {again}")
    if table.empty:
        raise EmorecError(f"{path}: no rows; {again}")
    for column in ("row", "label"):
        if not pd.api.types.is_integer_dtype(table[column]) or table[column].isna().any():
            raise EmorecError(f"{path}: {column} holds {table[column].dtype}, no whole numbers; {again}")
    unknown = sorted({str(name) for name in table["split"].unique()} - set(SPLITS))
    if unknown:
        raise EmorecError(f"{path}: unknown split {unknown[0][:40]!r}; {again}")
    split = table["split"].astype(str)
    for kind, columns in (("p", PROBABILITIES), ("gate", [c for c in table.columns if c.startswith("gate_")])):
        if columns:
            _check_distribution(path, table, columns, kind)
    if not table["label"].between(0, len(EMOTIONS) - 1).all():
        raise EmorecError(f"{path}: label outside 0 to {len(EMOTIONS) - 1}; {again}")
    if table.duplicated(["split", "row"]).any():
        raise EmorecError(f"{path}: row {table.row[table.duplicated(['split', 'row'])].iloc[0]} occurs twice; {again}")
    table = table.assign(
        split=pd.Categorical(split, categories=SPLITS, ordered=True),
        row=table["row"].astype(np.int64),
        label=table["label"].astype(np.int64),
    )
    table = table.sort_values(["split", "row"], ignore_index=True)
    return table.assign(split=table["split"].astype(str))


def _read_parquet(path: Path) -> pd.DataFrame:
    return parquet.read(path).to_pandas(ignore_metadata=True)


def _check_distribution(path: Path, table: pd.DataFrame, columns: list[str], kind: str) -> None:
    try:
        values = table[columns].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise EmorecError(f"{path}: {kind}_ columns hold no numbers; run the predictions stage again") from None
    for bad, reason in (
        (~np.isfinite(values).all(axis=1), "are not all finite"),
        (((values < 0) | (values > 1)).any(axis=1), "lie outside 0 to 1"),
        (np.abs(values.sum(axis=1) - 1) > 1e-3, "do not sum to 1"),
    ):
        if bad.any():
            row = table["row"].iloc[int(np.argmax(bad))]
            raise EmorecError(f"{path}: row {row}: {kind}_ values {reason}; run the predictions stage again")


def by_model(predictions: pd.DataFrame, split: str) -> dict[str, Replicates]:
    """Arrays of each model on `split`, models in their order of appearance, seeds and rows ascending."""
    chosen = predictions[predictions["split"] == split]
    found = {}
    for model in chosen["model"].unique():
        own = chosen[chosen["model"] == model].sort_values(["seed", "row"], kind="stable")
        seeds = tuple(int(seed) for seed in own["seed"].unique())
        shape = (len(seeds), len(own) // len(seeds))
        found[str(model)] = Replicates(
            seeds,
            own["row"].to_numpy().reshape(shape)[0],
            own["label"].to_numpy().reshape(shape)[0],
            own[PROBABILITIES].to_numpy(dtype=np.float64).reshape(*shape, len(EMOTIONS)),
        )
    return found


def splits(predictions: pd.DataFrame) -> list[str]:
    """The splits that occur, in SPLITS' order."""
    return [split for split in SPLITS if (predictions["split"] == split).any()]


def read_embeddings(paths: Mapping[tuple[str, int], Path]) -> Iterator[tuple[tuple[str, int], Embeddings]]:
    """The embeddings of each (model, seed), sorted by row; one after the other, as many together may not fit in memory.

    Raises EmorecError for a missing array, shapes that do not agree, a value that is not finite, or rows or labels
    unlike the first file's.
    """
    first: Embeddings | None = None
    for key, path in paths.items():
        own = _read_embedding(Path(path))
        first = first or own
        if not (np.array_equal(own.row, first.row) and np.array_equal(own.label, first.label)):
            raise EmorecError(
                f"{path}: its faces or labels are not those of {next(iter(paths.values()))}; "
                "embed every model's faces again"
            )
        yield key, own


def _read_embedding(path: Path) -> Embeddings:
    again = "run the predictions stage again"
    try:
        found = npz.read(path, ("embeddings", "row", "label"))
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; {again}") from None
    except (OSError, ValueError) as error:
        raise EmorecError(f"{path}: no npz file of embeddings ({error}); {again}") from None
    embeddings, row, label = found["embeddings"], found["row"], found["label"]
    if embeddings.dtype.kind != "f" or row.dtype.kind not in "iu" or label.dtype.kind not in "iu":
        raise EmorecError(f"{path}: holds {embeddings.dtype}, {row.dtype} and {label.dtype}, no embeddings; {again}")
    if embeddings.ndim != 2 or row.shape != (len(embeddings),) or label.shape != row.shape or not row.size:
        raise EmorecError(f"{path}: shapes {embeddings.shape}, {row.shape}, {label.shape} do not agree; {again}")
    if not np.isfinite(embeddings).all():
        raise EmorecError(f"{path}: embeddings are not all finite (float16 overflows at 65504); {again}")
    order = np.argsort(row, kind="stable")
    return Embeddings(embeddings[order], row[order].astype(np.int64), label[order].astype(np.int64))


def read_record(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Read a JSON file that must have `keys`; EmorecError otherwise."""
    record = read_json(Path(path))
    for key in keys:
        if key not in record:
            raise EmorecError(f"{path}: no key {key!r}; run the stage that makes it again")
    return record
