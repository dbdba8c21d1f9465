"""A checkout of its own, workflows started in it that can be killed, and what two runs must have in common."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tests.checkout_copy import copy_checkout

STUDY = "tests/faults/study.yaml"
RESULTS = Path("results/faults")
# Columns that tell how long something took: no two runs agree on them.
CLOCKED = {"models.csv": ["train_seconds"], "curves.csv": ["seconds"], "history.csv": ["seconds"]}


@dataclass(frozen=True)
class Undisturbed:
    """A finished checkout, its results, and how many seconds it took."""

    folder: Path
    results: dict[str, bytes]
    seconds: float


def checkout(folder: Path) -> Path:
    return copy_checkout(folder, STUDY)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", STUDY]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The copy's package before an installed one."""
    return {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", **more}


def start(folder: Path, *arguments: str, log: str = "snakemake.log", **more: str) -> subprocess.Popen[bytes]:
    """A workflow in a process group of its own; what it says goes to `folder/log`."""
    with open(folder / log, "wb") as file:
        return subprocess.Popen(
            command(*arguments),
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment(folder, **more),
        )


def run(folder: Path, *arguments: str, timeout: float = 1200, **more: str) -> tuple[int, str]:
    """A workflow to its end: exit status, and all that it said."""
    process = start(folder, *arguments, **more)
    try:
        status = process.wait(timeout)
    finally:
        end_group(process)
    return status, (folder / "snakemake.log").read_text(encoding="utf-8", errors="replace")


def end_group(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """Send a signal to the process and all that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    if number == signal.SIGKILL:
        process.wait()


@dataclass(frozen=True)
class Process:
    """A process by its number, as Linux's /proc tells of it."""

    pid: int

    @property
    def is_alive(self) -> bool:
        """Whether it is there and no zombie, which only waits for its parent to take notice."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    @property
    def folder(self) -> str:
        """Where it works; empty where that is not told."""
        try:
            return os.readlink(f"/proc/{self.pid}/cwd")
        except OSError:
            return ""

    @property
    def words(self) -> list[str]:
        """Its command line; empty where that is not told."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
        except OSError:
            return []

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def alive(folder: Path) -> list[Process]:
    """Processes at work in `folder`, zombies aside."""
    here = str(folder.resolve())
    found = (Process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [process for process in found if process.folder == here and process.is_alive]


def none_left(folder: Path, patience: float = 60) -> bool:
    """Whether all processes in `folder` end within `patience` seconds."""
    until = time.monotonic() + patience
    while alive(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def wait_for(condition, patience: float = 300) -> None:
    """Return when `condition()` is true; AssertionError after `patience` seconds."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def job(folder: Path, word: str) -> Process | None:
    """The process of the subcommand `word` of emorec that runs in `folder`, if one does."""
    for process in alive(folder):
        words = process.words
        if words and "python" in Path(words[0]).name and word in words:
            return process
    return None


def contents(folder: Path) -> dict[str, bytes]:
    """Every result that two runs share, byte for byte; tables and histories without the columns that were clocked."""
    root, found = folder / RESULTS, {}
    for pattern in ("data/*", "networks/*/*/*", "predictions.parquet", "embeddings/*/*", "tables/*", "figures/*.svg"):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if path.name in CLOCKED:
                text = pd.read_csv(path, dtype=str).drop(columns=CLOCKED[path.name]).to_csv(index=False)
                found[name] = text.encode()
            elif path.name == "network.json":
                found[name] = re.sub(rb'"train_seconds": [\d.]+', b"", path.read_bytes())
            elif not path.name.startswith("."):
                found[name] = path.read_bytes()
    assert any(name.startswith("tables/") for name in found)
    return found


def same(folder: Path, undisturbed: dict[str, bytes]) -> list[str]:
    """Names of the results that are not those of an undisturbed run; empty if all are."""
    found = contents(folder)
    return sorted(name for name in found.keys() | undisturbed.keys() if found.get(name) != undisturbed.get(name))


def litter(folder: Path) -> list[str]:
    """Temporary files that are left in the results."""
    kept = {".snakemake_timestamp"}
    return [str(path) for path in (folder / RESULTS).rglob(".*") if path.is_file() and path.name not in kept]


def no_traceback(output: str) -> bool:
    return "Traceback (most recent call last)" not in output
