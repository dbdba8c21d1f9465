"""The study's config: types, defaults, validation, and what follows from it (which networks, which models).

One source for schema, defaults and documentation: the models below. Unknown keys are errors at every level, with the
nearest known key suggested. `emorec config FILE` prints the effective config, defaults filled in.
"""

from __future__ import annotations

import difflib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from emorec import EMOTIONS, Emotion, plain, strict_yaml
from emorec.data.malformed import printable
from emorec.errors import EmorecError
from emorec.networks.size import Size, resnet_size, width_nearest

# Names become folder names, so that nothing in a config can point outside results/.
Name = Annotated[str, Field(pattern=plain.NAME, max_length=60)]
# Labels stand in Markdown, HTML, Typst and in figures, where other characters would be commands.
Label = Annotated[str, Field(pattern=plain.LABEL, min_length=1, max_length=80)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
SIDE = 48  # of a face, in pixels
SEVEN = tuple((emotion,) for emotion in EMOTIONS)
PARAMETERS_WITHIN = 0.03
Found = dict[str, list[tuple[str, ...]]] | None  # groupings found from faces, by name


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Section = TypeVar("Section", bound=Strict)


class Synthetic(Strict):
    """Size and noise of the embedded study of synthetic faces."""

    train: int = Field(4000, ge=70, le=1_000_000)
    val: int = Field(1000, ge=70, le=1_000_000)
    test: int = Field(2000, ge=70, le=1_000_000)
    seed: int = Field(0, ge=0, lt=2**31)
    wrong_labels: Fraction = 0.06


class Data(Strict):
    """Where the faces come from: drawn by the program, or FER2013 at `path` (looked for in data/ where null).

    `ferplus` names FER+'s fer2013new.csv; where null, it is used if it lies beside fer2013.csv.
    """

    source: Literal["fer2013", "synthetic"] = "fer2013"
    path: str | None = None
    ferplus: str | None = None
    synthetic: Synthetic = Synthetic()

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        if self.source == "synthetic" and self.ferplus is not None:
            raise ValueError("ferplus: nobody voted on synthetic faces; leave it out")
        return self


class Architecture(Strict):
    """A residual network (He et al. 2016). Width 64, depth 18 and the imagenet stem are torchvision's resnet18."""

    width: int = Field(64, ge=1, le=1024)
    depth: Literal[10, 18, 34] = 18
    stem: Literal["full", "stride2", "imagenet"] = "full"
    squeeze_excitation: int = Field(
        0, ge=0, le=64, description="reduction ratio, 0 for none; Hu et al. 2018 (arXiv 1709.01507) take 16"
    )
    stochastic_depth: Fraction = Field(
        0.0, description="how often the last block is skipped, the first never; Huang et al. 2016 (arXiv 1603.09382)"
    )
    dropout: Fraction = Field(0.0, description="before the head; Srivastava et al. 2014 (JMLR 15)")
    whitening: bool = Field(
        False, description="frozen whitening filters in front, as in airbench; Jordan 2024 (arXiv 2404.00498)"
    )


class Augmentation(Strict):
    """Random changes to each training face. Shift is a share of the side, rotation is in degrees."""

    flip: bool = True
    rotation: float = Field(10.0, ge=0, le=180)
    shift: Fraction = 0.08
    scale: Fraction = 0.1
    brightness: Fraction = 0.2
    contrast: Fraction = 0.2
    erasing: float = Field(0.5, ge=0, le=1, description="probability that a rectangle is replaced by the mean")


class Training(Strict):
    """How a network is trained: SGD with Nesterov momentum, one network the same number of steps as any other."""

    epochs: int = Field(60, ge=1, le=10_000)
    batch: int = Field(128, ge=2, le=65_536)
    lr: float = Field(0.1, gt=0, le=100, description="peak learning rate")
    momentum: Fraction = 0.9
    weight_decay: float = Field(5e-4, ge=0, le=1)
    schedule: Literal["one-cycle", "cosine"] = "one-cycle"
    warmup: Fraction = Field(0.2, description="share of the steps in which the rate rises to its peak")
    label_smoothing: Fraction = Field(0.1, description="Szegedy et al. 2016 (arXiv 1512.00567)")
    ema: Fraction = Field(
        0.0, description="decay of the weights' moving average, which then is what is evaluated and kept; 0 for none"
    )
    mixup: float = Field(0.0, ge=0, le=10, description="alpha of Zhang et al. 2018 (arXiv 1710.09412); 0 for none")
    cutmix: float = Field(0.0, ge=0, le=10, description="alpha of Yun et al. 2019 (arXiv 1905.04899); 0 for none")
    class_balance: Literal["none", "sampling", "inverse-frequency", "effective-number"] = Field(
        "none", description="rare classes drawn more often, or their loss weighed (Cui et al. 2019, arXiv 1901.05555)"
    )
    augmentation: Augmentation = Augmentation()
    crop: int = Field(SIDE, ge=24, le=SIDE, description="side of the random window that a network is trained on")
    views: Literal["none", "flip", "ten-crop"] = Field(
        "flip", description="what is averaged when a trained network is used; Krizhevsky et al. 2012 for ten-crop"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["bf16", "fp32"] = "bf16"
    deterministic: bool = Field(False, description="bit-reproducible on CUDA too, at a cost; CPU runs always are")
    compile: bool = Field(True, description="torch.compile on CUDA, unless deterministic: it tunes its kernels by time")
    checkpoint_every: int = Field(1, ge=1, le=10_000, description="epochs between checkpoints")
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one network; part of what fixes its bits")

    @model_validator(mode="after")
    def _ten_crop_crops(self) -> Training:
        if self.views == "ten-crop" and self.crop == SIDE:
            raise ValueError(f"views: ten-crop needs a crop of less than {SIDE} pixels; the literature takes crop: 44")
        return self


class Single(Strict):
    """One network that tells all seven emotions apart. `architecture` and `training` override the study's.

    With `parameters_like` its width is the one that brings its parameters nearest to those of that model.
    """

    kind: Literal["single"]
    label: Label | None = None
    architecture: dict[str, Any] = {}
    training: dict[str, Any] = {}
    parameters_like: Name | None = None


class Ensemble(Strict):
    """Probabilities averaged over `members` networks of the single model `of`, which differ in their seed alone."""

    kind: Literal["ensemble"]
    label: Label | None = None
    of: Name
    members: int = Field(ge=2, le=100)


class Mixture(Strict):
    """A gate and one expert for each group of `grouping`; all built and trained like the single model `of`.

    The same networks make several models: `gate` says how the experts are weighed. `soft` is the gate's softmax,
    `top-1` its favourite alone, `temperature` its softmax at the temperature that is best on val, `uniform` no gate at
    all; `oracle` asks the expert that knows the face's label: a bound, no model that could be used.
    `foreign` says what an expert is taught about faces of others' emotions: nothing, that they are `other`, or their
    emotion, each such face weighing `foreign_weight` of one of its own.
    """

    kind: Literal["mixture"]
    label: Label | None = None
    of: Name
    grouping: Name
    gate: Literal["soft", "top-1", "temperature", "uniform", "oracle"] = "soft"
    foreign: Literal["excluded", "other", "down-weighted"] = "excluded"
    foreign_weight: float = Field(0.1, gt=0, le=1)

    @property
    def has_gate(self) -> bool:
        """Whether a gate is part of the model."""
        return self.gate not in ("uniform", "oracle")


class FineTuned(Strict):
    """The networks of the mixture `of`, trained on together, gate and experts at once, for a few epochs."""

    kind: Literal["fine-tuned"]
    label: Label | None = None
    of: Name
    epochs: int = Field(3, ge=1, le=10_000)
    lr: float = Field(0.01, gt=0, le=100, description="peak learning rate")


class Joint(Strict):
    """A gate and `experts` trained together from scratch, each expert free to become good at whatever it gets.

    All are built and trained like the single model `of`. With `top`, so many experts answer for a face and the others
    are not computed; `balance` is the weight of the loss that keeps the gate from leaving experts without faces. With
    `trunk`, the experts share that many stages and branch after them, as wide as brings the whole to the single's
    operations.
    """

    kind: Literal["joint"]
    label: Label | None = None
    of: Name
    experts: int = Field(ge=2, le=16)
    top: int | None = Field(None, ge=2, description="one alone would have weight 1, which teaches the gate nothing")
    balance: float | None = Field(None, ge=0, le=100, description="null is 0.01 with `top`, else 0")
    trunk: Literal[0, 1, 2, 3] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Joint:
        if self.top is not None and self.top >= self.experts:
            raise ValueError(f"top: {self.top} of {self.experts} experts leaves none out; take fewer, or leave it out")
        return self


Model = Annotated[Single | Ensemble | Mixture | FineTuned | Joint, Field(discriminator="kind")]
KINDS: dict[str, type[Strict]] = {
    "single": Single,
    "ensemble": Ensemble,
    "mixture": Mixture,
    "fine-tuned": FineTuned,
    "joint": Joint,
}

Groups = list[Annotated[list[Emotion], Field(min_length=1)]]


class Spectral(Strict):
    """Groups found by spectral clustering of the emotions that the reference confuses on val."""

    method: Literal["spectral"]
    experts: int = Field(ge=2, le=6)


class Random(Strict):
    """Random groups of the sizes of the grouping `like`, never that grouping itself: a control."""

    method: Literal["random"]
    like: Name
    seed: int = Field(ge=0, lt=2**31)


def _method(grouping: Any) -> str | None:
    """Which kind of grouping a value is meant to be."""
    if isinstance(grouping, list):
        return "list"
    return grouping.get("method") if isinstance(grouping, dict) else getattr(grouping, "method", None)


Grouping = Annotated[
    Annotated[Groups, Tag("list")] | Annotated[Spectral, Tag("spectral")] | Annotated[Random, Tag("random")],
    Discriminator(
        _method,
        custom_error_type="grouping",
        custom_error_message="a grouping is a list of groups, or a mapping whose method is 'spectral' or 'random'",
    ),
]


class Study(Strict):
    """One config file."""

    study: Name
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field([0], min_length=1, max_length=100)
    data: Data = Data()
    architecture: Architecture = Architecture()
    training: Training = Training()
    groupings: dict[Name, Grouping] = {}
    models: dict[Name, Model] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds: a seed stands there twice")
        for name, grouping in self.groupings.items():
            if isinstance(grouping, list):
                _check_grouping(name, grouping)
            elif isinstance(grouping, Random) and grouping.like not in self.given:
                raise ValueError(
                    f"groupings.{name}.like: no grouping given as a list is named {grouping.like!r}"
                    f"{_nearest(grouping.like, self.given)}"
                )
            elif isinstance(grouping, Random):
                try:
                    groups_of(self, name)
                except ValueError as error:
                    raise ValueError(f"groupings.{name}.{error}") from None
        singles = self.singles
        if not singles:
            raise ValueError("models: the study needs one model of kind single to compare with")
        if singles[self.reference].parameters_like:
            raise ValueError(
                f"models.{self.reference}.parameters_like: the first single is what all others are measured by"
            )
        for name, model in self.models.items():
            self._check_model(name, model, singles)
        for name in singles:
            self.architecture_of(name), self.training_of(name)
        return self

    def _check_model(self, name: str, model: Model, singles: dict[str, Single]) -> None:
        where = f"models.{name}"
        if model.kind == "fine-tuned":
            of = self.models.get(model.of)
            soft = [n for n, m in self.mixtures.items() if m.has_gate]
            if of is None or model.of not in soft:
                raise ValueError(f"{where}.of: no mixture with a gate is named {model.of!r}{_nearest(model.of, soft)}")
        elif model.kind != "single" and model.of not in singles:
            raise ValueError(f"{where}.of: no single model named {model.of!r}{_nearest(model.of, singles)}")
        if model.kind == "mixture" and model.grouping not in self.groupings:
            hint = _nearest(model.grouping, self.groupings)
            raise ValueError(f"{where}.grouping: no grouping named {model.grouping!r}{hint}")
        if model.kind == "single" and model.parameters_like:
            like = self.models.get(model.parameters_like)
            known = [n for n, m in self.models.items() if m.kind != "single"]
            if like is None or like.kind == "single":
                hint = _nearest(model.parameters_like, known)
                raise ValueError(
                    f"{where}.parameters_like: no mixture or ensemble named {model.parameters_like!r}{hint}"
                )
            if "width" in model.architecture:
                raise ValueError(f"{where}.architecture.width: parameters_like chooses the width; leave it out")

    @property
    def singles(self) -> dict[str, Single]:
        """The models that are one network for all seven emotions, by name."""
        return {name: model for name, model in self.models.items() if model.kind == "single"}

    @property
    def mixtures(self) -> dict[str, Mixture]:
        """The models whose gate and experts are trained apart, by name."""
        return {name: model for name, model in self.models.items() if model.kind == "mixture"}

    @property
    def given(self) -> dict[str, Groups]:
        """The groupings that the config itself lists, by name."""
        return {name: grouping for name, grouping in self.groupings.items() if isinstance(grouping, list)}

    @property
    def reference(self) -> str:
        """The single that every other model is compared with: the first one in the config."""
        return next(iter(self.singles))

    def architecture_of(self, single: str) -> Architecture:
        """How the network of a single is built, its width chosen where it is to be as large as another model."""
        entry = self.singles[single]
        chosen = _override(self.architecture, entry.architecture, f"models.{single}.architecture")
        if entry.parameters_like is None:
            return chosen
        try:
            wanted = parameters(self, entry.parameters_like)
        except ValueError as error:
            raise ValueError(f"models.{single}.{error}") from None

        def size(width: int) -> int:
            return _resnet_size(chosen.model_copy(update={"width": width}), len(EMOTIONS), SIDE).parameters

        width = width_nearest(wanted, size)
        if abs(size(width) - wanted) > PARAMETERS_WITHIN * wanted:
            raise ValueError(
                f"models.{single}.parameters_like: no width comes within {PARAMETERS_WITHIN:.0%} of the {wanted} "
                f"parameters of {entry.parameters_like} (width {width} has {size(width)}); choose a wider study"
            )
        return chosen.model_copy(update={"width": width})

    def training_of(self, single: str) -> Training:
        return _override(self.training, self.singles[single].training, f"models.{single}.training")

    def seeds_of_members(self, ensemble: Ensemble) -> dict[int, list[int]]:
        """Which seeds of the single each replicate of an ensemble averages: {seed: [member seeds]}.

        Replicate r takes `members` seeds in a row, from r on and cyclically, out of the study's seeds and as many more
        as make the replicates differ. Replicates therefore share members: networks are trained once, and the
        spread between replicates of an ensemble is an underestimate, which the report says.
        """
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


def expert_name(group: Sequence[str]) -> str:
    """`happy-neutral` for {happy, neutral}: the emotions in their usual order."""
    return "-".join(emotion for emotion in EMOTIONS if emotion in group)


def own_outputs(classes: Sequence[Sequence[str]]) -> list[int | None]:
    """For each emotion the output that stands for it alone, None where there is none: one for several is nobody's."""
    alone = {group[0]: output for output, group in enumerate(classes) if len(group) == 1}
    return [alone.get(emotion) for emotion in EMOTIONS]


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
    width = _branch_width(architecture, how.crop, model) if model.trunk else 0
    spec = MixtureSpec((SEVEN,) * model.experts, (), model.top, balance, model.trunk, width)
    return NetworkSpec(name, "mixture", SEVEN, architecture, how, mixture=spec)


def _branch_width(architecture: Architecture, side: int, model: Joint) -> int:
    """The width of branches on a trunk that brings the whole to the single's operations."""
    single = _resnet_size(architecture, len(EMOTIONS), side).flops
    return width_nearest(single, lambda w: _joint_size(architecture, side, model, w).flops, architecture.width)


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
        return _resnet_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "ensemble":
        return entry.members * _resnet_size(architecture, len(EMOTIONS), side).parameters
    if entry.kind == "joint":
        width = _branch_width(architecture, side, entry) if entry.trunk else 0
        return _joint_size(architecture, side, entry, width, active=False).parameters
    specs = _separate(study, entry, None)
    if any(not spec.classes for spec in specs):
        raise ValueError(f"parameters_like: the groups of {model} are not known before training; name another model")
    # a group of one emotion needs no network
    return sum(_resnet_size(architecture, len(s.classes), side).parameters for s in specs if len(s.classes) > 1)


def _resnet_size(architecture: Architecture, outputs: int, side: int, **trunk: Any) -> Size:
    keys = ("width", "depth", "stem", "squeeze_excitation", "whitening")
    return resnet_size(outputs, **{k: getattr(architecture, k) for k in keys}, side=side, **trunk)


def _joint_size(architecture: Architecture, side: int, model: Joint, width: int, active: bool = True) -> Size:
    """Size of a joint mixture, with the experts that answer for a face (`active`) or with all."""
    experts = model.top if model.top and active else model.experts
    if not model.trunk:
        expert = _resnet_size(architecture, len(EMOTIONS), side)
        return _resnet_size(architecture, model.experts, side) + expert * experts
    shape = {"trunk_width": architecture.width, "trunk_stages": model.trunk}
    narrow = architecture.model_copy(update={"width": width})
    branch = _resnet_size(narrow, len(EMOTIONS), side, **shape, whole=False)
    whole = _resnet_size(narrow, len(EMOTIONS), side, **shape)
    trunk = Size(whole.parameters - branch.parameters, whole.flops - branch.flops)
    features = architecture.width * 2 ** (model.trunk - 1)
    gate = Size((features + 1) * model.experts, 2 * features * model.experts)
    return trunk + gate + branch * experts


def label(study: Study, model: str) -> str:
    """A model's name for people."""
    entry = study.models[model]
    if entry.label:
        return entry.label
    if entry.kind == "single":
        return f"single {model}"
    if entry.kind == "ensemble":
        return f"ensemble of {entry.members} {entry.of}"
    if entry.kind == "fine-tuned":
        return f"{label(study, entry.of)}, fine-tuned"
    if entry.kind == "joint":
        top = f", top {entry.top}" if entry.top else ""
        trunk = f" on a trunk of {entry.trunk} stages" if entry.trunk else ""
        return f"joint mixture of {entry.experts} experts{trunk}{top}"
    gate = {"soft": "", "uniform": ", no gate"}.get(entry.gate, f", {entry.gate} gate")
    foreign = "" if entry.foreign == "excluded" else f", others {entry.foreign}"
    return f"mixture by the {entry.grouping} grouping{gate}{foreign}"


def load(path: Path) -> Study:
    """Read and validate a config file. Raises EmorecError, one line, naming the file and the key."""
    return validate(read_yaml(path), str(path))


def read_yaml(path: Path) -> Any:
    """What a config file says, unchecked but for being YAML with each key once. Raises EmorecError, one line."""
    try:
        with open(path, "rb") as file:
            content = file.read(strict_yaml.LARGEST + 1)
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such config file; the ones that come with the project are in config/") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise EmorecError(f"{path}: {plain.plain(error)} in line {line}; save it as UTF-8") from None
    except OSError as error:
        raise EmorecError(f"{path}: cannot be read ({error.strerror}); name a config file") from None
    try:
        return strict_yaml.parse(text)
    except ValueError as error:
        raise EmorecError(f"{path}: {error}") from None


def validate(content: Any, where: str) -> Study:
    """A config as read from YAML to a Study. `where` is the file's name, for messages."""
    if not isinstance(content, dict):
        raise EmorecError(f"{where}: a config is a mapping of keys, with at least `study` and `models`")
    try:
        study = Study.model_validate(content)
        networks(study)  # whose names may be those of models
    except ValidationError as error:
        raise EmorecError(printable(f"{where}: {' '.join(_explain(error).split())}")) from None
    except EmorecError as error:
        raise EmorecError(f"{where}: {error}") from None
    return study


def dump(study: Study) -> str:
    """The effective config as YAML."""
    return yaml.safe_dump(json.loads(study.model_dump_json()), sort_keys=False)


def _check_grouping(name: str, groups: Groups) -> None:
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


def _override(base: Section, changes: dict[str, Any], where: str) -> Section:
    """`base` with nested `changes`, validated; an error names the key below `where`."""
    merged = base.model_dump()
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if nested else value
    try:
        return type(base).model_validate(merged)
    except ValidationError as error:
        raise ValueError(_below(where, _explain(error, type(base)))) from None


def _explain(error: ValidationError, schema: type[BaseModel] = Study) -> str:
    """The first problem of a pydantic error as one line: key, reason, nearest known key."""
    problems = error.errors()
    # a misspelt key is also a missing one: the spelling is what to mend
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    tags = {*KINDS, "list", "spectral", "random"}  # pydantic names the branch of a union in the path; a user did not
    path = [str(p) for i, p in enumerate(problem["loc"]) if not (p in tags and i == 2)]
    message, given = plain.worded(problem), problem.get("input")
    if path and path[-1] == "[key]":
        return f"{'.'.join(path[:-2])}: the name {_cut(repr(given))} {message}"
    if problem["type"] == "extra_forbidden":
        message += _nearest(path[-1], _known_keys(schema, problem["loc"][:-1]))
    elif problem["type"] == "union_tag_not_found":
        message += f"; known are {', '.join(KINDS)}"
    elif path and not isinstance(given, dict | list) and problem["type"] != "missing":
        message += f" (it is {_cut(repr(given))})"
    return _below(".".join(path), message)


def _below(where: str, message: str) -> str:
    """`message` about `where`, or about the key below it that it begins with."""
    return f"{where}{'.' if re.match(r'[a-z_.0-9-]+: ', message) else ': '}{message}" if where else message


def _cut(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _known_keys(schema: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema has at `location`."""
    kinds: dict[str, type[BaseModel]] = {**KINDS, "spectral": Spectral, "random": Random}
    current: type[BaseModel] = schema
    for step in location:
        field = current.model_fields.get(str(step))
        if field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            current = field.annotation
        elif step in kinds:
            current = kinds[str(step)]
    return list(current.model_fields)


def _nearest(word: str, known: Any) -> str:
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""
