"""The report's source, expanded: Quarto's shortcodes and metadata, without Quarto.

Only what the pip-only renderer and Quarto understand alike is let through: `{{< var key.subkey >}}`,
`{{< include path >}}` alone on its line, `{{< meta key >}}` and `{{< pagebreak >}}`. Everything else is an error
with its file and line, because a shortcode that one renderer drops would make two different papers.
https://quarto.org/docs/authoring/variables.html, https://quarto.org/docs/authoring/includes.html
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from emorec.errors import EmorecError

SHORTCODE = re.compile(r"\{\{<\s*([\w-]+)\s*(.*?)\s*>\}\}")
INCLUDE = re.compile(r"\{\{<\s*include\s+(.*?)\s*>\}\}")
CELL = re.compile(r"\s*(?:```+|~~~+)\s*\{[A-Za-z]")
PAGEBREAK = ["```{=html}", '<div class="pagebreak"></div>', "```", "", "```{=typst}", "#pagebreak(weak: true)", "```"]


@dataclass(frozen=True)
class Line:
    """One line of the expanded text and where it was written."""

    text: str
    file: str
    number: int


@dataclass(frozen=True)
class Source:
    """The expanded Markdown body and the merged metadata of a staged report."""

    folder: Path
    lines: tuple[Line, ...]
    metadata: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines) + "\n"

    def where(self, pattern: str) -> str:
        """`file:line` of the first line that matches the regular expression, or the main file's name alone."""
        for line in self.lines:
            if re.search(pattern, line.text):
                return f"{line.file}:{line.number}"
        return self.lines[0].file if self.lines else "index.qmd"

    def at(self, number: int) -> str:
        """`file:line` of the expanded text's line `number` (1-based)."""
        line = self.lines[min(max(number, 1), len(self.lines)) - 1]
        return f"{line.file}:{line.number}"


def read(folder: Path, main: str = "index.qmd") -> Source:
    """Read and expand `folder/main` with `_variables.yml`, `_quarto.yml` and `_metadata.yml` beside it.

    Raises EmorecError that names file and line for an unset variable, a missing include or an unknown shortcode.
    """
    folder = Path(folder)
    variables = _yaml(folder / "_variables.yml") if (folder / "_variables.yml").exists() else {}
    text = _read(folder / main, f"{folder / main}: no such file; the report's source is {main}")
    front, body = _front_matter(text, main)
    if "{{<" in str(front.get("date", "")):
        place = _place(main, text, str(front["date"]))
        raise EmorecError(f"{place}: Quarto reads the date before it expands shortcodes; put it into _metadata.yml")
    metadata = _merge(_project_metadata(folder), front)
    expander = _Expander(folder, variables, metadata)
    lines = expander.expand(body, main, ())
    fields = {key: expander.leaves(value, main, text) for key, value in metadata.items()}
    return Source(folder, tuple(lines), fields)


def variable(variables: dict[str, Any], name: str) -> str:
    """The value of the dotted `name` in `variables`, as it is inserted in the text.

    Raises EmorecError, without a place, when it is unset or is not text: YAML's floats lose their trailing zeros
    in one renderer and not in the other, so numbers with decimals have to be quoted.
    """
    value: Any = variables
    for depth, key in enumerate(name.split(".")):
        if not isinstance(value, dict) or key not in value:
            known = [str(each) for each in value] if isinstance(value, dict) else []
            prefix = ".".join(name.split(".")[:depth])
            close = get_close_matches(key, known, 1)
            hint = f"; did you mean {'.'.join(filter(None, [prefix, close[0]]))}?" if close else ""
            raise EmorecError(f"variable {name} is not set in _variables.yml{hint}")
        value = value[key]
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    reason = "is a group of variables" if isinstance(value, dict | list) else f"is {value!r}, not text"
    raise EmorecError(f"variable {name} {reason}; quote its value in _variables.yml")


