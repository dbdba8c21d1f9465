"""What others' tools read: the configs' schema and reference, the citation, Snakemake's catalogue, the CI."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

import emorec
from emorec import config as configs
from emorec.config.schema import reference, schema

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))


def test_the_schema_and_the_reference_are_the_models_own() -> None:
    assert (ROOT / "config" / "schema.json").read_text(encoding="utf-8") == schema(), "run `make reference`"
    assert (ROOT / "config" / "README.md").read_text(encoding="utf-8") == reference(), "run `make reference`"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_each_config_names_the_schema_and_keeps_to_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    checker = jsonschema.Draft202012Validator(json.loads(schema()))
    checker.check_schema(checker.schema)
    checker.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    checker.validate(yaml.safe_load(configs.dump(configs.load(path))))


@pytest.mark.parametrize("wrong", [{"sedes": [0]}, {"training": {"epochs": 0}}, {"models": {"a": {"kind": "doble"}}}])
def test_the_schema_refuses_what_the_models_refuse(wrong: dict[str, object]) -> None:
    content = {"study": "x", "models": {"a": {"kind": "single"}}}
    checker = jsonschema.Draft202012Validator(json.loads(schema()))
    assert checker.is_valid(content) and not checker.is_valid(content | wrong)


def test_every_key_stands_in_the_reference() -> None:
    text = reference()
    found = json.loads(schema())
    sections = [found, *found["$defs"].values()]
    for section in sections:
        for key in section.get("properties", {}):
            assert f"| `{key}` |" in text, key


def test_citation_catalogue_and_ci() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["title"]
    assert citation["version"] == emorec.__version__ and citation["license"] == project["license"]
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["software-stack-deployment"]["conda"] is False  # no rule names an environment
    assert not [path for path in (ROOT / "workflow").rglob("*.smk") if "conda:" in path.read_text(encoding="utf-8")]
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["test"]["steps"]
    assert any(".ci/run" in step.get("run", "") for step in steps)
