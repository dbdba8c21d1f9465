"""Every family of network through the command line: trained, used, combined, and stopped where it must be."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_network as tiny
import torch
import yaml

from emorec import SPLITS, cli, config
from emorec.data.faces import Faces, save_faces
from emorec.inputs import read_json
from emorec.networks.outputs import load_outputs
from emorec.networks.store import load_network
from emorec.paths import Layout
from emorec.predictions.store import PROBABILITIES, read_gates, read_predictions
from emorec.tables.networks import curves_table

MODELS = {
    "single": {"kind": "single"},
    "mixture": {"kind": "mixture", "of": "single", "grouping": "one"},
    "other": {"kind": "mixture", "of": "single", "grouping": "one", "foreign": "other"},
    "weighted": {"kind": "mixture", "of": "single", "grouping": "one", "foreign": "down-weighted"},
    "tuned": {"kind": "fine-tuned", "of": "mixture", "epochs": 2, "lr": 0.02},
    "tuned-other": {"kind": "fine-tuned", "of": "other", "epochs": 1, "lr": 0.02},
    "dense": {"kind": "joint", "of": "single", "experts": 2},
    "top": {"kind": "joint", "of": "single", "experts": 3, "top": 2},
    "branches": {"kind": "joint", "of": "single", "experts": 2, "trunk": 2},
}
STUDY = {
    "study": "families",
    "architecture": {"depth": 10, "width": 8, "stem": "imagenet"},
    "training": tiny.TRAINING,
    "groupings": {"one": [["happy"], ["fear", "surprise"], ["angry", "disgust", "sad", "neutral", "surprise"]]},
    "models": MODELS,
}
HAPPY = "single-expert-happy"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The study with all its networks trained and used."""
    folder = tmp_path_factory.mktemp("families")
    layout = Layout(folder / "results" / "families")
    images, labels = tiny.faces()
    images["test"], labels["test"] = images["val"][:40], labels["val"][:40]
    split = np.concatenate([np.full(len(labels[name]), SPLITS.index(name), np.uint8) for name in labels])
    together = [np.concatenate(list(arrays.values())) for arrays in (images, labels)]
    save_faces(layout.faces, Faces(*together, split, np.arange(len(split), dtype=np.int32)))
    (folder / "families.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    for part in config.all_parts(config.load(folder / "families.yaml")):
        assert train(layout, part.network) == 0
    root.handlers[:] = before
    root.setLevel(level)
    return layout


def run(layout: Layout, command: str, *options: str) -> int:
    folder = layout.root.parents[1]
    study = ["--config", str(folder / "families.yaml"), "--results", str(folder / "results")]
    return cli.main([command, *study, *options])


def train(layout: Layout, network: str) -> int:
    return run(layout, "train", "--network", network, "--seed", "0")


def networks() -> dict[str, config.NetworkSpec]:
    return config.networks(config.validate(STUDY, "families.yaml"))


def test_a_record_holds_what_the_network_was_built_from(layout: Layout) -> None:
    for name, spec in networks().items():
        folder = layout.network(name, 0)
        loaded = load_network(folder)
        record = loaded.record
        assert record["parameters"] == sum(p.numel() for p in loaded.network.parameters()), name
        assert (record["role"], tuple(record["group"])) == (spec.role, spec.group)
        assert record["foreign_weight"] == spec.foreign_weight
        assert (record["mixture"] is None) == (spec.mixture is None)
        if spec.mixture:
            assert config.MixtureSpec.from_dict(record["mixture"]) == spec.mixture
    flops = {name: read_json(layout.network(name, 0) / "network.json")["flops"] for name in networks()}
    assert flops["dense"] == pytest.approx(3 * flops["single"], rel=0.01)
    assert flops["top"] == pytest.approx(3 * flops["single"], rel=0.01)  # the gate and two of three experts
    assert flops["branches"] < 1.5 * flops["single"]
    assert flops["tuned"] == sum(flops[part] for part in networks()["tuned"].mixture.parts)


def test_outputs_of_every_family(layout: Layout) -> None:
    for name, spec in networks().items():
        found = load_outputs(layout.network(name, 0) / "outputs.npz")
        assert found["logits"].shape == (180, len(spec.classes)), name
        assert np.isfinite(found["logits"]).all() and np.isfinite(found["features"]).all()
        if spec.mixture is None:
            assert "gate" not in found
            continue
        assert found["gate"].shape == (180, len(spec.mixture.experts))
        np.testing.assert_allclose(found["gate"].sum(1), 1, atol=1e-5)


def test_models_of_every_family_are_combined(layout: Layout, own_handlers: None) -> None:
    assert run(layout, "combine") == 0
    found, gates = read_predictions(layout.predictions), read_gates(layout.predictions)
    assert found["model"].drop_duplicates().tolist() == list(MODELS)
    assert (found.groupby("model").size() == 180).all()
    p = found[PROBABILITIES].to_numpy()
    assert np.isfinite(p).all() and np.allclose(p.sum(1), 1, atol=1e-4)
    assert {model for model, _ in gates} == set(MODELS) - {"single"}
    assert gates["tuned", 0].experts == gates["mixture", 0].experts
    assert all(layout.embeddings(model, 0).exists() for model in MODELS)


def test_an_expert_of_one_emotion_costs_nothing(layout: Layout) -> None:
    folder = layout.network(HAPPY, 0)
    record = read_json(folder / "network.json")
    assert (record["parameters"], record["flops"], record["train_seconds"], record["best_epoch"]) == (0, 0, 0, 0)
    assert record["val_accuracy"] == 1
    assert list(pd.read_csv(folder / "history.csv")) == list(pd.read_csv(layout.network("single", 0) / "history.csv"))
    assert pd.read_csv(folder / "history.csv").empty
    found = load_outputs(folder / "outputs.npz")
    assert (found["logits"] == 0).all() and (found["features"] == 1).all()
    assert networks()[HAPPY].training.epochs > 0


def test_curves_mark_a_row_of_every_network_that_learns(layout: Layout) -> None:
    curves = curves_table([layout.network(name, 0) / "history.csv" for name in networks()])
    assert set(networks()) - set(curves["network"]) == {HAPPY}
    assert (curves.groupby("network")["best"].sum() == 1).all()
    tuned = curves[curves["network"] == "tuned"]
    assert tuned["epoch"].tolist() == [0, 1, 2]
    assert tuned["train_loss"].isna().tolist() == [True, False, False]
    assert curves["train_loss"].dtype == float and curves["epoch"].dtype == int
    record = read_json(layout.network("tuned", 0) / "network.json")
    assert tuned.loc[tuned["best"], "val_accuracy"].item() == pytest.approx(record["val_accuracy"])
    assert record["val_accuracy"] >= tuned["val_accuracy"].iloc[0]


@pytest.fixture
def changed(layout: Layout, tmp_path: Path) -> Layout:
    """A copy whose fine-tuned network is still to be trained."""
    shutil.copytree(layout.root.parents[1], tmp_path / "copy")
    copy = Layout(tmp_path / "copy" / "results" / "families")
    shutil.rmtree(copy.network("tuned", 0))
    return copy


def test_a_part_that_is_missing_is_named(changed: Layout, own_handlers: None, capsys: pytest.CaptureFixture) -> None:
    shutil.rmtree(changed.network("single-gate-one", 0))
    assert train(changed, "tuned") == 1
    said = capsys.readouterr().err
    assert "single-gate-one/seed0/weights.safetensors: missing, and tuned starts from it; train it first" in said


def test_a_part_of_other_groups_is_named(changed: Layout, own_handlers: None, capsys: pytest.CaptureFixture) -> None:
    path = changed.network("single-gate-one", 0) / "network.json"
    record = json.loads(path.read_text())
    record["classes"][0] = ["neutral"]
    path.write_text(json.dumps(record))
    shutil.rmtree(changed.root / "checksums")  # as where networks come from elsewhere
    assert train(changed, "tuned") == 1
    said = capsys.readouterr().err
    assert "single-gate-one/seed0: tuned starts from it, but it was" in said
    assert "but it was trained on other groups (neutral; fear, surprise; " in said


def test_a_saved_mixture_comes_back_bit_by_bit(layout: Layout) -> None:
    for name in ("tuned", "top", "branches"):
        first, second = (load_network(layout.network(name, 0)).network for _ in range(2))
        x = torch.randn(3, 1, 48, 48)
        with torch.no_grad():
            assert torch.equal(first(x).logits, second(x).logits)
