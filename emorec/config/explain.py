"""What is wrong with a config, in one line: the key, the reason, the nearest known key."""

import difflib
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from emorec.config.sections import KINDS, Random, Spectral
from emorec.plain import message, printable

_BRANCHES: dict[str, type[BaseModel]] = {**KINDS, "spectral": Spectral, "random": Random}


def explain(error: ValidationError, schema: type[BaseModel]) -> str:
    """The first problem of a pydantic error as one line: key, reason, nearest known key."""
    problems = error.errors()
    # a misspelt key is also a missing one: the spelling is what to mend
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    # pydantic names the branch of a union in the path; a user did not
    path = [str(step) for i, step in enumerate(problem["loc"]) if not (i == 2 and step in ("list", *_BRANCHES))]
    wrong, given = printable(message(problem), 500), problem.get("input")
    if path and path[-1] == "[key]":
        return f"{'.'.join(path[:-2])}: the name {printable(repr(given), 80)} {wrong}"
    if problem["type"] == "extra_forbidden":
        wrong += nearest(path[-1], _known_keys(schema, problem["loc"][:-1]))
    elif problem["type"] == "union_tag_not_found":
        wrong += f"; known are {', '.join(KINDS)}"
    elif path and not isinstance(given, dict | list) and problem["type"] != "missing":
        wrong += f" (it is {printable(repr(given), 80)})"
    return below(".".join(path), wrong)


def below(where: str, message: str) -> str:
    """`message` about `where`, or about the key below it that it begins with."""
    return f"{where}{'.' if re.match(r'[a-z_.0-9-]+: ', message) else ': '}{message}" if where else message


def _known_keys(schema: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema has at `location`."""
    current: type[BaseModel] = schema
    for step in location:
        field = current.model_fields.get(str(step))
        if field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            current = field.annotation
        elif step in _BRANCHES:
            current = _BRANCHES[str(step)]
    return list(current.model_fields)


def nearest(word: str, known: Any) -> str:
    """What to add to a message about a word that is not known: the one most like it, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""
