"""The study's config: types, defaults, validation, and what follows from it (which networks, which models).

One source for schema, defaults and documentation: the models below. Unknown keys are errors at every level, with the
nearest known key suggested. `emorec config FILE` prints the effective config, defaults filled in.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emorec import EMOTIONS
from emorec.errors import EmorecError

# Names become folder names, so that nothing in a config can point outside results/.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Emotion = Literal[EMOTIONS]
Fraction = Annotated[float, Field(ge=0, lt=1)]
SIDE = 48  # of a face, in pixels


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    """One network that tells all seven emotions apart. `architecture` and `training` override the study's."""

    kind: Literal["single"]
    label: str | None = None
    architecture: dict[str, Any] = {}
    training: dict[str, Any] = {}


class Ensemble(Strict):
    """Probabilities averaged over `members` networks of the single model `of`, which differ in their seed alone."""

    kind: Literal["ensemble"]
    label: str | None = None
    of: Name
    members: int = Field(ge=2, le=100)


class Mixture(Strict):
    """A gate and one expert for each group of `grouping`; all built and trained like the single model `of`."""

    kind: Literal["mixture"]
    label: str | None = None
    of: Name
    grouping: Name


Model = Annotated[Single | Ensemble | Mixture, Field(discriminator="kind")]


class Study(Strict):
    """One config file."""

    study: Name
    seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field([0], min_length=1, max_length=100)
    data: Data = Data()
    architecture: Architecture = Architecture()
    training: Training = Training()
    groupings: dict[Name, list[Annotated[list[Emotion], Field(min_length=1)]]] = {}
    models: dict[Name, Model] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds: a seed stands there twice")
        for name, groups in self.groupings.items():
            _check_grouping(name, groups)
        singles = [n for n, m in self.models.items() if m.kind == "single"]
        if not singles:
            raise ValueError("models: the study needs one model of kind single to compare with")
        for name, model in self.models.items():
            where = f"models.{name}"
            if model.kind != "single" and model.of not in singles:
                raise ValueError(f"{where}.of: no single model named {model.of!r}{_nearest(model.of, singles)}")
            if model.kind == "mixture" and model.grouping not in self.groupings:
                hint = _nearest(model.grouping, self.groupings)
                raise ValueError(f"{where}.grouping: no grouping named {model.grouping!r}{hint}")
        for name in singles:
            self.architecture_of(name), self.training_of(name)
        return self

    @property
    def reference(self) -> str:
        """The single that every other model is compared with: the first one in the config."""
        return next(name for name, model in self.models.items() if model.kind == "single")

    def architecture_of(self, single: str) -> Architecture:
        return _override(self.architecture, self.models[single].architecture, f"models.{single}.architecture")

    def training_of(self, single: str) -> Training:
        return _override(self.training, self.models[single].training, f"models.{single}.training")

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
class NetworkSpec:
    """What one network is: enough to train it, given a seed and the faces.

    classes: the emotions that each output stands for; a gate's outputs are groups, all others' single emotions.
    """

    network: str
    role: Literal["classifier", "gate", "expert"]
    classes: tuple[tuple[str, ...], ...]
    architecture: Architecture
    training: Training

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
            "architecture": self.architecture.model_dump(),
            "training": self.training.model_dump(),
        }


@dataclass(frozen=True)
class Part:
    """A network's place in a model: which network, which of its seeds."""

    network: str
    seed: int


def expert_name(group: list[str] | tuple[str, ...]) -> str:
    """`happy-neutral` for {happy, neutral}: the emotions in their usual order."""
    return "-".join(emotion for emotion in EMOTIONS if emotion in group)


def networks(study: Study) -> dict[str, NetworkSpec]:
    """Every network of a study by name. Mixtures with an expert or a gate in common share it: each is trained once."""
    specs: dict[str, NetworkSpec] = {}

    def add(network: str, role: Any, classes: Any, single: str) -> None:
        classes = tuple(tuple(group) for group in classes)
        if network in study.models and role != "classifier":
            raise EmorecError(f"models.{network}: the name is that of a mixture's {role}; give the model another one")
        spec = NetworkSpec(network, role, classes, study.architecture_of(single), study.training_of(single))
        if specs.setdefault(network, spec) != spec:
            raise EmorecError(f"two different networks would be named {network}; rename a model or a grouping")

    for name, model in study.models.items():
        if model.kind == "single":
            add(name, "classifier", [[emotion] for emotion in EMOTIONS], name)
    for model in study.models.values():
        if model.kind == "mixture":
            groups = study.groupings[model.grouping]
            add(f"{model.of}-gate-{model.grouping}", "gate", groups, model.of)
            for group in groups:
                name = expert_name(group)
                classes = [[emotion] for emotion in EMOTIONS if emotion in group]
                add(f"{model.of}-expert-{name}", "expert", classes, model.of)
    return specs


