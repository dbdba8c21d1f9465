"""What follows from a study: groupings, how its singles are built and trained, its networks, and a model's parts.

Networks are shared: mixtures with an expert or a gate in common train it once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from emorec import EMOTIONS
from emorec.config.explain import below, explain
from emorec.config.groups import expert_name, random_groups
from emorec.config.sections import (
    SEVEN,
    SIDE,
    Architecture,
    FineTuned,
    Joint,
    Mixture,
    Random,
    Section,
    Single,
    Spectral,
    Training,
)
from emorec.config.sizes import branch_width, joint_size, network_size
from emorec.config.specs import MixtureSpec, NetworkSpec, Part, Teacher
from emorec.config.study import Study
from emorec.errors import EmorecError
from emorec.mappings import over
from emorec.size import width_nearest

PARAMETERS_WITHIN = 0.03
LONGEST_SUFFIX = 40  # letters of a network's name that say how it is trained
Found = dict[str, list[tuple[str, ...]]] | None  # groupings found from faces, by name


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


def architecture_of(study: Study, single: str) -> Architecture:
    """How the network of a single is built, its width chosen where it is to be as large as another model."""
    entry = study.singles[single]
    chosen = _override(study.architecture, entry.architecture, f"models.{single}.architecture")
    if entry.parameters_like is None:
        return chosen
    try:
        wanted = parameters(study, entry.parameters_like)
    except ValueError as error:
        raise ValueError(f"models.{single}.{error}") from None

    def size(width: int) -> int:
        return network_size(chosen.model_copy(update={"width": width}), len(EMOTIONS), SIDE).parameters

    width = width_nearest(wanted, size)
    if abs(size(width) - wanted) > PARAMETERS_WITHIN * wanted:
        raise ValueError(
            f"models.{single}.parameters_like: no width comes within {PARAMETERS_WITHIN:.0%} of the {wanted} "
            f"parameters of {entry.parameters_like} (width {width} has {size(width)}); choose a wider study"
        )
    return chosen.model_copy(update={"width": width})


def training_of(study: Study, single: str) -> Training:
    """How a network of a single is trained."""
    return _override(study.training, study.singles[single].training, f"models.{single}.training")


def _changed(how: Training, changes: dict[str, Any], where: str) -> tuple[Training, str]:
    """`how` with nested `changes`, and what a network's name says of it: nothing where it stays the same.

    It says what differs, `-epochs-6-lr-0-02`, or where that is long, by a digest.
    """
    chosen = _override(how, changes, where)
    old, new = (_flat(training.model_dump()) for training in (how, chosen))
    told = "".join(f"-{key}-{value}" for key, value in new.items() if value != old[key])
    told = re.sub(r"[^a-z0-9]+", "-", told.lower()).rstrip("-")
    return chosen, told if len(told) <= LONGEST_SUFFIX else f"-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _flat(nested: dict[str, Any]) -> dict[str, Any]:
    """The values of a section by their own keys, which are unique in it."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value) if isinstance(value, dict) else {key: value}
    return flat


def _override(base: Section, changes: dict[str, Any], where: str) -> Section:
    """`base` with nested `changes`, validated; an error names the key below `where`."""
    try:
        return type(base).model_validate(over(base.model_dump(), changes))
    except ValidationError as error:
        raise ValueError(below(where, explain(error, type(base)))) from None


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
            how = architecture_of(study, name), training_of(study, name)
            add(NetworkSpec(name, "classifier", SEVEN, *how, teacher=_teacher(study, model)))
        elif model.kind == "mixture":
            for spec in _separate(study, model, found, f"models.{name}"):
                add(spec)
    for name, model in study.models.items():
        if model.kind == "joint":
            add(_joint(study, name, model))
        elif model.kind == "fine-tuned":
            add(_fine_tuned(study, name, model, specs))
    return specs


def _teacher(study: Study, model: Single) -> Teacher | None:
    """The networks that a distilled single learns from: those of the teacher's replicate of the same seed."""
    if model.teacher is None:
        return None
    of = {seed: parts(study, model.teacher, seed) for seed in study.seeds}
    (network,) = {part.network for members in of.values() for part in members}
    return Teacher(network, {seed: tuple(part.seed for part in members) for seed, members in of.items()})


def _separate(study: Study, model: Mixture, found: Found, where: str) -> list[NetworkSpec]:
    """The networks of a mixture that are trained apart: the gate or the single in its place, if any, and the experts.

    `where` the model stands in the config, for messages.
    """
    architecture, how = architecture_of(study, model.of), training_of(study, model.of)
    single = NetworkSpec(model.of, "classifier", SEVEN, architecture, how)
    groups = groups_of(study, model.grouping, found)
    waiting = model.grouping if groups is None else None
    specs = [single] if model.gate == "single" else []
    if model.has_gate:
        own, _ = _changed(how, model.gate_training, f"{where}.gate_training")
        classes = tuple(groups) if groups else ()
        specs.append(NetworkSpec(_gate_name(study, model), "gate", classes, architecture, own, grouping=waiting))
    own, _ = _changed(how, model.experts.training, f"{where}.experts.training")
    start = model.of if model.experts.start == "single" else None
    for i, name in enumerate(expert_networks(study, model)):
        if name == model.of:
            specs.append(single)
            continue
        group = groups[i] if groups else ()
        weight = model.foreign_weight if model.foreign == "down-weighted" else 1.0
        classes = _expert_classes(group, model.foreign) if group else ()
        specs.append(
            NetworkSpec(
                *(name, "expert", classes, architecture, own, group, weight),
                grouping=waiting,
                start=start,
                length=model.experts.length,
            )
        )
    return specs


