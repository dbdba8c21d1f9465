"""The faults that cost no minutes, each really done: a lock's holder killed, a file cut, a disk full, memory short."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import support
import yaml

from emorec import cli, ledger, running
from emorec.data.faces import Faces, save_faces
from emorec.errors import EmorecError
from emorec.files import atomic, write_csv, write_text
from tests.checkout_copy import ROOT

CONFIG = yaml.safe_load((ROOT / support.STUDY).read_text()) | {"study": "short"}
CONFIG["data"]["synthetic"] |= {"train": 140, "val": 70, "test": 70}

HOLDER = """
import sys, subprocess, os
from pathlib import Path
from emorec import running
held = running.hold(Path(sys.argv[1]))
job = subprocess.Popen(sys.argv[2:], env={**os.environ, running.VARIABLE: f"{held.name}\\n{running.whose()}"})
print(job.pid, flush=True)
job.wait()
"""
JOB = """
import sys, time
from pathlib import Path
from emorec import running
from emorec.files import atomic
with running.stopped_by_signals():  # before all else, as in emorec.__main__
    running.watch()
    with atomic(Path(sys.argv[1])) as temporary:
        temporary.write_text("half")
        Path(sys.argv[1] + ".begun").touch()
        time.sleep(600)
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def emorec(folder: Path, *arguments: str, before=None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; `before` runs in it first."""
    line = [sys.executable, "-m", "emorec", *arguments, "--config", "short.yaml"]
    environment = support.environment(ROOT)
    if before:  # Python would take what it compiled and could not write whole for written
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(
        line, cwd=folder, capture_output=True, text=True, timeout=300, preexec_fn=before, env=environment
    )


def one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The command failed, and its last word is one line with `parts`."""
    assert done.returncode == 1, done.stderr
    assert support.no_traceback(done.stderr), done.stderr
    errors = [line for line in done.stderr.splitlines() if "emorec: error:" in line]
    assert len(errors) == 1 and all(part in errors[0] for part in parts), done.stderr


# -- one workflow at a time, no job without one ------------------------------------------------------------------------


def test_a_killed_holder_leaves_no_lock_and_no_job(tmp_path: Path) -> None:
    study, output = tmp_path / "study", tmp_path / "study" / "output.txt"
    line = [sys.executable, "-c", HOLDER, str(study), sys.executable, "-c", JOB, str(output)]
    holder = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=support.environment(ROOT))
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    support.wait_for(Path(f"{output}.begun").exists, 60)
    with pytest.raises(EmorecError, match=rf"another workflow works on this study \(process {holder.pid} on .*; wait"):
        running.hold(study, patience=0.1)
    holder.kill()
    holder.wait()
    held = running.hold(study, patience=30)  # waits for the job, which waits for its workflow
    assert held is not None
    support.wait_for(lambda: not support.Process(pid).is_alive, 30)
    held.close()
    assert sorted(path.name for path in study.iterdir()) == ["output.txt.begun", "workflow.lock"]


def test_a_job_that_starts_after_its_workflow_died_stops(tmp_path: Path) -> None:
    held = running.hold(tmp_path)  # the next workflow's lock
    assert held is not None
    of_the_last_one = f"{held.name}\nprocess 1 on nowhere"
    environment = {**support.environment(ROOT), running.VARIABLE: of_the_last_one}
    done = subprocess.run([sys.executable, "-c", JOB, str(tmp_path / "output.txt")], timeout=60, env=environment)
    held.close()
    assert done.returncode == 128 + signal.SIGTERM
    assert not (tmp_path / "output.txt").exists()
    # The signal may come just when a temporary file has got its name: the next holder clears that away.
    again = running.hold(tmp_path)
    assert again is not None
    again.close()
    assert not list(tmp_path.glob(".output*"))


def test_the_next_holder_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for name in ("tables/.scores.a1b2c3d4.csv", "tables/scores.csv", "tables/.snakemake_timestamp"):
        (tmp_path / name).touch()
    held = running.hold(tmp_path)
    assert held is not None
    held.close()
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [".snakemake_timestamp", "scores.csv"]


def test_where_the_file_system_knows_no_locks_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("emorec.files.fcntl.flock", refuse)
    assert running.hold(tmp_path) is None


