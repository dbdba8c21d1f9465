"""SIGKILL at random moments, of a whole workflow, of its main process alone, of one job: the next run ends as if
nothing had been, and nobody has to unlock anything."""

from __future__ import annotations

import json
import random
import shutil
import signal
from pathlib import Path

import pytest
import support
from support import Undisturbed

pytestmark = pytest.mark.long

KILLS = 30


def test_thirty_kills_of_the_workflow(
    tmp_path: Path, undisturbed: Undisturbed, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = support.checkout(tmp_path / "checkout")
    chance = random.Random(6)
    counts = {"kills": 0, "of the whole group": 0, "of the main process alone": 0, "found results": 0, "ends": 0}
    while counts["kills"] < KILLS:
        process = support.start(folder)
        try:
            status = process.wait(chance.uniform(0.05, 0.5) * undisturbed.seconds)
        except support.subprocess.TimeoutExpired:
            whole = chance.random() < 0.5
            counts["kills"] += 1
            counts["of the whole group" if whole else "of the main process alone"] += 1
            if whole:
                support.end_group(process)
            else:
                process.kill()
                process.wait()
                assert support.none_left(folder), [p.words for p in support.alive(folder)]
            counts["found results"] += (folder / support.RESULTS / "data" / "faces.npz").exists()
        else:
            assert status == 0, (folder / "snakemake.log").read_text()[-4000:]
            counts["ends"] += 1
            assert support.same(folder, undisturbed.results) == []
            shutil.rmtree(folder / "results")
    status, output = support.run(folder)
    counts["ends"] += 1
    with capsys.disabled():
        print(f"\nworkflow: {json.dumps(counts)}")
    assert status == 0, output[-4000:]
    assert support.same(folder, undisturbed.results) == []
    assert support.litter(folder) == []


@pytest.mark.parametrize("word", ["train", "combine", "tables"])
def test_kill_of_one_job(tmp_path: Path, undisturbed: Undisturbed, word: str) -> None:
    folder = support.checkout(tmp_path / "checkout")
    if word != "train":
        shutil.copytree(undisturbed.folder / "results", folder / "results")
        shutil.copytree(undisturbed.folder / ".snakemake", folder / ".snakemake")
        made = ["tables/comparisons.csv", "report/emorec.html"]
        if word == "combine":  # Snakemake leaves what is missing in the middle alone until something needs it
            made += ["predictions.parquet", "embeddings/*/*", "tables/*.csv", "figures/*.svg"]
        for path in {path for pattern in made for path in (folder / support.RESULTS).glob(pattern)}:
            path.unlink()
    process = support.start(folder)
    try:
        support.wait_for(lambda: support.job(folder, word) is not None)
        victim = support.job(folder, word)
        assert victim is not None
        victim.kill()
        assert process.wait(600) != 0
    finally:
        support.end_group(process)
    status, output = support.run(folder)
    assert status == 0, output[-4000:]
    assert support.same(folder, undisturbed.results) == []
    assert support.litter(folder) == []


def test_ctrl_c_stops_within_five_seconds_and_the_next_run_ends(tmp_path: Path, undisturbed: Undisturbed) -> None:
    # A shell starts what runs in its background with SIGINT ignored, which every process below would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = support.checkout(tmp_path / "checkout")
    for word in ("data", "train"):
        process = support.start(folder)
        try:
            support.wait_for(lambda word=word: support.job(folder, word) is not None)
            support.end_group(process, signal.SIGINT)
            assert process.wait(5) != 0
            assert support.none_left(folder, 1)
        finally:
            support.end_group(process)
        assert support.litter(folder) == []
    status, output = support.run(folder)
    assert status == 0, output[-4000:]
    assert support.same(folder, undisturbed.results) == []
