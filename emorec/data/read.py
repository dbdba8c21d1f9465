"""FER2013 in the forms that users have it (docs/installation.md), and other faces in the same.

Where a source lacks splits, they are made (`emorec.data.splits`), and `Faces.note` says so, since results do not
compare with those on FER2013's own. The challenge's own `test.csv` has no labels, so that it is left aside. Tables of
FER2013's forms have numbers in its order, unless `data.classes` says otherwise or the class counts contradict it.
Numbers in other forms have no order of their own (`emorec.classes`).
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, SIDE, SPLITS
from emorec.classes import LEFT_OUT, order_of
from emorec.data.faces import Faces
from emorec.data.folders import is_image_tree, list_images, read_images
from emorec.data.labels import UNNAMED, Classes, RawFaces, emotions_of
from emorec.data.malformed import malformed, reading
from emorec.data.parquet import list_parquet, read_parquet
from emorec.data.pixels_csv import TABLES, read_columns, read_table
from emorec.data.splits import TEST, TRAIN, USAGES, VAL, complete
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


def find_source(path: str | Path | None) -> Path:
    """Where the data is: a CSV file, plain or packed, or the folder of train.csv and test.csv, images or Parquet.

    `path` is what the config names: a file, taken as it is, or a folder to search, None for `data`. In it, and in the
    folder `fer2013` in it, the order is torchvision's: fer2013.csv, icml_face_data.csv, the same packed, train.csv with
    test.csv, image folders, Parquet. Raises EmorecError where there is nothing.
    """
    place = Path("data") if path is None else expand(Path(path))
    if place.is_file():
        return place
    if path is not None and not place.is_dir():
        there = "neither a file nor a folder" if os.path.lexists(place) else "no such file or folder"
        raise malformed(place, f"{there}{_lies_in([place.parent], place.name)}; {WHERE_TO_GET_IT}")
    folders = [place, place / "fer2013"]
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
    readable = [folder for folder in folders if folder.is_dir() and os.access(folder, os.R_OK)]
    for child in (child for folder in readable for child in sorted(folder.iterdir())):
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
    """The faces in what `find_source` found, in source order. Raises EmorecError for what is malformed or ambiguous."""
    source = find_source(source)
    with reading(source):
        if source.is_file() or (source / "train.csv").is_file():
            raw = _read_tables(source, classes)
        else:
            raw = read_images(source) if is_image_tree(source) else read_parquet(source)
        emotions, labelling = emotions_of(source, raw, classes)
        kept = np.flatnonzero(emotions != LEFT_OUT)
        labels = emotions[kept].astype(np.uint8)
        subjects = None if raw.subjects is None else raw.subjects[kept]
        split, note = complete(labels, raw.split[kept], raw.present, subjects)
        images = np.empty((len(kept), SIDE, SIDE), np.uint8)
        for index, row in enumerate(kept.tolist()):
            images[index] = raw.picture(row)
        faces = Faces(images, labels, split, kept.astype(np.int32), raw.note or note, labelling, len(raw.split))
    for name, usage in zip(SPLITS, USAGES, strict=True):
        if not (faces.split == USAGES[usage]).any():
            raise malformed(source, f"no faces in split {name} ({usage}); all three are needed, get the data again")
    return faces


def source_files(source: Path) -> list[tuple[str, Path]]:
    """The files that `read_faces` reads, and test.csv always, with their names relative to `source`."""
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
    """SHA-256 of the data, in hexadecimal: of a file its own, of several that of what `sha256sum` prints for them."""
    with reading(source):
        if source.is_file():
            return sha256(source)
        lines = [f"{sha256(file)}  {name}\n" for name, file in source_files(source)]
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _read_tables(source: Path, classes: Classes | None) -> RawFaces:
    """One table with a Usage, or train.csv and test.csv. Numbers may be as large as `classes` has them."""
    largest = len(EMOTIONS) - 1 if classes is None else max(order_of(classes, range(1, len(classes) + 1)))
    note, present = "", {TRAIN, VAL, TEST}
    if source.is_file():
        tables = [read_table(source, None, largest)]
    else:
        train, test = source / "train.csv", source / "test.csv"
        tables = [read_table(train, TRAIN, largest)]
        has_usage, has_test = "usage" in read_columns(train), test.is_file()
        if not has_test and not has_usage:
            raise malformed(source, "train.csv without test.csv; put both there, or name fer2013.csv")
        if has_test and read_columns(test) != ["pixels"]:
            tables.append(read_table(test, TEST, largest))
        elif not has_usage:
            note = BOTH_FROM_TRAIN
        if not has_usage:
            present = {code for table in tables for code in table.split.tolist()}
    numbers = np.concatenate([table.labels for table in tables])
    return RawFaces(
        np.concatenate([table.images for table in tables]).__getitem__,
        np.concatenate([table.split for table in tables]),
        present,
        numbers,
        np.full(len(numbers), UNNAMED, np.int16),
        default="fer2013",
        note=note,
    )
