"""`emorec networks`: a study's networks in one process are those of a process each."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from emorec import config
from emorec.groupings.read import network_spec
from emorec.networks.pretrained import check_networks, is_trained
from emorec.networks.stage import made_of
from emorec.paths import Layout
from tests import forked, small_study
from tests.checkout_copy import copy_checkout

STUDY = small_study.SETTINGS | {
    "study": "many",
    # The fine-tuned mixture stands before all that it waits for.
    "models": {
        "tuned": {"kind": "fine-tuned", "of": "mixture", "epochs": 1},
        "mixture": {"kind": "mixture", "of": "single", "grouping": "found"},
        "single": {"kind": "single"},
    },
}
FILES = ("weights.safetensors", "history.csv", "network.json", "outputs.npz")

call = small_study.commands_of("many.yaml")
pytestmark = pytest.mark.usefixtures("own_handlers")


def start(folder: Path) -> tuple[config.Study, Layout]:
    (folder / "many.yaml").write_text(yaml.safe_dump(STUDY))
    assert call(folder, "data") == 0
    return config.load(folder / "many.yaml"), Layout(folder / "results" / "many")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the study's networks are there."""
    folder = copy_checkout(tmp_path_factory.mktemp("many") / "checkout", "tests/mini.yaml")
    start(folder)
    assert call(folder, "networks") == 0
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """Its results and config elsewhere, to be changed."""
    shutil.copytree(made / "results", tmp_path / "results")
    shutil.copy(made / "many.yaml", tmp_path)
    return tmp_path


def test_a_part_comes_after_all_that_it_waits_for() -> None:
    study = config.validate(STUDY, "c.yaml")
    order = config.training_order(study)
    place = {part: i for i, part in enumerate(order)}
    assert sorted(order, key=str) == sorted(config.all_parts(study), key=str)
    for part in order:
        if part.network != "single":
            assert all(place[config.Part("single", seed)] < place[part] for seed in study.seeds)
        for before in config.networks(study)[part.network].before(part.seed):
            assert place[before] < place[part]


def test_every_network_is_there_and_is_the_one_of_a_process_of_its_own(made: Path, tmp_path: Path) -> None:
    study, own = start(tmp_path)
    layout = Layout(made / "results" / "many")
    for part in config.all_parts(study):
        assert all((layout.network(part.network, part.seed) / name).is_file() for name in FILES)
    assert call(tmp_path, "train", "--network", "single", "--seed", "1") == 0
    one, other = (each.network("single", 1) / "weights.safetensors" for each in (layout, own))
    assert one.read_bytes() == other.read_bytes()
    ledgers = {path.name for path in (layout.root / "checksums").iterdir()}
    assert {"train-single-1.json", "train-tuned-0.json", "grouping-found.json"} <= ledgers


def test_what_is_there_is_left_alone_and_what_is_gone_is_made_again(copied: Path) -> None:
    network = Layout(copied / "results" / "many").network("single", 0)
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file()}
    assert call(copied, "networks") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (network / "outputs.npz").unlink()
    assert call(copied, "networks", "--network", "single", "--seed", "1") == 0
    assert not (network / "outputs.npz").exists()
    assert call(copied, "networks", "--network", "single", "--seed", "0") == 0
    assert (network / "outputs.npz").exists()
    assert (network / "weights.safetensors").stat().st_mtime_ns == before[network / "weights.safetensors"]


