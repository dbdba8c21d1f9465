"""Which state of the code is running: the commit of the checkout, and whether anything in it was changed since."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Checkout:
    """commit: the full hash, empty where it is not known. dirty: whether tracked files differ from it."""

    commit: str
    dirty: bool


def checkout() -> Checkout:
    """The checkout that the running code is tracked in, wherever one stands; none for code that is a mere copy.

    Where there is no git, as on a machine that only got the files, EMOREC_COMMIT may name the commit; it is what
    `git describe --always --abbrev=40 --exclude '*' --dirty` prints, and goes before what git says.
    """
    if given := os.environ.get("EMOREC_COMMIT", "").strip():
        return Checkout(given.removesuffix("-dirty"), given.endswith("-dirty"))
    commit = git("rev-parse", "HEAD")
    return Checkout(commit, bool(commit and git("status", "--porcelain", "--untracked-files=no")))


def git(*arguments: str) -> str:
    """What git prints of the checkout that tracks this package, stripped; empty where there is none, or no git."""
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # name a checkout whatever the folder, as in a hook
    env = {name: value for name, value in os.environ.items() if name not in elsewhere}
    try:
        for words in (("ls-files", "--error-unmatch", Path(__file__).name), arguments):
            command = ["git", "-C", str(PACKAGE), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, env=env)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def commit_date() -> str:
    """The day of the checkout's commit, YYYY-MM-DD; outside a git checkout SOURCE_DATE_EPOCH's or the Snakefile's."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds or Path("Snakefile").stat().st_mtime), UTC).strftime("%Y-%m-%d")
