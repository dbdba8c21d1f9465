"""What Python and pydantic say is wrong with a file, in words for who wrote the file rather than the code."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

# What a text in a config or a manifest may be, and how that is said.
NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LABEL = r"^([^\W_]|[(])([^\W_]|[ .,:()/%&'=+×≤≥–-])*$"
DIGEST = r"^[0-9a-f]{64}$"
COMMIT = r"^[0-9A-Za-z._-]{0,100}$"
DATE = r"^\d{4}-\d\d-\d\d$"
_PATTERNS = {
    NAME: "may hold lower-case letters and digits, with single hyphens between them",
    LABEL: "may hold letters, digits, spaces and .,:()/%&'=+×≤≥–-, and begins with a letter, a digit or (",
    DIGEST: "should be 64 hexadecimal digits",
    COMMIT: "should be a commit's hash",
    DATE: "should be a date, YYYY-MM-DD",
}
_MAPPING = "should be a mapping of keys"
# By pydantic's names of what can be wrong, where its own words are about code.
_WORDS = {
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "string_type": "should be text; put it into quotes",
    "list_type": "should be a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "union_tag_not_found": "has no kind",
}


def message(problem: Mapping[str, Any]) -> str:
    """One of `ValidationError.errors()` as a phrase, without its place."""
    words = _PATTERNS.get(problem.get("ctx", {}).get("pattern")) or _WORDS.get(problem["type"])
    return words or re.sub("^(Input|Value error,|String|List|Dictionary) ", "", problem["msg"])


def plain(error: Exception) -> str:
    """What is wrong, in a phrase of printable characters."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        place = printable(".".join(str(step) for step in problem["loc"]), 100)
        words = printable(message(problem), 200)
        return f"{place}: {words}" if place else words
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: it has the byte 0x{error.object[error.start]:02x}"
    if isinstance(error, IndexError):
        return "too few rows"
    if isinstance(error, KeyError):
        name = re.sub(r"^\['(.*)'\] not in index$", r"\1", "".join(map(str, error.args)))  # as pandas puts it
        return f"nothing is called '{printable(name, 100)}'"
    text = " ".join(str(error).split())
    other = isinstance(error, TypeError | AttributeError)
    return printable(f"values of another type: {text}" if other else text, 160)


def printable(text: str | bytes, limit: int | None = None) -> str:
    """`text` fit for one line of a terminal: control characters and broken encodings escaped, cut after `limit`."""
    if isinstance(text, bytes):
        text = text[: 4 * limit if limit else None].decode("utf-8", "backslashreplace")
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return text if text.isprintable() else ascii(text)[1:-1]
