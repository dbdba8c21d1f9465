"""Clones that are not ours: other line ends, no symbolic links, studies by another name, paths with odd characters."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import forked
from tests.checkout_copy import copy_checkout

ROOT = Path(__file__).resolve().parent.parent


def git(folder: Path, *arguments: str) -> str:
    """What git prints in `folder`, without the settings of whoever runs the tests."""
    env = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_clone_with_windows_line_ends_has_the_same_bytes(tmp_path: Path) -> None:
    here = tmp_path / "here"
    text, table = b"a line\nanother\n", b"published\r\nas it was\n"
    places = ("Snakefile", "Makefile", "report/a.qmd", "report/_metadata.yml", "workflow/a.smk", "emorec/a.py")
    for place in places:
        (here / place).parent.mkdir(parents=True, exist_ok=True)
        (here / place).write_bytes(text)
    published = here / "results/published/a/tables/models.csv"
    published.parent.mkdir(parents=True)
    published.write_bytes(table)
    shutil.copy(ROOT / ".gitattributes", here)
    git(here, "init", "--quiet")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "--message", "all")
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(here), "there")
    assert {(tmp_path / "there" / place).read_bytes() for place in places} == {text}
    assert (tmp_path / "there" / published.relative_to(here)).read_bytes() == table


def test_the_default_profile_is_no_link() -> None:
    """Snakemake looks for it in this place; a clone without symbolic links would have a text file instead."""
    assert not any(path.is_symlink() for path in (ROOT / "profiles", ROOT / "profiles/default"))
    assert yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())["nolock"] is True


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("clone"), "tests/mini.yaml")


def dry_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.snakemake(folder, "--cores", "1", "--dry-run", "--until", "data", *arguments)


def test_a_study_s_name_alone_is_the_default_study_by_that_name(checkout: Path) -> None:
    done = dry_run(checkout, "--config", "study=mine")
    assert done.returncode == 0, done.stderr
    assert "results/mine/data/faces.npz" in done.stdout + done.stderr


def test_braces_in_the_data_s_path_are_refused_by_its_name(checkout: Path, tmp_path: Path) -> None:
    table = tmp_path / "{x}" / "fer2013.csv"
    table.parent.mkdir()
    table.touch()
    config = yaml.safe_load((checkout / "tests/mini.yaml").read_text()) | {"data": {"path": str(table)}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done = dry_run(checkout, "--configfile", str(tmp_path / "config.yaml"))
    assert done.returncode == 1
    assert f"{table}: Snakemake takes the braces for a wildcard; rename" in done.stdout + done.stderr
