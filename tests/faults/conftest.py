"""The study undisturbed: what every other run must come to."""

from __future__ import annotations

import time

import pytest
import support
from support import Undisturbed


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = support.checkout(tmp_path_factory.mktemp("undisturbed"))
    began = time.monotonic()
    status, output = support.run(folder)
    assert status == 0, output[-4000:]
    return Undisturbed(folder, support.contents(folder), time.monotonic() - began)
