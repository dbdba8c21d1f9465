"""Each process gets a graphics card of its own, on a machine whose cards are a listing by a stand-in of nvidia-smi."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emorec.gpus import own_card, visible

LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa-0)
  MIG 1g.18gb     Device  0: (UUID: MIG-cccc)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb-1)
"""

# Says which card it has, and holds it until its standard input closes.
HOLDER = """
import os, sys
from pathlib import Path
from emorec.gpus import own_card
with own_card("auto", Path(sys.argv[1])) as card:
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == card
    print(card, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTING}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that will be ended, whatever the test does."""
    found: list[subprocess.Popen[str]] = []
    yield found
    for holder in found:
        holder.kill()
        holder.communicate()


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(folder / "locks")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def card_of(holder: subprocess.Popen[str]) -> str:
    assert holder.stdout
    return holder.stdout.readline().strip()


def test_the_cards_are_those_listed_without_their_parts(two_cards: None) -> None:
    assert visible() == ["GPU-aaaa-0", "GPU-bbbb-1"]


def test_two_jobs_get_two_cards_and_a_third_waits_for_one(
    two_cards: None, holders: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    holders += [start(tmp_path), start(tmp_path)]
    first, second = (card_of(holder) for holder in holders)
    assert {first, second} == {"GPU-aaaa-0", "GPU-bbbb-1"}
    third = start(tmp_path)
    holders.append(third)
    assert not select.select([third.stdout], [], [], 2)[0] and third.poll() is None
    # One that is killed lets go as well as one that ends.
    holders[1].send_signal(signal.SIGKILL)
    assert card_of(third) == second


def test_a_scheduler_s_choice_of_one_card_is_left_alone(
    two_cards: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with own_card("cuda", tmp_path / "locks") as card:
        assert card is None and os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert not (tmp_path / "locks").exists()


def test_a_choice_of_several_is_kept_to(two_cards: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    with own_card("cuda", tmp_path / "locks") as card:
        assert card == os.environ["CUDA_VISIBLE_DEVICES"] == "4"
        with own_card("cuda", tmp_path / "locks") as other:
            assert other is None  # within one's own card there is nothing left to choose
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5"


def test_training_on_the_processor_takes_no_card(two_cards: None, tmp_path: Path) -> None:
    with own_card("cpu", tmp_path / "locks") as card:
        assert card is None


def test_no_cards_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with own_card("auto", tmp_path / "locks") as card:
        assert card is None