class _Expander:
    def __init__(self, folder: Path, variables: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.folder, self.variables, self.metadata = folder, variables, metadata

    def expand(self, body: list[tuple[int, str]], file: str, above: tuple[str, ...]) -> list[Line]:
        result: list[Line] = []
        for number, text in body:
            if CELL.match(text):
                raise EmorecError(f"{file}:{number}: code cells are not run; make the figure or table by a rule")
            include = INCLUDE.fullmatch(text.strip())
            if include:
                path = include[1].strip("\"'")
                result += self._include(path, file, number, (*above, file))
            elif re.fullmatch(r"\{\{<\s*pagebreak\s*>\}\}", text.strip()):
                result += [Line(raw, file, number) for raw in PAGEBREAK]
            else:
                for part in self.inline(text, f"{file}:{number}").split("\n"):
                    result.append(Line(part, file, number))
        return result

    def inline(self, text: str, place: str) -> str:
        """`text` with its inline shortcodes replaced."""
        if "{{{<" in text:
            raise EmorecError(f"{place}: escaped shortcodes with three braces are not supported; describe it in words")
        expanded = SHORTCODE.sub(lambda match: self._value(match[1], match[2].strip("\"'"), text, match, place), text)
        if "{{<" in expanded:
            raise EmorecError(f"{place}: a shortcode is not closed or holds another one; write {{{{< var name >}}}}")
        return expanded

    def leaves(self, value: Any, file: str, text: str) -> Any:
        """`value` with the shortcodes in all its strings replaced (metadata such as the abstract)."""
        if isinstance(value, dict):
            return {key: self.leaves(each, file, text) for key, each in value.items()}
        if isinstance(value, list):
            return [self.leaves(each, file, text) for each in value]
        if not isinstance(value, str) or "{{<" not in value:
            return value
        return SHORTCODE.sub(lambda match: self.inline(match[0], _place(file, text, match[0])), value)

    def _value(self, name: str, argument: str, text: str, match: re.Match[str], place: str) -> str:
        lookup: dict[str, Callable[[], str]] = {
            "var": lambda: variable(self.variables, argument),
            "meta": lambda: _meta(self.metadata, argument),
        }
        if name == "include":
            raise EmorecError(f"{place}: include {argument} must stand alone on its line")
        if name == "pagebreak":
            raise EmorecError(f"{place}: pagebreak must stand alone on its line")
        if name not in lookup:
            raise EmorecError(f"{place}: shortcode {name} is not supported; use var, include, meta or pagebreak")
        try:
            value = lookup[name]()
        except EmorecError as error:
            raise EmorecError(f"{place}: {error}") from None
        if "\n" in value and text.strip() != match[0]:
            raise EmorecError(f"{place}: {name} {argument} has several lines; put it in a paragraph of its own")
        if "{{<" in value:
            raise EmorecError(f"{place}: the value of {argument} holds a shortcode; give it plain Markdown")
        return value

    def _include(self, path: str, file: str, number: int, above: tuple[str, ...]) -> list[Line]:
        place = f"{file}:{number}"
        if path in above:
            raise EmorecError(f"{place}: {path} includes itself; remove one of the includes")
        # Quarto resolves every include against the main file's folder, which is the project's here.
        target = self.folder / path.lstrip("/")
        text = _read(target, f"{place}: included file {path} is missing; make it or correct the path")
        included = self.expand(list(enumerate(text.splitlines(), 1)), path.lstrip("/"), above)
        return [*included, Line("", file, number)]


def _read(path: Path, missing: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EmorecError(missing) from None
    except UnicodeDecodeError as error:
        raise EmorecError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def _yaml(path: Path) -> dict[str, Any]:
    return _mapping(_read(path, f"{path}: no such file"), path.name, 0)


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


def _front_matter(text: str, name: str) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    """The YAML block at the head of the file, and the numbered lines after it."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}, list(enumerate(lines, 1))
    for end, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return _mapping("\n".join([*lines[1:end], ""]), name, 1), list(enumerate(lines, 1))[end + 1 :]
    raise EmorecError(f"{name}:1: the metadata block that opens here is not closed by ---")


def _project_metadata(folder: Path) -> dict[str, Any]:
    """`_quarto.yml` without what is about the project, overlaid by `_metadata.yml`, as Quarto merges them."""
    merged: dict[str, Any] = {}
    for name in ("_quarto.yml", "_metadata.yml"):
        if (folder / name).exists():
            merged = _merge(merged, _yaml(folder / name))
    merged.pop("project", None)
    return merged


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _meta(metadata: dict[str, Any], name: str) -> str:
    value: Any = metadata
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, str | int | datetime.date) and not isinstance(value, bool):
        return str(value)
    raise EmorecError(f"metadata {name} is not set; add it to the head of index.qmd or to _quarto.yml")


def _place(file: str, text: str, needle: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        if needle in line:
            return f"{file}:{number}"
    return "_quarto.yml"
