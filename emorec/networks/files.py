"""A trained network's record and outputs, for those who combine and describe networks but run none.

Apart from the weights, so that their processes need not import torch, which takes longer than their work.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from emorec.errors import EmorecError
from emorec.files import atomic


def read_record(folder: Path) -> dict[str, Any]:
    """network.json of a trained network. Raises EmorecError if it is missing or damaged."""
    path = folder / "network.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmorecError(f"{path}: cannot be read ({error}); train the network first") from None


def save_outputs(path: Path, outputs: dict[str, np.ndarray | None]) -> None:
    """Write what a network says about every face of val and test; what is None is left out."""
    with atomic(path) as temporary:
        np.savez(temporary, **{name: array for name, array in outputs.items() if array is not None})


def load_outputs(path: Path) -> dict[str, np.ndarray | None]:
    """Arrays: logits (n, k) float32, features (n, d) float16, row (n,), label (n,), split (n,); val then test.

    And gate (n, e) float32, the experts' weights in a mixture that was trained jointly; None for other networks.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in ("logits", "features", "row", "label", "split")}
            return found | {"gate": file.get("gate")}
    except Exception as error:  # numpy's readers raise a dozen kinds on damaged archives
        reason = " ".join(str(error).split())[:200]
        raise EmorecError(f"{path}: not a readable outputs file ({reason}); delete it and run again") from None
