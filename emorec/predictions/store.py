"""Predictions of all models in one file, and embeddings of each replicate: how they are written and read."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emorec import EMOTIONS, SPLITS
from emorec.config.sections import Strict
from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.plain import plain, printable
from emorec.predictions.combine import ModelOutputs

# Probabilities and gate's weights are kept in steps of 2^-16, of which a face's are 65,536 in all: what is published
# then are the run's own predictions, and they are small. With all bits of float32 they would be twice as large.
STEPS = 2**16
GATE = "gate_"
FACE = ["split", "row", "label"]
PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]
GATES = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [("model", pa.string()), ("seed", pa.int64()), ("split", pa.string()), ("row", pa.int32()), ("label", pa.uint8())]
    + [(name, pa.float32()) for name in PROBABILITIES]
    + [("gate", GATES)]
)
NAMES, NUMBERS = ["model", "split"], ["seed", "row", "label"]
KEY = b"emorec"
AGAIN = "run the predictions stage again, or restore what was published"
# A kilobyte of Parquet may stand for a billion rows: by far the faces in val and test, of all models and seeds.
MOST_ROWS = 5_000_000
MOST_VALUES = 20 * MOST_ROWS  # of a column, whose rows may be lists


ByReplicate = dict[tuple[str, int], pd.DataFrame]  # by model and seed


class Metadata(Strict):
    """What the file's metadata say: the experts' names by model, and temperatures of gates by `model/seed`."""

    experts: dict[str, list[str]]
    temperatures: dict[str, float]


@dataclass(frozen=True)
class Gate:
    """How a mixture weighs its experts: split (N,), labels (N,), experts (E) in its order, weights (N, E)."""

    split: np.ndarray
    labels: np.ndarray
    experts: tuple[str, ...]
    weights: np.ndarray


def prediction_frame(outputs: ModelOutputs, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    """A row a face: split, row, label, p_<emotion> ×7, gate_<expert> where there is a gate; float32, whole STEPS."""
    frame = pd.DataFrame({"split": np.array(SPLITS)[split], "row": row, "label": label})
    frame[PROBABILITIES] = _in_whole_steps(outputs.probabilities)
    if outputs.gate:
        frame[[f"{GATE}{name}" for name in outputs.gate]] = _in_whole_steps(np.stack(list(outputs.gate.values()), 1))
    return frame


def _in_whole_steps(shares: np.ndarray) -> np.ndarray:
    return (in_steps(shares) / STEPS).astype(np.float32)  # exact: seventeen bits at most


def in_steps(shares: np.ndarray) -> np.ndarray:
    """Shares (n, k) of 1 as whole numbers of STEPS, (n, k) int32 with sums of STEPS, by largest remainders.

    Lines that do not sum to 1 within 1e-3, or hold no numbers, are no shares: they are left for the reader to refuse.
    """
    whole = shares.sum(axis=1, keepdims=True, dtype=np.float64)
    sound = np.abs(whole - 1) < 1e-3
    exact = np.where(sound, shares / np.where(sound, whole, 1), np.nan_to_num(shares)) * STEPS
    steps = np.floor(exact)
    left = np.where(sound, STEPS - steps.sum(axis=1, keepdims=True), 0)
    rank = np.argsort(np.argsort(steps - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return (steps + (rank < left)).astype(np.int32)


def write_predictions(path: Path, frames: Mapping[tuple[str, int], pd.DataFrame]) -> None:
    """One file of all models and seeds, with the columns of SCHEMA; `gate` has a mixture's weights, one an expert.

    The experts' names, and the temperature of a gate that has one (`frame.attrs`), stand in the file's metadata.
    """
    tables, metadata = [], Metadata(experts={}, temperatures={})
    for (model, seed), frame in frames.items():
        weights = [name for name in frame.columns if name.startswith(GATE)]
        metadata.experts[model] = [name.removeprefix(GATE) for name in weights]
        if "gate_temperature" in frame.attrs:
            metadata.temperatures[f"{model}/{seed}"] = frame.attrs["gate_temperature"]
        gate = pa.array(list(frame[weights].to_numpy(np.float32)) if weights else [None] * len(frame), GATES)
        columns = {"model": [model] * len(frame), "seed": [seed] * len(frame), "gate": gate}
        columns |= {name: frame[name] for name in (*FACE, *PROBABILITIES)}
        tables.append(pa.table({name: columns[name] for name in SCHEMA.names}, SCHEMA))
    whole = pa.concat_tables(tables).replace_schema_metadata({KEY: json.dumps(metadata.model_dump()).encode()})
    split = dict.fromkeys((*PROBABILITIES, "gate.list.element"), "BYTE_STREAM_SPLIT")
    with atomic(path) as temporary:
        pq.write_table(
            whole,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=["model", "seed", "split", "label"],
            column_encoding=split | {"row": "DELTA_BINARY_PACKED"},
        )


def read_predictions(path: Path, replicates: Iterable[tuple[str, int]] | None = None) -> pd.DataFrame:
    """The predictions of all models and seeds: model, seed, split, row, label and PROBABILITIES.

    Replicates stand in the order asked for, or else in the file's; faces are sorted by split and row, equally for all.
    Raises EmorecError for a replicate that is missing, for what are no probabilities, and faces that are not all's.
    """
    found, _ = _read(path, replicates)
    return pd.concat(found.values(), ignore_index=True).drop(columns="gate")


def read_gates(path: Path, replicates: Iterable[tuple[str, int]] | None = None) -> dict[tuple[str, int], Gate]:
    """The gates of those (model, seed) that have one. Errors as `read_predictions`."""
    found, metadata = _read(path, replicates)
    gates = {}
    for (model, seed), own in found.items():
        if experts := metadata.experts.get(model):
            weights = np.stack(own["gate"].to_list()).astype(np.float64)
            gates[model, seed] = Gate(own["split"].to_numpy(), own["label"].to_numpy(), tuple(experts), weights)
    return gates


def read_temperature(path: Path, model: str, seed: int) -> float:
    """The temperature of a mixture's gate that was fitted on val. EmorecError where the file does not say."""
    try:
        return _metadata(pq.read_schema(path)).temperatures[f"{model}/{seed}"]
    except (OSError, ValueError, KeyError, pa.ArrowException):
        raise EmorecError(f"{path}: does not say the gate's temperature of {model}; {AGAIN}") from None


