"""A study: one config file, validated as a whole."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from itertools import count, islice
from typing import Annotated, Literal

from pydantic import Field, model_validator

from emorec import EMOTIONS
from emorec.config.explain import nearest
from emorec.config.sections import (
    Architecture,
    Data,
    Ensemble,
    Grouping,
    Groups,
    Mixture,
    Model,
    Name,
    Random,
    Single,
    Strict,
    Training,
)

RESERVED = ("published", "from-published")  # folders of results/ that hold studies themselves


class Study(Strict):
    """One config file."""

    study: Name
    purpose: Literal["report", "tuning"] = Field(
        "report", description="tuning: its models are options, to be chosen on val; no test face is scored"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field([0], min_length=1, max_length=100)
    data: Data = Data()
    architecture: Architecture = Architecture()
    training: Training = Training()
    groupings: dict[Name, Grouping] = {}
    primary: Name | None = Field(
        None, description="the mixture that the study is about; null: the first one that could be used"
    )
    models: dict[Name, Model] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if self.study in RESERVED:
            raise ValueError(f"study: results/{self.study} is the folder of other studies; give it another name")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds: a seed stands there twice")
        for name, grouping in self.groupings.items():
            if isinstance(grouping, list):
                _check_groups(f"groupings.{name}", grouping)
            elif isinstance(grouping, Random):
                _check_name(f"groupings.{name}.like", "grouping given as a list", grouping.like, self.given)
                random_groups(self.given[grouping.like], grouping.seed)
        if not self.singles:
            raise ValueError("models: the study needs one model of kind single to compare with")
        for key in ("parameters_like", "teacher"):
            if getattr(self.singles[self.reference], key):
                raise ValueError(f"models.{self.reference}.{key}: the first single is what all others are measured by")
        for name, model in self.models.items():
            self._check_model(f"models.{name}", model)
        for name in self.singles:
            self._check_size(name)
        if self.primary is not None:
            _check_name("primary", "mixture that could be used", self.primary, self._usable_mixtures)
        return self

    def _check_model(self, where: str, model: Model) -> None:
        if model.kind == "single":
            self._check_single(where, model)
        elif model.kind == "fine-tuned":
            soft = [name for name, mixture in self.mixtures.items() if mixture.has_gate]
            _check_name(f"{where}.of", "mixture with a gate", model.of, soft)
        else:
            _check_name(f"{where}.of", "single model", model.of, self.singles)
            if self.singles[model.of].teacher:
                raise ValueError(
                    f"{where}.of: {model.of} learns from another model; name a single that learns from labels"
                )
        if model.kind == "mixture":
            _check_name(f"{where}.grouping", "grouping", model.grouping, self.groupings)
            entry = self.groupings[model.grouping]
            groups = self.given[entry.like] if isinstance(entry, Random) else entry  # of the same overlaps
            if model.gate == "single" and isinstance(groups, list) and sum(map(len, groups)) > len(EMOTIONS):
                raise ValueError(
                    f"{where}.gate: single sums the single's probabilities over each group, so that no two groups may "
                    f"share an emotion, as those of {model.grouping!r} do; take gate: soft, or another grouping"
                )

    def _check_single(self, where: str, model: Single) -> None:
        if model.teacher:
            able = [n for n, m in self.models.items() if m.kind == "ensemble" or (m.kind == "single" and not m.teacher)]
            what = "ensemble, nor a single that learns from labels,"
            _check_name(f"{where}.teacher", what, model.teacher, able)
        if model.parameters_like:
            others = [name for name, other in self.models.items() if other.kind != "single"]
            _check_name(f"{where}.parameters_like", "mixture or ensemble", model.parameters_like, others)
            if "width" in model.architecture:
                raise ValueError(f"{where}.architecture.width: parameters_like chooses the width; leave it out")

    def _check_size(self, name: str) -> None:
        """ValueError where the size of a single follows from its own, by way of models made of it."""
        seen, own = {name}, self.singles[name]
        while own.parameters_like:
            base: Model = self.models[own.parameters_like]
            while base.kind != "single":
                above, base = base, self.models[base.of]
            if above.of in seen:
                like = f"models.{name}.parameters_like: {self.singles[name].parameters_like}"
                raise ValueError(f"{like} is made of {above.of}, so that neither's size is known; name another model")
            seen.add(above.of)
            own = base

    @property
    def singles(self) -> dict[str, Single]:
        """The models that are one network for all seven emotions, by name."""
        return {name: model for name, model in self.models.items() if model.kind == "single"}

    @property
    def mixtures(self) -> dict[str, Mixture]:
        """The models whose gate and experts are trained apart, by name."""
        return {name: model for name, model in self.models.items() if model.kind == "mixture"}

    @property
    def _usable_mixtures(self) -> list[str]:
        """All mixtures, of whatever family, but for oracles."""
        mixed = ("mixture", "fine-tuned", "joint")
        return [name for name, m in self.models.items() if m.kind in mixed and getattr(m, "gate", "") != "oracle"]

    @property
    def primary_mixture(self) -> str | None:
        """The mixture that the study is about; None where it has none that could be used."""
        return self.primary or next(iter(self._usable_mixtures), None)

    @property
    def has_report(self) -> bool:
        """Whether the study ends in a report, which is about mixtures; else its models are options to choose from."""
        return self.purpose == "report" and any(mixture.gate != "oracle" for mixture in self.mixtures.values())

    @property
    def scored(self) -> tuple[str, ...]:
        """The splits that models are scored on: options are chosen on val alone."""
        return ("val", "test") if self.has_report else ("val",)

    @property
    def given(self) -> dict[str, Groups]:
        """The groupings that the config itself lists, by name."""
        return {name: grouping for name, grouping in self.groupings.items() if isinstance(grouping, list)}

    @property
    def reference(self) -> str:
        """The single that every other model is compared with: the first one in the config."""
        return next(iter(self.singles))

    @property
    def replicates(self) -> list[tuple[str, int]]:
        """Every model with every seed."""
        return [(model, seed) for model in self.models for seed in self.seeds]

    def seeds_of_members(self, ensemble: Ensemble) -> dict[int, list[int]]:
        """Which seeds of the single each replicate of an ensemble averages: {seed: [member seeds]}.

        Members of a disjoint one are the replicate's own seed and the smallest that are free. Else replicate r takes
        `members` seeds in a row, from r on and cyclically, out of the study's seeds and as many more as make the
        replicates differ. These share members: the spread between them is an underestimate, which the report says.
        """
        free = (seed for seed in count() if seed not in self.seeds)
        if ensemble.disjoint:
            return {seed: [seed, *islice(free, ensemble.members - 1)] for seed in self.seeds}
        wanted = ensemble.members + (1 if len(self.seeds) > 1 else 0)
        pool = [*self.seeds, *islice(free, max(0, wanted - len(self.seeds)))]
        return {
            seed: [pool[(start + i) % len(pool)] for i in range(ensemble.members)]
            for start, seed in enumerate(self.seeds)
        }


def _check_name(where: str, what: str, name: str, known: Collection[str]) -> None:
    """Raise ValueError unless `name` is one of `known`."""
    if name not in known:
        raise ValueError(f"{where}: no {what} is named {name!r}{nearest(name, known)}")


def expert_name(group: Sequence[str]) -> str:
    """`happy-neutral` for {happy, neutral}: the emotions in their usual order."""
    return "-".join(emotion for emotion in EMOTIONS if emotion in group)


def random_groups(like: Sequence[Sequence[str]], seed: int) -> list[list[str]]:
    """Another grouping than `like`, by a random renaming of the emotions, so that sizes and overlaps are kept."""
    generator = random.Random(f"grouping {seed}")
    same = {frozenset(group) for group in like}
    for _ in range(1000):
        renamed = dict(zip(EMOTIONS, generator.sample(EMOTIONS, len(EMOTIONS)), strict=True))
        groups = [[renamed[emotion] for emotion in group] for group in like]
        if {frozenset(group) for group in groups} != same:
            return groups
    raise ValueError(f"groupings: there is no other grouping of these sizes for a random one like {like}")


def _check_groups(where: str, groups: Groups) -> None:
    """Raise ValueError unless the groups differ and each emotion is in one of them."""
    if len(groups) < 2:
        raise ValueError(f"{where}: a mixture needs two groups or more")
    for group in groups:
        if len(set(group)) != len(group):
            raise ValueError(f"{where}: an emotion stands twice in {group}")
    if len({frozenset(group) for group in groups}) != len(groups):
        raise ValueError(f"{where}: two groups are the same")
    missing = [emotion for emotion in EMOTIONS if not any(emotion in group for group in groups)]
    if missing:
        raise ValueError(f"{where}: no expert knows {', '.join(missing)}")
