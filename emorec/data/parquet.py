"""Faces in Parquet, as Hugging Face's copies have them: an image file's bytes and a class a row, files by split.

`train-00000-of-00001.parquet` in the folder or in `data/`, or `train/0000.parquet` below it. Names of the classes stand
in the file's metadata; where they do not, the numbers' meaning has to come from elsewhere (`emorec.classes`).
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

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
    """Read all files, in the order of splits and names. Raises EmorecError for what is malformed."""
    import pyarrow as pa  # a fifth of a second that only this form of the data needs
    import pyarrow.parquet as pq

    images: list[np.ndarray] = []
    found: list[tuple[int, int, int]] = []  # split, number, emotion
    names: list[str] | None = None
    files = list_parquet(folder)
    for path, split in files:
        try:
            with pq.ParquetFile(path) as file:
                picture, label, here = _columns(path, file.schema_arrow.metadata or {}, file.schema_arrow.names)
                if names is not None and here is not None and here != names:
                    raise malformed(path, f"its classes are named in another order than those of {files[0][0].name}")
                names = here if names is None else names
                batches = file.iter_batches(batch_size=256, columns=[picture, label])  # few are held as files
                for row, face in enumerate((face for batch in batches for face in batch.to_pylist()), start=1):
                    content, value = face[picture], face[label]
                    content = content.get("bytes") if isinstance(content, dict) else content
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
        images.__getitem__,
        splits.astype(np.uint8),
        {split for _, split in files},
        numbers,
        emotions,
        beside=None if names is None else {number: _named(files[0][0], name) for number, name in enumerate(names)},
    )


def _split_of(path: Path) -> int | None:
    """The split that a file's name begins with, or else the name of its folder."""
    words = (re.split("[^a-z_]", name.casefold())[0].strip("_") for name in (path.stem, path.parent.name))
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def _columns(path: Path, metadata: Mapping[bytes, bytes], columns: Sequence[str]) -> tuple[str, str, list[str] | None]:
    """The columns of pictures and of classes, and the classes' names in their numbers' order, where these are given."""
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        features = {name: feature for name, feature in described.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, AttributeError, TypeError):
        features = {}

    def column(kind: str, usual: tuple[str, ...]) -> str | None:
        named = [name for name, feature in features.items() if feature.get("_type") == kind]
        return next((name for name in (*named, *usual) if name in columns), None)

    picture, label = column("Image", _IMAGES), column("ClassLabel", _LABELS)
    if picture is None or label is None:
        among = printable(", ".join(columns), 80)
        raise malformed(path, f"no columns image and label among {among}; name them so, or take other data")
    names = features.get(label, {}).get("names")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return picture, label, names if is_list else None


def _named(path: Path, name: str, row: int | None = None) -> int:
    try:
        return emotion_of(name)
    except KeyError:
        raise malformed(path, f"no emotion is called '{printable(name, 40)}'; rename the class", row) from None
