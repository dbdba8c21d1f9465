"""What a trained network gives for the faces of val and test, as a file: outputs.npz.

Apart from the weights, so that those who combine networks need not import torch, which takes longer than their work.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, SPLITS, npz
from emorec.errors import EmorecError
from emorec.files import atomic


def save_outputs(path: Path, outputs: Mapping[str, np.ndarray | None]) -> None:
    """Write what a network gives for every face of val and test; what is None is left out."""
    with atomic(path) as temporary:
        arrays = {name: array for name, array in outputs.items() if array is not None}
        np.savez(temporary, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle


def load_outputs(path: Path) -> dict[str, np.ndarray]:
    """outputs.npz: logits (n, k) float32, row (n,), label (n,), split (n,); val then test.

    And features (n, d) float16, unless it came in a pack without room for them; and gate (n, e) float32, the experts'
    weights, of a mixture that was trained jointly. Raises EmorecError if the file is missing or damaged.
    """
    try:
        found = npz.read(path, ("logits", "row", "label", "split"), optional=("features", "gate"))
        _check_outputs(found)
    except (OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise EmorecError(f"{path}: not a readable outputs file ({reason}); delete it and run again") from None
    return found


def _check_outputs(found: dict[str, np.ndarray]) -> None:
    """Raise ValueError for what no network gives: of other types or lengths, or not finite."""
    count = found["row"].size
    for name, array in found.items():
        dimensions, kinds = (1, "iu") if name in ("row", "label", "split") else (2, "f")
        if array.ndim != dimensions or len(array) != count or array.dtype.kind not in kinds:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not all finite")
    for name, known in (("label", EMOTIONS), ("split", SPLITS)):
        if count and not 0 <= found[name].min() <= found[name].max() < len(known):
            raise ValueError(f"{name} has a value outside 0 to {len(known) - 1}")