def parts(study: Study, model: str, seed: int) -> list[Part]:
    """The networks that make up one replicate of a model: members, or the gate and then the experts."""
    entry = study.models[model]
    if entry.kind == "single":
        return [Part(model, seed)]
    if entry.kind == "ensemble":
        return [Part(entry.of, member) for member in study.seeds_of_members(entry)[seed]]
    experts = [f"{entry.of}-expert-{expert_name(group)}" for group in study.groupings[entry.grouping]]
    return [Part(network, seed) for network in (f"{entry.of}-gate-{entry.grouping}", *experts)]


def all_parts(study: Study) -> list[Part]:
    """Every (network, seed) that the study trains, each once, seeds outermost: a cut leaves whole replicates."""
    found = [part for seed in study.seeds for model in study.models for part in parts(study, model, seed)]
    return list(dict.fromkeys(found))


def label(study: Study, model: str) -> str:
    """A model's name for people."""
    entry = study.models[model]
    if entry.label:
        return entry.label
    if entry.kind == "single":
        return f"single {model}"
    if entry.kind == "ensemble":
        return f"ensemble of {entry.members} {entry.of}"
    return f"mixture by the {entry.grouping} grouping"


def load(path: Path) -> Study:
    """Read and validate a config file. Raises EmorecError, one line, naming the file and the key."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such config file; the ones that come with the project are in config/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EmorecError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    except (yaml.YAMLError, ValueError) as error:  # PyYAML lets an impossible date's ValueError through
        raise EmorecError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    return validate(content, str(path))


def validate(content: Any, where: str) -> Study:
    """A config as read from YAML to a Study. `where` is the file's name, for messages."""
    if not isinstance(content, dict):
        raise EmorecError(f"{where}: a config is a mapping of keys, with at least `study` and `models`")
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise EmorecError(f"{where}: {' '.join(_explain(error).split())}") from None


def dump(study: Study) -> str:
    """The effective config as YAML."""
    return yaml.safe_dump(json.loads(study.model_dump_json()), sort_keys=False)


def _check_grouping(name: str, groups: list[list[str]]) -> None:
    if len(groups) < 2:
        raise ValueError(f"groupings.{name}: a mixture needs two groups or more")
    for group in groups:
        if len(set(group)) != len(group):
            raise ValueError(f"groupings.{name}: an emotion stands twice in {group}")
        if len(group) < 2:
            raise ValueError(f"groupings.{name}: the expert for {group} would have nothing to tell apart")
    if len({expert_name(group) for group in groups}) != len(groups):
        raise ValueError(f"groupings.{name}: two groups are the same")
    missing = [emotion for emotion in EMOTIONS if not any(emotion in group for group in groups)]
    if missing:
        raise ValueError(f"groupings.{name}: no expert knows {', '.join(missing)}")


def _override(base: Any, changes: dict[str, Any], where: str) -> Any:
    """`base` with nested `changes`, validated; an error names the key below `where`."""
    merged = base.model_dump()
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if nested else value
    try:
        return type(base).model_validate(merged)
    except ValidationError as error:
        raise ValueError(f"{where}: {_explain(error, type(base))}") from None


def _explain(error: ValidationError, schema: type[BaseModel] = Study) -> str:
    """The first problem of a pydantic error as one line: key, reason, nearest known key."""
    problem = error.errors()[0]
    tags = {"single", "ensemble", "mixture"}  # pydantic names the branch of a union in the path; a user did not
    path = [str(p) for i, p in enumerate(problem["loc"]) if not (p in tags and i == 2)]
    key = ".".join(path)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        hint = _nearest(path[-1], _known_keys(schema, problem["loc"][:-1]))
        return f"{key}: unknown key{hint}"
    given = problem.get("input")
    shown = f" (it is {given!r})" if key and not isinstance(given, dict | list) and problem["type"] != "missing" else ""
    return f"{key}: {message}{shown}" if key else message


def _known_keys(schema: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema has at `location`."""
    kinds: dict[str, type[BaseModel]] = {"single": Single, "ensemble": Ensemble, "mixture": Mixture}
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
