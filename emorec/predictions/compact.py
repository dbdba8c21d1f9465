"""Predictions as they are published: a third of the size of the run's own files, and the same numbers.

Shares are whole numbers of STEPS, and the last emotion and the last expert are what the others leave of 1. Parquet with
split, row and label as ever, the other columns int32, and the left-out names in its metadata.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.predictions.store import GATE, STEPS

FACES = ["split", "row", "label"]
KEY = b"emorec"


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
    table = pq.read_table(path)
    header = (table.schema.metadata or {}).get(KEY)
    if header is None:
        raise EmorecError(f"{path}: no published predictions; restore them, or publish again")
    told, small = json.loads(header), table.to_pandas()
    columns = {name: small[name] for name in FACES}
    for names in _groups([name for name in told["columns"] if name not in FACES]):
        steps = small[names[:-1]].to_numpy(np.int64)
        steps = np.column_stack([steps, STEPS - steps.sum(axis=1)])
        columns |= {name: (steps[:, i] / STEPS).astype(np.float32) for i, name in enumerate(names)}
    frame = pd.DataFrame(columns)[told["columns"]]
    frame.attrs = told["attrs"]
    return frame


def _groups(names: list[str]) -> list[list[str]]:
    """Columns that sum to 1: the emotions', the experts'."""
    gate = [name for name in names if name.startswith(GATE)]
    return [group for group in ([name for name in names if name not in gate], gate) if group]
