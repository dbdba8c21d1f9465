"""A staged report as the pip-only renderer reads it: index.qmd, its metadata and the project's, without Quarto.

Only what this renderer and Quarto understand alike is let through. The one shortcode is `{{< pagebreak >}}`: the
templates have filled in everything else, and a shortcode that one renderer drops would make two different papers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emorec.errors import EmorecError
from emorec.mappings import over

CELL = re.compile(r"\s*(?:```+|~~~+)\s*\{[A-Za-z]")
BREAK = re.compile(r"^\{\{<\s*pagebreak\s*>\}\}$", re.MULTILINE)
PAGEBREAK = '`<div class="pagebreak"></div>`{=html}`#pagebreak(weak: true)`{=typst}'


@dataclass(frozen=True)
class Source:
    """The lines of a staged index.qmd, those of its head left empty, and the merged metadata."""

    folder: Path
    lines: tuple[str, ...]
    metadata: dict[str, Any]
    name: str = "index.qmd"

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def where(self, pattern: str) -> str:
        """`file:line` of the first line that matches the regular expression, or the file's name alone."""
        for number, line in enumerate(self.lines, 1):
            if re.search(pattern, line):
                return f"{self.name}:{number}"
        return self.name

    def at(self, number: int) -> str:
        """`file:line` of line `number` (1-based)."""
        return f"{self.name}:{min(max(number, 1), len(self.lines))}"


def read(folder: Path, name: str = "index.qmd") -> Source:
    """Read `folder/name` with `_quarto.yml` beside it.

    Raises:
        EmorecError: It names file and line of what is missing, malformed or not understood by both renderers.
    """
    folder = Path(folder)
    text = _read(folder / name, f"{folder / name}: no such file; the report's source is {name}")
    front, lines = _front_matter(text, name)
    for number, line in enumerate(lines, 1):
        if CELL.match(line):
            raise EmorecError(f"{name}:{number}: code cells are not run; make the figure or table by a rule")
        if "{{<" in BREAK.sub("", line):
            raise EmorecError(f"{name}:{number}: shortcodes are not supported but for pagebreak, alone on its line")
    project = _quarto_yml(folder / "_quarto.yml")
    return Source(folder, tuple(BREAK.sub(lambda _: PAGEBREAK, line) for line in lines), over(project, front), name)


def _read(path: Path, missing: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EmorecError(missing) from None
    except UnicodeDecodeError as error:
        raise EmorecError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def _quarto_yml(path: Path) -> dict[str, Any]:
    """The project's metadata, without what is about the project."""
    content = _mapping(path.read_text(encoding="utf-8"), path.name, 0) if path.exists() else {}
    return {key: value for key, value in content.items() if key != "project"}


def _mapping(text: str, name: str, offset: int) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + 1 + offset
        raise EmorecError(f"{name}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(value, dict):
        raise EmorecError(f"{name}:1: expected keys and values, found {type(value).__name__}")
    return value


def _front_matter(text: str, name: str) -> tuple[dict[str, Any], list[str]]:
    """The YAML block at the head of the file, and its lines with those of the head emptied."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}, lines
    for end, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return _mapping("\n".join([*lines[1:end], ""]), name, 1), [*[""] * (end + 1), *lines[end + 1 :]]
    raise EmorecError(f"{name}:1: the metadata block that opens here is not closed by ---")
