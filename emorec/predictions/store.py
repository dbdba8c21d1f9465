"""Predictions of all models in one file, and embeddings of each replicate: how they are written and read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emorec import EMOTIONS, SPLITS, parquet
from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.plain import printable
from emorec.predictions.combine import Combined

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
KEY = b"emorec"
AGAIN = "run the predictions stage again, or restore what was published"


class Told(NamedTuple):
    """What the file's metadata tell: the experts' names by model, and temperatures of gates by `model/seed`."""

    experts: dict[str, list[str]]
    temperatures: dict[str, float]


@dataclass(frozen=True)
class Gate:
    """How a mixture's gate weighs its experts: split (N,), labels (N,), experts (E) and weights (N, E), rows sum to 1.

    The experts stand in the mixture's own order.
    """

    split: np.ndarray
    labels: np.ndarray
    experts: tuple[str, ...]
    weights: np.ndarray


def prediction_frame(combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    """A row a face: split, row, label, p_<emotion> ×7, gate_<expert> where there is a gate; float32, whole STEPS."""
    columns = {"split": np.array(SPLITS)[split], "row": row, "label": label}
    columns |= _columns(PROBABILITIES, in_steps(combined.probabilities))
    if combined.gate:
        weights = np.stack(list(combined.gate.values()), axis=1)
        columns |= _columns([f"{GATE}{name}" for name in combined.gate], in_steps(weights))
    return pd.DataFrame(columns)


def in_steps(shares: np.ndarray) -> np.ndarray:
    """Shares (n, k) of 1 as whole numbers of STEPS, (n, k) int32 with sums of STEPS, by largest remainders.

    An error of less than a step each; where several are equally near, the first is rounded up. Lines that do not sum
    to 1 within 1e-3, or hold no numbers, are no shares; they are left for the reader to refuse, as their sums are off.
    """
    whole = shares.sum(axis=1, keepdims=True, dtype=np.float64)
    sound = np.abs(whole - 1) < 1e-3
    exact = np.where(sound, shares / np.where(sound, whole, 1), np.nan_to_num(shares)) * STEPS
    steps = np.floor(exact)
    left = np.where(sound, STEPS - steps.sum(axis=1, keepdims=True), 0)
    rank = np.argsort(np.argsort(steps - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return (steps + (rank < left)).astype(np.int32)


def _columns(names: list[str], steps: np.ndarray) -> dict[str, np.ndarray]:
    shares = (steps / STEPS).astype(np.float32)  # exact: seventeen bits at most
    return {name: shares[:, column] for column, name in enumerate(names)}


def write_predictions(path: Path, frames: Mapping[tuple[str, int], pd.DataFrame]) -> None:
    """One file of all models and seeds, with the columns of SCHEMA; `gate` has a mixture's weights, one an expert.

    The names of each model's experts, and the temperature of a gate that has one (`frame.attrs`), stand in the file's
    metadata. All numbers are whole STEPS, which zstd keeps in half their size, so that this is what is published.
    """
    tables, told = [], Told({}, {})
    for (model, seed), frame in frames.items():
        weights = [name for name in frame.columns if name.startswith(GATE)]
        told.experts[model] = [name.removeprefix(GATE) for name in weights]
        if "gate_temperature" in frame.attrs:
            told.temperatures[f"{model}/{seed}"] = frame.attrs["gate_temperature"]
        gate = pa.array(list(frame[weights].to_numpy(np.float32)) if weights else [None] * len(frame), GATES)
        columns = {"model": [model] * len(frame), "seed": [seed] * len(frame)} | {c: frame[c] for c in FACE}
        tables.append(pa.table({**columns, **{p: frame[p] for p in PROBABILITIES}, "gate": gate}, SCHEMA))
    whole = pa.concat_tables(tables).replace_schema_metadata({KEY: json.dumps(told._asdict()).encode()})
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

    Raises EmorecError, with the file and the reason, for a replicate that is missing, missing columns, values that are
    no probabilities, sums off 1 by more than 1e-3, repeated rows, and faces or labels unlike the first replicate's.
    """
    return _read(path, replicates)[0].drop(columns="gate")


def read_gates(path: Path, replicates: Iterable[tuple[str, int]] | None = None) -> dict[tuple[str, int], Gate]:
    """The gates of those (model, seed) that have one. Errors as `read_predictions`."""
    table, told = _read(path, replicates)
    found = {}
    for model, seed in table[["model", "seed"]].drop_duplicates().itertuples(index=False):
        experts = tuple(told.experts.get(model, ()))
        if experts:
            own = table[(table["model"] == model) & (table["seed"] == seed)]
            weights = np.stack(own["gate"].to_list()).astype(np.float64)
            found[model, seed] = Gate(own["split"].to_numpy(), own["label"].to_numpy(), experts, weights)
    return found


