"""What the studies of some tests have in common that run single commands: tiny networks on few drawn faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emorec import cli

SETTINGS: dict[str, Any] = {
    "seeds": [0, 1],
    "data": {"source": "synthetic", "synthetic": {"train": 140, "val": 70, "test": 70, "wrong_labels": 0}},
    "architecture": {"depth": 10, "width": 8, "stem": "imagenet"},
    "training": {"epochs": 1, "batch": 35, "lr": 0.05, "device": "cpu"},
    "groupings": {"found": {"method": "spectral", "experts": 2}},
}


def commands_of(config: str) -> Callable[..., int]:
    """A function `(folder, command, *arguments)` that runs a subcommand on the study of `folder/config`."""

    def call(folder: Path, command: str, *arguments: str) -> int:
        where = ["--config", str(folder / config), "--results", str(folder / "results")]
        return cli.main([command, *where, *arguments])

    return call
