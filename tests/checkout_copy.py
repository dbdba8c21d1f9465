"""A copy of what the workflow needs, so that a test neither sees nor changes what lies in the real checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def copy_checkout(folder: Path, config: str) -> Path:
    """Copy the checkout's code and one config of the tests, a path relative to the checkout, to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "pyproject.toml", "environment.yml"):
        shutil.copy(ROOT / name, folder)
    for name in ("workflow", "profiles", "emorec", "report", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=lambda place, _: ["published"] * place.endswith("/report"))
    (folder / config).parent.mkdir(parents=True)
    shutil.copy(ROOT / config, folder / config)
    return folder
