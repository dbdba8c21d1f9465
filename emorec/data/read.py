"""FER2013 in the forms that users have it: finding it, reading it, naming it by its digest.

| form | what is read | splits |
|---|---|---|
| `fer2013.csv`, `icml_face_data.csv` | columns emotion, pixels, Usage | Usage |
| `train.csv` and `test.csv` in a folder | emotion, pixels; Usage where there is one | Usage, or as below |
| image folders | see `emorec.data.folders` | folders, or PublicTest and PrivateTest in the files' names |

Without Usage, `train.csv` and `test.csv` don't say which faces are for validation. A labelled `test.csv` is then all
`test`, and `val` is a tenth of `train.csv`. The challenge's own `test.csv`, which torchvision's FER2013 reads too,
has no labels: nothing can be scored on it, so it is left aside, and `val` and `test` are a tenth of `train.csv` each.
Image folders without validation faces are treated like a labelled `test.csv`. In all three cases `Faces.note` says so,
and results are not comparable with those on FER2013's own splits. `emorec.data.splits.carve` says which are taken.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emorec import SPLITS
from emorec.data.faces import Faces
from emorec.data.folders import VAL_FROM_TRAIN, is_image_tree, list_images, read_images
from emorec.data.malformed import malformed, reading
from emorec.data.pixels_csv import read_columns, read_table
from emorec.data.splits import TEST, TRAIN, USAGES, VAL, carve
from emorec.errors import EmorecError
from emorec.files import sha256
from emorec.plain import printable

WHERE_TO_GET_IT = (
    "get fer2013.csv or icml_face_data.csv from https://www.kaggle.com/c/"
    "challenges-in-representation-learning-facial-expression-recognition-challenge/data"
)
FORMS = "fer2013.csv, icml_face_data.csv, train.csv with test.csv, or image folders train and test"

BOTH_FROM_TRAIN = (
    "val and test are each a tenth of the training faces of each emotion, as test.csv has no labels; this is not "
    "FER2013's own test set, which is in fer2013.csv and icml_face_data.csv"
)


def find_source(path: Path | None, places: Sequence[Path] = (Path("data"),)) -> Path:
    """Where the data is: a CSV file, the folder of train.csv and test.csv, or the folder of the image folders.

    Args:
        path: what the config names: a file, taken as it is, or a folder, searched as a place is; None for `places`.
        places: folders to search, the first hit wins. In each, and in the folder `fer2013` in it, torchvision's order
            of precedence: fer2013.csv, icml_face_data.csv, train.csv with test.csv, then image folders.

    Raises:
        EmorecError: there is nothing, with the places looked in and where to get the data.
    """
    if path is not None:
        path = Path(path)
        if path.is_file():
            return path
        if not path.is_dir():
            there = "neither a file nor a folder" if os.path.lexists(path) else "no such file or folder"
            raise malformed(path, f"{there}; {WHERE_TO_GET_IT}")
        places = (path,)
    folders = [folder for place in places for folder in (Path(place), Path(place) / "fer2013")]
    for folder in folders:
        with reading(folder):
            for name in ("fer2013.csv", "icml_face_data.csv"):
                if (folder / name).is_file():
                    return folder / name
            if (folder / "train.csv").is_file() or is_image_tree(folder):
                return folder
    looked = ", ".join(f"{printable(str(folder))}/" for folder in folders)
    raise EmorecError(f"FER2013 not found: looked in {looked} for {FORMS}; {WHERE_TO_GET_IT}")


def read_faces(source: Path) -> Faces:
    """Read FER2013 from what `find_source` found, in source order.

    Raises:
        EmorecError: the first thing that is malformed, by file, row and reason; a split without faces.
    """
    source = find_source(source)
    with reading(source):
        if source.is_file():
            faces = read_table(source)
        elif (source / "train.csv").is_file():
            faces = _read_train_and_test(source)
        else:
            faces = read_images(source)
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
        else:
            files = [file.path for file in list_images(source)]
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


def _read_train_and_test(folder: Path) -> Faces:
    train = read_table(folder / "train.csv", TRAIN)
    has_usage = "usage" in read_columns(folder / "train.csv")
    if not (folder / "test.csv").is_file():
        if has_usage:
            return train
        raise malformed(folder, "train.csv without test.csv; put both there, or name fer2013.csv")
    columns = read_columns(folder / "test.csv")
    if columns == ["pixels"]:
        if has_usage:
            return train
        split = carve(train.labels, train.split, (VAL, TEST))
        return Faces(train.images, train.labels, split, train.row, BOTH_FROM_TRAIN)
    test = read_table(folder / "test.csv", TEST)
    labels, split = np.concatenate([train.labels, test.labels]), np.concatenate([train.split, test.split])
    images = np.concatenate([train.images, test.images])
    note = ""
    if not has_usage and not (split == VAL).any():
        split, note = carve(labels, split, (VAL,)), VAL_FROM_TRAIN
    return Faces(images, labels, split, np.arange(len(labels), dtype=np.int32), note)
