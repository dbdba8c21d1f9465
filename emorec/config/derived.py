"""What follows from a study: groupings, how its singles are built and trained, its networks, and a model's parts.

Networks are shared: mixtures with an expert or a gate in common train it once.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from emorec import EMOTIONS, SIDE
from emorec.config.explain import below, explain
from emorec.config.sections import (
    SEVEN,
    Architecture,
    FineTuned,
    Mixture,
    Random,
    Section,
    Single,
    Spectral,
    Training,
)
from emorec.config.sizes import branch_width, network_size, spec_size
from emorec.config.specs import MixtureSpec, NetworkSpec, Part, Teacher
from emorec.config.study import Study, expert_name, random_groups
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


def _suffix(usual: Training, chosen: Training) -> str:
    """What a network's name says of how it is trained: what differs, `-epochs-6-lr-0-02`, or a digest of that."""
    old, new = _flat(usual.model_dump()), _flat(chosen.model_dump())
    suffix = "".join(f"-{key}-{value}" for key, value in new.items() if value != old[key])
    suffix = re.sub(r"[^a-z0-9]+", "-", suffix.lower()).rstrip("-")
    return suffix if len(suffix) <= LONGEST_SUFFIX else f"-{hashlib.sha256(suffix.encode()).hexdigest()[:8]}"


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
    """Every network of a study by name; it has no classes while its grouping is none of those `found`."""
    specs: dict[str, NetworkSpec] = {}
    for spec in (spec for model in study.models for spec in _networks_of(study, model, found)):
        if spec.network in study.models and spec.role in ("gate", "expert"):
            raise EmorecError(
                f"models.{spec.network}: the name is that of a mixture's {spec.role}; give the model another one"
            )
        if specs.setdefault(spec.network, spec) != spec:
            raise EmorecError(f"two different networks would be named {spec.network}; rename a model or a grouping")
    return specs


def _networks_of(study: Study, name: str, found: Found) -> list[NetworkSpec]:
    """The networks of which a replicate of a model is made: of a mixture the gate or the single in its place first."""
    model = study.models[name]
    if model.kind == "ensemble":
        return _networks_of(study, model.of, found)
    if model.kind == "mixture":
        return _separate(study, model, found, f"models.{name}")
    if model.kind == "fine-tuned":
        return [_fine_tuned(study, name, model, found)]
    of = name if model.kind == "single" else model.of
    architecture, how = architecture_of(study, of), training_of(study, of)
    if model.kind == "single":
        return [NetworkSpec(name, "classifier", SEVEN, architecture, how, teacher=_teacher(study, model))]
    balance = model.balance if model.balance is not None else 0.01 if model.top else 0.0
    width = branch_width(architecture, how.crop, model) if model.trunk else 0
    mixture = MixtureSpec((SEVEN,) * model.experts, (), model.top, balance, model.trunk, width)
    return [NetworkSpec(name, "mixture", SEVEN, architecture, how, mixture=mixture)]


def _teacher(study: Study, model: Single) -> Teacher | None:
    """The networks that a distilled single learns from: those of the teacher's replicate of the same seed."""
    if model.teacher is None:
        return None
    of = {seed: parts(study, model.teacher, seed) for seed in study.seeds}
    (network,) = {part.network for members in of.values() for part in members}
    return Teacher(network, {seed: tuple(part.seed for part in members) for seed, members in of.items()})


