"""What else can happen around a study: two at once, a full disk, a folder that cannot be written, a clock set back,
files deleted and cut. Always a clear line, never a corrupt file taken for a good one, and the next run ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import support
from support import Undisturbed

pytestmark = pytest.mark.long

NETWORK = str(support.RESULTS / "networks/resnet18/seed0/outputs.npz")


@pytest.fixture
def finished(tmp_path: Path, undisturbed: Undisturbed) -> Path:
    """A copy of the undisturbed checkout, with its times, results and Snakemake's notes of them."""
    folder = tmp_path / "checkout"
    shutil.copytree(undisturbed.folder, folder, symlinks=True)
    return folder


def tables(folder: Path) -> Path:
    return folder / support.RESULTS / "tables"


def test_two_workflows_at_once(finished: Path, undisturbed: Undisturbed) -> None:
    (tables(finished) / "comparisons.csv").unlink()
    first = support.start(finished)
    try:
        support.wait_for(lambda: support.job(finished, "tables") is not None)
        second = support.start(finished, log="second.log")
        assert second.wait(300) != 0
        output = (finished / "second.log").read_text()
        assert f"another workflow works on this study (process {first.pid} on" in output
        assert support.no_traceback(output)
        assert first.wait(900) == 0
    finally:
        support.end_group(first)
    assert support.same(finished, undisturbed.results) == []


@pytest.mark.parametrize("name", ["tables/summary.csv", "report/emorec.pdf", "data/faces.npz"])
def test_a_file_cut_behind_its_back(finished: Path, undisturbed: Undisturbed, name: str) -> None:
    path = finished / support.RESULTS / name
    path.write_bytes(path.read_bytes()[:-40])
    status, output = support.run(finished)
    assert status != 0 and support.no_traceback(output)
    assert f"{support.RESULTS / name}: changed since it was made" in output
    assert "delete it, and the next run makes it again" in " ".join(output.split())
    if name != "data/faces.npz":  # from which all would be made anew
        path.unlink()
        status, output = support.run(finished)
        assert status == 0, output[-4000:]
        assert support.same(finished, undisturbed.results) == []


def test_files_deleted_behind_its_back(finished: Path, undisturbed: Undisturbed) -> None:
    for name in ("predictions.parquet", "tables/scores.csv", "figures/recall.svg", "report/emorec.html"):
        (finished / support.RESULTS / name).unlink()
    status, output = support.run(finished)
    assert status == 0, output[-4000:]
    assert support.same(finished, undisturbed.results) == []


def test_a_clock_that_was_set_back(finished: Path, undisturbed: Undisturbed) -> None:
    later = time.time() + 3 * 86_400
    for path in (finished / support.RESULTS / "data").iterdir():
        os.utime(path, (later, later))
    (finished / NETWORK).unlink()
    status, output = support.run(finished, NETWORK)
    assert status == 0, output[-4000:]
    assert "the clock was set back" in output
    status, output = support.run(finished, NETWORK)
    assert status == 0 and "Nothing to be done" in output
    assert support.contents(finished)[NETWORK.removeprefix(f"{support.RESULTS}/")] == (finished / NETWORK).read_bytes()
    assert support.same(finished, undisturbed.results) == []


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system of memory as the results of a checkout; a second call changes its options."""
    folder = support.checkout(tmp_path / "checkout")
    place = folder / "results"
    place.mkdir()

    def mounted(options: str, again: bool = False) -> Path:
        line = (
            ["mount", "-o", f"remount,{options}", place]
            if again
            else ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
        )
        if subprocess.run(line, capture_output=True).returncode:
            pytest.skip("only root can mount a file system")
        return folder

    yield mounted
    subprocess.run(["umount", place], capture_output=True)


def test_a_full_disk(mount: Callable[..., Path]) -> None:
    folder = mount("size=1m")
    target = str(support.RESULTS / "tables/classes.csv")
    status, output = support.run(folder, target)
    assert status != 0 and support.no_traceback(output)
    assert "cannot be written: the disk is full; free some space and run again" in output
    assert not (folder / support.RESULTS / "data/faces.npz").exists() and support.litter(folder) == []
    mount("size=50m", again=True)
    status, output = support.run(folder, target)
    assert status == 0, output[-4000:]


def test_a_folder_that_cannot_be_written(mount: Callable[..., Path]) -> None:
    folder = mount("size=50m")
    mount("ro", again=True)
    status, output = support.run(folder, str(support.RESULTS / "tables/classes.csv"))
    assert status != 0 and support.no_traceback(output)
    assert "cannot be written (Read-only file system); make it writable and run again" in output, output
