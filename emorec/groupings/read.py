"""Reading a grouping that was found; apart from finding, whose libraries each training would wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.inputs import AGAIN, read_json
from emorec.plain import printable


def read_groups(path: Path, experts: int) -> list[tuple[str, ...]]:
    """The groups of a found grouping's file.

    Raises EmorecError where it is missing, or does not put each emotion into one of as many groups as experts.
    """
    if not path.exists():
        raise EmorecError(f"{path}: missing; run `emorec grouping` once the single networks have their outputs")
    groups = read_json(path).get("groups")
    problem = _problem(groups, experts)
    if groups is None or problem:
        raise EmorecError(f"{path}: groups: {problem}; {AGAIN}")
    return [tuple(group) for group in groups]


def _problem(groups: Any, experts: int) -> str:
    """What keeps a value from being so many groups of all emotions; empty where nothing does."""
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        return "no list of lists of emotions"
    named = [emotion for group in groups for emotion in group]
    for emotion in named:
        if emotion not in EMOTIONS:
            return (
                f"unknown emotion '{printable(emotion, 40)}'" if isinstance(emotion, str) else "an emotion is no word"
            )
        if named.count(emotion) > 1:
            return f"{emotion} stands there twice"
    missing = [emotion for emotion in EMOTIONS if emotion not in named]
    if missing:
        return f"{', '.join(missing)} in none of them"
    if not all(groups):
        return "one of them is empty"
    if len(groups) != experts:
        return f"there are {len(groups)}, the config asks for {experts}"
    return ""
