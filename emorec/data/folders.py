"""FER2013 as image files: a folder a split, in it a folder an emotion.

Two forms: `train/` and `test/` with Kaggle's names (`train/angry/Training_3908.jpg`, `test/happy/PublicTest_12.jpg`,
`test/happy/PrivateTest_7.jpg`), and `train/`, `validation/`, `test/` with any names. Images of any size, grey or
colour, become 48×48 grey; one that is so already keeps its pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec.data.faces import SIDE, Faces
from emorec.data.image import read_image
from emorec.data.malformed import malformed
from emorec.data.splits import TEST, TRAIN, VAL, carve

_SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "publictest"), VAL),
    **dict.fromkeys(("test", "testing", "privatetest"), TEST),
}
_EMOTIONS = {
    **dict.fromkeys(("angry", "anger", "0"), 0),
    **dict.fromkeys(("disgust", "disgusted", "1"), 1),
    **dict.fromkeys(("fear", "fearful", "afraid", "scared", "2"), 2),
    **dict.fromkeys(("happy", "happiness", "3"), 3),
    **dict.fromkeys(("sad", "sadness", "4"), 4),
    **dict.fromkeys(("surprise", "surprised", "5"), 5),
    **dict.fromkeys(("neutral", "6"), 6),
}
_KAGGLE_NAME = re.compile(r"(publictest|privatetest)_", re.IGNORECASE)
_LITTER = {"thumbs.db", "desktop.ini"}  # Windows leaves these among images; other systems' litter begins with a dot

VAL_FROM_TRAIN = "val is every tenth training face of each emotion, as the source has no validation faces"


@dataclass(frozen=True)
class ImageFile:
    """One face's file, with what its place in the tree says of it."""

    path: Path
    split: int
    label: int


def is_image_tree(folder: Path) -> bool:
    """Whether `folder` has a folder of training images (which may turn out to be malformed)."""
    return folder.is_dir() and any(child.is_dir() and _SPLITS.get(_key(child)) == TRAIN for child in folder.iterdir())


def list_images(folder: Path) -> list[ImageFile]:
    """The image files below `folder`, in source order: by split, the number that ends a file's name, and its path.

    `split` is the folder's. Only where there is no validation folder do the names decide between Kaggle's PublicTest
    and PrivateTest, and then each file in the test folder must carry one of them.

    Raises:
        EmorecError: a missing folder, a folder of unknown emotion, a file out of place.
    """
    found: list[ImageFile] = []
    present = set()
    for top in _children(folder):
        if not top.is_dir() or _key(top) not in _SPLITS:
            continue
        split = _SPLITS[_key(top)]
        present.add(split)
        for emotion in _children(top):
            if not emotion.is_dir():
                raise malformed(emotion, "lies outside the emotions' folders; put it into one, or take it out")
            if _key(emotion) not in _EMOTIONS:
                known = "angry, disgust, fear, happy, sad, surprise, neutral"
                raise malformed(emotion, f"a folder of unknown emotion, expected {known}; rename it, or take it out")
            found += [ImageFile(file, split, _EMOTIONS[_key(emotion)]) for file in _children(emotion)]
    for split, name in ((TRAIN, "train"), (TEST, "test")):
        if split not in present:
            raise malformed(folder, f"no folder '{name}'; expected train and test, or train, validation and test")
    for file in found:
        if not file.path.is_file():
            raise malformed(file.path, "not an image file; take it out")
    if VAL not in present:
        found = _split_by_name(found)
    return sorted(found, key=lambda file: (file.split, *_source_order(file.path.relative_to(folder))))


def read_images(folder: Path) -> Faces:
    """Read a tree of image files. Where it has neither a validation folder nor PublicTest's names, `val` is carved out
    of `train` (see `emorec.data.splits.carve`) and `note` says so; `test` is then the whole test folder.

    Raises:
        EmorecError: what `list_images` raises; an unreadable or oversized image, or one of more than 8 bits.
    """
    files = list_images(folder)
    images = np.empty((len(files), SIDE, SIDE), np.uint8)
    for index, file in enumerate(files):
        images[index] = read_image(file.path)
    labels = np.array([file.label for file in files], np.uint8)
    split = np.array([file.split for file in files], np.uint8)
    note = ""
    has_val_folder = any(_SPLITS.get(_key(child)) == VAL for child in folder.iterdir() if child.is_dir())
    if not has_val_folder and not (split == VAL).any():
        split, note = carve(labels, split, (VAL,)), VAL_FROM_TRAIN
    return Faces(images, labels, split, np.arange(len(files), dtype=np.int32), note)


def _split_by_name(files: list[ImageFile]) -> list[ImageFile]:
    named = [_KAGGLE_NAME.match(file.path.name) for file in files]
    if not any(name and name[1].lower() == "publictest" for name in named):
        return files
    result = []
    for file, name in zip(files, named, strict=True):
        split = file.split
        if split == TEST:
            if not name:
                raise malformed(file.path, "named neither PublicTest_… nor PrivateTest_…, as others in the folder are")
            split = VAL if name[1].lower() == "publictest" else TEST
        result.append(ImageFile(file.path, split, file.label))
    return result


def _source_order(relative: Path) -> tuple[bool, int, str]:
    number = re.search(r"(\d+)$", relative.stem)
    return number is None, int(number[1]) if number else 0, relative.as_posix()


def _children(folder: Path) -> list[Path]:
    return [child for child in folder.iterdir() if child.name[0] != "." and child.name.lower() not in _LITTER]


def _key(folder: Path) -> str:
    return folder.name.strip().casefold()
