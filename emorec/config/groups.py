"""Groupings: which emotions each expert gets, and whether that is known before training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emorec import EMOTIONS
from emorec.config.sections import Groups, Random, Spectral

if TYPE_CHECKING:
    from emorec.config.study import Study

Found = dict[str, list[tuple[str, ...]]] | None  # groupings found from faces, by name


def expert_name(group: Sequence[str]) -> str:
    """`happy-neutral` for {happy, neutral}: the emotions in their usual order."""
    return "-".join(emotion for emotion in EMOTIONS if emotion in group)


def spectral_groupings(study: Study) -> dict[str, int]:
    """The groupings that models use and that have to be found first, with their number of experts."""
    used = {model.grouping for model in study.mixtures.values()}
    return {n: g.experts for n, g in study.groupings.items() if isinstance(g, Spectral) and n in used}


def groups_of(study: Study, grouping: str, found: Found = None) -> list[tuple[str, ...]] | None:
    """A grouping's groups, emotions in their usual order; None where they have not been found yet."""
    entry = study.groupings[grouping]
    groups: Sequence[Sequence[str]]
    if isinstance(entry, Random):
        groups = random_groups(study.given[entry.like], entry.seed)
    elif isinstance(entry, Spectral):
        if not found or grouping not in found:
            return None
        groups = found[grouping]
    else:
        groups = entry
    return [tuple(emotion for emotion in EMOTIONS if emotion in group) for group in groups]


def random_groups(like: Sequence[Sequence[str]], seed: int) -> list[list[str]]:
    """Random groups of the same sizes, another grouping than `like`; emotions that overlap stay as many.

    A random renaming of the emotions, so that sizes and overlaps are kept.
    """
    generator = random.Random(f"grouping {seed}")
    same = {frozenset(group) for group in like}
    for _ in range(1000):
        renamed = dict(zip(EMOTIONS, generator.sample(EMOTIONS, len(EMOTIONS)), strict=True))
        groups = [[renamed[emotion] for emotion in group] for group in like]
        if {frozenset(group) for group in groups} != same:
            return groups
    raise ValueError("like: there is no other grouping of these sizes")


def check_grouping(name: str, groups: Groups) -> None:
    """Raise ValueError, naming the grouping, unless the groups differ and each emotion is in one of them."""
    if len(groups) < 2:
        raise ValueError(f"groupings.{name}: a mixture needs two groups or more")
    for group in groups:
        if len(set(group)) != len(group):
            raise ValueError(f"groupings.{name}: an emotion stands twice in {group}")
    if len({expert_name(group) for group in groups}) != len(groups):
        raise ValueError(f"groupings.{name}: two groups are the same")
    missing = [emotion for emotion in EMOTIONS if not any(emotion in group for group in groups)]
    if missing:
        raise ValueError(f"groupings.{name}: no expert knows {', '.join(missing)}")
