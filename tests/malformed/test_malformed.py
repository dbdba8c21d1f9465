"""Whatever is wrong with a file: one line with its name and a remedy, exit status 1, nothing written, little memory."""

from __future__ import annotations

import re
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import Case, arrays, flipped, put, safetensors, weights
from corpus_published import CASES

from emorec import cli

MORE_MEMORY = 400 << 20  # bytes beyond what the process has already


def state(folder: Path) -> dict[Path, tuple[int, ...]]:
    """All below `folder`; files with what any write changes, even one of the same bytes."""
    found = {}
    for path in folder.rglob("*"):
        about = path.lstat()
        fields = (about.st_mode, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        found[path] = (about.st_mode,) if stat.S_ISDIR(about.st_mode) else fields
    return found


def files(folder: Path) -> dict[Path, tuple[int, ...]]:
    return {path: about for path, about in state(folder).items() if not stat.S_ISDIR(about[0])}


def put_back(folder: Path, whole: Path, before: dict[Path, tuple[int, ...]]) -> None:
    """Make `folder`, which was `before` when it was a copy of `whole`, such a copy again."""
    now = state(folder)
    kept = {path for path in before if now.get(path) == before[path]}
    for path in sorted(now.keys() - kept, reverse=True):
        path.rmdir() if stat.S_ISDIR(now[path][0]) else path.unlink()
    for path in sorted(before.keys() - kept):
        source = whole / path.relative_to(folder)
        path.mkdir() if source.is_dir() else shutil.copy2(source, path)


@pytest.fixture(scope="module")
def place(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(whole, tmp_path_factory.mktemp("place") / "copy")


@pytest.fixture
def copy(whole: Path, place: Path, monkeypatch: pytest.MonkeyPatch, own_handlers: None) -> Iterator[Path]:
    before = state(place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # no commit here that has a date
    yield place
    put_back(place, whole, before)


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
    before = files(copy)
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
    assert files(copy) == before
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
