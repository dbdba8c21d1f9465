"""From a study to its networks: which there are, what each is, and which make up a model.

Networks are shared: mixtures with an expert or a gate in common train it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from emorec import EMOTIONS
from emorec.config.groups import Found, expert_name, groups_of, spectral_groupings
from emorec.config.sections import SEVEN, Architecture, FineTuned, Joint, Mixture, Training
from emorec.config.sizes import branch_width, joint_size, network_size
from emorec.errors import EmorecError

if TYPE_CHECKING:
    from emorec.config.study import Study


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

    def to_dict(self) -> dict[str, Any]:
        return {
            "experts": [[list(c) for c in classes] for classes in self.experts],
            "groups": [list(group) for group in self.groups],
            "top": self.top,
            "balance": self.balance,
            "trunk": self.trunk,
            "branch_width": self.branch_width,
            "parts": list(self.parts),
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> MixtureSpec:
        """The inverse of `to_dict`. Raises KeyError or TypeError for what is none."""
        return cls(
            tuple(tuple(tuple(c) for c in classes) for classes in found["experts"]),
            tuple(tuple(group) for group in found["groups"]),
            found["top"],
            found["balance"],
            found["trunk"],
            found["branch_width"],
            tuple(found["parts"]),
        )


@dataclass(frozen=True)
class NetworkSpec:
    """What one network is: enough to train it, given a seed and the faces.

    classes: the emotions that each output stands for. Those of a gate are groups, an expert may have one for all
        emotions of others, all further ones are single emotions. Empty as long as its grouping has not been found.
    group: the emotions that an expert is asked about; foreign_weight: how much a face of another emotion weighs.
    mixture: what a jointly trained mixture has besides. grouping: the one whose groups still have to be found.
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

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that it is trained on, in their usual order."""
        named = {emotion for group in self.classes for emotion in group}
        return tuple(emotion for emotion in EMOTIONS if emotion in named)

    def to_dict(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "role": self.role,
            "classes": [list(group) for group in self.classes],
            "emotions": list(self.emotions),
            "group": list(self.group),
            "foreign_weight": self.foreign_weight,
            "mixture": self.mixture.to_dict() if self.mixture else None,
            "grouping": self.grouping,
            "architecture": self.architecture.model_dump(),
            "training": self.training.model_dump(),
        }


@dataclass(frozen=True)
class Part:
    """A network's place in a model: which network, which of its seeds."""

    network: str
    seed: int


def own_outputs(classes: Sequence[Sequence[str]]) -> list[int | None]:
    """For each emotion the output that stands for it alone, None where there is none: one for several is nobody's."""
    alone = {group[0]: output for output, group in enumerate(classes) if len(group) == 1}
    return [alone.get(emotion) for emotion in EMOTIONS]


def networks(study: Study, found: Found = None) -> dict[str, NetworkSpec]:
    """Every network of a study by name. Mixtures with an expert or a gate in common share it: each is trained once.

    `found` are the groupings found so far; networks of the others have no classes yet, and their `grouping` is set.
    """
    specs: dict[str, NetworkSpec] = {}

    def add(spec: NetworkSpec) -> None:
        if spec.network in study.models and spec.role in ("gate", "expert"):
            raise EmorecError(
                f"models.{spec.network}: the name is that of a mixture's {spec.role}; give the model another one"
            )
        if specs.setdefault(spec.network, spec) != spec:
            raise EmorecError(f"two different networks would be named {spec.network}; rename a model or a grouping")

    for name, model in study.models.items():
        if model.kind == "single":
            add(NetworkSpec(name, "classifier", SEVEN, study.architecture_of(name), study.training_of(name)))
        elif model.kind == "mixture":
            for spec in _separate(study, model, found):
                add(spec)
    for name, model in study.models.items():
        if model.kind == "joint":
            add(_joint(study, name, model))
        elif model.kind == "fine-tuned":
            add(_fine_tuned(study, name, model, specs))
    return specs


def _separate(study: Study, model: Mixture, found: Found) -> list[NetworkSpec]:
    """The gate, where there is one, and the experts of a mixture of networks that are trained apart."""
    how = study.architecture_of(model.of), study.training_of(model.of)
    groups = groups_of(study, model.grouping, found)
    waiting = model.grouping if groups is None else None
    specs = []
    if model.has_gate:
        specs.append(NetworkSpec(_gate_name(model), "gate", tuple(groups) if groups else (), *how, grouping=waiting))
    for i, name in enumerate(expert_networks(study, model)):
        if name == model.of:
            specs.append(NetworkSpec(name, "classifier", SEVEN, *how))
            continue
        group = groups[i] if groups else ()
        weight = model.foreign_weight if model.foreign == "down-weighted" else 1.0
        classes = _expert_classes(group, model.foreign) if group else ()
        specs.append(NetworkSpec(name, "expert", classes, *how, group, weight, grouping=waiting))
    return specs


