"""A small finished study that each malformed input is put into, made by the program's own writers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from corpus import CONFIG, FACES, csv_of

from emorec import EMOTIONS, cli
from emorec import config as configs
from emorec.networks.store import save_network
from emorec.networks.train import Trained, build


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with base.yaml, fer2013.csv and results/corpus, all of it well-formed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "base.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "fer2013.csv").write_bytes(csv_of(FACES))
    study = configs.validate(CONFIG, "base.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("data")
        for name, spec in configs.networks(study).items():
            row = {"epoch": 1, "lr": 0.1, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0}
            history = [row | {"val_accuracy": 0.5, "seconds": 1.0}]
            trained = trained_of({k: v.clone() for k, v in build(spec).state_dict().items()}, history)
            save_network(folder / "results/corpus/networks" / name / "seed0", spec, 0, trained, 0.5, 0.25)
        run("outputs", "--network", "resnet18", "--seed", "0")
        run("combine", "--model", "resnet18", "--seed", "0")
        for group in ("costs", "classes", "curves", "scores", "audit", "without_twins"):
            run("tables", "--group", group)
        run("figure", "--name", "recall")
    # What the ledgers would say of files that are put in place of others has tests of its own.
    shutil.rmtree(folder / "results/corpus/checksums")
    assert len(EMOTIONS) == 7 and np.isfinite(1)
    return folder


def trained_of(weights: dict, history: list[dict]) -> Trained:
    fields = {"weights": weights, "history": history, "best_epoch": 1, "seconds": 1.0, "device": "cpu"}
    return Trained(**fields, deterministic=True)


def run(*arguments: str) -> None:
    assert cli.main([*arguments, "--config", "base.yaml"]) == 0
