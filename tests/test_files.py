"""Atomic writing: whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from emorec.files import atomic, discard_partial, write_csv, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    with atomic(path) as temporary:
        assert temporary.parent == path.parent and temporary != path
        temporary.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert names(path.parent) == ["c.txt"]


@pytest.mark.parametrize("suffix", [".npz", ".png", ".parquet", ".safetensors"])
def test_the_temporary_name_keeps_the_suffix(tmp_path: Path, suffix: str) -> None:
    with atomic(tmp_path / f"file{suffix}") as temporary:
        assert temporary.suffix == suffix
        assert temporary.name.startswith(".")  # no glob of results takes it for one


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file(tmp_path: Path, kind: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    for before in (None, "old"):
        if before:
            path.write_text(before, encoding="utf-8")
        with pytest.raises(kind), atomic(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise kind
        assert names(tmp_path) == (["file.txt"] if before else [])
    assert path.read_text(encoding="utf-8") == "old"


def test_a_writer_that_removes_its_file_fails_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(FileNotFoundError), atomic(path) as temporary:
        temporary.unlink()
    assert names(tmp_path) == ["file.txt"] and path.read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_permissions_are_those_of_any_other_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file.txt", "text")
        assert os.umask(mask) == mask  # left as it was
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == mode


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic(path) as first:
        with atomic(path) as second:
            assert first != second
            second.write_text("second", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "second"
        first.write_text("first", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"
    assert names(tmp_path) == ["file.txt"]


def test_text_json_and_tables_come_back(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Gefühl 😀\n")
    assert (tmp_path / "a.txt").read_bytes() == "Gefühl 😀\n".encode()
    value = {"key": ["ü", 1, 0.1, None, True], "other": {}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value and text.endswith("}\n") and "ü" in text
    table = pd.DataFrame({"name": ["x, y", 'q"q'], "value": [0.1 + 0.2, 1e-17]})
    write_csv(tmp_path / "a.csv", table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), table, check_exact=True)


def test_what_is_no_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"key": object()})
    assert names(tmp_path) == []


HOLDING = """
import sys, time
from pathlib import Path
from emorec.files import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(flush=True)
    time.sleep(600)
"""


def test_what_another_process_is_writing_stays_until_it_is_killed(tmp_path: Path) -> None:
    """A workflow that starts clears away what killed ones left, and a job may be running by hand meanwhile."""
    writer = subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path / "a.txt")], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"\n"
        (half,) = tmp_path.iterdir()
        discard_partial(tmp_path)
        assert half.read_text() == "half"
    finally:
        writer.kill()
        writer.communicate()
    assert half.exists()
    discard_partial(tmp_path)
    assert names(tmp_path) == []


def test_what_a_killed_writer_leaves_is_discarded(tmp_path: Path) -> None:
    kept = ["history.csv", ".snakemake_timestamp", "checkpoint.safetensors.set-aside"]
    for name in (*kept, ".weights.a1b2c3d4.safetensors"):
        (tmp_path / name).touch()
    discard_partial(tmp_path)
    assert names(tmp_path) == sorted(kept)
