"""FER2013 in the forms that users have it, and other faces in the same: finding, reading, naming by digest.

| form | what is read | splits |
|---|---|---|
| `fer2013.csv`, `icml_face_data.csv`, `.csv.gz`, `fer2013.tar.gz` | columns emotion, pixels, Usage | Usage |
| `train.csv` and `test.csv` in a folder | emotion, pixels; Usage where there is one | Usage, or as below |
| image folders | see `emorec.data.folders` | folders, or PublicTest and PrivateTest in the files' names |
| Parquet of Hugging Face | see `emorec.data.parquet` | the files' names |

Without Usage, `train.csv` and `test.csv` don't say which faces are for validation. A labelled `test.csv` is then all
`test`, and `val` is a tenth of `train.csv`. The challenge's own `test.csv`, which torchvision's FER2013 reads too,
has no labels: nothing can be scored on it, so it is left aside, and `val` and `test` are a tenth of `train.csv` each.
Folders and Parquet without validation faces are treated like a labelled `test.csv`; those without test faces give half
of their validation faces for it, those without either a tenth each. In all these cases `Faces.note` says so, and
results are not comparable with those on FER2013's own splits. `emorec.data.splits` says which faces are taken.

Tables of these forms are FER2013's: their numbers are taken in its order unless `data.classes` says otherwise or the
class counts contradict it. Numbers in other forms have no order of their own (`emorec.classes`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, SPLITS
from emorec.classes import LEFT_OUT, order_of
from emorec.data.faces import Faces
from emorec.data.folders import is_image_tree, list_images, read_images
from emorec.data.labels import Classes, find_order, left_out, to_emotions
from emorec.data.malformed import malformed, reading
from emorec.data.parquet import list_parquet, read_parquet
from emorec.data.pixels_csv import TABLES, read_columns, read_table
from emorec.data.splits import TEST, TRAIN, USAGES, VAL, VAL_FROM_TRAIN, carve
from emorec.errors import EmorecError
from emorec.files import expand, sha256
from emorec.plain import printable

WHERE_TO_GET_IT = (
    "get fer2013.csv or icml_face_data.csv from https://www.kaggle.com/c/"
    "challenges-in-representation-learning-facial-expression-recognition-challenge/data"
)
FORMS = "fer2013.csv, icml_face_data.csv, train.csv with test.csv, image folders train and test, or Parquet"
PACKED = tuple(f"{name}.gz" for name in TABLES) + ("fer2013.tar.gz",)
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst")

BOTH_FROM_TRAIN = (
    "val and test are each a tenth of the training faces of each emotion, as test.csv has no labels; this is not "
    "FER2013's own test set, which is in fer2013.csv and icml_face_data.csv"
)


def find_source(path: Path | None, places: Sequence[Path] = (Path("data"),)) -> Path:
    """Where the data is: a CSV file, plain or packed, or the folder of train.csv and test.csv, images or Parquet.

    Args:
        path: what the config names: a file, taken as it is, or a folder, searched as a place is; None for `places`. `~`
            is the user's home.
        places: folders to search, the first hit wins. In each, and in the folder `fer2013` in it, torchvision's order
            of precedence: fer2013.csv, icml_face_data.csv, the same packed, train.csv with test.csv, image folders,
            Parquet.

    Raises:
        EmorecError: there is nothing, with the places looked in, what lies there instead, and where to get the data.
    """
    if path is not None:
        path = expand(path)
        if path.is_file():
            return path
        if not path.is_dir():
            there = "neither a file nor a folder" if os.path.lexists(path) else "no such file or folder"
            raise malformed(path, f"{there}{_lies_in([path.parent], path.name)}; {WHERE_TO_GET_IT}")
        places = (path,)
    folders = [folder for place in places for folder in (Path(place), Path(place) / "fer2013")]
    for folder in folders:
        with reading(folder):
            for name in (*TABLES, *PACKED):
                if (folder / name).is_file():
                    return folder / name
            if (folder / "train.csv").is_file() or is_image_tree(folder) or list_parquet(folder):
                return folder
    looked = ", ".join(f"{printable(str(folder))}/" for folder in folders)
    raise EmorecError(f"FER2013 not found{_lies_in(folders)}: looked in {looked} for {FORMS}; {WHERE_TO_GET_IT}")


def _lies_in(folders: Sequence[Path], wanted: str = "") -> str:
    """A phrase on the first thing in `folders` that may have been meant and what to do with it, or nothing."""
    names = {name.casefold() for name in (*TABLES, *PACKED, "train.csv", wanted)} - {""}
    for folder in folders:
        try:
            children = sorted(folder.iterdir())
        except OSError:
            continue
        for child in children:
            shown, name = printable(str(child)), child.name.casefold()
            if child.is_dir() and name in names:
                return f", but {shown}/ is a folder of that name; name what is in it"
            if child.is_dir() and (is_image_tree(child) or list_parquet(child)):
                return f", but {shown}/ has faces; name it in data.path"
            if child.is_file() and name in names:
                return f", but there is {shown}; name it in data.path, or rename it"
            if child.is_file() and name.endswith(_ARCHIVES):
                return f", but there is {shown}; unpack it"
    return ""


def read_faces(source: Path, classes: Classes | None = None) -> Faces:
    """Read FER2013 from what `find_source` found, in source order. `classes`: as in the config.

    Raises:
        EmorecError: the first thing that is malformed, by file, row and reason; labels that nothing says the meaning
            of; a split without faces.
    """
    source = find_source(source)
    with reading(source):
        if source.is_file():
            faces = _emotions(source, _read_table(source, None, classes), classes)
        elif (source / "train.csv").is_file():
            faces = _read_train_and_test(source, classes)
        elif is_image_tree(source):
            faces = read_images(source, classes)
        else:
            faces = read_parquet(source, classes)
    for split, usage in zip(SPLITS, USAGES, strict=True):
        if not (faces.split == USAGES[usage]).any():
            raise malformed(
                source, f"no faces in split {split} ({usage}); all three splits are needed, get the data again"
            )
    return faces


def source_files(source: Path) -> list[tuple[str, Path]]:
    """The files of the data, by their names relative to `source`: those that `read_faces` reads, and test.csv always.

    Raises:
        EmorecError: what `list_images` raises.
    """
    source = find_source(source)
    with reading(source):
        if source.is_file():
            return [(source.name, source)]
        if (source / "train.csv").is_file():
            files = [file for file in (source / "train.csv", source / "test.csv") if file.is_file()]
        elif is_image_tree(source):
            files = [file.path for file in list_images(source)]
        else:
            files = [path for path, _ in list_parquet(source)]
        return sorted((file.relative_to(source).as_posix(), file) for file in files)


def source_digest(source: Path) -> str:
    """SHA-256 of the data, in hexadecimal: of a single file, what `sha256sum FILE` prints.

    Of several files it is the SHA-256 of what `sha256sum` prints for them, sorted by their names relative to `source`:
    a line "digest, two spaces, name" each.
    """
    source = find_source(source)
    with reading(source):
        if source.is_file():
            return sha256(source)
        lines = hashlib.sha256()
        for name, file in source_files(source):
            lines.update(f"{sha256(file)}  {name}\n".encode("utf-8", "surrogateescape"))
        return lines.hexdigest()


def _read_table(path: Path, split: int | None, classes: Classes | None) -> Faces:
    """A table with its numbers as labels, at most the largest that `classes` names."""
    largest = len(EMOTIONS) - 1 if classes is None else max(order_of(classes, range(1, len(classes) + 1)))
    return read_table(path, split, largest)


def _emotions(path: Path, faces: Faces, classes: Classes | None) -> Faces:
    """The faces of tables with emotions for numbers."""
    order, sentence = find_order(path, faces.labels, faces.split == TRAIN, classes, default="fer2013")
    emotions = to_emotions(faces.labels, order)
    keep = emotions != LEFT_OUT
    labelling = "; ".join(filter(None, (sentence, left_out(emotions))))
    return Faces(faces.images[keep], emotions[keep].astype(np.uint8), faces.split[keep], faces.row[keep], "", labelling)


def _read_train_and_test(folder: Path, classes: Classes | None) -> Faces:
    train = _read_table(folder / "train.csv", TRAIN, classes)
    has_usage = "usage" in read_columns(folder / "train.csv")
    if not (folder / "test.csv").is_file():
        if has_usage:
            return _emotions(folder / "train.csv", train, classes)
        raise malformed(folder, "train.csv without test.csv; put both there, or name fer2013.csv")
    if read_columns(folder / "test.csv") == ["pixels"]:
        train = _emotions(folder / "train.csv", train, classes)
        if has_usage:
            return train
        return replace(train, split=carve(train.labels, train.split, (VAL, TEST)), note=BOTH_FROM_TRAIN)
    test = _read_table(folder / "test.csv", TEST, classes)
    labels, split = np.concatenate([train.labels, test.labels]), np.concatenate([train.split, test.split])
    images = np.concatenate([train.images, test.images])
    faces = _emotions(folder, Faces(images, labels, split, np.arange(len(labels), dtype=np.int32)), classes)
    if not has_usage and not (faces.split == VAL).any():
        return replace(faces, split=carve(faces.labels, faces.split, (VAL,)), note=VAL_FROM_TRAIN)
    return faces
