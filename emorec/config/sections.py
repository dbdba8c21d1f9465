"""What stands in a config file, section by section: types, defaults, what is checked of each by itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from emorec import EMOTIONS, SIDE, Emotion, plain
from emorec.classes import LEFT_OUT, ORDERS, emotion_of

# Names become folder names, so that nothing in a config can point outside results/.
Name = Annotated[str, Field(pattern=plain.NAME, max_length=60)]
# Labels stand in Markdown, HTML, Typst and in figures, where other characters would be commands.
Label = Annotated[str, Field(pattern=plain.LABEL, min_length=1, max_length=80)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
SEVEN = tuple((emotion,) for emotion in EMOTIONS)


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
    pose: float = Field(1.0, ge=0, le=1, description="how far heads turn and move: 0 for not at all")


class Data(Strict):
    """Where the faces come from: drawn by the program, or FER2013 at `path` (looked for in data/ where null).

    `ferplus` names FER+'s fer2013new.csv; where null, it is used if it lies beside fer2013.csv. `classes` says what
    numbers stand for where labels are numbers: a known order (fer2013, alphabetical, affectnet, ferplus, rafdb, ckplus)
    or the classes' names in the numbers' order.
    """

    source: Literal["fer2013", "synthetic"] = "fer2013"
    path: str | None = None
    ferplus: str | None = None
    classes: str | list[str] | None = None
    synthetic: Synthetic = Synthetic()

    @field_validator("classes", mode="before")
    @classmethod
    def _known(cls, classes: Any) -> Any:
        if classes is None or classes in list(ORDERS):
            return classes
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError(f"should be a list of the classes' names, or one of {', '.join(ORDERS)}")
        named: dict[int, str] = {}
        for name in classes:
            try:
                emotion = emotion_of(name)
            except KeyError:
                raise ValueError(f"no emotion is called {name[:60]!r}; known are {', '.join(EMOTIONS)}") from None
            if emotion in named and emotion != LEFT_OUT:
                raise ValueError(f"{named[emotion]} and {name} are one emotion; a list names each class once")
            named[emotion] = name
        return classes

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        for key, reason in (
            ("ferplus", "nobody voted on synthetic faces; leave it out"),
            ("path", "synthetic faces are drawn, not read; leave it out, or set source: fer2013"),
            ("classes", "synthetic faces have no numbers; leave it out"),
        ):
            if self.source == "synthetic" and getattr(self, key) is not None:
                raise ValueError(f"{key}: {reason}")
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
    whitening: bool = Field(False, description="frozen whitening filters in front; Jordan 2024 (arXiv 2404.00498)")


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
    """How a network is trained: SGD with Nesterov momentum; where no model says otherwise, all for as many steps."""

    epochs: int = Field(60, ge=1, le=10_000)
    batch: int = Field(128, ge=2, le=65_536)
    lr: float = Field(0.1, gt=0, le=100, description="peak learning rate")
    momentum: Fraction = 0.9
    weight_decay: float = Field(5e-4, ge=0, le=1)
    schedule: Literal["one-cycle", "cosine"] = "one-cycle"
    warmup: Fraction = Field(0.2, description="share of the steps in which the rate rises to its peak")
    label_smoothing: Fraction = Field(0.1, description="Szegedy et al. 2016 (arXiv 1512.00567)")
    ema: Fraction = Field(0.0, description="decay of the weights' moving average, which is what is kept; 0 for none")
    mixup: float = Field(0.0, ge=0, le=10, description="alpha of Zhang et al. 2018 (arXiv 1710.09412); 0 for none")
    cutmix: float = Field(0.0, ge=0, le=10, description="alpha of Yun et al. 2019 (arXiv 1905.04899); 0 for none")
    class_balance: Literal["none", "sampling", "inverse-frequency", "effective-number"] = Field(
        "none", description="rare classes drawn more often, or their loss weighed (Cui et al. 2019, arXiv 1901.05555)"
    )
    sam: float = Field(
        0.0,
        ge=0,
        le=10,
        description="rho of sharpness-aware minimisation, Foret et al. 2021 (arXiv 2010.01412), who take 0.05; 0 for "
        "none. Each step is two passes, at twice the cost; on CUDA they are neither compiled nor captured",
    )
    twins: Literal["keep", "drop"] = Field(
        "keep",
        description="drop: training faces with a twin (a copy of the photograph) in val or test are left out, and val "
        "faces with one in test choose nothing",
    )
    augmentation: Augmentation = Augmentation()
    crop: int = Field(SIDE, ge=24, le=SIDE, description="side of the random window that a network is trained on")
    views: Literal["none", "flip", "ten-crop"] = Field(
        "flip", description="what is averaged when a trained network is used; Krizhevsky et al. 2012 for ten-crop"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["bf16", "fp32"] = Field("bf16", description="bf16 is fp32 on processors that only imitate it")
    deterministic: bool = Field(
        False, description="bit-reproducible on CUDA too, at a cost; on CPU runs always are, on one instruction set"
    )
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

    With `parameters_like` its width is the one that brings its parameters nearest to those of that model. With
    `teacher` it is distilled (Hinton et al. 2015, arXiv 1503.02531, at temperature 1): it learns, in the labels' place
    and without smoothing, the probabilities that this ensemble's or single's networks give on average to the same
    augmented faces. They are trained first, and what they know of twins they pass on: `twins: drop` has to be theirs.
    """

    kind: Literal["single"]
    label: Label | None = None
    architecture: dict[str, Any] = {}
    training: dict[str, Any] = {}
    parameters_like: Name | None = None
    teacher: Name | None = None