def _read(path: Path, replicates: Iterable[tuple[str, int]] | None) -> tuple[ByReplicate, Metadata]:
    """What stands in the file of these replicates, in their order, checked."""
    try:
        table, metadata = _load(path)
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; {AGAIN}") from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise EmorecError(f"{path}: no Parquet file of predictions ({plain(error)}); {AGAIN}") from None
    try:
        found = _by_replicate(table)
        wanted = list(found if replicates is None else replicates)
        _check_replicates(found, wanted, metadata)
        return {key: found[key].astype({"split": str}) for key in wanted}, metadata
    except _Unusable as error:
        raise EmorecError(f"{path}: {error}; {AGAIN}") from None


class _Unusable(Exception):
    """What is wrong with predictions, in one line."""


def _load(path: Path) -> tuple[pd.DataFrame, Metadata]:
    """The table, whose names are kept once rather than once a row. ValueError where there is more than there can be."""
    about = pq.read_metadata(path)
    if about.num_rows > MOST_ROWS:
        raise ValueError(f"{about.num_rows:,} rows are no predictions")
    metadata = _metadata(pq.read_schema(path))
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    for column in range(about.num_columns):
        values = sum(group.column(column).num_values for group in groups)
        if values > MOST_VALUES:
            raise ValueError(f"{values:,} values in a column are no predictions")
    with pq.ParquetFile(path, read_dictionary=NAMES) as file:
        return file.read().to_pandas(ignore_metadata=True), metadata


