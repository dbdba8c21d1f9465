"""`data/truth.npz`: what synthetic faces were drawn from, read back and checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS
from emorec.data.malformed import malformed
from emorec.data.stored import AGAIN, Contract, load
from emorec.data.synthetic import NAMES

_CONTRACT: Contract = {
    "true_labels": (np.uint8, (), len(EMOTIONS) - 1),
    "action_units": (np.float16, (len(NAMES),), 1),
    "names": None,
}


@dataclass(frozen=True, eq=False)
class Truth:
    """True emotions (n,) uint8 and action units (n, U) of synthetic faces; a face's `row` is its place here."""

    true_labels: np.ndarray
    action_units: np.ndarray


def load_truth(path: Path) -> Truth:
    """Read truth.npz. Raises EmorecError where it is missing, broken, or about other action units than are drawn."""
    found = load(path, _CONTRACT, "the data stage makes it for synthetic faces")
    if found["names"].tolist() != list(NAMES):
        raise malformed(path, f"its action units are not those of this version; {AGAIN}")
    return Truth(found["true_labels"], found["action_units"].astype(np.float64))
