"""A study: one config file, validated as a whole."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from emorec import EMOTIONS
from emorec.config.explain import nearest
from emorec.config.groups import check_grouping, random_groups
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
                check_grouping(name, grouping)
            elif isinstance(grouping, Random) and grouping.like not in self.given:
                raise ValueError(
                    f"groupings.{name}.like: no grouping given as a list is named {grouping.like!r}"
                    f"{nearest(grouping.like, self.given)}"
                )
            elif isinstance(grouping, Random):
                try:
                    random_groups(self.given[grouping.like], grouping.seed)
                except ValueError as error:
                    raise ValueError(f"groupings.{name}.{error}") from None
        singles = self.singles
        if not singles:
            raise ValueError("models: the study needs one model of kind single to compare with")
        if singles[self.reference].parameters_like:
            raise ValueError(
                f"models.{self.reference}.parameters_like: the first single is what all others are measured by"
            )
        if singles[self.reference].teacher:
            raise ValueError(f"models.{self.reference}.teacher: the first single is what all others are measured by")
        for name, model in self.models.items():
            self._check_model(name, model, singles)
        usable = self._usable_mixtures
        if self.primary is not None and self.primary not in usable:
            raise ValueError(
                f"primary: no mixture that could be used is named {self.primary!r}{nearest(self.primary, usable)}"
            )
        return self

    def _check_model(self, name: str, model: Model, singles: dict[str, Single]) -> None:
        where = f"models.{name}"
        if model.kind == "fine-tuned":
            of = self.models.get(model.of)
            soft = [n for n, m in self.mixtures.items() if m.has_gate]
            if of is None or model.of not in soft:
                raise ValueError(f"{where}.of: no mixture with a gate is named {model.of!r}{nearest(model.of, soft)}")
        elif model.kind != "single" and model.of not in singles:
            raise ValueError(f"{where}.of: no single model named {model.of!r}{nearest(model.of, singles)}")
        elif model.kind != "single" and singles[model.of].teacher:
            raise ValueError(f"{where}.of: {model.of} learns from another model; name a single that learns from labels")
        if model.kind == "single" and model.teacher:
            self._check_teacher(f"{where}.teacher", model.teacher)
        if model.kind == "mixture" and model.grouping not in self.groupings:
            hint = nearest(model.grouping, self.groupings)
            raise ValueError(f"{where}.grouping: no grouping named {model.grouping!r}{hint}")
        if model.kind == "mixture" and model.gate == "single":
            self._check_routed_by_single(where, model.grouping)
        if model.kind == "single" and model.parameters_like:
            like = self.models.get(model.parameters_like)
            known = [n for n, m in self.models.items() if m.kind != "single"]
            if like is None or like.kind == "single":
                hint = nearest(model.parameters_like, known)
                raise ValueError(
                    f"{where}.parameters_like: no mixture or ensemble named {model.parameters_like!r}{hint}"
                )
            if "width" in model.architecture:
                raise ValueError(f"{where}.architecture.width: parameters_like chooses the width; leave it out")

    def _check_teacher(self, where: str, teacher: str) -> None:
        able = [n for n, m in self.models.items() if m.kind == "ensemble" or (m.kind == "single" and not m.teacher)]
        if teacher not in able:
            raise ValueError(
                f"{where}: no ensemble, nor a single that learns from labels, is named {teacher!r}"
                f"{nearest(teacher, able)}"
            )

    def _check_routed_by_single(self, where: str, grouping: str) -> None:
        entry = self.groupings[grouping]
        groups = self.given[entry.like] if isinstance(entry, Random) else entry  # of the same overlaps
        if isinstance(groups, list) and sum(map(len, groups)) > len(EMOTIONS):
            raise ValueError(
                f"{where}.gate: single sums the single's probabilities over each group, so that no two groups may "
                f"share an emotion, as those of {grouping!r} do; take gate: soft, or another grouping"
            )

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

    def seeds_of_members(self, ensemble: Ensemble) -> dict[int, list[int]]:
        """Which seeds of the single each replicate of an ensemble averages: {seed: [member seeds]}.

        Members of a disjoint one are the replicate's own seed and then, replicate by replicate, the smallest seeds that
        are not the study's. Else replicate r takes `members` seeds in a row, from r on and cyclically, out of the
        study's seeds and as many more as make the replicates differ. Replicates then share members: networks are
        trained once, and the spread between replicates of an ensemble is an underestimate, which the report says.
        """
        if ensemble.disjoint:
            extra = ensemble.members - 1
            more = [seed for seed in range(len(self.seeds) * ensemble.members) if seed not in self.seeds]
            return {seed: [seed, *more[r * extra : (r + 1) * extra]] for r, seed in enumerate(self.seeds)}
        wanted = ensemble.members + (1 if len(self.seeds) > 1 else 0)
        pool = list(self.seeds)
        extra = 0
        while len(pool) < wanted:
            if extra not in pool:
                pool.append(extra)
            extra += 1
        return {
            seed: [pool[(start + i) % len(pool)] for i in range(ensemble.members)]
            for start, seed in enumerate(self.seeds)
        }
