"""`data/faces.npz`: the faces of a study, in whatever form they came."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, SPLITS, npz
from emorec.data.malformed import malformed
from emorec.files import atomic

SIDE = 48  # pixels, both ways

_CONTRACT = {  # name: dtype, shape of one face, largest value
    "images": (np.uint8, (SIDE, SIDE), 255),
    "labels": (np.uint8, (), len(EMOTIONS) - 1),
    "split": (np.uint8, (), len(SPLITS) - 1),
    "row": (np.int32, (), np.iinfo(np.int32).max),
}


@dataclass(frozen=True, eq=False)
class Faces:
    """n labelled faces.

    Attributes:
        images: (n, 48, 48) uint8, grey, 0 black.
        labels: (n,) uint8, indices in EMOTIONS.
        split: (n,) uint8, indices in SPLITS.
        row: (n,) int32, each face's place in the source, counted from 0; no two are equal.
        note: how `val` or `test` were made where the source lacks them, a sentence; empty for the source's own splits.
        labelling: what numbers in the source were taken to mean, and what was left out, a sentence; empty where names
            say it. Both go to summary.json, not to faces.npz.
    """

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    row: np.ndarray
    note: str = ""
    labelling: str = ""

    def __len__(self) -> int:
        return len(self.images)


def save_faces(path: Path, faces: Faces) -> None:
    """Write faces.npz, atomically. Not compressed: that saves 5 % of the size and takes 25 times as long.

    Raises:
        EmorecError: `faces` break the contract; nothing is written.
    """
    arrays = {name: getattr(faces, name) for name in _CONTRACT}
    _check(Path(path), arrays, "take other faces")
    with atomic(Path(path)) as temporary:
        np.savez(temporary, **arrays)


def load_faces(path: Path) -> Faces:
    """Read faces.npz, and check it: names, types, shapes and ranges.

    Raises:
        EmorecError: the file is missing, is no .npz, or breaks the contract.
    """
    path = Path(path)
    try:
        arrays = npz.read(path, list(_CONTRACT))
    except FileNotFoundError:
        raise malformed(path, "no such file; the data stage makes it") from None
    except ValueError as error:
        raise malformed(path, f"not a readable faces.npz ({error}); make it anew with the data stage") from None
    _check(path, arrays, "make it anew with the data stage")
    return Faces(arrays["images"], arrays["labels"], arrays["split"], arrays["row"])


def pixel_statistics(images: np.ndarray) -> tuple[float, float]:
    """Mean and (population) standard deviation of pixels / 255, exactly: from the histogram of the 256 grey levels.

    `images`: (n, h, w) uint8, n > 0.
    """
    histogram = np.zeros(256, np.int64)
    for start in range(0, len(images), 1024):  # bincount makes eight bytes of each pixel
        histogram += np.bincount(images[start : start + 1024].ravel(), minlength=256)
    levels = np.arange(256) / 255
    mean = np.average(levels, weights=histogram)
    return float(mean), float(np.sqrt(np.average((levels - mean) ** 2, weights=histogram)))


def _check(path: Path, arrays: dict[str, np.ndarray], remedy: str) -> None:
    count = len(arrays["images"]) if arrays["images"].ndim else 0
    if count == 0:
        raise malformed(path, f"holds no faces; {remedy}")
    for name, (dtype, shape, largest) in _CONTRACT.items():
        array = arrays[name]
        if array.dtype != dtype or array.shape != (count, *shape):
            wanted = f"{np.dtype(dtype).name} of shape {(count, *shape)}"
            raise malformed(path, f"{name} is {array.dtype} of shape {array.shape}, not {wanted}; {remedy}")
        if array.min() < 0 or array.max() > largest:
            raise malformed(path, f"{name} has a value outside 0 to {largest}; {remedy}")
    if len(np.unique(arrays["row"])) != count:
        raise malformed(path, f"row has a number twice; {remedy}")
