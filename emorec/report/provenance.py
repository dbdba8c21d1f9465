"""Where a report comes from, for its colophon: commit, date, config and versions."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from emorec.checkout import checkout, git
from emorec.published.manifest import Manifest
from emorec.report.origins import github

PACKAGES = ("emorec", "torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "seaborn", "snakemake")
# What trained the networks: where they come from elsewhere, their records know the versions.
TRAINING = ("torch", "torchvision")


def provenance(study: str, effective_config: str, published: Manifest | None = None) -> dict[str, Any]:
    """What a report says of its making; `published` is the manifest of the results that it is rebuilt from, if it is.

    The date is the commit's, not the clock's, so that a second build gives the same bytes; outside a git checkout it
    is SOURCE_DATE_EPOCH's or else the Snakefile's.
    """
    code = checkout()
    packages = [name for name in PACKAGES if published is None or name not in TRAINING]
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "study": study,
        "commit": code.commit,
        "repository": github(git("remote", "get-url", "origin")),
        "dirty": code.dirty,
        "date": commit_date(),
        "config_sha256": hashlib.sha256(effective_config.encode()).hexdigest(),
        "versions": {"python": platform.python_version(), **versions},
        "published": published and published.model_dump(include={"published", "trained", "date"}),
    }


def commit_date() -> str:
    """The day of the checkout's commit, YYYY-MM-DD."""
    seconds = (
        os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or Path("Snakefile").stat().st_mtime
    )
    return datetime.datetime.fromtimestamp(int(float(seconds)), datetime.UTC).strftime("%Y-%m-%d")
