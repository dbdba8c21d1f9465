"""`data/twins.npz`: which faces leak by a twin. Apart from finding them, which needs more than those who read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emorec import npz
from emorec.data.malformed import malformed
from emorec.files import atomic


def save_twins(path: Path, row: np.ndarray, twin: np.ndarray) -> None:
    """Write which faces, by row, are `leaking`."""
    with atomic(path) as temporary:
        np.savez(temporary, row=row, twin=twin)


def load_twins(path: Path, row: np.ndarray) -> np.ndarray:
    """Which faces, by row (n,), are `leaking`: (n,) bool.

    Raises EmorecError, one line, where the file is missing, damaged or of other faces.
    """
    try:
        found = npz.read(path, ("row", "twin"))
        if found["twin"].dtype != bool or found["twin"].shape != found["row"].shape:
            raise ValueError(f"twin is {found['twin'].dtype} of shape {found['twin'].shape}")
        if not np.isin(row, found["row"]).all():
            raise ValueError("it is of other faces")
    except FileNotFoundError:
        raise malformed(path, "no such file; `emorec twins` makes it") from None
    except ValueError as error:
        raise malformed(path, f"does not say which faces have twins ({error}); delete it and run again") from None
    return np.isin(row, found["row"][found["twin"]])
