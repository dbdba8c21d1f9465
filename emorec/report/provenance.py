"""Where a report comes from, for its colophon: commit, date, config and versions."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from emorec.report.origins import github

PACKAGES = ("emorec", "torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "seaborn", "snakemake")


def provenance(study: str, effective_config: str) -> dict[str, Any]:
    """The meta variables of a report.

    The date is the commit's, not the clock's, so that a second build gives the same bytes; outside a git checkout it
    is SOURCE_DATE_EPOCH's or else the Snakefile's.
    """
    commit = _git("rev-parse", "HEAD")
    seconds = (
        os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct") or Path("Snakefile").stat().st_mtime
    )
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "study": study,
        "commit": commit,
        "repository": github(_git("remote", "get-url", "origin")),
        "dirty": bool(commit and _git("status", "--porcelain", "--untracked-files=no")),
        "date": datetime.datetime.fromtimestamp(int(float(seconds)), datetime.UTC).strftime("%Y-%m-%d"),
        "config_sha256": hashlib.sha256(effective_config.encode()).hexdigest(),
        "versions": {"python": platform.python_version(), **versions},
    }


def _git(*arguments: str) -> str:
    """What git prints, stripped; empty where there is no git or no checkout."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
