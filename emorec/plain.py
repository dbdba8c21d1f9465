"""What Python and pydantic say is wrong with a file, in words for who wrote the file rather than the code."""

from __future__ import annotations

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
_MAPPING, _INTEGER, _NUMBER = "should be a mapping of keys", "should be a whole number", "should be a number"
# By pydantic's names of what can be wrong; in braces what it adds.
_WORDS = {
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "string_type": "should be text; put it into quotes",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "list_type": "should be a list",
    "greater_than_equal": "should be at least {ge}",
    "greater_than": "should be more than {gt}",
    "less_than_equal": "should be at most {le}",
    "less_than": "should be less than {lt}",
    "too_short": "needs {min_length} or more entries",
    "too_long": "should have at most {max_length} entries, not {actual_length}",
    "string_too_short": "should not be empty",
    "string_too_long": "should have at most {max_length} characters",
    "literal_error": "should be {expected}",
    "union_tag_not_found": "has no {discriminator}",
    "union_tag_invalid": "{discriminator} should be one of {expected_tags} (it is {tag})",
}


def message(problem: Mapping[str, Any]) -> str:
    """One of `ValidationError.errors()` as a phrase, without its place."""
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] in _PATTERNS:
        return _PATTERNS[problem["ctx"]["pattern"]]
    words = _WORDS.get(problem["type"])
    if words is None:
        return str(problem["msg"]).removeprefix("Value error, ")
    return words.format(**{key: _shown(value) for key, value in problem.get("ctx", {}).items()})


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("'", "")[:200]


def plain(error: Exception) -> str:
    """What is wrong, in a phrase of printable characters."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        place = printable(".".join(str(step) for step in problem["loc"]), 100)
        words = printable(message(problem), 200)
        return f"{place}: {words}" if place else words
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: it has the byte 0x{error.object[error.start]:02x}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, IndexError):
        return "too few rows"
    if isinstance(error, KeyError | AttributeError):
        name = str(error.name if isinstance(error, AttributeError) else error.args[0] if error.args else "")
        name = re.sub(r"^\['(.*)'\] not in index$", r"\1", name)  # as pandas puts it
        return f"nothing is called '{printable(name, 100)}'"
    text = " ".join(str(error).split())
    if "integer string conversion" in text:
        return "a number of thousands of digits"
    return printable(f"values of another type: {text}" if isinstance(error, TypeError) else text, 160)


def printable(text: str | bytes, limit: int | None = None) -> str:
    """`text` fit for one line of a terminal: control characters and broken encodings escaped, cut after `limit`."""
    if isinstance(text, bytes):
        text = text[: 4 * limit if limit else None].decode("utf-8", "backslashreplace")
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return text if text.isprintable() else ascii(text)[1:-1]
