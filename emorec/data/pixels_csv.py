"""FER2013's tables: a face a line, its 2,304 pixels as numbers in one column, its emotion as a number in another.

Columns in any order, plain or in double quotes; the file plain, compressed (`.gz`), or in an archive (`.tar.gz`).
No more than a line of text is held at a time.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from emorec import EMOTIONS, SIDE
from emorec.data.faces import Faces
from emorec.data.malformed import malformed
from emorec.data.splits import USAGES
from emorec.plain import printable

TABLES = ("fer2013.csv", "icml_face_data.csv")  # of all splits, by their makers' names
ARCHIVES = (".tar.gz", ".tgz", ".tar")
PIXELS = SIDE * SIDE
REMEDY = "mend the line, or get the file again"
_OWN_SPLIT = ["emotion", "pixels"]  # of train.csv and test.csv
_LONGEST_LINE = 1 << 16  # bytes; a face takes up to 9,240
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_columns(path: Path) -> list[str]:
    """The header's names in lower case, without spaces and quotes. Raises EmorecError for no text."""
    with _opened(path) as file:
        return _read_header(path, file)


def read_table(path: Path, split: int | None = None, largest: int = len(EMOTIONS) - 1) -> Faces:
    """Read one table of labelled faces, in the order of its lines; labels are the numbers that stand there.

    `split` is that of every face where the table has no Usage column, None where it must have one; `largest` is the
    largest number of a class. Raises EmorecError for what is malformed, by file, row and reason.
    """
    images, labels, splits = bytearray(), [], []
    with _opened(path) as file:
        columns, row = _read_header(path, file), 1
        if sorted(columns) != ["emotion", "pixels", "usage"] and (split is None or sorted(columns) != _OWN_SPLIT):
            needed = "emotion,pixels,Usage (of train.csv and test.csv, name the folder that holds both)"
            expected = needed if split is None else "emotion,pixels or emotion,pixels,Usage"
            raise malformed(path, f"wrong columns: {printable(','.join(columns), 80)}, expected {expected}", 1)
        emotion, pixels = columns.index("emotion"), columns.index("pixels")
        usage = columns.index("usage") if "usage" in columns else None
        while line := _read_line(path, file, row + 1):
            row += 1
            if not line.strip():
                continue
            try:
                fields = [_unquote(field) for field in line.split(b",")]
                if len(fields) != len(columns):
                    raise ValueError(f"{len(fields)} columns, the header has {len(columns)}")
                labels.append(_parse_number("emotion", fields[emotion], largest))
                splits.append(split if usage is None else _parse_usage(fields[usage]))
                images += _parse_pixels(fields[pixels])
            except ValueError as error:
                raise malformed(path, f"{error}; {REMEDY}", row) from None
    if not labels:
        raise malformed(path, "no faces below the header; get the file again")
    return Faces(
        images=np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array(labels, np.uint8),
        split=np.array(splits, np.uint8),
        row=np.arange(len(labels), dtype=np.int32),
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The table's bytes, by the file's ending: compressed, in an archive, or as they are."""
    try:
        if path.name.endswith(ARCHIVES):
            with tarfile.open(path, "r|*") as archive:  # a stream: nothing is unpacked onto the disk
                for member in archive:
                    if Path(member.name).name in TABLES and (file := archive.extractfile(member)):
                        yield file
                        return
            raise malformed(path, f"no {' or '.join(TABLES)} in this archive; unpack it and name the table")
        packed = path.suffix == ".gz"
        with cast("IO[bytes]", gzip.open(path)) if packed else open(path, "rb") as plain:
            yield plain
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise malformed(path, f"cannot be unpacked ({printable(str(error), 100)}); get the file again") from None


def _read_header(path: Path, file: IO[bytes]) -> list[str]:
    line = _read_line(path, file, 1).removeprefix(_BYTE_ORDER_MARK)
    if not line:
        raise malformed(path, "the file is empty; get it again")
    header = line.decode("utf-8", "replace")
    if "\0" in header or "\ufffd" in header:
        raise malformed(path, "not a CSV in UTF-8; unpack the file, or save it as that", 1)
    return [column.strip().strip('"').strip().lower() for column in header.split(",")]


def _read_line(path: Path, file: IO[bytes], row: int) -> bytes:
    line = file.readline(_LONGEST_LINE)  # bounded, or a file without line ends would be read as a whole
    if len(line) == _LONGEST_LINE:
        raise malformed(path, f"longer than any face's line ({_LONGEST_LINE:,} bytes); get the file again", row)
    return line


def _unquote(field: bytes) -> bytes:
    # No column may hold a comma or a quote, so this is all of CSV's quoting that can occur.
    field = field.strip()
    return field[1:-1].strip() if len(field) > 1 and field[:1] == field[-1:] == b'"' else field


def _parse_number(what: str, text: bytes, largest: int) -> int:
    if not text.isdigit():
        raise ValueError(f"{what} is {_shown(text)}, not an integer from 0 to {largest}")
    digits = text.lstrip(b"0") or b"0"
    if len(digits) > 3 or int(digits) > largest:  # Python refuses to read thousands of digits
        raise ValueError(f"{what} is {_shown(text)}, above {largest}")
    return int(digits)


def _parse_usage(text: bytes) -> int:
    usage = text.decode("ascii", "replace")
    if usage not in USAGES:
        raise ValueError(f"unknown Usage {_shown(text)}, expected {', '.join(USAGES)}")
    return USAGES[usage]


def _parse_pixels(text: bytes) -> bytes:
    # NumPy's own parser is four times faster than Python's but lenient; with nothing but digits and spaces to read,
    # and a number too large for 64 bits read as the largest, it can't go wrong.
    if text and not text.translate(None, b"0123456789 "):
        values = np.fromstring(text, dtype=np.int64, sep=" ")
        if values.size == PIXELS and values.min() >= 0 and values.max() <= 255:
            return values.astype(np.uint8).tobytes()
    words = text.split()
    if len(words) != PIXELS:
        raise ValueError(f"{len(words):,} pixels instead of {PIXELS:,}")
    for position, value in enumerate(words, start=1):
        _parse_number(f"pixel {position:,}", value, 255)
    raise ValueError("pixels are separated by something other than spaces")


def _shown(text: bytes) -> str:
    return f"'{printable(text, 20)}'"
