"""Twins are found through what happens to photographs on the web, and other faces are not taken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from emorec.data.faces import Faces
from emorec.data.stored import load_twins, save
from emorec.data.synthetic import synthetic_faces
from emorec.data.twins import find_twins, leaking, textures, thumbnails
from emorec.errors import EmorecError
from emorec.tables.audit import audit_tables


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Drawn faces with skin of their own."""
    rng = np.random.default_rng(0)
    faces = synthetic_faces(120, 70, 70, 7, 0.0).images.astype(float)
    faces += 3 * gaussian_filter(20 * rng.normal(size=faces.shape), (0, 0.8, 0.8))
    return np.clip(faces, 0, 255).astype(np.uint8)


def changed(image: np.ndarray, how: str) -> np.ndarray:
    x = image.astype(float)
    if how == "shifted":
        x = shift(x, (3, -2), order=1, mode="nearest")
    elif how == "mirrored":
        x = x[:, ::-1]
    elif how == "darker":
        x = 0.6 * x + 10
    elif how == "blurred":
        x = gaussian_filter(x, 0.7)
    elif how == "marked":
        x[30:36, 5:40] = 200
    return np.clip(x + 0.01, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", ["exact", "shifted", "mirrored", "darker", "blurred", "marked"])
def test_a_changed_copy_is_found(images: np.ndarray, how: str) -> None:
    both = np.concatenate([images[:120], changed(images[17], how)[None]])
    twins = find_twins(both, np.array([120]), np.arange(120))
    assert twins.found[0] and twins.nearest[0] == 17
    assert twins.exact[0] == (how == "exact") and twins.mirrored[0] == (how == "mirrored")
    assert twins.similarity[0] <= 1.0001 and (how != "exact" or twins.similarity[0] == 1)


def test_other_faces_are_no_twins_and_none_is_its_own(images: np.ndarray) -> None:
    everyone = np.arange(len(images))
    twins = find_twins(images, everyone, everyone)
    assert twins.found.sum() == 0
    assert (twins.nearest != everyone).all()


def test_blank_pictures_are_twins_only_of_equal_ones(images: np.ndarray) -> None:
    blank = np.concatenate([images[:20], np.zeros((2, 48, 48), np.uint8), np.full((1, 48, 48), 90, np.uint8)])
    twins = find_twins(blank, np.array([21, 22]), np.arange(21))
    assert twins.found.tolist() == [True, False]
    assert twins.nearest.tolist() == [20, -1] and twins.similarity.tolist() == [1, 0]


def test_faces_that_leak_are_those_with_a_twin_in_a_later_split(images: np.ndarray) -> None:
    """Planted: train in val, train in test (mirrored), val in test; the copies, and test's own faces, are no leaks."""
    split = np.repeat([0, 1, 2], 40)
    faces = images[:120].copy()
    faces[45], faces[85], faces[90] = faces[3], changed(faces[7], "mirrored"), changed(faces[50], "shifted")
    faces[12] = faces[11]  # a twin in its own split is nobody's answer
    found = leaking(faces, split)
    assert np.flatnonzero(found).tolist() == [3, 7, 50]
    faces[20] = changed(faces[90], "darker")
    assert np.flatnonzero(leaking(faces, split)).tolist() == [3, 7, 20, 50]


def test_the_file_of_faces_with_twins_is_of_these_faces(tmp_path: Path) -> None:
    path, row = tmp_path / "data" / "twins.npz", np.array([7, 3, 9, 1], np.int32)
    save(path, row=row, twin=np.array([True, False, False, True]))
    assert load_twins(path, row).tolist() == [True, False, False, True]
    assert load_twins(path, row[[2, 0]]).tolist() == [False, True]
    with pytest.raises(EmorecError, match="other faces"):
        load_twins(path, np.array([7, 8], np.int32))
    with pytest.raises(EmorecError, match="`emorec twins` makes it"):
        load_twins(tmp_path / "none.npz", row)
    for broken in ({"row": row, "twin": np.ones(3, bool)}, {"row": row, "twin": row}, {"row": row}):
        np.savez(path, **broken)
        with pytest.raises(EmorecError, match=r"twins\.npz.*delete it"):
            load_twins(path, row)


def test_normalisation(images: np.ndarray) -> None:
    for made in (thumbnails(images[:5]), textures(images[:5]).reshape(5, -1)):
        np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-4)
        np.testing.assert_allclose(made.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(thumbnails(images[:5]), thumbnails(images[:5] // 2), atol=0.02)


def planted(images: np.ndarray) -> Faces:
    """60 training, 20 validation and 40 test faces; of the latter one equal and two near-equal to training faces."""
    pictures = images[:120].copy()
    pictures[80], pictures[81], pictures[82] = images[3], changed(images[4], "shifted"), changed(images[5], "mirrored")
    labels = (np.arange(120) % 7).astype(np.uint8)
    labels[[80, 81, 82]] = labels[[3, 4, 5]]
    labels[82] = (labels[82] + 1) % 7
    return Faces(pictures, labels, np.repeat([0, 1, 2], [60, 20, 40]).astype(np.uint8), np.arange(120, dtype=np.int32))


def test_tables_count_what_was_planted(images: np.ndarray) -> None:
    audit, twins = audit_tables(planted(images))
    found = audit.set_index(["split", "other"])
    test = found.loc[("test", "train")]
    assert (test.faces, test.exact, test.twins, test.mirrored) == (40, 1, 3, 1)
    assert test.same_label == pytest.approx(2 / 3)
    assert found.twins.sum() == 3 and found.same_label.isna().sum() == 5
    assert twins.row.tolist() == list(range(80, 120))
    own = twins.set_index("row")
    assert own.nearest[[80, 81, 82]].tolist() == [3, 4, 5]
    assert own.distance[80] == 0 and 0 < own.distance[81] < 0.3
    assert own.twin.sum() == 3 and not own.twin[83:].any()
    assert (own.distance.isna() == own.nearest.isna()).all()