def read_temperature(path: Path, model: str, seed: int) -> float:
    """The temperature of a mixture's gate that was fitted on val. EmorecError where the file does not say."""
    try:
        return float(_told(pq.read_schema(path)).temperatures[f"{model}/{seed}"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException):
        raise EmorecError(f"{path}: does not say the gate's temperature of {model}; {AGAIN}") from None


def _read(path: Path, replicates: Iterable[tuple[str, int]] | None) -> tuple[pd.DataFrame, Told]:
    """What stands in the file, checked."""
    try:
        whole = parquet.read(path)
        told = _told(whole.schema)
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; {AGAIN}") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
        reason = printable(" ".join(str(error).split()), 200)
        raise EmorecError(f"{path}: no Parquet file of predictions ({reason}); {AGAIN}") from None
    table = whole.to_pandas(ignore_metadata=True)
    if table.empty:
        raise EmorecError(f"{path}: no rows; {AGAIN}")
    for column in ("seed", "row", "label"):
        if not pd.api.types.is_integer_dtype(table[column]) or table[column].isna().any():
            raise EmorecError(f"{path}: {column} holds {table[column].dtype}, no whole numbers; {AGAIN}")
    if not table["label"].between(0, len(EMOTIONS) - 1).all():
        raise EmorecError(f"{path}: label outside 0 to {len(EMOTIONS) - 1}; {AGAIN}")
    unknown = sorted({str(name) for name in table["split"].unique()} - set(SPLITS))
    if unknown:
        raise EmorecError(f"{path}: unknown split {printable(unknown[0], 40)!r}; {AGAIN}")
    _check_shares(path, table, table[PROBABILITIES].to_numpy(np.float64), "p_")
    table = table.assign(
        model=table["model"].astype(str),
        seed=table["seed"].astype(np.int64),
        split=pd.Categorical(table["split"], categories=SPLITS, ordered=True),
        row=table["row"].astype(np.int64),
        label=table["label"].astype(np.int64),
    )
    by_replicate = {key: own.sort_values(["split", "row"]) for key, own in table.groupby(["model", "seed"], sort=False)}
    wanted = list(by_replicate) if replicates is None else list(replicates)
    lacking = [f"{model} with seed {seed}" for model, seed in wanted if (model, seed) not in by_replicate]
    if lacking:
        raise EmorecError(f"{path}: lacks {lacking[0]}{', and others' if lacking[1:] else ''}; {AGAIN}")
    first = by_replicate[wanted[0]][FACE].reset_index(drop=True)
    if first.duplicated(["split", "row"]).any():
        raise EmorecError(f"{path}: row {first.row[first.duplicated(['split', 'row'])].iloc[0]} occurs twice; {AGAIN}")
    for model, seed in wanted:
        own = by_replicate[model, seed]
        if not own[FACE].reset_index(drop=True).equals(first):
            raise EmorecError(
                f"{path}: faces or labels of {model} with seed {seed} are not those of {wanted[0][0]} with seed "
                f"{wanted[0][1]}; {AGAIN}"
            )
        _check_gate(path, own, len(told.experts.get(model, ())))
    found = pd.concat([by_replicate[key] for key in wanted], ignore_index=True)
    return found.assign(split=found["split"].astype(str)), told


def _told(schema: pa.Schema) -> Told:
    """What the file's metadata tell. KeyError, TypeError or ValueError where `write_predictions` did not write them."""
    if schema.names != SCHEMA.names:
        raise ValueError(f"its columns are not {', '.join(SCHEMA.names)}")
    for name in PROBABILITIES:
        if not _is_number(schema.field(name).type):
            raise ValueError(f"the column {name!r} holds {schema.field(name).type}, no numbers")
    gate = schema.field("gate").type
    if not (pa.types.is_list(gate) and _is_number(gate.value_type)):
        raise ValueError(f"the column 'gate' holds {gate}, no lists of numbers")
    told = Told(**json.loads((schema.metadata or {})[KEY]))
    lists = told.experts.values() if isinstance(told.experts, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise ValueError("its metadata name no experts")
    return told


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _check_gate(path: Path, own: pd.DataFrame, experts: int) -> None:
    weights = own["gate"]
    if not experts:
        if weights.notna().any():
            raise EmorecError(f"{path}: {own.model.iloc[0]} has gate weights of no experts; {AGAIN}")
        return
    if weights.isna().any() or {len(row) for row in weights} != {experts}:
        raise EmorecError(f"{path}: {own.model.iloc[0]} has not {experts} gate weights a face; {AGAIN}")
    _check_shares(path, own, np.stack(weights.to_list()).astype(np.float64), "gate_")


def _check_shares(path: Path, table: pd.DataFrame, values: np.ndarray, kind: str) -> None:
    """EmorecError unless each row of `values` (n, k) is a distribution."""
    for bad, reason in (
        (~np.isfinite(values).all(axis=1), "are not all finite"),
        (((values < 0) | (values > 1)).any(axis=1), "lie outside 0 to 1"),
        (np.abs(values.sum(axis=1) - 1) > 1e-3, "do not sum to 1"),
    ):
        if bad.any():
            row = table.iloc[int(np.argmax(bad))]
            raise EmorecError(
                f"{path}: {row.model} with seed {row.seed}, row {row.row}: {kind} values {reason}; {AGAIN}"
            )


def save_embeddings(path: Path, combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> None:
    """The test faces' embeddings: embeddings (n, d) float16, row (n,) int32, label (n,) uint8."""
    test = split == SPLITS.index("test")
    with atomic(path) as temporary:
        np.savez(temporary, embeddings=combined.embedding[test].astype(np.float16), row=row[test], label=label[test])
