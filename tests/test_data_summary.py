"""summary.json's numbers, each against a case that can be counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emorec import EMOTIONS
from emorec.data.faces import Faces, pixel_statistics
from emorec.data.prepare import count_faces, summarise


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


def test_summary_follows_the_contract() -> None:
    images = np.full((3, 48, 48), 51, np.uint8)
    index = np.arange(3, dtype=np.uint8)
    summary = summarise(Faces(images, index, index, index.astype(np.int32), "carved"), "fer2013.csv", False, "ab")
    assert summary["absent"]["train"] == list(EMOTIONS[1:])
    assert (summary["faces"], summary["synthetic"], summary["source"]) == (3, False, "fer2013.csv")
    assert (summary["note"], summary["sha256"]) == ("carved", "ab")
    assert json.loads(json.dumps(summary)) == summary