def expert_networks(study: Study, model: Mixture) -> list[str]:
    """The names of a mixture's experts. One that is asked about all seven emotions is the single itself.

    Experts of groups that are given are named by their emotions, so that mixtures share them; those of a grouping that
    is found from the faces by their number, so that they have a name before it is found.
    """
    suffix = {"excluded": "", "other": "-other", "down-weighted": "-weighted"}[model.foreign]
    groups = groups_of(study, model.grouping)
    if groups is None:
        count = spectral_groupings(study)[model.grouping]
        return [f"{model.of}-expert-{model.grouping}-{number}{suffix}" for number in range(1, count + 1)]
    return [
        model.of if len(group) == len(EMOTIONS) else f"{model.of}-expert-{expert_name(group)}{suffix}"
        for group in groups
    ]


def _gate_name(model: Mixture) -> str:
    return f"{model.of}-gate-{model.grouping}"


def _expert_classes(group: tuple[str, ...], foreign: str) -> tuple[tuple[str, ...], ...]:
    own = tuple((emotion,) for emotion in group)
    if foreign == "down-weighted":
        return SEVEN
    return own if foreign == "excluded" else (*own, tuple(e for e in EMOTIONS if e not in group))


def _joint(study: Study, name: str, model: Joint) -> NetworkSpec:
    architecture, how = study.architecture_of(model.of), study.training_of(model.of)
    balance = model.balance if model.balance is not None else 0.01 if model.top else 0.0
    width = branch_width(architecture, how.crop, model) if model.trunk else 0
    spec = MixtureSpec((SEVEN,) * model.experts, (), model.top, balance, model.trunk, width)
    return NetworkSpec(name, "mixture", SEVEN, architecture, how, mixture=spec)


def _fine_tuned(study: Study, name: str, model: FineTuned, specs: dict[str, NetworkSpec]) -> NetworkSpec:
    mixture = study.mixtures[model.of]
    gate, experts = specs[_gate_name(mixture)], [specs[n] for n in expert_networks(study, mixture)]
    parts = (gate.network, *(expert.network for expert in experts))
    classes = tuple(expert.classes for expert in experts)
    groups = tuple(expert.group or EMOTIONS for expert in experts)
    how = gate.training.model_copy(update={"epochs": model.epochs, "lr": model.lr})
    spec = MixtureSpec(classes, groups, parts=parts)
    return NetworkSpec(name, "mixture", SEVEN, gate.architecture, how, mixture=spec, grouping=gate.grouping)


def parts(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that make up one replicate of a model: itself, members, or the gate, if any, and the experts."""
    entry = study.models[model]
    if entry.kind == "ensemble":
        return [Part(entry.of, member) for member in study.seeds_of_members(entry)[seed]]
    if entry.kind == "mixture":
        gate = [_gate_name(entry)] if entry.has_gate else []
        return [Part(network, seed) for network in (*gate, *expert_networks(study, entry))]
    return [Part(model, seed)]


def starting_points(study: Study, network: str) -> list[str]:
    """The networks that one is put together from before it is trained: those of a fine-tuned mixture, else none."""
    entry = study.models.get(network)
    if entry is None or entry.kind != "fine-tuned":
        return []
    return [part.network for part in parts(study, entry.of, study.seeds[0])]


def all_parts(study: Study) -> list[Part]:
    """Every (network, seed) that the study trains, each once, seeds outermost: a cut leaves whole replicates."""
    found = [part for seed in study.seeds for model in study.models for part in parts(study, model, seed)]
    return list(dict.fromkeys(found))


def parameters(study: Study, model: str) -> int:
    """Parameters of all networks of one replicate of a model, by formula; a ValueError where groups are to be found."""
    entry = study.models[model]
    if entry.kind == "fine-tuned":
        return parameters(study, entry.of)
    of = model if entry.kind == "single" else entry.of
    architecture, side = study.architecture_of(of), study.training_of(of).crop
    if entry.kind == "single":
        return network_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "ensemble":
        return entry.members * network_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "joint":
        width = branch_width(architecture, side, entry) if entry.trunk else 0
        return joint_size(architecture, side, entry, width, active=False).parameters
    specs = _separate(study, entry, None)
    if any(not spec.classes for spec in specs):
        raise ValueError(f"parameters_like: the groups of {model} are not known before training; name another model")
    # a group of one emotion needs no network
    return sum(network_size(architecture, len(s.classes), side).parameters for s in specs if len(s.classes) > 1)
