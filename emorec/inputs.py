"""What one stage reads of another's text files, tables and records: whole, rectangular, no larger than they can be."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from emorec.errors import EmorecError
from emorec.plain import plain

LARGEST = 500_000_000  # bytes of a table; of a record a hundredth of it
LONGEST = 1_000_000  # characters of a line
AGAIN = "delete it and run again"


def _open(path: Path) -> IO[str]:
    """A table's text; those of a published study may be compressed."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _bounded(file: IO[str], path: Path, again: str) -> Iterator[str]:
    """Lines of a text, which may be far larger than its file. Raises EmorecError where it is larger than any table."""
    size = 0
    while line := file.readline(LONGEST + 1):
        size += len(line)
        if size > LARGEST or len(line) > LONGEST:
            raise EmorecError(f"{path}: larger than any table; {again}")
        yield line


def check_table(path: Path, again: str = AGAIN) -> None:
    """Raise EmorecError, one line, unless the CSV file is UTF-8 text with unique columns and equally long rows.

    `again` is the remedy: a table that was given cannot be made again.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise EmorecError(f"{path}: larger than any table; {again}")
        with _open(path) as file:
            reader = csv.reader(_bounded(file, path, again))
            header = next(reader, [])
            if any("\0" in name for name in header):
                raise EmorecError(f"{path}, row 1: not text; {again}")
            if not any(header):
                raise EmorecError(f"{path}: no header, the file is empty; {again}")
            twice = [name for name in header if header.count(name) > 1]
            if twice:
                raise EmorecError(f"{path}, row 1: the column {twice[0][:40]!r} stands twice; {again}")
            for fields in reader:
                if len(fields) != len(header):
                    raise EmorecError(
                        f"{path}, row {reader.line_num}: {len(fields)} columns, the header has {len(header)}; {again}"
                    )
                if any("\0" in field for field in fields):
                    raise EmorecError(f"{path}, row {reader.line_num}: not text; {again}")
    except FileNotFoundError:
        raise EmorecError(f"{path}: missing; run the stage `tables` first") from None
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise EmorecError(f"{path}: no CSV text in UTF-8 ({plain(error)}); {again}") from None
    except OSError as error:
        raise EmorecError(f"{path}: cannot be read ({error.strerror}); {again}") from None


def read_json(path: Path, again: str = AGAIN) -> dict[str, Any]:
    """A JSON object. Raises EmorecError, one line, for a file that is missing or holds anything else."""
    try:
        if path.stat().st_size > LARGEST // 100:
            raise EmorecError(f"{path}: larger than any record; {again}")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such file; run the stage that makes it again") from None
    except OSError as error:
        raise EmorecError(f"{path}: cannot be read ({error.strerror}); {again}") from None
    except (ValueError, RecursionError) as error:
        raise EmorecError(f"{path}: no JSON ({plain(error)}); {again}") from None
    if not isinstance(content, dict):
        raise EmorecError(f"{path}: no JSON object; {again}")
    return content


@contextmanager
def made_of(paths: Sequence[Path], again: str = AGAIN) -> Iterator[None]:
    """Check the tables and records that something is made of, and call a failure for lack of a column or value theirs.

    Which of several files it was, the program's own error does not say: all are named.
    """
    for path in paths:
        if path.name.endswith((".csv", ".csv.gz")):
            check_table(path, again)
        elif path.suffix == ".json":
            read_json(path, again)
    try:
        yield
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
        reason = plain(error)
        if len(paths) == 1:
            raise EmorecError(f"{paths[0]}: lacks what is made of it ({reason}); {again}") from error
        named = ", ".join(path.name for path in paths)
        raise EmorecError(
            f"{paths[0].parent}: {named} lack what is made of them ({reason}); delete them and run again"
        ) from error
