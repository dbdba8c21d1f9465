"""Reading a grouping that was found; apart from finding, whose libraries each training would wait for."""

from pathlib import Path
from typing import Any

from emorec import EMOTIONS
from emorec import config as configs
from emorec.config import NetworkSpec, Study
from emorec.errors import EmorecError
from emorec.inputs import AGAIN, read_json
from emorec.paths import Layout
from emorec.plain import printable


def network_spec(study: Study, layout: Layout, network: str) -> NetworkSpec:
    """What a network of a study is, with the emotions of its group where these were found. Errors as `read_groups`."""
    spec = configs.networks(study)[network]
    if not spec.grouping:
        return spec
    groups = read_groups(layout.grouping(spec.grouping), configs.spectral_groupings(study)[spec.grouping])
    return configs.networks(study, {spec.grouping: groups})[network]


def read_groups(path: Path, experts: int) -> list[tuple[str, ...]]:
    """The groups of a found grouping's file. Raises EmorecError where it is missing or no such grouping."""
    if not path.exists():
        raise EmorecError(f"{path}: missing; run `emorec grouping` once the single networks have their outputs")
    groups = read_json(path).get("groups")
    if problem := _problem(groups, experts):
        raise EmorecError(f"{path}: groups: {problem}; {AGAIN}")
    return [tuple(group) for group in groups or ()]


def _problem(groups: Any, experts: int) -> str:
    """What keeps a value from being so many groups of all emotions; empty where nothing does."""
    if not isinstance(groups, list) or not all(isinstance(group, list) and group for group in groups):
        return "no list of lists of emotions"
    named = [emotion for group in groups for emotion in group]
    if unknown := [emotion for emotion in named if emotion not in EMOTIONS]:
        return f"unknown emotion '{printable(str(unknown[0]), 40)}'"
    if wrong := [emotion for emotion in EMOTIONS if named.count(emotion) != 1]:
        return f"{', '.join(wrong)} in none of them, or twice"
    return f"there are {len(groups)}, the config asks for {experts}" if len(groups) != experts else ""
