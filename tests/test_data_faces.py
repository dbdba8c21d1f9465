"""faces.npz: what is saved is loaded, and what breaks the contract is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emorec.data.faces import Faces, load_faces, save_faces
from emorec.errors import EmorecError


@pytest.fixture
def faces() -> Faces:
    images = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
    index = np.arange(9, dtype=np.uint8)
    return Faces(images, index % 7, index % 3, np.arange(9, dtype=np.int32)[::-1].copy())


def arrays(faces: Faces) -> dict[str, np.ndarray]:
    return {name: getattr(faces, name) for name in ("images", "labels", "split", "row")}


def test_round_trip(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "data" / "faces.npz"
    save_faces(path, faces)
    loaded = load_faces(path)
    for name, array in arrays(faces).items():
        assert getattr(loaded, name).dtype == array.dtype
        np.testing.assert_array_equal(getattr(loaded, name), array)
    assert len(loaded) == 9
    assert [file.name for file in path.parent.iterdir()] == ["faces.npz"]


def test_same_faces_give_the_same_bytes(tmp_path: Path, faces: Faces) -> None:
    for name in ("a.npz", "b.npz"):
        save_faces(tmp_path / name, faces)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"images": np.zeros((9, 48, 47), np.uint8)}, r"images is uint8 of shape \(9, 48, 47\), not uint8 of shape"),
        ({"images": np.zeros((9, 48, 48), np.float32)}, "images is float32"),
        ({"images": np.zeros((0, 48, 48), np.uint8)}, "holds no faces"),
        ({"images": np.uint8(3)}, "holds no faces"),
        ({"labels": np.full(9, 7, np.uint8)}, "labels has a value outside 0 to 6"),
        ({"labels": np.zeros(8, np.uint8)}, r"labels is uint8 of shape \(8,\)"),
        ({"split": np.full(9, 3, np.uint8)}, "split has a value outside 0 to 2"),
        ({"row": np.arange(9)}, "row is int64"),
        ({"row": np.arange(-1, 8, dtype=np.int32)}, "row has a value outside"),
        ({"row": np.zeros(9, np.int32)}, "row has a number twice"),
    ],
)
def test_contract(tmp_path: Path, faces: Faces, change: dict[str, np.ndarray], reason: str) -> None:
    path = tmp_path / "faces.npz"
    with pytest.raises(EmorecError, match=rf"faces\.npz: {reason}"):
        save_faces(path, replace(faces, **change))
    assert not any(tmp_path.iterdir())
    np.savez(path, **arrays(replace(faces, **change)))
    with pytest.raises(EmorecError, match=rf"faces\.npz: {reason}"):
        load_faces(path)


def test_no_pickle(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "faces.npz"
    np.savez(path, **(arrays(faces) | {"labels": np.array([{}] * 9)}), allow_pickle=True)
    with pytest.raises(EmorecError, match=r"faces\.npz: not a readable faces\.npz"):
        load_faces(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text", b"\x93NUMPY"])
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "faces.npz").write_bytes(content)
    with pytest.raises(EmorecError, match=r"faces\.npz: not a readable faces\.npz"):
        load_faces(tmp_path / "faces.npz")


def test_truncated_file(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "faces.npz"
    save_faces(path, faces)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EmorecError, match=r"faces\.npz: not a readable"):
        load_faces(path)


def test_other_arrays(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "faces.npz"
    np.savez(path, images=faces.images)
    with pytest.raises(EmorecError, match=r"faces\.npz: not a readable faces\.npz \(labels is missing\)"):
        load_faces(path)
    with open(path, "wb") as file:
        np.save(file, faces.images)
    with pytest.raises(EmorecError, match=r"faces\.npz: not a readable"):
        load_faces(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EmorecError, match=r"faces\.npz: no such file"):
        load_faces(tmp_path / "faces.npz")
