"""FER2013's tables: a face a line, its 2,304 pixels as numbers in one column.

Kaggle's `fer2013.csv` (`emotion,pixels,Usage`), `icml_face_data.csv` (`emotion, Usage, pixels`, spaces included),
`train.csv` (`emotion,pixels`) and `test.csv` (`pixels`). Any order of the columns, plain or in double quotes, LF or
CRLF. The 35,887 lines (287 MB) take about three seconds; no more than a line of text is held at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from emorec import EMOTIONS
from emorec.data.faces import SIDE, Faces
from emorec.data.malformed import malformed
from emorec.data.splits import USAGES
from emorec.plain import printable

PIXELS = SIDE * SIDE
REMEDY = "mend the line, or get the file again"
_LONGEST_LINE = 1 << 16  # bytes; a face takes up to 9,240
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_columns(path: Path) -> list[str]:
    """The header's names in lower case, without spaces and quotes.

    Raises:
        EmorecError: the file is empty or no text.
    """
    with open(path, "rb") as file:
        return _read_header(path, file)


def read_table(path: Path, split: int | None = None) -> Faces:
    """Read one table of labelled faces, in the order of its lines.

    Args:
        split: the split of every face where the table has no Usage column; None where it must have one.

    Raises:
        EmorecError: the first thing that is malformed, by file, row and reason; a table without faces.
        OSError: the file can't be read.
    """
    images, labels, splits = bytearray(), [], []
    with open(path, "rb") as file:
        columns = _read_header(path, file)
        needed = {"emotion", "pixels"} if split is not None else {"emotion", "pixels", "usage"}
        if not needed <= set(columns) <= needed | {"usage"} or len(set(columns)) < len(columns):
            expected = "emotion,pixels,Usage" if split is None else "emotion,pixels or emotion,pixels,Usage"
            shown = printable(",".join(columns), 80)
            remedy = "" if split is not None else " (of train.csv and test.csv, name the folder that holds both)"
            raise malformed(path, f"wrong columns: {shown}, expected {expected}{remedy}", 1)
        emotion, pixels = columns.index("emotion"), columns.index("pixels")
        usage = columns.index("usage") if "usage" in columns else None
        row = 1
        while line := _read_line(path, file, row + 1):
            row += 1
            if not line.strip():
                continue
            try:
                fields = [_unquote(field) for field in line.split(b",")]
                if len(fields) != len(columns):
                    raise ValueError(f"{len(fields)} columns, the header has {len(columns)}")
                labels.append(_parse_emotion(fields[emotion]))
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


def _read_header(path: Path, file: BinaryIO) -> list[str]:
    line = _read_line(path, file, 1).removeprefix(_BYTE_ORDER_MARK)
    if not line:
        raise malformed(path, "the file is empty; get it again")
    try:
        header = line.decode("utf-8")
    except UnicodeDecodeError:
        header = "\0"
    if "\0" in header:
        raise malformed(path, "not a CSV in UTF-8; unpack the file, or save it as that", 1)
    return [column.strip().strip('"').strip().lower() for column in header.split(",")]


def _read_line(path: Path, file: BinaryIO, row: int) -> bytes:
    line = file.readline(_LONGEST_LINE)  # bounded, or a file without line ends would be read as a whole
    if len(line) == _LONGEST_LINE:
        raise malformed(path, f"longer than any face's line ({_LONGEST_LINE:,} bytes); get the file again", row)
    return line


def _unquote(field: bytes) -> bytes:
    # No column may hold a comma or a quote, so this is all of CSV's quoting that can occur.
    field = field.strip()
    return field[1:-1].strip() if len(field) > 1 and field[:1] == field[-1:] == b'"' else field


def _parse_emotion(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError(f"emotion is {_shown(text)}, not an integer from 0 to {len(EMOTIONS) - 1}")
    number = int(text[-20:])  # Python refuses to read thousands of digits
    if number >= len(EMOTIONS):
        raise ValueError(f"emotion is {_shown(text)}, above {len(EMOTIONS) - 1}")
    return number


def _parse_usage(text: bytes) -> int:
    try:
        return USAGES[text.decode("ascii")]
    except (KeyError, UnicodeDecodeError):
        raise ValueError(f"unknown Usage {_shown(text)}, expected {', '.join(USAGES)}") from None


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
        if not value.isdigit():
            raise ValueError(f"pixel {position:,} is {_shown(value)}, not an integer from 0 to 255")
        if len(value.lstrip(b"0")) > 3 or int(value[-3:]) > 255:
            raise ValueError(f"pixel {position:,} is {_shown(value)}, above 255")
    raise ValueError("pixels are separated by something other than spaces")


def _shown(text: bytes) -> str:
    return f"'{printable(text, 20)}'"
