"""Groups of emotions: their names, what is wrong with some, and random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

from emorec import EMOTIONS
from emorec.config.sections import Groups


def expert_name(group: Sequence[str]) -> str:
    """`happy-neutral` for {happy, neutral}: the emotions in their usual order."""
    return "-".join(emotion for emotion in EMOTIONS if emotion in group)


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
