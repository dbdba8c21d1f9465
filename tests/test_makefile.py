"""Which build of torch `make` takes, with an interpreter that only notes what it is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Stands for Python, for that of the environment, and for what these run.
FAKE = """#!/bin/sh
echo "$*" >> "$ASKED"
case "$*" in
  "-m venv "*) mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  *requirements-cpu.lock*) exit $NO_LOCKED;;
  *download.pytorch.org*) exit $NO_INDEX;;
esac
"""
LOCKED, INDEX, CUDA = (
    "requirements-cpu.lock",
    "https://download.pytorch.org/whl/cpu torch==2.13.0",
    "requirements-cuda.lock",
)


@pytest.mark.parametrize(
    ("driver", "no_locked", "no_index", "tried"),
    [
        (False, 0, 0, [LOCKED]),
        (False, 1, 0, [LOCKED, INDEX]),
        (False, 1, 1, [LOCKED, INDEX, CUDA]),
        (True, 0, 0, [CUDA]),
    ],
)
def test_the_cpu_build_is_tried_first_where_there_is_no_driver(
    tmp_path: Path, driver: bool, no_locked: int, no_index: int, tried: list[str]
) -> None:
    for name in ("Makefile", "pyproject.toml", *(f"requirements{part}.lock" for part in ("", "-cpu", "-cuda"))):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "mkdir", "cp", "sed", "du", "touch"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name in ("fake", *(["nvidia-smi"] if driver else [])):
        (programs / name).write_text(FAKE)
        (programs / name).chmod(0o755)
    asked = tmp_path / "asked"
    env = {"PATH": str(programs), "ASKED": str(asked), "NO_LOCKED": str(no_locked), "NO_INDEX": str(no_index)}
    command = ["make", "PYTHON=fake", f"SHELL={shutil.which('sh')}", ".venv/.installed"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = asked.read_text().splitlines()
    found = [name for line in lines for name in (LOCKED, INDEX, CUDA) if name in line]
    assert found == tried
    assert sum("--require-hashes" in line for line in lines) == len(tried) - (INDEX in tried) + 1  # and the rest
    assert ("3 GB" in done.stdout) == (CUDA in tried) and ("200 MB" in done.stdout) == (not driver)


def test_make_report_says_what_it_does_and_where_the_pages_are() -> None:
    done = subprocess.run(
        ["make", "--just-print", "report"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    said = done.stdout[done.stdout.index("1. The demo study") :].splitlines()
    assert "minutes" in " ".join(said[:3])
    end = "\n".join(said[-6:])
    for page in ("emorec.html", "emorec.pdf", "explorer.html"):
        assert f"results/demo/report/{page}" in end
    assert "xdg-open" in end