def _separate(study: Study, model: Mixture, found: Found, where: str) -> list[NetworkSpec]:
    """The networks of a mixture that are trained apart: the gate or the single in its place, if any, and the experts.

    Experts of groups that are given are named by their emotions, so that mixtures share them; those of a grouping that
    is found from the faces by their number, so that they have a name before it is found. An expert for all seven
    emotions is the single itself. `where` the model stands in the config is for messages.
    """
    (single,) = _networks_of(study, model.of, found)
    groups = groups_of(study, model.grouping, found)
    waiting = model.grouping if groups is None else None
    specs = [single] if model.gate == "single" else []
    if model.has_gate:
        how = _override(single.training, model.gate_training, f"{where}.gate_training")
        name = f"{model.of}-gate-{model.grouping}{_suffix(single.training, how)}"
        specs.append(NetworkSpec(name, "gate", tuple(groups or ()), single.architecture, how, grouping=waiting))
    how = _override(single.training, model.experts.training, f"{where}.experts.training")
    suffix = {"excluded": "", "other": "-other", "down-weighted": "-weighted"}[model.foreign]
    suffix += {"scratch": "", "single": "-started"}[model.experts.start]
    suffix += {"steps": "", "epochs": "-as-often"}[model.experts.length]
    suffix += _suffix(single.training, how)
    experts = spectral_groupings(study).get(model.grouping)
    for number, group in enumerate(groups or [()] * (experts or 0), 1):
        if len(group) == len(EMOTIONS) and experts is None:
            specs.append(single)
            continue
        name = f"{model.of}-expert-{f'{model.grouping}-{number}' if experts else expert_name(group)}{suffix}"
        specs.append(
            NetworkSpec(
                *(name, "expert", _expert_classes(group, model.foreign), single.architecture, how, group),
                foreign_weight=model.foreign_weight if model.foreign == "down-weighted" else 1.0,
                grouping=waiting,
                start=model.of if model.experts.start == "single" else None,
                length=model.experts.length,
            )
        )
    return specs


def expert_networks(study: Study, model: Mixture) -> list[str]:
    """The names of a mixture's experts."""
    return [spec.network for spec in _separate(study, model, None, "models")[int(model.is_routed) :]]


def _expert_classes(group: tuple[str, ...], foreign: str) -> tuple[tuple[str, ...], ...]:
    own = tuple((emotion,) for emotion in group)
    if foreign == "down-weighted" and group:
        return SEVEN
    return (*own, tuple(e for e in EMOTIONS if e not in group)) if foreign == "other" and group else own


def _fine_tuned(study: Study, name: str, model: FineTuned, found: Found) -> NetworkSpec:
    mixture = study.mixtures[model.of]
    gate, *experts = _separate(study, mixture, found, f"models.{model.of}")
    spec = MixtureSpec(
        experts=tuple(expert.classes for expert in experts),
        groups=tuple(expert.group or EMOTIONS for expert in experts),
        parts=(gate.network, *(expert.network for expert in experts)),
    )
    how = training_of(study, mixture.of).model_copy(update={"epochs": model.epochs, "lr": model.lr})
    return NetworkSpec(name, "mixture", SEVEN, gate.architecture, how, mixture=spec, grouping=gate.grouping)


def parts(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that make up one replicate of a model: itself, members, or what routes, if anything, and experts."""
    entry = study.models[model]
    if entry.kind == "ensemble":
        return [Part(entry.of, member) for member in study.seeds_of_members(entry)[seed]]
    return [Part(spec.network, seed) for spec in _networks_of(study, model, None)]


def spent_before(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that had to be trained before a replicate's own ones, to start or to learn from; none of its own."""
    specs, own = networks(study), parts(study, model, seed)
    found = list(own)
    for part in found:  # which grows meanwhile
        found += specs[part.network].before(part.seed)
    return [part for part in dict.fromkeys(found) if part not in own]


def all_parts(study: Study) -> list[Part]:
    """Every (network, seed) that the study trains, each once, seeds outermost: a cut leaves whole replicates."""
    found = [part for seed in study.seeds for model in study.models for part in parts(study, model, seed)]
    return list(dict.fromkeys(found))


def training_order(study: Study) -> list[Part]:
    """All parts, each after those that it waits for."""
    specs, order = networks(study), dict[Part, None]()

    def add(part: Part) -> None:
        spec = specs[part.network]
        reference = [Part(study.reference, seed) for seed in study.seeds] if spec.grouping else []
        for before in (*reference, *spec.before(part.seed)):
            add(before)
        order.setdefault(part)

    for part in all_parts(study):
        add(part)
    return list(order)


def parameters(study: Study, model: str) -> int:
    """Parameters of all networks of one replicate of a model, by formula; a ValueError where groups are to be found."""
    specs = {spec.network: spec for spec in _networks_of(study, model, None)}
    if any(spec.grouping for spec in specs.values()):
        raise ValueError(f"parameters_like: the groups of {model} are not known before training; name another model")
    return sum(spec_size(specs[part.network]).parameters for part in parts(study, model, study.seeds[0]))
