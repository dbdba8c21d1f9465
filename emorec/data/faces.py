"""`data/faces.npz`: the faces of a study, in whatever form they came."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, SIDE, SPLITS
from emorec.data.stored import ROW, Contract, check, load, save

_CONTRACT: Contract = {
    "images": (np.uint8, (SIDE, SIDE), 255),
    "labels": (np.uint8, (), len(EMOTIONS) - 1),
    "split": (np.uint8, (), len(SPLITS) - 1),
    "row": ROW,
}


@dataclass(frozen=True, eq=False)
class Faces:
    """n labelled faces. `note` and `labelling` are sentences, or empty, that go to summary.json, not to faces.npz."""

    images: np.ndarray  # (n, 48, 48) uint8, grey, 0 black
    labels: np.ndarray  # (n,) uint8, indices in EMOTIONS
    split: np.ndarray  # (n,) uint8, indices in SPLITS
    row: np.ndarray  # (n,) int32, each face's place in the source, counted from 0; no two are equal
    note: str = ""  # how `val` or `test` were made where the source lacks them
    labelling: str = ""  # what numbers in the source were taken to mean, and what was left out
    rows: int = 0  # of the source, with what was left out; 0 for faces that were read from faces.npz or drawn

    def __len__(self) -> int:
        return len(self.images)


def save_faces(path: Path, faces: Faces) -> None:
    """Write faces.npz, atomically. Raises EmorecError, and writes nothing, where `faces` break the contract."""
    arrays = {name: getattr(faces, name) for name in _CONTRACT}
    check(Path(path), arrays, _CONTRACT, "take other faces")
    save(path, **arrays)


def load_faces(path: Path) -> Faces:
    """Read faces.npz. Raises EmorecError where it is missing or breaks the contract."""
    return Faces(**load(path, _CONTRACT))


def digests(images: np.ndarray) -> list[bytes]:
    """A digest of each picture, (n, h, w) uint8: the same for pictures that are equal to the last pixel."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def pixel_statistics(images: np.ndarray) -> tuple[float, float]:
    """Mean and (population) standard deviation of pixels / 255, exactly, by a histogram of `images` (n, h, w) uint8."""
    histogram = np.zeros(256, np.int64)
    for start in range(0, len(images), 1024):  # bincount makes eight bytes of each pixel
        histogram += np.bincount(images[start : start + 1024].ravel(), minlength=256)
    levels = np.arange(256) / 255
    mean = np.average(levels, weights=histogram)
    return float(mean), float(np.sqrt(np.average((levels - mean) ** 2, weights=histogram)))
