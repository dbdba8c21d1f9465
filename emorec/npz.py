"""Reading the program's own .npz files: only what was asked for, and never more memory than the file has bytes.

np.load believes an archive: a member may inflate a thousandfold, or claim an array of any size. The program's own are
not compressed, and each array is as long as its member.
"""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy


def read(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """The arrays `names`, and those of `optional` that are there. FileNotFoundError, or ValueError for all else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member.removesuffix(".npy") for member in archive.namelist()]
            twice = [name for name in names if members.count(name) > 1]
            missing = [name for name in names if name not in members]
            if missing or twice:
                raise _NotOurs(f"{missing[0]} is missing" if missing else f"{twice[0]} is there twice")
            wanted = [*names, *(name for name in optional if name in members)]
            return {name: _member(archive, name) for name in wanted}
    except (FileNotFoundError, MemoryError, _NotOurs):
        raise
    except Exception as error:  # broken archives and headers raise a dozen kinds
        raise _NotOurs(f"{type(error).__name__}: {' '.join(str(error).split())[:100]}") from None


class _NotOurs(ValueError):
    """A file that the program did not write, or that is damaged."""


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise _NotOurs(f"{name} is compressed")
    with archive.open(info) as file:
        if npy.read_magic(file) != (1, 0):
            raise _NotOurs(f"{name} has a header of another version")
        shape, _, dtype = npy.read_array_header_1_0(file)
        if dtype.hasobject:
            raise _NotOurs(f"{name} holds objects, which would have to be unpickled")
        expected = file.tell() + math.prod(shape) * dtype.itemsize
        if expected != info.file_size or any(length < 0 for length in shape):
            raise _NotOurs(f"{name} claims the shape {shape}, which its {info.file_size:,} bytes do not hold")
    with archive.open(info) as file:
        return npy.read_array(file, allow_pickle=False)
