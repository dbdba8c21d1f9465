"""The recorded commit is that of the code that runs: of the folder that it lies in, if it is tracked there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = "from emorec.checkout import checkout; found = checkout(); print(found.commit or 'unknown', found.dirty)"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def repository(folder: Path, place: str = ".") -> Path:
    """A checkout with one commit; the package in `place`, tracked where that is not ignored."""
    package = folder / place / "emorec"
    package.mkdir(parents=True)
    for name in ("__init__.py", "checkout.py"):
        shutil.copy(ROOT / "emorec" / name, package)
    (folder / ".gitignore").write_text("__pycache__\n/.venv\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", f"of {folder.name}")
    return folder


def said(code: Path, standing_in: Path, **env: str) -> str:
    """What the package in `code` says of itself."""
    given = {name: value for name, value in os.environ.items() if name != "EMOREC_COMMIT"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=standing_in,
        env=given | {"PYTHONPATH": str(code)} | env,
    )
    return done.stdout.strip()


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return repository(tmp_path / "first")


def test_the_commit_is_that_of_the_code_wherever_one_stands(first: Path, tmp_path: Path) -> None:
    commit = git(first, "rev-parse", "HEAD")
    second = tmp_path / "second"
    git(first, "worktree", "add", "--quiet", str(second), "HEAD")
    git(second, "commit", "--quiet", "--allow-empty", "--message", "another")
    assert git(second, "rev-parse", "HEAD") != commit
    (second / "below").mkdir()  # in `second` itself, `python -c` would take the code that lies there
    for folder in (first, first / "emorec", second / "below", tmp_path):
        assert said(first, folder) == f"{commit} False"
    assert said(first, tmp_path, GIT_DIR=str(second / ".git")) == f"{commit} False"


def test_a_change_of_the_code_that_runs_is_told(first: Path, tmp_path: Path) -> None:
    commit = git(first, "rev-parse", "HEAD")
    other = repository(tmp_path / "other")
    (other / "emorec" / "__init__.py").write_text("# edited\n")
    assert said(first, tmp_path) == f"{commit} False"
    (first / "emorec" / "__init__.py").write_text("# edited\n")
    assert said(first, tmp_path) == f"{commit} True"


def test_a_copy_that_is_not_tracked_has_no_commit(tmp_path: Path) -> None:
    around = repository(tmp_path / "around", ".venv/lib")
    assert said(around / ".venv" / "lib", around) == "unknown False"
    (tmp_path / "bare").mkdir()
    shutil.copytree(around / ".venv" / "lib" / "emorec", tmp_path / "bare" / "emorec")
    assert said(tmp_path / "bare", around, GIT_CEILING_DIRECTORIES=str(tmp_path)) == "unknown False"
