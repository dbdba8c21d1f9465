"""Faces as image files: a folder a split, in it a folder a class; or the classes' folders alone.

`train/` and `test/` with Kaggle's names (`train/angry/Training_3908.jpg`, `test/happy/PublicTest_12.jpg`,
`test/happy/PrivateTest_7.jpg`), or `train/`, `validation/`, `test/`, of which only the first must be there, with any
names. A class is a name (`angry`, `Anger`), a name with a number (`0 angry`) or a number (see `emorec.classes`). Images
of any size, grey or colour, become 48×48 grey; one that is so already keeps its pixels.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emorec import EMOTIONS
from emorec.classes import parse_class
from emorec.data.image import read_image
from emorec.data.labels import UNNAMED, UNNUMBERED, RawFaces
from emorec.data.malformed import malformed
from emorec.data.splits import TEST, TRAIN, VAL

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "fer2013train"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "publictest", "public_test", "dev", "fer2013valid"), VAL),
    **dict.fromkeys(("test", "testing", "privatetest", "private_test", "fer2013test"), TEST),
}
_CK_NAME = re.compile(r"(S[0-9]{3})_[0-9]{3}_[0-9]{8}$")  # subject, sequence, frame
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}  # that does not begin with a dot
_VOTES = "people's votes of FER+, no labels of FER2013; take fer2013.csv and fer2013new.csv, or class folders alone"
_FEWEST_CLASSES = 3  # folders that are classes by their names, from which on a folder without splits holds faces


@dataclass(frozen=True)
class ImageFile:
    """One face's file, and its class: by number, by name (an index in EMOTIONS, or LEFT_OUT), or by both."""

    path: Path
    split: int
    number: int | None
    emotion: int | None


def is_image_tree(folder: Path) -> bool:
    """Whether `folder` has folders of faces (which may turn out to be malformed)."""
    return folder.is_dir() and (TRAIN in _splits(folder).values() or _has_classes(folder))


def list_images(folder: Path) -> list[ImageFile]:
    """The image files below `folder`, in source order: by split, the number that ends a file's name, and its path.

    Only where there is no validation folder do the names decide between Kaggle's PublicTest and PrivateTest, and then
    each file in the test folder must carry one of them. Raises EmorecError for a missing folder, a folder of unknown
    emotion, and a file out of place.
    """
    tops = _splits(folder)
    if not tops and _has_classes(folder):
        tops = {folder: TRAIN}
    if TRAIN not in tops.values():
        raise malformed(folder, "no folder 'train'; expected train and test, or train, validation and test")
    found: list[ImageFile] = []
    for top, split in tops.items():
        for child in _children(top):
            if not child.is_dir():
                if top == folder:
                    continue  # a README, say
                if (top / "label.csv").is_file():
                    raise malformed(top / "label.csv", _VOTES)
                raise malformed(child, "lies outside the emotions' folders; put it into one, or take it out")
            named = _class_of(child)
            if named is None:
                expected = f"expected {', '.join(EMOTIONS)}; rename it, or take it out"
                raise malformed(child, f"a folder of unknown emotion, {expected}")
            found += [ImageFile(file, split, *named) for file in _children(child)]
    for file in found:
        if not file.path.is_file():
            raise malformed(file.path, "not an image file; take it out")
    if VAL not in tops.values():
        found = _split_by_name(found)
    return sorted(found, key=lambda file: (file.split, *_source_order(file.path.relative_to(folder))))


def read_images(folder: Path) -> RawFaces:
    """A tree of image files, its pictures read when they are asked for. Raises EmorecError for what is malformed."""
    files = list_images(folder)
    beside: dict[int, int] = {}
    for file in files:
        number, emotion = file.number, file.emotion
        if number is not None and emotion is not None and beside.setdefault(number, emotion) != emotion:
            reason = f"the number {number} stands beside another emotion elsewhere; rename one of them"
            raise malformed(file.path.parent, reason)
    subjects = [name[1] for file in files if (name := _CK_NAME.match(file.path.stem))]
    return RawFaces(
        lambda row: read_image(files[row].path),
        np.array([file.split for file in files], np.uint8),
        {*_splits(folder).values(), *(file.split for file in files)},
        np.array([UNNUMBERED if file.number is None else file.number for file in files], np.int16),
        np.array([UNNAMED if file.emotion is None else file.emotion for file in files], np.int16),
        beside or None,
        subjects=np.array(subjects) if len(subjects) == len(files) else None,
    )


def _splits(folder: Path) -> dict[Path, int]:
    """The folders in `folder` that are named like splits."""
    tops = {child: child.name.strip().casefold() for child in _children(folder) if child.is_dir()}
    return {child: SPLIT_NAMES[name] for child, name in tops.items() if name in SPLIT_NAMES}


def _has_classes(folder: Path) -> bool:
    return sum(child.is_dir() and _class_of(child) is not None for child in _children(folder)) >= _FEWEST_CLASSES


def _class_of(folder: Path) -> tuple[int | None, int | None] | None:
    try:
        return parse_class(folder.name)
    except KeyError:
        return None


def _split_by_name(files: list[ImageFile]) -> list[ImageFile]:
    public = {file for file in files if file.split == TEST and file.path.name.lower().startswith("publictest_")}
    for file in files if public else ():
        if file.split == TEST and not file.path.name.lower().startswith(("publictest_", "privatetest_")):
            raise malformed(file.path, "named neither PublicTest_… nor PrivateTest_…, as others in the folder are")
    return [replace(file, split=VAL) if file in public else file for file in files]


def _source_order(relative: Path) -> tuple[bool, int, str]:
    number = re.search(r"\d+$", relative.stem)
    return number is None, int(number[0]) if number else 0, relative.as_posix()


def _children(folder: Path) -> list[Path]:
    return [child for child in folder.iterdir() if child.name[0] != "." and child.name.lower() not in _LITTER]
