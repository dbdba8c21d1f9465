"""Rows of tables, by their columns' names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples, whose cells are whatever the file holds.

    A frame's own attribute `first` is a method, a tuple's is the column.
    """
    return table.itertuples(index=False)


def row_at(table: pd.DataFrame, key: str | tuple[str, ...]) -> pd.Series:
    """The row under `key`, a value of the index, of which there is one."""
    return table.loc[key]  # type: ignore[index]  # a tuple names a row where the index has levels
