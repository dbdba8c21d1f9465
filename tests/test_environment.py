"""pyproject.toml, the locks and environment.yml name the same packages at versions that fit together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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


def locked(name: str = "requirements.lock") -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / name).read_text(), flags=re.MULTILINE)
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


def test_lock_has_every_dependency_in_its_range() -> None:
    versions = locked()
    for name, requirement in wanted().items():
        assert name in versions, f"{name} is not in requirements.lock"
        assert requirement.specifier.contains(versions[name]), f"{requirement} against {versions[name]} in the lock"


def test_every_locked_package_has_hashes() -> None:
    for file in ("requirements.lock", "requirements-cuda.lock"):
        blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]
        assert blocks
        assert all("--hash=sha256:" in block for block in blocks)


def test_lock_pins_torch_exactly_and_leaves_cuda_to_its_own_file() -> None:
    assert locked()["torch"] == "2.13.0"
    assert not [name for name in locked() if name.startswith(("nvidia", "cuda"))]
    assert [name for name in locked("requirements-cuda.lock") if name.startswith("nvidia")]


def test_conda_environment_is_the_lock() -> None:
    versions, environment = locked(), conda()
    assert set(environment) == set(wanted()) | CONDA_ONLY
    for name in wanted():
        assert environment[name] == versions[name], (
            f"{name}: environment.yml {environment[name]}, lock {versions[name]}"
        )
    assert environment["quarto"] == ">=1.7"


def test_python_of_the_environment_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(conda()["python"])
