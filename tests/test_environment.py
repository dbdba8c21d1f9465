"""pyproject.toml, the locks and environment.yml name the same packages at versions that fit together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
# conda-forge's names where they differ from PyPI's.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
CONDA_ONLY = {"python", "make", "pip", "quarto"}


def wanted() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + [line for lines in project["optional-dependencies"].values() for line in lines]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


LOCKS = ("requirements.lock", "requirements-cpu.lock", "requirements-cuda.lock")


def locked(*names: str) -> dict[str, str]:
    """Package to version of the named locks, without the local part (+cpu) that names a build."""
    text = "".join((ROOT / name).read_text() for name in names)
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\+]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


def conda() -> dict[str, str]:
    """Package to version, by PyPI's names; conda's own and pip's section together."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    plain = [re.split(r"(?<![<>])==?|(?=[<>])", entry, maxsplit=1) for entry in entries if isinstance(entry, str)]
    from_pip = [line.split("==") for line in pip if not line.startswith("-")]
    assert "--editable ." in pip, "the environment has to hold the package itself"
    pypi = {name: package for package, name in CONDA.items()}
    together = {pypi.get(parts[0], parts[0]): "".join(parts[1:]) for parts in plain + from_pip}
    return {canonicalize_name(name): version for name, version in together.items()}


@pytest.mark.parametrize("build", LOCKS[1:])
def test_locks_have_every_dependency_in_its_range(build: str) -> None:
    versions = locked("requirements.lock", build)
    for name, requirement in wanted().items():
        assert name in versions, f"{name} is neither in requirements.lock nor in {build}"
        assert requirement.specifier.contains(versions[name]), f"{requirement} against {versions[name]} in the lock"


@pytest.mark.parametrize("file", LOCKS)
def test_every_locked_package_has_hashes(file: str) -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


def test_both_builds_of_torch_are_one_version_and_cuda_stays_in_its_own_file() -> None:
    assert "torch" not in locked("requirements.lock")
    assert locked("requirements-cpu.lock") == {"torch": locked("requirements-cuda.lock")["torch"]}
    assert [name for name in locked("requirements-cuda.lock") if name.startswith("nvidia")]
    assert not [name for name in locked("requirements.lock") if name.startswith(("nvidia", "cuda", "triton"))]


def test_conda_environment_is_the_lock() -> None:
    versions, environment = locked("requirements.lock", "requirements-cuda.lock"), conda()
    assert set(environment) == set(wanted()) | CONDA_ONLY
    for name in wanted():
        assert environment[name] == versions[name], (
            f"{name}: environment.yml {environment[name]}, lock {versions[name]}"
        )
    assert environment["quarto"] == ">=1.9"


def test_python_of_the_environment_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(conda()["python"])
