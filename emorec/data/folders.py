"""Faces as image files: a folder a split, in it a folder a class; or the classes' folders alone.

`train/` and `test/` with Kaggle's names (`train/angry/Training_3908.jpg`, `test/happy/PublicTest_12.jpg`,
`test/happy/PrivateTest_7.jpg`), or `train/`, `validation/`, `test/`, of which only the first must be there, with any
names. A class is a name (`angry`, `Anger`), a name with a number (`0 angry`) or a number (see `emorec.classes`). Images
of any size, grey or colour, become 48×48 grey; one that is so already keeps its pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emorec.classes import LEFT_OUT, parse_class
from emorec.data.faces import SIDE, Faces
from emorec.data.image import read_image
from emorec.data.labels import Classes, find_order, left_out, to_emotions
from emorec.data.malformed import malformed
from emorec.data.splits import TEST, TRAIN, VAL, carve_groups, complete

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "fer2013train"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "publictest", "public_test", "dev", "fer2013valid"), VAL),
    **dict.fromkeys(("test", "testing", "privatetest", "private_test", "fer2013test"), TEST),
}
_KAGGLE_NAME = re.compile(r"(publictest|privatetest)_", re.IGNORECASE)
_CK_NAME = re.compile(r"(S[0-9]{3})_[0-9]{3}_[0-9]{8}$")  # subject, sequence, frame
_LITTER = {
    "thumbs.db",
    "desktop.ini",
    "__macosx",
}  # Windows leaves these among images; other systems' litter begins with a dot
_FEWEST_CLASSES = 3  # folders that are classes by their names, from which on a folder without splits holds faces

BY_SUBJECT = "val and test are each a tenth of the subjects, as the source has no splits"


@dataclass(frozen=True)
class ImageFile:
    """One face's file, with what its place in the tree says of it: its class by number, by name (as an index in
    EMOTIONS, or LEFT_OUT), or by both."""

    path: Path
    split: int
    number: int | None
    emotion: int | None


def is_image_tree(folder: Path) -> bool:
    """Whether `folder` has folders of faces (which may turn out to be malformed)."""
    return folder.is_dir() and (_has(folder, TRAIN) or _has_classes(folder))


def list_images(folder: Path) -> list[ImageFile]:
    """The image files below `folder`, in source order: by split, the number that ends a file's name, and its path.

    `split` is the folder's. Only where there is no validation folder do the names decide between Kaggle's PublicTest
    and PrivateTest, and then each file in the test folder must carry one of them.

    Raises:
        EmorecError: a missing folder, a folder of unknown emotion, a file out of place.
    """
    tops = {top: SPLIT_NAMES[_key(top)] for top in _children(folder) if top.is_dir() and _key(top) in SPLIT_NAMES}
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
                raise malformed(child, "lies outside the emotions' folders; put it into one, or take it out")
            try:
                number, emotion = parse_class(child.name)
            except KeyError:
                known = "angry, disgust, fear, happy, sad, surprise, neutral"
                raise malformed(
                    child, f"a folder of unknown emotion, expected {known}; rename it, or take it out"
                ) from None
            found += [ImageFile(file, split, number, emotion) for file in _children(child)]
    for file in found:
        if not file.path.is_file():
            raise malformed(file.path, "not an image file; take it out")
    if VAL not in tops.values():
        found = _split_by_name(found)
    return sorted(found, key=lambda file: (file.split, *_source_order(file.path.relative_to(folder))))


def read_images(folder: Path, classes: Classes | None = None) -> Faces:
    """Read a tree of image files. Splits that it lacks are made of others, and `note` says so: `val` out of `train`,
    `test` out of `val`, or both out of `train` (see `emorec.data.splits`); of CK+'s files by subject, since the frames
    of one sequence are hardly different.

    Raises:
        EmorecError: what `list_images` raises; numbers that nothing says the meaning of; an unreadable or oversized
            image, or one of more than 8 bits.
    """
    files = list_images(folder)
    split = np.array([file.split for file in files], np.uint8)
    emotions, labelling = _emotions(folder, files, split, classes)
    keep = emotions != LEFT_OUT
    rows = np.flatnonzero(keep).astype(np.int32)
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    for index, row in enumerate(rows):
        images[index] = read_image(files[row].path)
    kept = [files[row].path for row in rows]
    labels, split = emotions[keep].astype(np.uint8), split[keep]
    present = {*split.tolist(), *(code for code in (VAL, TEST) if _has(folder, code))}
    subjects = [_CK_NAME.match(file.stem) for file in kept]
    if present == {TRAIN} and kept and all(subjects):
        split, note = carve_groups([name[1] for name in subjects if name], split, (VAL, TEST)), BY_SUBJECT
    else:
        split, note = complete(labels, split, present)
    return Faces(images, labels, split, rows, note, labelling)


def _emotions(
    folder: Path, files: list[ImageFile], split: np.ndarray, classes: Classes | None
) -> tuple[np.ndarray, str]:
    """The emotion of each file, and a sentence on how it is known where names do not say it."""
    beside: dict[int, int] = {}
    for file in files:
        if file.number is None or file.emotion is None:
            continue
        if beside.setdefault(file.number, file.emotion) != file.emotion:
            reason = f"the number {file.number} stands beside another emotion elsewhere; rename one of them"
            raise malformed(file.path.parent, reason)
    unnamed = [file.emotion is None for file in files]
    sentence = ""
    emotions = np.array([LEFT_OUT if file.emotion is None else file.emotion for file in files], np.int16)
    if any(unnamed) or (classes is not None and beside):
        numbered = np.array([file.number is not None for file in files])
        numbers = np.array([file.number or 0 for file in files])[numbered]
        order, sentence = find_order(folder, numbers, split[numbered] == TRAIN, classes, beside or None)
        emotions[numbered] = to_emotions(numbers, order)
    return emotions, "; ".join(filter(None, (sentence, left_out(emotions))))


def _has(folder: Path, split: int) -> bool:
    return any(child.is_dir() and SPLIT_NAMES.get(_key(child)) == split for child in folder.iterdir())


def _has_classes(folder: Path) -> bool:
    found = 0
    for child in _children(folder):
        if child.is_dir():
            try:
                parse_class(child.name)
            except KeyError:
                continue
            found += 1
    return found >= _FEWEST_CLASSES


def _split_by_name(files: list[ImageFile]) -> list[ImageFile]:
    named = [_KAGGLE_NAME.match(file.path.name) if file.split == TEST else None for file in files]
    if not any(name and name[1].lower() == "publictest" for name in named):
        return files
    result = []
    for file, name in zip(files, named, strict=True):
        split = file.split
        if split == TEST:
            if not name:
                raise malformed(file.path, "named neither PublicTest_… nor PrivateTest_…, as others in the folder are")
            split = VAL if name[1].lower() == "publictest" else TEST
        result.append(replace(file, split=split))
    return result


def _source_order(relative: Path) -> tuple[bool, int, str]:
    number = re.search(r"(\d+)$", relative.stem)
    return number is None, int(number[1]) if number else 0, relative.as_posix()


def _children(folder: Path) -> list[Path]:
    return [child for child in folder.iterdir() if child.name[0] != "." and child.name.lower() not in _LITTER]


def _key(folder: Path) -> str:
    return folder.name.strip().casefold()
