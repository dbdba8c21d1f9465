"""Reading Parquet files of predictions: no larger than predictions can be, whatever a file claims.

A kilobyte of Parquet may stand for a billion rows, or for one long name in each of them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ("model", "split")
WORDS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
MOST_ROWS = 5_000_000  # faces in val and test, of all models and seeds, by far
MOST_VALUES = 20 * MOST_ROWS  # of a column, whose rows may be lists
MOST_COLUMNS = 500


def read(path: Path) -> pa.Table:
    """The table: numbers, lists of them, and the NAMES, which are kept once rather than once a row.

    Raises FileNotFoundError, and OSError, ValueError or pyarrow's ArrowException for anything that is no such table.
    """
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows > MOST_ROWS or file.metadata.num_columns > MOST_COLUMNS:
            raise ValueError(
                f"{file.metadata.num_rows:,} rows of {file.metadata.num_columns:,} columns are no predictions"
            )
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        columns = range(file.metadata.num_columns)
        values = [sum(group.column(column).num_values for group in groups) for column in columns]
        if max(values, default=0) > MOST_VALUES:
            raise ValueError(f"{max(values):,} values in a column are no predictions")
        names = file.schema_arrow.names
        if len(set(names)) != len(names):
            raise ValueError("a column stands there twice")
        for name in names:
            kind = file.schema_arrow.field(name).type
            kind = kind.value_type if pa.types.is_list(kind) and name not in NAMES else kind
            if name in NAMES and not any(is_kind(kind) for is_kind in WORDS):
                raise ValueError(f"the column {name!r} holds {kind}, no names")
            if name not in NAMES and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                raise ValueError(f"the column {name[:40]!r} holds {kind}, no numbers")
    with pq.ParquetFile(path, read_dictionary=[name for name in NAMES if name in names]) as file:
        return file.read()
