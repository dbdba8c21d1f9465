"""Synthetic faces: seeds, splits, wrong labels and what the pixels look like in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from emorec import EMOTIONS, SPLITS
from emorec.data.synthetic import (
    CHUNK,
    NAMES,
    SHARES,
    ExpressionModel,
    draw_faces,
    synthetic_faces,
    wrong_label_targets,
)


@pytest.fixture(scope="module")
def faces():
    return draw_faces(1024, 5)


def same(first, second) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("images", "labels", "true_labels", "action_units")
    )


def test_a_seed_determines_the_faces_bit_for_bit_and_threads_change_nothing() -> None:
    once = draw_faces(3 * CHUNK, 7)
    assert same(once, draw_faces(3 * CHUNK, 7))
    assert same(once, draw_faces(3 * CHUNK, 7, threads=1))
    other = draw_faces(3 * CHUNK, 8)
    assert not np.array_equal(once.images, other.images)
    assert not np.array_equal(once.action_units, other.action_units)
    assert not np.array_equal(once.images, draw_faces(3 * CHUNK, 7, split=1).images)


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_the_first_faces_are_the_same_however_many_follow(count: int) -> None:
    few, many = draw_faces(count, 7), draw_faces(2 * CHUNK + 3, 7)
    assert len(few.images) == len(few.labels) == len(few.true_labels) == len(few.action_units) == count
    assert np.array_equal(few.images, many.images[:count])
    assert np.array_equal(few.labels, many.labels[:count])
    assert np.array_equal(few.action_units, many.action_units[:count])


def test_shapes_and_types(faces) -> None:
    assert faces.images.shape == (1024, 48, 48) and faces.images.dtype == np.uint8
    assert faces.labels.dtype == faces.true_labels.dtype == np.uint8
    assert faces.action_units.shape == (1024, len(NAMES)) and faces.action_units.dtype == np.float32
    assert faces.action_units.min() >= 0 and faces.action_units.max() <= 1


def test_grey_levels_are_those_of_photographs(faces) -> None:
    grey = faces.images.astype(float)
    means, deviations = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    assert 100 < means.mean() < 150
    assert 35 < deviations.mean() < 70
    assert deviations.min() > 8  # nothing is blank
    clipped = (faces.images == 0) | (faces.images == 255)
    assert clipped.mean() < 0.1
    assert len(np.unique(faces.images.reshape(len(grey), -1), axis=0)) == len(grey)


def test_every_emotion_has_its_share_of_the_true_labels(faces) -> None:
    found = np.bincount(faces.true_labels, minlength=len(EMOTIONS)) / len(faces.true_labels)
    # Systematic sampling in chunks: far closer than the binomial's 1 %.
    assert np.allclose(found, SHARES, atol=0.01)
    only = draw_faces(100, 1, shares=(0, 0, 0, 1, 0, 0, 0))
    assert set(only.true_labels) == {EMOTIONS.index("happy")}


@pytest.mark.parametrize("probability", [0.0, 0.06, 0.5, 1.0])
def test_the_share_of_wrong_labels_is_within_binomial_bounds(probability: float) -> None:
    drawn = draw_faces(768, 9, wrong_labels=probability)
    wrong = np.mean(drawn.labels != drawn.true_labels)
    assert abs(wrong - probability) <= 4 * np.sqrt(probability * (1 - probability) / 768)


def test_wrong_labels_leave_the_faces_alone_and_go_mostly_to_emotions_that_share_action_units() -> None:
    clean, noisy = draw_faces(512, 9, wrong_labels=0.0), draw_faces(512, 9, wrong_labels=1.0)
    assert np.array_equal(clean.images, noisy.images)
    assert np.array_equal(clean.true_labels, noisy.true_labels)
    targets = wrong_label_targets()
    assert np.allclose(targets.sum(axis=1), 1) and np.all(np.diag(targets) == 0)
    for true, other in (("fear", "surprise"), ("surprise", "fear"), ("angry", "disgust"), ("disgust", "angry")):
        assert EMOTIONS[targets[EMOTIONS.index(true)].argmax()] == other
    assert EMOTIONS[targets[EMOTIONS.index("neutral")].argmax()] == "sad"
    found = np.bincount(noisy.labels[noisy.true_labels == EMOTIONS.index("fear")], minlength=len(EMOTIONS))
    assert EMOTIONS[found.argmax()] == "surprise"


def test_stronger_expressions_move_more_pixels_and_only_the_expression_changes() -> None:
    def images(level: float) -> np.ndarray:
        model = ExpressionModel(low=level, high=level)
        return draw_faces(CHUNK, 3, shares=(0, 0, 0, 0, 0, 1, 0), model=model).images.astype(float)

    rest, slight, strong = images(0.0), images(0.3), images(1.0)
    assert 0 < np.abs(slight - rest).mean() < np.abs(strong - rest).mean()
    neutral = draw_faces(CHUNK, 3, shares=(0, 0, 0, 0, 0, 0, 1), model=ExpressionModel(low=0.0, high=0.0))
    assert np.array_equal(rest, neutral.images)


def test_a_dropped_jaw_darkens_the_mouth_and_a_smile_does_not_raise_the_brows() -> None:
    def mean_face(emotion: str) -> np.ndarray:
        shares = tuple(float(name == emotion) for name in EMOTIONS)
        model = ExpressionModel(low=0.9, high=0.9, absent=0.0)
        return draw_faces(4 * CHUNK, 3, shares=shares, model=model).images.astype(float).mean(axis=0)

    neutral, surprise, happy = mean_face("neutral"), mean_face("surprise"), mean_face("happy")
    mouth, brows = np.s_[36:43, 20:28], np.s_[10:18, 10:38]
    assert surprise[mouth].mean() < neutral[mouth].mean() - 8
    assert np.abs(surprise - neutral)[brows].mean() > 2 * np.abs(happy - neutral)[brows].mean()


def test_the_splits_have_streams_of_their_own_in_the_layout_of_the_contract() -> None:
    study = synthetic_faces(100, 40, 60, 1, 0.06)
    assert study.images.shape == (200, 48, 48)
    assert study.split.dtype == np.uint8 and study.row.dtype == np.int32
    assert np.bincount(study.split).tolist() == [100, 40, 60] and len(SPLITS) == 3
    assert np.array_equal(study.row, np.arange(200))
    more = synthetic_faces(140, 40, 60, 1, 0.06)
    for split in (1, 2):
        assert np.array_equal(study.images[study.split == split], more.images[more.split == split])
    train, val = study.images[study.split == 0], study.images[study.split == 1]
    assert not np.array_equal(train[:40], val)
    noisy = synthetic_faces(64, 64, 64, 1, 0.5)
    for split in range(3):  # wrong labels are everywhere, as in real data
        assert (noisy.labels != noisy.true_labels)[noisy.split == split].any()


def test_the_contract_file_takes_the_arrays(tmp_path) -> None:
    from emorec.data.faces import Faces, save_faces

    study = synthetic_faces(80, 40, 40, 1, 0.06)
    save_faces(tmp_path / "faces.npz", Faces(study.images, study.labels, study.split, study.row))
    with np.load(tmp_path / "faces.npz") as saved:
        assert np.array_equal(saved["images"], study.images)
