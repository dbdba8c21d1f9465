"""`data/truth.npz`: what synthetic faces were drawn from, read back and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, npz
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
        archive = npz.read(path, ("true_labels", "action_units", "names"))
    except FileNotFoundError:
        raise malformed(path, "no such file; the data stage makes it for synthetic faces") from None
    except ValueError as error:
        raise malformed(path, f"not a readable truth.npz ({error}); {again}") from None
    labels, units, names = archive["true_labels"], archive["action_units"], archive["names"]
    if labels.ndim != 1 or labels.dtype != np.uint8 or units.dtype != np.float16 or not np.isfinite(units).all():
        raise malformed(path, f"its arrays are not of the types that the data stage writes; {again}")
    if tuple(names) != NAMES or units.shape != (labels.size, len(NAMES)):
        raise malformed(path, f"its action units are not those of this version; {again}")
    if labels.size and labels.max() >= len(EMOTIONS):
        raise malformed(path, f"a true label above {len(EMOTIONS) - 1}; {again}")
    return Truth(labels, units.astype(np.float64))
