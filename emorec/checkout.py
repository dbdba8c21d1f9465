"""Which state of the code is running: the commit of the checkout, and whether anything in it was changed since."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Checkout:
    """commit: the full hash, empty where it is not known. dirty: whether tracked files differ from it."""

    commit: str
    dirty: bool


def checkout() -> Checkout:
    """The checkout of the working folder.

    Where there is no git, as on a machine that only got the files, EMOREC_COMMIT may name the commit; it is what
    `git describe --always --abbrev=40 --exclude '*' --dirty` prints, and goes before what git says.
    """
    told = os.environ.get("EMOREC_COMMIT", "").strip()
    if told:
        return Checkout(told.removesuffix("-dirty"), told.endswith("-dirty"))
    commit = git("rev-parse", "HEAD")
    return Checkout(commit, bool(commit and git("status", "--porcelain", "--untracked-files=no")))


def git(*arguments: str) -> str:
    """What git prints, stripped; empty where there is no git or no checkout."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
