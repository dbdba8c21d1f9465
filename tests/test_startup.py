"""What a subcommand imports before it does anything: a short job must not pay for libraries that it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.startup import COMMANDS, SCRIPT

ROOT = Path(__file__).resolve().parent.parent


def imported(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", SCRIPT, *arguments, "--config", "missing.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["config"],
        ["data"],
        ["combine"],
        ["tables", "--group", "results"],
        ["figure", "--name", "recall"],
        ["stage"],
        ["report"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_torch_where_no_network_runs(arguments: list[str]) -> None:
    assert "torch" not in imported(*arguments)


def test_rendering_reads_no_tables_and_draws_nothing() -> None:
    assert not imported("report") & {"pandas", "scipy", "matplotlib", "seaborn", "jinja2"}


def test_the_benchmark_runs_every_subcommand_to_its_imports() -> None:
    """Ended before them, all would cost the same."""
    for command, large in (("train", "torch"), ("combine", "pandas"), ("figure", "matplotlib")):
        assert large in imported(command, *COMMANDS[command])


def test_running_a_network_imports_neither_torchs_compiler_nor_torchvisions_operators() -> None:
    found = imported("outputs", "--network", "resnet18", "--seed", "0")
    assert "torch" in found
    assert not found & {"torch._dynamo", "torchvision", "torchvision.ops", "pandas", "matplotlib"}


def test_training_does_not_wait_for_the_libraries_of_the_tables() -> None:
    script = """
import sys
from emorec.networks import train
from emorec.groupings.read import read_groups
print(*sys.modules, sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & {"sklearn", "scipy", "pandas"}


def test_torchvision_can_still_be_imported_whole() -> None:
    """And its block is, in its source, the one that the networks have."""
    script = """
import inspect
from benchmarks.torchvision_whole import make_importable
from emorec.networks.torchvision_layout import BasicBlock
make_importable()
import torchvision.ops
from torchvision.models import resnet
assert torchvision.__version__
assert inspect.getsource(resnet.BasicBlock) == inspect.getsource(BasicBlock)
assert resnet.BasicBlock.__module__ == BasicBlock.__module__
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
