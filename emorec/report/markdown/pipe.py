"""A table in Markdown, as Quarto and pandoc both read it."""

from __future__ import annotations

from collections.abc import Sequence


def pipe(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A pipe table. `align` has a letter a column, l, r or c.

    Raises ValueError for a row of the wrong length or a table without rows: the report must not hold an empty one.
    """
    if not rows:
        raise ValueError(f"no rows for the table headed {', '.join(header)}")
    if any(len(row) != len(header) for row in rows) or len(align) != len(header):
        raise ValueError(f"a row of the table headed {', '.join(header)} has another number of cells")
    rules = [{"l": ":---", "r": "---:", "c": ":---:"}[letter] for letter in align]
    lines = [list(header), rules, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(cell: str) -> str:
    """Text safe inside a cell: no line break, no column mark."""
    return " ".join(str(cell).split("\n")).replace("|", r"\|")
