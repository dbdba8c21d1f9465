"""`data/truth.npz`: what synthetic faces were drawn from, read back and checked."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS
from emorec.data.malformed import malformed
from emorec.data.synthetic import NAMES


@dataclass(frozen=True, eq=False)
class Truth:
    """True emotions (n,) uint8 and action units (n, U) of synthetic faces; a face's `row` is its place here."""

    true_labels: np.ndarray
    action_units: np.ndarray


def load_truth(path: Path) -> Truth:
    """Read truth.npz.

    Raises:
        EmorecError: the file is missing or broken, or is about other action units than the program draws.
    """
    again = "make it anew with the data stage"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            labels, units, names = archive["true_labels"], archive["action_units"], archive["names"]
    except FileNotFoundError:
        raise malformed(path, "no such file; the data stage makes it for synthetic faces") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise malformed(path, f"not a readable truth.npz ({type(error).__name__}); {again}") from None
    if tuple(names) != NAMES or units.shape != (labels.size, len(NAMES)):
        raise malformed(path, f"its action units are not those of this version; {again}")
    if labels.size and labels.max() >= len(EMOTIONS):
        raise malformed(path, f"a true label above {len(EMOTIONS) - 1}; {again}")
    return Truth(labels, units.astype(np.float64))
