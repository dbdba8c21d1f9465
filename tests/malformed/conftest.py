"""A small finished study that each malformed input is put into, made by the program's own writers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from corpus import CONFIG, FACES, FOUND, GROUPS, STUDY, WITH_MIXTURE, csv_of, put

from emorec import cli
from emorec import config as configs
from emorec.data.faces import load_faces
from emorec.data.stored import save
from emorec.files import write_json, write_text
from emorec.networks.store import save_network
from emorec.networks.train import Trained, build
from emorec.paths import TABLES, Layout


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both configs, fer2013.csv, the results of both studies and what was published of the first."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "base.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "found.yaml").write_text(yaml.safe_dump(FOUND))
    (folder / "fer2013.csv").write_bytes(csv_of(FACES))
    study = configs.validate(CONFIG, "base.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make("base", study)
        make("found", configs.validate(FOUND, "found.yaml"))
        run("figure", "--name", "curves")
        write_text(STUDY / "config.yaml", configs.dump(study))
        put("results/corpus/benchmarks/train/resnet18/seed0.tsv", "s\th:m:s\tcpu_time\n2.5\t0:00:02\t2.4\n")
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # no commit here that has a date
        run("publish")
    # What the ledgers would say of files that are put in place of others has tests of its own.
    for results in (STUDY, WITH_MIXTURE):
        shutil.rmtree(folder / results / "checksums")
    return folder


def make(name: str, study: configs.Study) -> None:
    """The study's results, of networks that have learnt nothing."""
    layout = Layout(Path("results") / study.study)
    run("data", config=name)
    if study.has_report:
        rows = load_faces(layout.faces).row
        save(layout.votes, row=rows, votes=np.eye(10, dtype=np.uint8)[rows % 7] * 10)
        write_json(layout.grouping("found"), {"groups": [list(group) for group in GROUPS]})
    specs = configs.networks(study, {"found": GROUPS})
    torch.manual_seed(0)  # of one channel, some give all faces the same representation
    for part in configs.all_parts(study):
        spec = specs[part.network]
        row = {"epoch": 1, "lr": 0.1, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0}
        history = [row | {"val_accuracy": 0.5, "seconds": 1.0}]
        trained = trained_of({k: v.clone() for k, v in build(spec).state_dict().items()}, history)
        save_network(layout.network(part.network, part.seed), spec, part.seed, trained, 0.5, 0.25)
        run("outputs", "--network", part.network, "--seed", str(part.seed), config=name)
    run("combine", config=name)
    for group in TABLES:
        run("tables", "--group", group, config=name)


def trained_of(weights: dict, history: list[dict]) -> Trained:
    fields = {"weights": weights, "history": history, "best_epoch": 1, "seconds": 1.0, "device": "cpu"}
    return Trained(**fields, deterministic=True)


def run(*arguments: str, config: str = "base") -> None:
    assert cli.main([*arguments, "--config", f"{config}.yaml"]) == 0
