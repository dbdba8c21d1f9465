"""What is made again after what: a small study of a folder of pictures is run once, then things change and the plan is
looked at. A dry run changes nothing; what is told of the one run is looked at, too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from emorec import EMOTIONS
from tests import forked
from tests.checkout_copy import copy_checkout

CONFIG = "tiny.yaml"
BASE = {
    "seeds": [0, 1],
    "architecture": {"depth": 10, "width": 8, "stem": "imagenet"},
    "training": {"epochs": 1, "batch": 7, "lr": 0.5, "device": "cpu", "views": "none"},
    "models": {"resnet10": {"kind": "single"}},
}
STUDY = {
    "extends": "base.yaml",
    "study": "tiny",
    "seeds": [0],
    "data": {"source": "fer2013", "path": "pictures"},
    "training": {"lr": 0.05},
}
TRAINING = "train: network resnet10, seed 0"
DATA = "data: faces of study tiny"
SUMMARY = "data: what there is of each emotion"
COMBINED = "predictions: networks to models"
RESULTS = "tables: scores, comparisons and verdicts"


def snakemake(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return forked.snakemake(folder, "--cores", "2", "--configfile", CONFIG, *arguments, **env)


def planned(folder: Path, *arguments: str) -> set[str]:
    """Messages of the jobs that a run would do."""
    done = snakemake(folder, "--dry-run", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = set(re.findall(r"^Job \d+: (.+)$", done.stdout + done.stderr, flags=re.MULTILINE))
    assert jobs or "Nothing to be done" in done.stdout + done.stderr
    return jobs


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 48)).astype(np.uint8)).save(path)


@contextmanager
def restored(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Files as they were, afterwards, in content and date."""
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    try:
        yield paths
    finally:
        for path, (content, date) in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, ns=(date, date))


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder but Snakemake's own notes and Python's: sizes and dates."""
    paths = (path for path in folder.rglob("*") if not {".snakemake", "__pycache__"} & set(path.parts))
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A checkout in which the study was run, and what was said meanwhile."""
    folder = copy_checkout(tmp_path_factory.mktemp("reruns") / "checkout", "tests/mini.yaml")
    (folder / CONFIG).write_text(yaml.safe_dump(STUDY))
    (folder / "base.yaml").write_text(yaml.safe_dump(BASE))
    for number, (split, emotion) in enumerate((s, e) for s in ("train", "val", "test") for e in EMOTIONS for _ in "ab"):
        picture(folder / "pictures" / split / emotion / f"{number}.png", number)
    done = snakemake(folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder, done.stdout + done.stderr


@pytest.fixture(scope="module")
def finished(run: tuple[Path, str]) -> Path:
    return run[0]


def test_a_run_is_told_in_a_line_a_job_and_the_rest_is_in_its_log(run: tuple[Path, str]) -> None:
    folder, said = run
    lines = re.findall(r"^ *(\d+)/(\d+)  (.+?)  \d+ s$", said, flags=re.MULTILINE)
    assert [int(number) for number, _, _ in lines] == list(range(1, len(lines) + 1))
    assert {DATA, TRAINING, RESULTS} <= {name for _, _, name in lines}
    assert len({total for _, total, _ in lines}) == 1 and len(said.splitlines()) <= len(lines) + 6
    assert "Reason" not in said and "\r" not in said and "\x1b" not in said  # no terminal, no bar
    (log,) = (folder / ".snakemake" / "log").glob("*.log")
    written = log.read_text()
    assert "Reason: Missing output files" in written and "emorec train --config results/tiny/config.yaml" in written


def test_a_dry_run_changes_nothing_on_disk(finished: Path) -> None:
    future = finished / "results" / "tiny" / "tables" / "scores.csv"
    with restored(future):
        os.utime(future, (time.time() + 9999, time.time() + 9999))
        before = state(finished)
        planned(finished)
        assert state(finished) == before


def test_dates_places_and_stray_files_make_nothing_again(finished: Path, tmp_path: Path) -> None:
    assert planned(finished) == set()
    elsewhere = tmp_path / "checkout"
    shutil.copytree(finished, elsewhere, symlinks=True)
    for path in (*(elsewhere / "pictures").rglob("*.png"), *(elsewhere / "emorec").rglob("*.py")):
        path.touch()
    for name in (".DS_Store", "train/angry/Thumbs.db", "notes.txt"):
        (elsewhere / "pictures" / name).write_text("stray")
    (elsewhere / "pictures").rename(tmp_path / "moved")
    (elsewhere / CONFIG).write_text(
        yaml.safe_dump(STUDY | {"data": {"source": "fer2013", "path": str(tmp_path / "moved")}})
    )
    assert planned(elsewhere) == set()


def test_how_often_a_network_is_saved_meanwhile_makes_nothing_again(finished: Path) -> None:
    with restored(finished / CONFIG):
        (finished / CONFIG).write_text(yaml.safe_dump(STUDY | {"training": {"lr": 0.05, "checkpoint_every": 7}}))
        assert planned(finished) == set()


@pytest.mark.parametrize("change", ["added", "deleted", "moved"])
def test_a_face_added_moved_or_deleted_is_noticed(finished: Path, change: str) -> None:
    angry = finished / "pictures" / "train" / "angry"
    face = sorted(angry.iterdir())[0]
    new = {"added": angry / "99.png", "deleted": face, "moved": angry.parent / "sad" / face.name}[change]
    with restored(face):
        if change == "added":
            picture(new, 99)
        else:
            face.rename(new) if change == "moved" else face.unlink()
        try:
            assert {DATA, TRAINING, RESULTS} <= planned(finished)
        finally:
            if new != face:
                new.unlink()


def test_a_label_mended_in_place_is_noticed(finished: Path) -> None:
    pixels = [" ".join(map(str, np.random.default_rng(n).integers(0, 256, 2304))) for n in range(70)]
    folder = finished / "tables of faces"
    folder.mkdir()
    for name in ("train", "test"):
        rows = [f"{n % 7},{line}" for n, line in enumerate(pixels)]
        (folder / f"{name}.csv").write_text("\n".join(["emotion,pixels", *rows, ""]))
    study = STUDY | {"study": "csv", "data": {"source": "fer2013", "path": str(folder)}}
    (finished / "csv.yaml").write_text(yaml.safe_dump(study))
    wanted = ("--configfile", "csv.yaml", "--", "results/csv/data/faces.npz")
    assert snakemake(finished, *wanted).returncode == 0
    assert planned(finished, *wanted) == set()
    table = folder / "train.csv"
    text = table.read_text()
    with open(table, "r+", encoding="utf-8") as file:  # of the same size
        file.write(text.replace("\n1,", "\n5,", 1))
    assert planned(finished, *wanted) == {"data: faces of study csv"}


@pytest.mark.parametrize(
    ("module", "again", "spared"),
    [
        ("data/prepare.py", {SUMMARY, RESULTS}, {TRAINING, COMBINED, DATA}),
        ("tables/groups.py", {RESULTS}, {TRAINING, DATA}),
        ("tables/metrics.py", {RESULTS}, {TRAINING, DATA}),
        ("config/derived.py", {RESULTS, COMBINED}, {TRAINING, DATA}),
        ("predictions/stage.py", {RESULTS, COMBINED}, {TRAINING, DATA}),
        ("cli.py", set(), {TRAINING, DATA, RESULTS}),
    ],
)
def test_an_edit_makes_again_what_the_module_is_part_of(
    finished: Path, module: str, again: set[str], spared: set[str]
) -> None:
    path = finished / "emorec" / module
    with restored(path):
        path.write_text(path.read_text() + "\n# edited\n")
        jobs = planned(finished)
    assert again <= jobs and not spared & jobs
    assert bool(jobs) == bool(again)


def test_networks_are_trained_anew_for_code_and_not_for_a_comment(finished: Path) -> None:
    paths = [finished / "emorec" / name for name in ("networks/stage.py", "networks/learner.py", "data/folders.py")]
    with restored(*paths):
        for path in paths:
            path.write_text(path.read_text() + "\n# edited\n")
        assert TRAINING not in planned(finished)
    for path in paths[1:]:
        with restored(path, paths[0].parent.parent / "data" / "prepare.py") as edited:
            path.write_text(path.read_text() + "\nEDITED = True\n")
            assert TRAINING in planned(finished)
            # Also where what is before it is made again for a reason of its own.
            edited[1].write_text(edited[1].read_text() + "\nEDITED = True\n")
            assert {SUMMARY, TRAINING} <= planned(finished)


def test_emorec_that_is_not_on_the_path_is_said_when_the_workflow_is_read(finished: Path) -> None:
    done = snakemake(finished, "--forceall", PATH="/usr/bin:/bin")
    assert done.returncode != 0
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if "emorec is not on the PATH; activate its environment" in line]
    assert "Logfile" not in done.stderr and "Traceback" not in done.stderr