def test_files_of_the_future_are_dated_now_in_one_go(tmp_path: Path) -> None:
    now = time.time()
    for name, age in {"old": -1000.0, "soon": 5.0, "far": 3e5, "farther": 6e5}.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now + age,) * 2)
    assert running.date_back(tmp_path) == 2
    dated = {path.name: path.stat().st_mtime for path in tmp_path.iterdir()}
    assert dated["far"] == dated["farther"] and abs(dated["far"] - now) < 60
    assert dated["old"] == pytest.approx(now - 1000) and dated["soon"] == pytest.approx(now + 5)
    assert running.date_back(tmp_path) == 0


# -- cut and changed files ---------------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study's folder with two jobs' files and ledgers."""
    with ledger.recorded(tmp_path, "tables-scores"):
        for name in ("scores", "summary"):
            write_csv(tmp_path / "tables" / f"{name}.csv", support.pd.DataFrame({"x": range(100)}))
    with ledger.recorded(tmp_path, "data"), atomic(tmp_path / "data" / "faces.npz") as temporary:
        np.savez(temporary, images=np.zeros(1000))
    return tmp_path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut, flip, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["tables/scores.csv", "tables/summary.csv", "data/faces.npz"])
def test_a_harmed_file_is_named(study: Path, name: str, harm) -> None:
    assert ledger.check(study) == 3
    harm(study / name)
    with pytest.raises(EmorecError, match=rf"{name}: changed since it was made .*; delete it, and the next run"):
        ledger.check(study)
    part = name.split("/")[0]
    with pytest.raises(EmorecError), ledger.recorded(study, "figure", [part]):
        pytest.fail("the job ran")
    other = {"tables": "data", "data": "tables"}[part]
    ledger.check(study, [other])
    (study / name).unlink()
    ledger.check(study)


def test_harm_that_keeps_size_and_time_is_found_by_hashing(study: Path) -> None:
    path = study / "tables" / "scores.csv"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    ledger.check(study)
    with pytest.raises(EmorecError, match="scores.csv"):
        ledger.check(study, always_hash=True)


def test_another_time_alone_is_no_harm(study: Path) -> None:
    for path in study.rglob("*.csv"):
        os.utime(path, (time.time() + 1e6,) * 2)
    assert ledger.check(study) == 3


def test_of_two_jobs_that_may_write_a_file_either_is_right(tmp_path: Path) -> None:
    """What a network says may be made again by another job than the one that trained it."""
    outputs = tmp_path / "networks" / "outputs.npz"
    for job, text in (("train-single-0", "first"), ("outputs-single-0", "second, longer")):
        with ledger.recorded(tmp_path, job):
            write_text(outputs, text)
    assert ledger.check(tmp_path, always_hash=True) == 1
    outputs.write_text("cut")
    with pytest.raises(EmorecError, match=r"outputs\.npz: changed since it was made"):
        ledger.check(tmp_path)


def test_a_job_that_fails_or_is_killed_leaves_no_ledger(study: Path) -> None:
    with pytest.raises(RuntimeError), ledger.recorded(study, "tables-scores"):
        write_text(study / "tables" / "scores.csv", "new")
        raise RuntimeError
    assert ledger.check(study) == 1  # the file of the other job


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": {"bytes": 1}}', "\0"])
def test_a_damaged_ledger_is_named(study: Path, content: str) -> None:
    path = study / ledger.FOLDER / "data.json"
    path.write_text(content)
    with pytest.raises(EmorecError, match=rf"{path}: damaged; delete it"):
        ledger.check(study)


