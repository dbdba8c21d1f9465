"""Predictions as they are published: a third of the size of the run's own files, and the same numbers.

Shares are whole numbers of STEPS, and the last emotion and the last expert are what the others leave of 1. Parquet with
split, row and label as ever, the other columns int32, and the left-out names in its metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emorec import SPLITS, parquet
from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.plain import printable
from emorec.predictions.store import GATE, STEPS

FACES = ["split", "row", "label"]
KEY = b"emorec"
RESTORE = "restore what was published"


def write_compact(path: Path, frame: pd.DataFrame) -> None:
    """Write predictions. EmorecError where they hold anything else, or would not come back as they are."""
    groups = _groups([name for name in frame.columns if name not in FACES])
    small = frame[FACES].copy()
    for names in groups:
        small[names[:-1]] = np.round(frame[names[:-1]].to_numpy(np.float64) * STEPS).astype(np.int32)
    table = pa.Table.from_pandas(small, preserve_index=False)
    told = json.dumps({"columns": list(frame), "attrs": frame.attrs})
    steps = dict.fromkeys((name for name in small if name not in FACES), "BYTE_STREAM_SPLIT")
    with atomic(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: told.encode()}),
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=["split", "label"],
            column_encoding=steps | {"row": "DELTA_BINARY_PACKED"},
        )
        if not read_compact(temporary).equals(frame):
            raise EmorecError(f"{path.name}: not in whole steps of 1/{STEPS}; predict again with this version")


def read_compact(path: Path) -> pd.DataFrame:
    """Predictions as `read_parquet` would give them of the run's own file. EmorecError for what are none."""
    try:
        table = parquet.read(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = printable(" ".join(str(error).split()), 200)
        raise EmorecError(f"{path}: no Parquet file of predictions ({reason}); {RESTORE}") from None
    names, attrs = _told(path, table)
    small = table.to_pandas(ignore_metadata=True)
    unknown = sorted({str(name) for name in small["split"].unique()} - set(SPLITS))
    if unknown:
        raise EmorecError(f"{path}: unknown split {printable(unknown[0], 40)!r}; {RESTORE}")
    columns: dict[str, Any] = {name: small[name] for name in FACES} | {"split": small["split"].astype("str")}
    for group in _groups([name for name in names if name not in FACES]):
        steps = small[group[:-1]].to_numpy(np.int64)
        steps = np.column_stack([steps, STEPS - steps.sum(axis=1)])
        if steps.size and not 0 <= steps.min() <= steps.max() <= STEPS:
            raise EmorecError(f"{path}: {group[0]} to {group[-1]} lie outside 0 to 1; {RESTORE}")
        columns |= {name: (steps[:, i] / STEPS).astype(np.float32) for i, name in enumerate(group)}
    frame = pd.DataFrame(columns)[names]
    frame.attrs = attrs
    return frame


def _told(path: Path, table: pa.Table) -> tuple[list[str], Any]:
    """The predictions' columns and attributes, as the file's metadata tell them. EmorecError where they do not."""
    try:
        told = json.loads((table.schema.metadata or {})[KEY])
        names, attrs = list(map(str, told["columns"])), dict(told["attrs"])
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise EmorecError(f"{path}: its metadata are not those of published predictions; {RESTORE}") from None
    groups = _groups([name for name in names if name not in FACES])
    stored = {*FACES, *(name for group in groups for name in group[:-1])}
    if len(set(names)) < len(names) or not set(FACES) <= set(names) or stored != set(table.column_names):
        raise EmorecError(f"{path}: its columns are not those that its metadata tell; {RESTORE}")
    for name in sorted(stored - {"split"}):
        if not pa.types.is_integer(table.schema.field(name).type) or table.column(name).null_count:
            raise EmorecError(f"{path}: {name} does not hold whole numbers alone; {RESTORE}")
    return names, attrs


def _groups(names: list[str]) -> list[list[str]]:
    """Columns that sum to 1: the emotions', the experts'."""
    gate = [name for name in names if name.startswith(GATE)]
    return [group for group in ([name for name in names if name not in gate], gate) if group]
