"""A small finished study that each malformed input is put into, made by the program's own writers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from corpus import CONFIG, FACES, FOUND, GROUPS, csv_of, put

from emorec import cli
from emorec import config as configs
from emorec.data.synthetic import NAMES
from emorec.data.votes import Votes, save_votes
from emorec.files import write_json, write_text
from emorec.networks.store import save_network
from emorec.networks.train import Trained, build


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with base.yaml, fer2013.csv, results/corpus and what was published of it, all of it well-formed.

    found.yaml is the same study with a mixture by a grouping that was found, as far as groupings are read.
    """
    folder = tmp_path_factory.mktemp("whole")
    (folder / "base.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "found.yaml").write_text(yaml.safe_dump(FOUND))
    (folder / "fer2013.csv").write_bytes(csv_of(FACES))
    study = configs.validate(CONFIG, "base.yaml")
    gate = configs.networks(configs.validate(FOUND, "found.yaml"), {"found": GROUPS})["resnet18-gate-found"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("data")
        for name, spec in {**configs.networks(study), gate.network: gate}.items():
            row = {"epoch": 1, "lr": 0.1, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0}
            history = [row | {"val_accuracy": 0.5, "seconds": 1.0}]
            trained = trained_of({k: v.clone() for k, v in build(spec).state_dict().items()}, history)
            save_network(folder / "results/corpus/networks" / name / "seed0", spec, 0, trained, 0.5, 0.25)
        run("outputs", "--network", "resnet18", "--seed", "0")
        run("combine", "--model", "resnet18", "--seed", "0")
        write_json(Path("results/corpus/groupings/found.json"), {"groups": [list(group) for group in GROUPS]})
        for group in ("costs", "classes", "curves", "gates", "scores", "audit", "without_twins", "representation"):
            run("tables", "--group", group)
        run("figure", "--name", "classes")
        rows = np.arange(42, dtype=np.int32)
        save_votes(Path("results/corpus/data/votes.npz"), Votes(rows, np.eye(10, dtype=np.uint8)[rows % 7] * 10))
        units = np.zeros((42, len(NAMES)), np.float16)
        truth = {"true_labels": (rows % 7).astype(np.uint8), "action_units": units, "names": np.array(NAMES)}
        np.savez("results/corpus/data/truth.npz", **truth)
        write_text(Path("results/corpus/config.yaml"), configs.dump(study))
        put("results/corpus/benchmarks/train/resnet18/seed0.tsv", "s\th:m:s\tcpu_time\n2.5\t0:00:02\t2.4\n")
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # no commit here that has a date
        run("publish")
    # What the ledgers would say of files that are put in place of others has tests of its own.
    shutil.rmtree(folder / "results/corpus/checksums")
    return folder


def trained_of(weights: dict, history: list[dict]) -> Trained:
    fields = {"weights": weights, "history": history, "best_epoch": 1, "seconds": 1.0, "device": "cpu"}
    return Trained(**fields, deterministic=True)


def run(*arguments: str) -> None:
    assert cli.main([*arguments, "--config", "base.yaml"]) == 0