def test_what_is_stopped_by_the_clock_goes_on_and_ends_with_the_same_bytes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clock jumps over the limit after each epoch: every call trains one."""
    longer = STUDY | {"training": STUDY["training"] | {"epochs": 3, "checkpoint_every": 99}}
    folders = {name: tmp_path / name for name in ("whole", "pieces")}
    for folder in folders.values():
        folder.mkdir()
        start(folder)
        (folder / "many.yaml").write_text(yaml.safe_dump(longer))
    one = ("--network", "single", "--seed", "0")
    assert call(folders["whole"], "networks", *one) == 0
    network = Layout(folders["pieces"] / "results" / "many").network("single", 0)
    calls = 0
    with monkeypatch.context() as patch:
        patch.setattr("emorec.networks.train.time.monotonic", iter(range(0, 10**6, 100)).__next__)
        while not (network / "outputs.npz").exists():
            capsys.readouterr()
            assert call(folders["pieces"], "networks", *one, "--minutes", "3", "--stamp", str(tmp_path / "stamp")) == 0
            calls += 1
            assert (tmp_path / "stamp").exists() == (network / "outputs.npz").exists()
            assert ("0 of 1 networks are there" in capsys.readouterr().err) != (network / "outputs.npz").exists()
    assert calls == 3
    for name in ("weights.safetensors", "outputs.npz"):
        other = Layout(folders["whole"] / "results" / "many").network("single", 0) / name
        assert (network / name).read_bytes() == other.read_bytes()


def test_what_a_network_said_before_it_was_trained_anew_is_not_kept(copied: Path) -> None:
    network = Layout(copied / "results" / "many").network("single", 1)
    before = (network / "outputs.npz").stat().st_mtime_ns
    (network / "history.csv").unlink()
    assert call(copied, "networks", "--network", "single", "--seed", "1") == 0
    assert (network / "outputs.npz").stat().st_mtime_ns > before


def test_the_workflow_goes_on_from_there(made: Path) -> None:
    done = forked.snakemake(made, "--cores", "1", "--configfile", "many.yaml", "--dry-run")
    said = done.stdout + done.stderr
    jobs = set(re.findall(r"^Job \d+: (\w+)", said, flags=re.MULTILINE))
    assert done.returncode == 0 and {"predictions", "tables", "figures", "report"} <= jobs, said[-2000:]
    assert not {"data", "train", "outputs", "groupings"} & jobs


def test_a_network_of_another_config_is_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = STUDY | {"training": STUDY["training"] | {"lr": 0.06}}
    (copied / "many.yaml").write_text(yaml.safe_dump(changed))
    capsys.readouterr()
    assert call(copied, "networks") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "trained with another training.lr" in said and "delete" in said


def test_unknown_names_are_refused_with_those_that_there_are(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, right in ((("--network", "singel"), "single"), (("--seed", "7"), "0, 1")):
        capsys.readouterr()
        assert call(made, "networks", *wrong) == 1
        assert right in capsys.readouterr().err


def test_a_network_without_all_its_files_is_not_there(copied: Path) -> None:
    spec = config.networks(config.load(copied / "many.yaml"))["single"]
    folder = Layout(copied / "results" / "many").network("single", 0)
    assert is_trained(folder, spec)
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").unlink()
    assert not is_trained(folder, spec)  # its outputs alone are enough of one that came in a pack, not of this one
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "history.csv").unlink()
    assert not is_trained(folder, spec)


def _dates(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("weights.safetensors")}


def test_renewed_is_what_is_of_another_config_or_other_faces_and_what_starts_from_it(copied: Path) -> None:
    stamp, results = copied / "stamp.txt", copied / "results"
    assert call(copied, "networks", "--renew", "--stamp", str(stamp)) == 0
    before = _dates(results)
    assert stamp.read_text().splitlines() == [
        f"{part.network} {part.seed}" for part in config.training_order(config.load(copied / "many.yaml"))
    ]
    assert call(copied, "networks", "--renew") == 0
    assert _dates(results) == before
    # What the fine-tuned mixture alone is trained by.
    models = STUDY["models"] | {"tuned": {"kind": "fine-tuned", "of": "mixture", "epochs": 1, "lr": 0.02}}
    (copied / "many.yaml").write_text(yaml.safe_dump(STUDY | {"models": models}))
    assert call(copied, "networks", "--renew") == 0
    after = _dates(results)
    assert {name.split("/")[2] for name in before if after[name] != before[name]} == {"tuned"}
    # Other faces are other networks, all of them.
    data = {"source": "synthetic", "synthetic": STUDY["data"]["synthetic"] | {"seed": 5}}
    (copied / "many.yaml").write_text(yaml.safe_dump(STUDY | {"models": models, "data": data}))
    assert call(copied, "data") == 0
    assert call(copied, "networks", "--renew", "--seed", "0") == 0
    again = _dates(results)
    assert all((again[name] != after[name]) == name.endswith("seed0/weights.safetensors") for name in after)


def test_what_a_network_starts_from_is_part_of_what_it_is_made_of(copied: Path) -> None:
    """So that a run that dies after one network was trained anew does not leave those of the old one."""
    study, layout = config.load(copied / "many.yaml"), Layout(copied / "results" / "many")

    def digests() -> dict[str, str]:
        specs = {part.network: network_spec(study, layout, part.network) for part in config.all_parts(study)}
        return {name: made_of(spec, 0, layout, "code") for name, spec in specs.items()}

    before, weights = digests(), layout.network("single-gate-found", 0) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    after = digests()
    assert [name for name in before if before[name] != after[name]] == ["tuned"]


def test_a_grouping_is_found_anew_where_it_is_older_than_what_it_rests_on(copied: Path) -> None:
    layout = Layout(copied / "results" / "many")
    grouping, outputs = layout.grouping("found"), layout.network("single", 1) / "outputs.npz"
    found, networks = grouping.stat().st_mtime_ns, _dates(copied)
    assert call(copied, "networks", "--renew") == 0 and grouping.stat().st_mtime_ns == found
    os.utime(outputs)
    assert call(copied, "networks") == 0 and grouping.stat().st_mtime_ns == found
    assert call(copied, "networks", "--renew") == 0 and grouping.stat().st_mtime_ns > found
    assert _dates(copied) == networks  # the same groups


def test_networks_by_a_found_grouping_may_be_brought_along(copied: Path) -> None:
    study, layout = config.load(copied / "many.yaml"), Layout(copied / "results" / "many")
    check_networks(study, layout, "weights")
    check_networks(study, layout, "outputs")


def test_on_a_gpu_of_this_machine_all_networks_are_one_job(made: Path, tmp_path: Path) -> None:
    """The device is `auto`, and there is an nvidia-smi that lists a card; nothing is run."""
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: NVIDIA Stub (UUID: GPU-1)'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    study = STUDY | {"study": "carded", "training": STUDY["training"] | {"device": "auto"}}
    (made / "carded.yaml").write_text(yaml.safe_dump(study))
    planned = {}
    usual, carded = os.environ["PATH"], f"{tmp_path}:{os.environ['PATH']}"
    env = {"card": {"PATH": carded}, "none": {"PATH": usual}, "hidden": {"PATH": carded, "CUDA_VISIBLE_DEVICES": "-1"}}
    for name, own in env.items():
        done = forked.snakemake(made, "--cores", "1", "--configfile", "carded.yaml", "--dry-run", **own)
        assert done.returncode == 0, done.stderr[-2000:]
        planned[name] = {m[0]: int(m[1]) for m in re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.M)}
    assert planned["card"]["networks"] == 1 and not {"train", "outputs"} & planned["card"].keys()
    assert planned["none"]["train"] > 1 and "networks" not in planned["none"]
    assert planned["hidden"] == planned["none"]
    both = {name: count for name, count in planned["none"].items() if name not in ("train", "grouping", "total")}
    assert both.items() <= planned["card"].items()
