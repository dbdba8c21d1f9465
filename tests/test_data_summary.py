"""summary.json's numbers, each against a case that can be counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emorec import EMOTIONS
from emorec.data.faces import Faces, pixel_statistics
from emorec.data.prepare import count_faces, find_duplicates, summarise


def test_counts_have_every_emotion_in_order() -> None:
    counts = count_faces(np.array([3, 3, 6, 0], np.uint8), np.array([0, 0, 2, 1], np.uint8))
    assert list(counts) == ["train", "val", "test"]
    assert all(list(row) == list(EMOTIONS) for row in counts.values())
    assert counts["train"]["happy"] == 2
    assert counts["val"]["angry"] == counts["test"]["neutral"] == 1
    assert sum(sum(row.values()) for row in counts.values()) == 4


def test_pixel_statistics() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3000, 8, 8), dtype=np.uint8)
    mean, std = pixel_statistics(images)
    assert mean == pytest.approx((images / 255).mean(), abs=1e-12)
    assert std == pytest.approx((images / 255).std(), abs=1e-12)


def test_duplicates() -> None:
    #           train, one three times   val             test
    grey = [1, 1, 1, 2, 3, 1, 1, 4, 1, 3, 5]
    split = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    images = np.broadcast_to(np.array(grey, np.uint8)[:, None, None], (11, 48, 48))
    assert find_duplicates(images, np.array(split)) == {
        "exact_within": {"train": 2, "val": 1, "test": 0},
        "exact_across": {"train-val": 2, "train-test": 2, "val-test": 1},
    }


def test_one_pixel_makes_another_face() -> None:
    images = np.zeros((2, 48, 48), np.uint8)
    images[1, 47, 47] = 1
    assert find_duplicates(images, np.zeros(2))["exact_within"]["train"] == 0


def test_summary_follows_the_contract() -> None:
    images = np.full((3, 48, 48), 51, np.uint8)
    images[1:] = 255  # neither is for training, so the mean must not know of them
    index = np.arange(3, dtype=np.uint8)
    summary = summarise(Faces(images, index, index, index.astype(np.int32), "carved"), "fer2013.csv", False, "ab")
    assert summary["mean"] == pytest.approx(0.2)
    assert summary["std"] == pytest.approx(0)
    assert summary["duplicates"]["exact_across"] == {"train-val": 0, "train-test": 0, "val-test": 1}
    assert (summary["faces"], summary["synthetic"], summary["source"]) == (3, False, "fer2013.csv")
    assert (summary["note"], summary["sha256"]) == ("carved", "ab")
    assert json.loads(json.dumps(summary)) == summary
