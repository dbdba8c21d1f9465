"""What one stage reads of another's text files, tables and records: whole, rectangular, no larger than they can be."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from emorec.errors import EmorecError
from emorec.plain import plain

LARGEST = 100_000_000  # bytes of a table; of a record a twentieth of it
LONGEST = 1_000_000  # characters of a line
AGAIN = "delete it and run again"


def check_table(path: Path, again: str = AGAIN) -> None:
    """Raise EmorecError, with the remedy `again`, for what is no CSV with unique columns and equally long rows."""
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            problem = _problem(file)
    except FileNotFoundError:
        raise EmorecError(f"{path}: missing; run the stage `tables` first") from None
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise EmorecError(f"{path}: no CSV text in UTF-8 ({plain(error)}); {again}") from None
    except OSError as error:
        raise EmorecError(f"{path}: cannot be read ({error.strerror}); {again}") from None
    if problem:
        raise EmorecError(f"{path}{problem}; {again}")


def _problem(file: IO[str]) -> str:
    """What keeps a text from being a table, and in which row; empty where nothing does."""
    reader = csv.reader(_bounded(file))
    header = next(reader, [])
    if not any(header):
        return ": no header, the file is empty"
    if twice := [name for name in header if header.count(name) > 1]:
        return f", row 1: the column {twice[0][:40]!r} stands twice"
    for fields in chain([header], reader):
        if len(fields) != len(header):
            return f", row {reader.line_num}: {len(fields)} columns, the header has {len(header)}"
        if any("\0" in field for field in fields):
            return f", row {reader.line_num}: not text"
    return ""


def _bounded(file: IO[str]) -> Iterator[str]:
    """Lines of a text, which may be far larger than its file. csv.Error where it is larger than any table."""
    size = 0
    while line := file.readline(LONGEST + 1):
        size += len(line)
        if size > LARGEST or len(line) > LONGEST:
            raise csv.Error("larger than any table")
        yield line


def read_json(path: Path, again: str = AGAIN) -> dict[str, Any]:
    """A JSON object. Raises EmorecError, one line, for a file that is missing or holds anything else."""
    try:
        if path.stat().st_size > LARGEST // 20:
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


def check_files(paths: Iterable[Path], again: str = AGAIN) -> None:
    """Raise EmorecError, one line, for a table or JSON file among these that is none."""
    for path in paths:
        if path.name.endswith((".csv", ".csv.gz")):
            check_table(path, again)
        elif path.suffix == ".json":
            read_json(path, again)


@contextmanager
def made_of(paths: Sequence[Path], again: str = AGAIN) -> Iterator[None]:
    """Check the files that something is made of, and call a failure for lack of a column or value theirs."""
    check_files(paths, again)
    try:
        yield
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
        place = f"{paths[0]}:" if len(paths) == 1 else f"{paths[0].parent}: one of {', '.join(p.name for p in paths)}"
        raise EmorecError(f"{place} lacks what is made of it ({plain(error)}); {again}") from error
