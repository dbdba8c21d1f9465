"""Whatever is wrong with a file: one line with its name and a remedy, exit status 1, nothing written, little memory."""

from __future__ import annotations

import hashlib
import re
import resource
import shutil
from pathlib import Path

import pytest
from corpus import Case, arrays, flipped, put, safetensors, weights
from corpus_published import CASES

from emorec import cli

MORE_MEMORY = 400 << 20  # bytes beyond what the process has already


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below `folder` by its digest; pipes and links by what they are."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture
def copy(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_handlers: None) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # no commit here that has a date
    return folder


def limited(arguments: list[str]) -> int:
    """The command line, with not much more memory than there is."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_MEMORY, before[1]))
    except OSError:
        pass  # not Linux: without the limit
    try:
        return cli.main(arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_the_corpus_is_large_and_its_names_differ() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_line_and_nothing_written(copy: Path, capsys: pytest.CaptureFixture[str], case: Case) -> None:
    case.spoil()
    before = snapshot(copy)
    status = limited(list(case.command))
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert status == 1, said
    assert said.out == "" and lines[-1].startswith("emorec: error: "), said
    assert sum(line.startswith("emorec: error: ") for line in lines) == 1, said
    assert all(line.startswith(("emorec: error: ", "reading ")) for line in lines), said
    place = 0
    for part in case.says:
        place = lines[-1].find(part, place)
        assert place >= 0, (part, lines[-1])
    assert len(lines[-1]) < 600 and lines[-1].isprintable()
    assert "not enough memory" not in lines[-1]
    assert snapshot(copy) == before
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        safetensors({}, length=2**60),
        safetensors({"__metadata__": {"epoch": "x", "history": "[]", "fingerprint": "y"}}),
        safetensors({"__metadata__": {"epoch": "1", "history": "[" * 100_000, "fingerprint": "y"}}),
        safetensors({"__metadata__": {"epoch": "1", "history": "[]", "fingerprint": "of another run"}}),
    ],
    ids=["0 bytes", "zeros", "a header of exabytes", "no number of epochs", "deep history", "of another run"],
)
def test_a_damaged_checkpoint_is_set_aside_and_training_starts_anew(
    copy: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """Not an error: the run can do without it. The line says so, and the file is kept."""
    checkpoint = weights.with_name("checkpoint.safetensors")
    put(checkpoint, content)
    assert limited(["train", "--network", "resnet18", "--seed", "0", "--config", "base.yaml"]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "checkpoint.safetensors: not resumed" in line]
    assert len(warnings) == 1 and re.search(r"kept as .*set-aside, training starts anew", warnings[0])
    assert checkpoint.with_name("checkpoint.safetensors.set-aside").read_bytes() == content
    assert not checkpoint.exists()


def test_the_whole_study_is_well_formed(copy: Path) -> None:
    """The cases start from something that passes."""
    for command in {case.command for case in CASES if "bad.yaml" not in case.command and case.name[0] != "a"}:
        assert cli.main(list(command)) == 0, command
    assert arrays(Path("results/corpus/data/faces.npz"))["images"].shape == (42, 48, 48)
    assert flipped(b"\0", 0) == b"\xff"