def _metadata(schema: pa.Schema) -> Metadata:
    """What a file with the columns of SCHEMA says of itself. KeyError or ValueError where it is another."""
    if len(set(schema.names)) != len(schema.names):
        raise ValueError("a column stands there twice")
    if schema.names != SCHEMA.names:
        raise ValueError(f"its columns are not {', '.join(SCHEMA.names)}")

    def check(names: Iterable[str], wanted: str, *kinds: Callable[[pa.DataType], bool]) -> None:
        for name in names:
            kind = schema.field(name).type
            if not any(is_kind(kind) for is_kind in kinds):
                raise ValueError(f"the column {name!r} holds {kind}, no {wanted}")

    check(NAMES, "names", pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
    check(NUMBERS, "whole numbers", pa.types.is_integer)
    check(PROBABILITIES, "numbers", pa.types.is_integer, pa.types.is_floating)
    check(["gate"], "lists of numbers", lambda kind: pa.types.is_list(kind) and pa.types.is_floating(kind.value_type))
    return Metadata.model_validate_json((schema.metadata or {})[KEY])


def _by_replicate(table: pd.DataFrame) -> ByReplicate:
    """Each replicate's faces, sorted by split and row."""
    if table.empty:
        raise _Unusable("no rows")
    if table[NUMBERS].isna().any(axis=None):
        raise _Unusable("a seed, row or label is missing")
    if not table["label"].between(0, len(EMOTIONS) - 1).all():
        raise _Unusable(f"label outside 0 to {len(EMOTIONS) - 1}")
    if unknown := sorted({str(name) for name in table["split"].unique()} - set(SPLITS)):
        raise _Unusable(f"unknown split {printable(unknown[0], 40)!r}")
    _check_shares(table, table[PROBABILITIES].to_numpy(np.float64), "p_")
    table = table.astype({"model": str, **dict.fromkeys(NUMBERS, np.int64)})
    table["split"] = pd.Categorical(table["split"], categories=SPLITS, ordered=True)
    groups = cast("Iterable[tuple[tuple[str, int], pd.DataFrame]]", table.groupby(["model", "seed"], sort=False))
    return {key: own.sort_values(["split", "row"]) for key, own in groups}


def _check_replicates(found: ByReplicate, wanted: list[tuple[str, int]], metadata: Metadata) -> None:
    """Raise _Unusable unless all that are wanted are there, of the same faces, with the experts that are named."""
    if lacking := [f"{model} with seed {seed}" for model, seed in wanted if (model, seed) not in found]:
        raise _Unusable(f"lacks {lacking[0]}{', and others' if lacking[1:] else ''}")
    if not wanted:
        return
    first = found[wanted[0]][FACE].reset_index(drop=True)
    if (twice := first.duplicated(["split", "row"])).any():
        raise _Unusable(f"row {first.row[twice].iloc[0]} occurs twice")
    for model, seed in wanted:
        own = found[model, seed]
        if not own[FACE].reset_index(drop=True).equals(first):
            other = "{} with seed {}".format(*wanted[0])
            raise _Unusable(f"faces or labels of {model} with seed {seed} are not those of {other}")
        _check_gate(own, len(metadata.experts.get(model, ())))


def _check_gate(own: pd.DataFrame, experts: int) -> None:
    weights, model = own["gate"], own["model"].iloc[0]
    if not experts:
        if weights.notna().any():
            raise _Unusable(f"{model} has gate weights of no experts")
    elif weights.isna().any() or {len(row) for row in weights} != {experts}:
        raise _Unusable(f"{model} has not {experts} gate weights a face")
    else:
        _check_shares(own, np.stack(weights.to_list()).astype(np.float64), GATE)


def _check_shares(table: pd.DataFrame, values: np.ndarray, kind: str) -> None:
    """Raise _Unusable unless each row of `values` (n, k) is a distribution."""
    for bad, reason in (
        (~np.isfinite(values).all(axis=1), "are not all finite"),
        (((values < 0) | (values > 1)).any(axis=1), "lie outside 0 to 1"),
        (np.abs(values.sum(axis=1) - 1) > 1e-3, "do not sum to 1"),
    ):
        if bad.any():
            row = table.iloc[int(np.argmax(bad))]
            raise _Unusable(f"{row.model} with seed {row.seed}, row {row.row}: {kind} values {reason}")


def save_embeddings(path: Path, embedding: np.ndarray, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> None:
    """The test faces' embeddings: embeddings (n, d) float16, row (n,) int32, label (n,) uint8."""
    test = split == SPLITS.index("test")
    with atomic(path) as temporary:
        np.savez(temporary, embeddings=embedding[test].astype(np.float16), row=row[test], label=label[test])
