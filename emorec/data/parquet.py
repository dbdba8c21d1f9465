"""Faces in Parquet, as Hugging Face's copies have them: an image file's bytes and a class a row, files by split.

`train-00000-of-00001.parquet` in the folder or in `data/`, or `train/0000.parquet` below it. Names of the classes stand
in the file's metadata; where they do not, the numbers' meaning has to come from elsewhere (`emorec.classes`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # a fifth of a second that only this form of the data needs
    import pyarrow as pa
    import pyarrow.parquet as pq

from emorec import SIDE
from emorec.classes import emotion_of
from emorec.data.folders import SPLIT_NAMES
from emorec.data.image import decode_image
from emorec.data.labels import UNNAMED, UNNUMBERED, RawFaces
from emorec.data.malformed import malformed
from emorec.plain import plain, printable

_PATTERNS = ("*.parquet", "data/*.parquet", "*/*.parquet", "default/*/*.parquet")
_IMAGES, _LABELS = ("image", "img", "img_bytes", "pixels"), ("label", "labels", "emotion", "class")
_AGAIN = "get the file again"


def list_parquet(folder: Path) -> list[tuple[Path, int]]:
    """The Parquet files of faces in `folder`, each with its split, in the order of splits and names."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern)}
    split = {path: _split_of(path) for path in found}
    return sorted(((path, code) for path, code in split.items() if code is not None), key=lambda f: (f[1], str(f[0])))


def read_parquet(folder: Path) -> RawFaces:
    """Read all files, in the order of splits and names.

    Raises:
        EmorecError: a file that is no such Parquet, a class that is no emotion, an unreadable image.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    images: list[np.ndarray] = []
    found: list[tuple[int, int, int]] = []  # split, number, emotion
    names: list[str] | None = None
    files = list_parquet(folder)
    for path, split in files:
        try:
            with pq.ParquetFile(path) as file:
                picture, label, here = _columns(path, file.schema_arrow)
                if names is not None and here is not None and here != names:
                    raise malformed(path, f"its classes are named in another order than those of {files[0][0].name}")
                names = here if names is None else names
                for row, content, value in _rows(file, picture, label):
                    if not isinstance(content, bytes):
                        raise malformed(path, f"no image in the column {picture}; {_AGAIN}", row)
                    images.append(decode_image(io.BytesIO(content), path, row))
                    if isinstance(value, str):
                        found.append((split, UNNUMBERED, _named(path, value, row)))
                    elif isinstance(value, int) and 0 <= value < 1000:
                        found.append((split, value, UNNAMED))
                    else:
                        raise malformed(path, f"'{printable(str(value), 20)}' is no class; take the row out", row)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise malformed(path, f"no readable Parquet ({plain(error)}); {_AGAIN}") from None
    splits, numbers, emotions = np.array(found, np.int16).reshape(-1, 3).T
    return RawFaces(
        lambda rows: np.stack([images[row] for row in rows]) if len(rows) else np.empty((0, SIDE, SIDE), np.uint8),
        splits.astype(np.uint8),
        {split for _, split in files},
        numbers,
        emotions,
        beside=None if names is None else {number: _named(files[0][0], name) for number, name in enumerate(names)},
    )


def _split_of(path: Path) -> int | None:
    """The split that a file's name begins with, or else the name of its folder."""
    for name in (path.stem, path.parent.name):
        word = re.match(r"[a-z_]+", name.casefold())
        if word and word[0].strip("_") in SPLIT_NAMES:
            return SPLIT_NAMES[word[0].strip("_")]
    return None


def _columns(path: Path, schema: pa.Schema) -> tuple[str, str, list[str] | None]:
    """The columns of pictures and of classes, and the classes' names in their numbers' order, where these are given."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        features = {name: feature for name, feature in described.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, AttributeError, TypeError):
        features = {}

    def column(kind: str, usual: tuple[str, ...]) -> str | None:
        named = [name for name, feature in features.items() if feature.get("_type") == kind]
        return next((name for name in (*named, *usual) if name in schema.names), None)

    picture, label = column("Image", _IMAGES), column("ClassLabel", _LABELS)
    if picture is None or label is None:
        columns = printable(", ".join(schema.names), 80)
        raise malformed(path, f"no columns image and label among {columns}; name them so, or take other data")
    names = features.get(label, {}).get("names")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return picture, label, names if is_list else None


def _rows(file: pq.ParquetFile, picture: str, label: str) -> Iterator[tuple[int, Any, Any]]:
    """Row (from 1), content and class of each face; few at a time are held as files."""
    row = 0
    for batch in file.iter_batches(batch_size=256, columns=[picture, label]):
        for content, value in zip(batch.column(picture).to_pylist(), batch.column(label).to_pylist(), strict=True):
            row += 1
            yield row, content.get("bytes") if isinstance(content, dict) else content, value


def _named(path: Path, name: str, row: int | None = None) -> int:
    try:
        return emotion_of(name)
    except KeyError:
        raise malformed(path, f"no emotion is called '{printable(name, 40)}'; rename the class", row) from None
