"""What one network is: all that its training depends on, but for a seed and the faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from emorec import EMOTIONS
from emorec.config.sections import Architecture, Training


@dataclass(frozen=True)
class Part:
    """A network's place in a model: which network, which of its seeds."""

    network: str
    seed: int


@dataclass(frozen=True)
class MixtureSpec:
    """What a jointly trained mixture adds to a network's spec.

    experts: the classes of each expert's outputs; groups: each expert's own emotions, none where it is free to choose.
    top: how many experts answer for a face (None: all); balance: weight of the load-balancing loss.
    trunk: stages that the experts share; branch_width: channels of a branch's stages, in the first stage's measure.
    parts: the trained networks that it starts from, the gate first; none where it starts from scratch.
    """

    experts: tuple[tuple[tuple[str, ...], ...], ...]
    groups: tuple[tuple[str, ...], ...] = ()
    top: int | None = None
    balance: float = 0.0
    trunk: int = 0
    branch_width: int = 0
    parts: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, found: Any) -> MixtureSpec:
        """As it stands in a network's record. Raises ValueError for what is none."""
        return TypeAdapter(cls).validate_python(found)


@dataclass(frozen=True)
class Teacher:
    """The trained networks that a network learns from: which single's, and for each of its seeds which of theirs."""

    network: str
    members: dict[int, tuple[int, ...]]

    def of(self, seed: int) -> list[Part]:
        return [Part(self.network, member) for member in self.members.get(seed, ())]


@dataclass(frozen=True)
class NetworkSpec:
    """What one network is: enough to train it, given a seed and the faces.

    classes: the emotions that each output stands for. Those of a gate are groups, an expert may have one for all
        emotions of others, all further ones are single emotions. Empty as long as its grouping has not been found.
    group: the emotions that an expert specialises in; foreign_weight: how much a face of another emotion weighs.
    mixture: what a jointly trained mixture has besides. grouping: the one whose groups still have to be found.
    start: the trained single that an expert starts from, None where it starts from scratch; length: whether it takes
        the single's steps, or goes through its own faces as often as the single does, in fewer steps.
    teacher: the networks whose mean probabilities it learns, in the labels' place.
    """

    network: str
    role: Literal["classifier", "gate", "expert", "mixture"]
    classes: tuple[tuple[str, ...], ...]
    architecture: Architecture
    training: Training
    group: tuple[str, ...] = ()
    foreign_weight: float = 1.0
    mixture: MixtureSpec | None = None
    grouping: str | None = None
    start: str | None = None
    length: Literal["steps", "epochs"] = "steps"
    teacher: Teacher | None = None

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that it is trained on, in their usual order."""
        named = {emotion for group in self.classes for emotion in group}
        return tuple(emotion for emotion in EMOTIONS if emotion in named)

    def starts(self, seed: int) -> list[Part]:
        """The trained networks that it starts from: a mixture's gate and experts, an expert's single; mostly none."""
        if self.mixture is not None:
            return [Part(network, seed) for network in self.mixture.parts]
        return [Part(self.start, seed)] if self.start else []

    def teachers(self, seed: int) -> list[Part]:
        """The trained networks that it learns from."""
        return self.teacher.of(seed) if self.teacher else []

    def before(self, seed: int) -> list[Part]:
        return [*self.starts(seed), *self.teachers(seed)]

    def decisive(self, seed: int) -> dict[str, Any]:
        """`to_dict` without how often it is saved meanwhile, which changes nothing in the result."""
        record = self.to_dict(seed)
        del record["training"]["checkpoint_every"]
        return record

    def to_dict(self, seed: int) -> dict[str, Any]:
        """All of it as JSON has it, for one seed."""
        record: dict[str, Any] = to_jsonable_python(self) | {"emotions": list(self.emotions)}
        if self.teacher:
            seeds = [part.seed for part in self.teacher.of(seed)]
            record["teacher"] = {"network": self.teacher.network, "seeds": seeds}
        return record


def own_outputs(classes: Sequence[Sequence[str]]) -> list[int | None]:
    """For each emotion the output that stands for it alone, None where there is none: one for several is nobody's."""
    alone = {group[0]: output for output, group in enumerate(classes) if len(group) == 1}
    return [alone.get(emotion) for emotion in EMOTIONS]
