"""Reading Parquet files of predictions: no larger than predictions can be, whatever a file claims.

A kilobyte of Parquet may stand for a billion rows, or for one long name in each of them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MOST_FACES = 5_000_000  # in val and test, by far
MOST_COLUMNS = 500


def read(path: Path) -> pa.Table:
    """The table: numbers, and `split`, whose few names are kept once rather than once a row.

    Raises FileNotFoundError, and OSError, ValueError or pyarrow's ArrowException for anything that is no such table.
    """
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows > MOST_FACES or file.metadata.num_columns > MOST_COLUMNS:
            raise ValueError(
                f"{file.metadata.num_rows:,} rows of {file.metadata.num_columns:,} columns are no predictions"
            )
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            raise ValueError("a column stands there twice")
        for name in names:
            kind = file.schema_arrow.field(name).type
            if name != "split" and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise ValueError(f"the column {name[:40]!r} holds {kind}, no numbers")
    with pq.ParquetFile(path, read_dictionary=["split"] if "split" in names else []) as file:
        return file.read()