class Ensemble(Strict):
    """Probabilities averaged over `members` networks of the single model `of`, which differ in their seed alone.

    Replicates of an ensemble share members, which saves training, unless they are to be `disjoint`.
    """

    kind: Literal["ensemble"]
    label: Label | None = None
    of: Name
    members: int = Field(ge=2, le=100)
    disjoint: bool = Field(False, description="whether no member is shared between replicates: more seeds are trained")


class Experts(Strict):
    """How a mixture's experts are trained. `training` overrides what the single `of` has.

    `start: single` takes the trained single of the same seed: its layers, and those outputs of its head that stand for
    the expert's own emotions (an output for all others starts as their mean plus the logarithm of their number, which
    is the logarithm of their summed probability where they are alike). What it starts from is one of the epochs to
    choose from. `length: steps` gives an expert as many steps as the single takes, so that it goes through its few
    faces more often; `length: epochs` lets it go through them as often as the single through all, in fewer steps.
    Specialists that begin as the generalist are Hinton et al.'s (2015, arXiv 1503.02531, section 5).
    """

    start: Literal["scratch", "single"] = "scratch"
    length: Literal["steps", "epochs"] = "steps"
    training: dict[str, Any] = {}


class Mixture(Strict):
    """A gate and one expert for each group of `grouping`; all built and trained like the single model `of`.

    The same networks make several models: `gate` says how the experts are weighed. `soft` is the gate's softmax,
    `top-1` its favourite alone, `temperature` its softmax at the temperature that is best on val. `single` trains no
    gate: each expert has the probability that the single `of` gives to its group, so that no two groups may share an
    emotion. `uniform` weighs all alike; `oracle` selects the expert that knows the face's label: a bound, no model that
    could be used.
    `foreign` says what an expert is taught about faces of others' emotions: nothing, that they are `other`, or their
    emotion, each such face weighing `foreign_weight` of one of its own.
    `experts` and `gate_training` say what is trained in another way than the single. An expert for all seven emotions
    is the single itself, whatever they say.
    """

    kind: Literal["mixture"]
    label: Label | None = None
    of: Name
    grouping: Name
    gate: Literal["soft", "single", "top-1", "temperature", "uniform", "oracle"] = "soft"
    gate_training: dict[str, Any] = {}
    experts: Experts = Experts()
    foreign: Literal["excluded", "other", "down-weighted"] = "excluded"
    foreign_weight: float = Field(0.1, gt=0, le=1)

    @property
    def has_gate(self) -> bool:
        """Whether a gate that is trained to be one is part of the model."""
        return self.gate in ("soft", "top-1", "temperature")

    @property
    def is_routed(self) -> bool:
        """Whether the first of the model's networks, a gate or the single, selects or weighs the experts."""
        return self.has_gate or self.gate == "single"

    @model_validator(mode="after")
    def _consistent(self) -> Mixture:
        if self.gate_training and not self.has_gate:
            raise ValueError(f"gate_training: with gate: {self.gate} no gate is trained; leave it out")
        return self


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
KINDS: dict[str, type[Strict]]
KINDS = {"single": Single, "ensemble": Ensemble, "mixture": Mixture, "fine-tuned": FineTuned, "joint": Joint}

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
