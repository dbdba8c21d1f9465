"""A staged report as the pip-only renderer reads it: index.qmd, its metadata and the project's, without Quarto.

Only what this renderer and Quarto understand alike is let through. A shortcode is not: one that a renderer drops would
make two different papers.
"""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emorec.errors import EmorecError
from emorec.mappings import over

NAME = "index.qmd"
CELL = re.compile(r"\s*(?:```+|~~~+)\s*\{[A-Za-z]")


@dataclass(frozen=True)
class Source:
    """The lines of a staged index.qmd, those of its head left empty, and the merged metadata."""

    folder: Path
    lines: list[str]
    metadata: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def where(self, pattern: str) -> str:
        """`file:line` of the first line that matches the regular expression, or the file's name alone."""
        return next((f"{NAME}:{n}" for n, line in enumerate(self.lines, 1) if re.search(pattern, line)), NAME)

    @property
    def date(self) -> datetime.date:
        """The report's date. Raises EmorecError unless it is written out: `today` would make two builds differ."""
        value = self.metadata.get("date")
        try:
            return datetime.datetime.fromisoformat(str(value)).date()
        except ValueError:
            raise EmorecError(f"{NAME}: date is {value!r}; write it as YYYY-MM-DD (of the commit, say)") from None

    @property
    def timestamp(self) -> int:
        """Midnight UTC of the date in seconds since 1970."""
        return int(datetime.datetime.combine(self.date, datetime.time(), datetime.UTC).timestamp())

    def option(self, target: str, name: str, default: Any) -> Any:
        """An option such as `toc`: of the format `target` where it is given there, else of the document."""
        formats = self.metadata.get("format")
        own = formats.get(target) if isinstance(formats, dict) else None
        return (self.metadata | own if isinstance(own, dict) else self.metadata).get(name, default)

    @property
    def bibliography(self) -> list[str]:
        """The bibliography's files, relative to the folder. Raises EmorecError where one is missing."""
        files = [str(each) for each in listed(self.metadata.get("bibliography", []))]
        for file in files:
            if not (self.folder / file).is_file():
                raise EmorecError(f"{self.where('bibliography')}: bibliography {file} is missing; add it")
        return files


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def read(folder: Path) -> Source:
    """Read the index.qmd in `folder` with `_quarto.yml` beside it.

    Raises:
        EmorecError: It names file and line of what is missing, malformed or not understood by both renderers.
    """
    front, lines = _front_matter(_text(folder / NAME))
    for number, line in enumerate(lines, 1):
        if CELL.match(line):
            raise EmorecError(f"{NAME}:{number}: code cells are not run; make the figure or table by a rule")
        if "{{<" in line:
            raise EmorecError(f"{NAME}:{number}: shortcodes are not supported; let a template fill it in")
    settings = folder / "_quarto.yml"
    project = _mapping(_text(settings), settings.name, 0) if settings.exists() else {}
    return Source(folder, lines, over(project, front))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EmorecError(f"{path}: no text in UTF-8 can be read ({error}); stage the report again") from None


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


def _front_matter(text: str) -> tuple[dict[str, Any], list[str]]:
    """The YAML block at the head of the file, and its lines with those of the head emptied."""
    head = re.match(r"---[ \t]*\n(.*?^)(?:---|\.\.\.)[ \t]*$", text, re.DOTALL | re.MULTILINE)
    if not head:
        raise EmorecError(f"{NAME}:1: no metadata between two lines of ---; add a block with title and date")
    return _mapping(head[1], NAME, 1), (head[0].count("\n") * "\n" + text[head.end() :]).splitlines()
