"""The config's schema, for editors that complete keys, and a reference of its keys for people: both from the models."""

from __future__ import annotations

import json
from typing import Any

from emorec.config.sections import (
    KINDS,
    Architecture,
    Augmentation,
    Data,
    Random,
    Spectral,
    Strict,
    Synthetic,
    Training,
)
from emorec.config.study import Study

INTRODUCTION = """\
# Configs

A study is one file here: `snakemake --cores all --configfile config/FILE.yaml`. The head of each says what it costs.
`demo.yaml` is taken where no file is named, and needs no data; for the others get FER2013 (see the README above) and
put it into `data/`. A study of your own is a copy under another name, with another `study:`. Only what differs from the
defaults below has to stand in it. Unknown keys are refused.

- `emorec config --config FILE` checks a file and prints it with all defaults filled in;
- `schema.json` lets editors complete keys, where the file's first line names it as the ones here do.

How much is done again is no key of a study: `--config from=weights` and `--config from=published`.

This page and `schema.json` are written by `make reference`.
"""
_SECTIONS: dict[str, type[Strict]] = {
    "": Study,
    "data": Data,
    "data.synthetic": Synthetic,
    "architecture": Architecture,
    "training": Training,
    "training.augmentation": Augmentation,
    "groupings.NAME": Spectral,
    "groupings.NAME ": Random,
    **{f"models.NAME, kind: {kind}": model for kind, model in KINDS.items()},
}


def schema() -> str:
    """JSON Schema (draft 2020-12) of a config file, as text."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def reference() -> str:
    """Every key of a config, in Markdown: a table a section."""
    parts = [INTRODUCTION]
    for place, section in _SECTIONS.items():
        title = f"## `{place.strip()}`" if place else "## The file"
        about = " ".join((section.__doc__ or "").split("\n\n")[0].split())
        rows = ["| key | value | default | |", "|---|---|---|---|"]
        found = section.model_json_schema()
        for key, entry in found["properties"].items():
            needed = key in found.get("required", [])
            default = "" if needed else f"`{json.dumps(entry.get('default'), ensure_ascii=False)}`"
            rows.append(
                f"| `{key}` | {_value(entry)} | {default if len(default) < 30 else 'see there'} | "
                f"{entry.get('description', '')} |"
            )
        parts.append("\n".join([title, "", about, "", *rows, ""]))
    return "\n".join(parts)


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
    lower = f"≥ {entry['minimum']}" if "minimum" in entry else f"> {entry.get('exclusiveMinimum', '')}"
    upper = f"≤ {entry['maximum']}" if "maximum" in entry else f"< {entry.get('exclusiveMaximum', '')}"
    bounds = ", ".join(bound for bound in (lower, upper) if len(bound) > 2)
    name = {"boolean": "`true`, `false`", "string": "text", "integer": "whole number"}.get(kind, kind)
    return f"{name} {bounds}".strip()