# -- through the command line ------------------------------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, config: Path) -> None:
    """A limit on files' size stands for it, which no root is needed for; the kernel then says EFBIG, not ENOSPC."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    one_line(emorec(tmp_path, "data", before=limit), "results/short/data/", "cannot be written", "ulimit -f")
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []
    assert emorec(tmp_path, "data").returncode == 0
    before = (tmp_path / "results/short/data/faces.npz").read_bytes()
    train = ("train", "--network", "resnet18", "--seed", "0")
    one_line(emorec(tmp_path, *train, before=limit), "networks/resnet18/seed0/", "cannot be written")
    assert list((tmp_path / "results/short/networks").rglob("*.*")) == []
    assert (tmp_path / "results/short/data/faces.npz").read_bytes() == before


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import emorec.tables.groups  # what the command imports, before memory gets short
from emorec import cli
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (30 << 20),) * 2)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells how much memory a process has")
def test_out_of_memory_is_one_line_and_leaves_nothing(tmp_path: Path, config: Path) -> None:
    count = 30_000
    numbers = [np.zeros(count, np.uint8), np.zeros(count, np.uint8), np.arange(count, dtype=np.int32)]
    save_faces(tmp_path / "results/short/data/faces.npz", Faces(np.zeros((count, 48, 48), np.uint8), *numbers))
    line = [sys.executable, "-c", SHORT_OF_MEMORY, "tables", "--group", "pixels", "--config", config.name]
    environment = support.environment(ROOT)
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment)
    one_line(done, "not enough memory", "ulimit -v")
    assert not (tmp_path / "results/short/tables").exists()


@pytest.mark.parametrize("message", ["[enforce fail at alloc_cpu.cpp] can't allocate memory", "CUDA out of memory"])
def test_what_torch_says_of_memory_is_one_line(
    config: Path, own_handlers: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], message: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(message + "\nmore lines")

    monkeypatch.chdir(config.parent)
    monkeypatch.setattr("emorec.data.prepare.stage", fail)
    assert cli.main(["data", "--config", str(config)]) == 1
    assert re.fullmatch(r"emorec: error: not enough memory \(.*\); lower .*\n", capsys.readouterr().err)


def test_an_error_of_the_program_is_not_called_one_of_memory(
    config: Path, own_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.chdir(config.parent)
    monkeypatch.setattr("emorec.data.prepare.stage", fail)
    with pytest.raises(RuntimeError, match="something else"):
        cli.main(["data", "--config", str(config)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_library_swallows_ends_the_process_all_the_same(number: signal.Signals) -> None:
    """An exception in a callback is reported and dropped; the alarm that the signal set is not."""
    code = """
import os, signal, sys, time, weakref
signal.signal(signal.SIGINT, signal.default_int_handler)
from emorec.running import stopped_by_signals
class Held: pass
with stopped_by_signals():
    held = Held()
    reference = weakref.ref(held, lambda _: (os.kill(os.getpid(), int(sys.argv[1])), time.sleep(0.1)))
    del held
    print("went on", flush=True)
    time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(int(number))], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert "went on" in done.stdout and "Exception ignored" in done.stderr
    assert done.returncode == -signal.SIGALRM


def test_sigterm_ends_a_job_without_litter(tmp_path: Path, config: Path) -> None:
    assert emorec(tmp_path, "data").returncode == 0
    longer = CONFIG | {"training": CONFIG["training"] | {"epochs": 5000}}
    config.write_text(yaml.safe_dump(longer))
    line = [
        sys.executable,
        "-m",
        "emorec",
        "train",
        "--network",
        "resnet18",
        "--seed",
        "0",
        "--config",
        config.name,
    ]
    job = subprocess.Popen(line, cwd=tmp_path, env=support.environment(ROOT), stderr=subprocess.DEVNULL)
    folder = tmp_path / "results/short/networks/resnet18/seed0"
    support.wait_for((folder / "checkpoint.safetensors").exists, 120)
    job.terminate()
    assert job.wait(60) == 128 + signal.SIGTERM
    assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]


def test_each_job_leaves_a_ledger_and_the_next_refuses_cut_input(tmp_path: Path, config: Path) -> None:
    assert emorec(tmp_path, "data").returncode == 0
    root = tmp_path / "results/short"
    assert set(json.loads((root / "checksums/data.json").read_text())) == {
        "data/faces.npz",
        "data/fingerprint",
        "data/summary.json",
        "data/truth.npz",
    }
    write_text(root / "data/summary.json", (root / "data/summary.json").read_text() + " ")
    one_line(emorec(tmp_path, "tables", "--group", "results"), "data/summary.json: changed since it was made")
    assert not (root / "tables").exists()


def test_a_key_that_stands_twice_stops_the_workflow_too(tmp_path: Path) -> None:
    folder = support.checkout(tmp_path / "checkout")
    text = (folder / support.STUDY).read_text()
    (folder / support.STUDY).write_text(text.replace("seeds: [0]\n", "seeds: [0]\nseeds: [1]\n"))
    status, output = support.run(folder, "--dry-run")
    assert status != 0 and support.no_traceback(output)
    assert re.search(r"study\.yaml: the key 'seeds' stands twice \(line 4, column 1\); keep one", output), output
