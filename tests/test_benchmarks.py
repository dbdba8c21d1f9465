"""The benchmarks run, at sizes of no account: what they measure must not change under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scaling


def test_each_step_is_measured_for_more_faces_and_for_more_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "FACES", {"train": 140, "val": 70, "test": 140})
    monkeypatch.setattr(scaling, "TIMES", (1,))
    monkeypatch.setattr(scaling, "MODELS", (2,))
    faces, models = scaling.by_faces(tmp_path), scaling.tables_by_models(tmp_path)
    assert {"data", "train, one epoch", "outputs", "combine", "tables: pixels", "tables: embeddings"} < set(faces[1])
    assert set(models[2]) == {f"tables: {group}" for group in scaling.GROUPS}
    for measured in (*faces[1].values(), *models[2].values()):
        assert measured["seconds"] > 0 and measured["mib"] > 10
