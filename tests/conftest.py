"""What several test files need."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from tests import forked

# Where Slurm's commands are installed but not configured, as for tests/cluster, they ask the name server for a
# configuration; Snakemake's executor for Slurm calls them whenever it is loaded.
os.environ.setdefault("SLURM_CONF", os.devnull)

# A twentieth of the time went into looking for garbage among all that is imported.
gc.set_threshold(500_000, 20, 100)

# The files that take longest, each run whole by one process: they are begun first, lest one be left over at the end.
LONG = ("test_slurm.py", "test_workflow.py", "test_pack.py", "test_export.py", "test_figures.py", "test_notebook.py")
LONG += ("test_resume_kill.py", "test_benchmarks.py", "test_mixture.py", "test_malformed.py", "test_networks_many.py")


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "numprocesses", None):
        forked.start()  # once for all processes that test


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The marker gpu is enough: such a test is skipped where there is no CUDA device.

    Tests build networks thinner than any that is used; the trainer asks for itself (networks/device.py).
    """
    if "torch" in sys.modules:
        from emorec.networks.device import avoid_overrun

        avoid_overrun(4, "fp32")
    if item.get_closest_marker("gpu"):
        import torch  # here alone: most files of tests do without it

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """The command line sets up logging for its process; this puts back what there was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
