"""Rows of tables, by their columns' names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emorec.inputs import AGAIN, made_of

if TYPE_CHECKING:
    import pandas as pd


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """Rows as named tuples: a frame's own attribute `first` is a method, a tuple's is the column."""
    return table.itertuples(index=False)


def row_at(table: pd.DataFrame, key: str | tuple[str, ...]) -> pd.Series:
    """The row under `key`, a value of the index, of which there is one."""
    return table.loc[key]  # type: ignore[index]  # a tuple names a row where the index has levels


# Cells of these columns are names or words: an empty one stays empty, and a model called `nan` stays a name.
_TEXT = (
    *("model", "reference", "mixture", "other", "routed_by", "decided_by", "control", "network", "expert", "parts"),
    *("kind", "family", "label", "grouping", "group", "gate", "foreign", "start", "length", "kept_start"),
    *("split", "subset", "emotion", "emotions", "true", "predicted", "first", "second", "nearest_label"),
    *("agreement", "method", "measure", "metric", "role", "tier", "verdict", "state"),
)


def read_table(path: Path, again: str = AGAIN) -> pd.DataFrame:
    """A table of a study, names as they stand there. EmorecError, with the remedy `again`, where it is malformed."""
    import pandas as pd  # here: the workflow imports this module whenever it is parsed

    text = dict.fromkeys(_TEXT, str)
    with made_of([path], again):
        table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={})
        numbers = [c for c in table.columns if c not in text and pd.api.types.is_string_dtype(table[c])]
        return table.assign(**{column: pd.to_numeric(table[column].replace("", None)) for column in numbers})
