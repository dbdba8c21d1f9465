"""A table in Markdown, as Quarto and pandoc both read it."""

from __future__ import annotations

from collections.abc import Sequence


def pipe(header: Sequence[str], rows: Sequence[Sequence[str]], align: str, widths: Sequence[int] | None = None) -> str:
    """A pipe table. `align` has a letter a column, l, r or c; `widths` are relative widths of the columns.

    Raises ValueError for a row of the wrong length or a table without rows: the report must not hold an empty one.
    """
    if not rows:
        raise ValueError(f"no rows for the table headed {', '.join(header)}")
    if any(len(row) != len(header) for row in rows) or len(align) != len(header):
        raise ValueError(f"a row of the table headed {', '.join(header)} has another number of cells")
    widths = widths or [max(len(_visible(cell)) for cell in column) for column in zip(header, *rows, strict=True)]
    # Pandoc reads the dashes as shares of the page once a line is longer than 72 characters.
    rules = [_rule(letter, max(width, 3)) for letter, width in zip(align, widths, strict=True)]
    lines = [list(header), rules, *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _rule(letter: str, width: int) -> str:
    dashes = "-" * width
    return {"l": f":{dashes}", "r": f"{dashes}:", "c": f":{dashes}:"}[letter]


def _visible(cell: str) -> str:
    return cell.replace("*", "").replace("`", "")


def _cell(cell: str) -> str:
    """Text safe inside a cell: no line break, no column mark."""
    return " ".join(str(cell).split("\n")).replace("|", r"\|")