def expert_networks(study: Study, model: Mixture) -> list[str]:
    """The names of a mixture's experts. One that is asked about all seven emotions is the single itself.

    Experts of groups that are given are named by their emotions, so that mixtures share them; those of a grouping that
    is found from the faces by their number, so that they have a name before it is found. What is trained in another way
    has a name that says so.
    """
    suffix = {"excluded": "", "other": "-other", "down-weighted": "-weighted"}[model.foreign]
    suffix += {"scratch": "", "single": "-started"}[model.experts.start]
    suffix += {"steps": "", "epochs": "-as-often"}[model.experts.length]
    suffix += _changed(training_of(study, model.of), model.experts.training, "experts.training")[1]
    groups = groups_of(study, model.grouping)
    if groups is None:
        count = spectral_groupings(study)[model.grouping]
        return [f"{model.of}-expert-{model.grouping}-{number}{suffix}" for number in range(1, count + 1)]
    return [
        model.of if len(group) == len(EMOTIONS) else f"{model.of}-expert-{expert_name(group)}{suffix}"
        for group in groups
    ]


def _gate_name(study: Study, model: Mixture) -> str:
    suffix = _changed(training_of(study, model.of), model.gate_training, "gate_training")[1]
    return f"{model.of}-gate-{model.grouping}{suffix}"


def _expert_classes(group: tuple[str, ...], foreign: str) -> tuple[tuple[str, ...], ...]:
    own = tuple((emotion,) for emotion in group)
    if foreign == "down-weighted":
        return SEVEN
    return own if foreign == "excluded" else (*own, tuple(e for e in EMOTIONS if e not in group))


def _joint(study: Study, name: str, model: Joint) -> NetworkSpec:
    architecture, how = architecture_of(study, model.of), training_of(study, model.of)
    balance = model.balance if model.balance is not None else 0.01 if model.top else 0.0
    width = branch_width(architecture, how.crop, model) if model.trunk else 0
    spec = MixtureSpec((SEVEN,) * model.experts, (), model.top, balance, model.trunk, width)
    return NetworkSpec(name, "mixture", SEVEN, architecture, how, mixture=spec)


def _fine_tuned(study: Study, name: str, model: FineTuned, specs: dict[str, NetworkSpec]) -> NetworkSpec:
    mixture = study.mixtures[model.of]
    gate, experts = specs[_gate_name(study, mixture)], [specs[n] for n in expert_networks(study, mixture)]
    parts = (gate.network, *(expert.network for expert in experts))
    classes = tuple(expert.classes for expert in experts)
    groups = tuple(expert.group or EMOTIONS for expert in experts)
    how = training_of(study, mixture.of).model_copy(update={"epochs": model.epochs, "lr": model.lr})
    spec = MixtureSpec(classes, groups, parts=parts)
    return NetworkSpec(name, "mixture", SEVEN, gate.architecture, how, mixture=spec, grouping=gate.grouping)


def parts(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that make up one replicate of a model: itself, members, or what routes, if anything, and experts.

    What routes a mixture is its gate, or the single in the gate's place.
    """
    entry = study.models[model]
    if entry.kind == "ensemble":
        return [Part(entry.of, member) for member in study.seeds_of_members(entry)[seed]]
    if entry.kind == "mixture":
        router = [_gate_name(study, entry)] if entry.has_gate else [entry.of] if entry.is_routed else []
        return [Part(network, seed) for network in (*router, *expert_networks(study, entry))]
    return [Part(model, seed)]


def spent_before(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that had to be trained before a replicate's own ones; none of its own.

    A fine-tuned mixture starts from its gate and experts, an expert may start from the single; a distilled single has
    teachers.
    """
    specs, own, found = networks(study), parts(study, model, seed), dict[Part, None]()
    left = list(own)
    while left:
        part = left.pop()
        before = specs[part.network].before(part.seed)
        left += [each for each in before if each not in found]
        found |= dict.fromkeys(before)
    return [part for part in found if part not in own]


def all_parts(study: Study) -> list[Part]:
    """Every (network, seed) that the study trains, each once, seeds outermost: a cut leaves whole replicates."""
    found = [part for seed in study.seeds for model in study.models for part in parts(study, model, seed)]
    return list(dict.fromkeys(found))


def training_order(study: Study) -> list[Part]:
    """All parts, each after those that it waits for: what it starts or learns from, and the single of all seeds where
    its grouping is found from that.
    """
    specs, found = networks(study), dict[Part, None]()

    def add(part: Part) -> None:
        if specs[part.network].grouping:
            found.update(dict.fromkeys(Part(study.reference, seed) for seed in study.seeds))
        for before in specs[part.network].before(part.seed):
            add(before)
        found.setdefault(part)

    for part in all_parts(study):
        add(part)
    return list(found)


def parameters(study: Study, model: str) -> int:
    """Parameters of all networks of one replicate of a model, by formula; a ValueError where groups are to be found."""
    entry = study.models[model]
    if entry.kind == "fine-tuned":
        return parameters(study, entry.of)
    of = model if entry.kind == "single" else entry.of
    architecture, side = architecture_of(study, of), training_of(study, of).crop
    if entry.kind == "single":
        return network_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "ensemble":
        return entry.members * network_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "joint":
        width = branch_width(architecture, side, entry) if entry.trunk else 0
        return joint_size(architecture, side, entry, width, active=False).parameters
    specs = _separate(study, entry, None, f"models.{model}")
    if any(not spec.classes for spec in specs):
        raise ValueError(f"parameters_like: the groups of {model} are not known before training; name another model")
    # a group of one emotion needs no network
    return sum(network_size(architecture, len(s.classes), side).parameters for s in specs if len(s.classes) > 1)
