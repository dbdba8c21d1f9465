"""The config's schema, for editors that complete keys, and a reference of its keys for people: both from the models."""

import json
from collections.abc import Iterator
from typing import Any

from emorec.config.study import Study

INTRODUCTION = """\
# Configs

A study is one file here: `snakemake --cores all --configfile config/FILE.yaml`. The head of each says what it costs.
`demo.yaml` is taken where no file is named, and needs no data; for the others get FER2013 (see the README above) and
put it into `data/`. A study of your own is a file of its own name and `study:`. Only what differs has to stand in it:
from the defaults below, and from another file, where it begins with `extends: FILE.yaml` (mappings are merged key by
key, all else is replaced; a model of the other file cannot be taken away). Unknown keys are refused.

- `emorec config --config FILE` checks a file and prints it with all defaults filled in;
- `schema.json` lets editors complete keys, where the file's first line names it as the ones here do.

How much is done again is no key of a study: `--config from=weights` and `--config from=published`.

This page and `schema.json` are written by `make reference`.
"""

BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
EXTENDS = "a config file beside this one, whose values hold where this one says nothing else"


def schema() -> str:
    """JSON Schema (draft 2020-12) of a config file, as text."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_of_a_file(), "required": ["study"]}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _of_a_file() -> dict[str, Any]:
    """The schema of a study, and the key that a file alone has: it is resolved before a study is validated."""
    whole = Study.model_json_schema()
    return whole | {"properties": {"extends": {"type": "string", "description": EXTENDS}, **whole["properties"]}}


def reference() -> str:
    """Every key of a config, in Markdown: a table a section."""
    whole = _of_a_file()
    parts = [INTRODUCTION]
    for place, section in _sections(whole, whole["$defs"], ""):
        about = " ".join(section.get("description", "").split("\n\n")[0].split())
        rows = ["| key | value | default | |", "|---|---|---|---|"]
        for key, entry in section["properties"].items():
            default = json.dumps(entry.get("default"), ensure_ascii=False)
            default = "" if key in section.get("required", []) else f"`{default}`"
            shown = default if len(default) < 30 else "see there"
            rows.append(f"| `{key}` | {_value(entry)} | {shown} | {entry.get('description', '')} |")
        parts.append("\n".join([f"## `{place}`" if place else "## The file", "", about, "", *rows, ""]))
    return "\n".join(parts)


def _sections(section: Any, known: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A section and those below it, with their places in a config."""
    yield place, section
    place = place.partition(",")[0]
    for key, entry in section["properties"].items():
        here = f"{place}.{key}".lstrip(".")
        named = [*entry.get("patternProperties", {}).values(), entry.get("additionalProperties")]
        for content in (each for each in named if isinstance(each, dict)):
            here, entry = f"{here}.NAME", content
        for name in _references(entry):
            own = known[name]["properties"]
            which = [f", {word}: {own[word]['const']}" for word in ("kind", "method") if "const" in own.get(word, {})]
            yield from _sections(known[name], known, "".join([here, *which]))


def _references(entry: dict[str, Any]) -> list[str]:
    """The sections that a key may hold."""
    if "$ref" in entry:
        return [entry["$ref"].rpartition("/")[2]]
    return [name for word in ("oneOf", "anyOf", "allOf") for each in entry.get(word, []) for name in _references(each)]


def _value(entry: dict[str, Any]) -> str:
    """What a key may be, in words."""
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "$ref" in entry or "oneOf" in entry:
        return "section"
    if "anyOf" in entry:
        return " or ".join(dict.fromkeys(_value(each) for each in entry["anyOf"]))
    kind = entry.get("type", "section")
    if kind == "array":
        return f"list of {_value(entry.get('items', {}))}"
    if kind == "object":
        return "sections by name"
    bounds = ", ".join(f"{sign} {entry[bound]}" for bound, sign in BOUNDS.items() if bound in entry)
    name = {"boolean": "`true`, `false`", "string": "text", "integer": "whole number"}.get(kind, kind)
    return f"{name} {bounds}".strip()
