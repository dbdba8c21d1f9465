"""The data stage's .npz files: what each array has to be, and reading and writing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from emorec import npz
from emorec.data.malformed import malformed
from emorec.files import atomic

# By array its type, the shape of one face's, and the largest value; the smallest is 0. None: any array.
Contract = Mapping[str, tuple[type, tuple[int, ...], float] | None]

ROW = (np.int32, (), np.iinfo(np.int32).max)
_TWINS: Contract = {"row": ROW, "twin": (np.bool_, (), 1)}
AGAIN = "make it anew with the data stage"


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays, atomically. Not compressed: that saves 5 % of faces' size and takes 25 times as long."""
    with atomic(Path(path)) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]  # numpy's stubs take any name for its own option


def load(
    path: Path, contract: Contract, made_by: str = "the data stage makes it", again: str = AGAIN
) -> dict[str, Any]:
    """Read the arrays of a contract. Raises EmorecError for a file that is missing, no .npz, or breaks it."""
    path = Path(path)
    try:
        arrays = npz.read(path, list(contract))
    except FileNotFoundError:
        raise malformed(path, f"no such file; {made_by}") from None
    except ValueError as error:
        raise malformed(path, f"not a readable {path.name} ({error}); {again}") from None
    check(path, arrays, contract, again)
    return arrays


def check(path: Path, arrays: Mapping[str, np.ndarray], contract: Contract, remedy: str) -> None:
    """Raise EmorecError, about `path`, where arrays break their contract: types, shapes, ranges, a row twice."""
    first = arrays[next(iter(contract))]
    count = len(first) if first.ndim else 0
    if count == 0:
        raise malformed(path, f"holds no faces; {remedy}")
    for name, wanted in contract.items():
        if wanted is None:
            continue
        array, (dtype, shape, largest) = arrays[name], wanted
        if array.dtype != dtype or array.shape != (count, *shape):
            expected = f"{np.dtype(dtype).name} of shape {(count, *shape)}"
            raise malformed(path, f"{name} is {array.dtype} of shape {array.shape}, not {expected}; {remedy}")
        if not (array.min() >= 0 and array.max() <= largest):
            raise malformed(path, f"{name} has a value outside 0 to {largest}; {remedy}")
    if "row" in arrays and len(np.unique(arrays["row"])) != count:
        raise malformed(path, f"row has a number twice; {remedy}")


def load_twins(path: Path, row: np.ndarray) -> np.ndarray:
    """Which faces, by row (n,), leak by a twin: (n,) bool. Raises EmorecError for no file, or one of other faces."""
    again = "delete it and run again"
    found = load(path, _TWINS, "`emorec twins` makes it", again)
    if not np.isin(row, found["row"]).all():
        raise malformed(path, f"it is of other faces; {again}")
    return np.isin(row, found["row"][found["twin"]])
