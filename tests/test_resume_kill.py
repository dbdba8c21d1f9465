"""A training run that is killed, at any moment and any number of times, ends with the bytes of one that never was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import tiny_network as tiny
import yaml

from emorec import SPLITS
from emorec.data.faces import Faces, save_faces

STUDY = {
    "study": "killed",
    "architecture": tiny.ARCHITECTURE | {"stochastic_depth": 0.2, "dropout": 0.2, "squeeze_excitation": 16},
    "training": tiny.TRAINING | {"epochs": 5, "ema": 0.9, "mixup": 0.2, "cutmix": 1.0, "crop": 44},
    "models": {"tiny": {"kind": "single"}},
}


def test_twenty_kills_at_random_moments_leave_no_trace_in_the_weights(tmp_path):
    images, labels = tiny.faces()
    split = np.concatenate([np.full(len(labels[name]), SPLITS.index(name), np.uint8) for name in labels])
    together = [np.concatenate(list(arrays.values())) for arrays in (images, labels)]
    faces = Faces(*together, split, np.arange(len(split), dtype=np.int32))
    save_faces(tmp_path / "results" / "killed" / "data" / "faces.npz", faces)
    config = tmp_path / "killed.yaml"
    config.write_text(yaml.safe_dump(STUDY))
    script = Path(__file__).with_name("kill_and_resume.py")
    done = subprocess.run(
        [sys.executable, script, config, "tiny", tmp_path / "results", "20", "2013"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == 20
    assert found["resumed"] >= 1  # the others were killed before the first checkpoint: most, on a busy machine
    assert found["same"] == found["ends"] > 0
