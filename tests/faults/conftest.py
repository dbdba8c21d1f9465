"""The study undisturbed: what every other run must come to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import support


@dataclass(frozen=True)
class Undisturbed:
    """A finished checkout, its results, and how many seconds it took."""

    folder: Path
    results: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = support.checkout(tmp_path_factory.mktemp("undisturbed"))
    began = time.monotonic()
    status, output = support.run(folder)
    assert status == 0, output[-4000:]
    return Undisturbed(folder, support.contents(folder), time.monotonic() - began)
