"""The config: what is refused and in which words, what follows from it; and the command line that reads it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emorec import EMOTIONS, config
from emorec.cli import main
from emorec.config import Architecture, Augmentation, Part, Study, Training
from emorec.config.sections import KINDS
from emorec.config.sizes import joint_size
from emorec.errors import EmorecError
from emorec.size import resnet_size

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
ORIGINAL = [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]


def content() -> dict[str, Any]:
    return {
        "study": "tiny",
        "seeds": [0, 1],
        "architecture": {"width": 4, "depth": 10, "stem": "imagenet"},
        "training": {"epochs": 2, "augmentation": {"rotation": 5}},
        "groupings": {"original": copy.deepcopy(ORIGINAL)},
        "models": {
            "resnet18": {"kind": "single"},
            "ensemble": {"kind": "ensemble", "of": "resnet18", "members": 4},
            "mixture": {"kind": "mixture", "of": "resnet18", "grouping": "original"},
        },
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """The config with the value at a dotted path replaced."""
    whole = content()
    *parents, last = path.split(".")
    at = whole
    for key in parents:
        at = at.setdefault(key, {})
    at[last] = value
    return whole


def study(**changes: Any) -> Study:
    return config.validate(content() | changes, "tiny.yaml")


def refuse(given: Any, *parts: str) -> str:
    """The one line that refuses a config, which begins with the file's name."""
    with pytest.raises(EmorecError) as caught:
        config.validate(given, "tiny.yaml")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("tiny.yaml: ")
    for part in parts:
        assert part in message
    return message


# Keys


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("sedes", "seeds"),
        ("model", "models"),
        ("architecture.widht", "width"),
        ("training.epoch", "epochs"),
        ("training.augmentation.rotate", "rotation"),
        ("data.sorce", "source"),
        ("data.synthetic.wrong_label", "wrong_labels"),
        ("models.resnet18.labl", "label"),
        ("models.ensemble.member", "members"),
        ("models.mixture.groupings", "grouping"),
    ],
)
def test_unknown_keys_are_errors_at_every_level(path: str, nearest: str) -> None:
    refuse(changed(path, 1), f": {path}: unknown key; did you mean {nearest!r}?")


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("architecture.dept", "depth"),
        ("training.learning_rate", ""),
        ("training.momentun", "momentum"),
        ("training.augmentation.flp", "flip"),
    ],
)
def test_unknown_keys_of_overrides_are_errors_too(path: str, nearest: str) -> None:
    message = refuse(changed(f"models.resnet18.{path}", 1), f"models.resnet18.{path.split('.')[0]}", "unknown key")
    assert path.split(".")[-1] in message
    assert nearest in message


def test_where_no_key_is_near_all_are_named() -> None:
    message = refuse(changed("architecture.zzz", 1), "architecture.zzz: unknown key; known are ")
    assert all(key in message for key in Architecture.model_fields)


@pytest.mark.parametrize("name", ["single", "mixture", "data", "training"])
def test_a_model_named_like_a_key_is_explained_like_any_other(name: str) -> None:
    whole = changed(f"models.{name}", {"kind": "single", "archtecture": {}})
    refuse(whole, f"models.{name}.archtecture: unknown key; did you mean 'architecture'?")


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("seeds", [], ("seeds",)),
        ("seeds", [0, 1, 0], ("seeds", "twice")),
        ("seeds", [-1], ("seeds.0", "-1")),
        ("seeds", 3, ("seeds", "3")),
        ("architecture.depth", 50, ("architecture.depth", "10", "50")),
        ("architecture.stem", "wide", ("architecture.stem", "full", "'wide'")),
        ("architecture.width", 0, ("architecture.width", "(it is 0)")),
        ("training.epochs", 0, ("training.epochs",)),
        ("training.batch", 1, ("training.batch",)),
        ("training.lr", 0, ("training.lr",)),
        ("training.lr", float("nan"), ("training.lr",)),
        ("training.lr", "fast", ("training.lr", "'fast'")),
        ("training.momentum", 1.0, ("training.momentum",)),
        ("training.schedule", "linear", ("training.schedule", "'linear'")),
        ("training.augmentation.erasing", 1.5, ("training.augmentation.erasing", "1.5")),
        ("training.augmentation", 3, ("training.augmentation",)),
        ("data.source", "fer", ("data.source", "fer2013", "synthetic")),
        ("data.synthetic.train", 5, ("data.synthetic.train", "70")),
        ("models", {}, ("models",)),
        ("models.resnet18.kind", "singel", ("models.resnet18", "singel", "single")),
        ("models.resnet18.architecture", {"width": -3}, ("models.resnet18.architecture", "width", "-3")),
        (
            "models.resnet18.training",
            {"augmentation": {"shift": 2}},
            ("models.resnet18.training", "augmentation.shift"),
        ),
        ("models.resnet18.training", {"augmentation": 2}, ("models.resnet18.training", "augmentation")),
        ("models.ensemble.members", 1, ("models.ensemble.members",)),
        ("models.ensemble.of", "resnet81", ("models.ensemble.of", "did you mean 'resnet18'?")),
        ("models.ensemble.of", "mixture", ("models.ensemble.of", "no single model")),
        ("models.mixture.of", "ensemble", ("models.mixture.of", "no single model")),
        ("models.mixture.grouping", "orignal", ("models.mixture.grouping", "did you mean 'original'?")),
    ],
)
def test_values_out_of_range_are_named(path: str, value: Any, parts: tuple[str, ...]) -> None:
    refuse(changed(path, value), *parts)


def test_missing_keys_are_named() -> None:
    for key in ("study", "models"):
        whole = content()
        del whole[key]
        refuse(whole, f"{key}: missing")
    refuse(changed("models.ensemble", {"kind": "ensemble", "of": "resnet18"}), "models.ensemble.members")
    refuse(changed("models.resnet18", {}), "models.resnet18", "kind")
    only = {"mixture": {"kind": "mixture", "of": "resnet18", "grouping": "original"}}
    refuse(content() | {"models": only}, "one model of kind single")


@pytest.mark.parametrize("given", [None, [], "text", 3])
def test_a_config_is_a_mapping(given: Any) -> None:
    refuse(given, "a config is a mapping")


BAD_NAMES = [
    "../up",
    "a/b",
    "/etc",
    "..",
    ".",
    "",
    "A",
    "a_b",
    "a b",
    "-a",
    "a-",
    "a--b",
    "a\n",
    "ä",
    "a.b",
    "x" * 61,
    7,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_cannot_leave_their_folder(name: Any) -> None:
    refuse(content() | {"study": name}, "study")
    if name != "a\n":  # whose own line break would be in the key
        models = content()["models"]
        refuse(content() | {"models": models | {name: {"kind": "single"}}}, "models")
        refuse(content() | {"groupings": {"original": ORIGINAL, name: ORIGINAL}}, "groupings")


def test_messages_stay_one_line_whatever_the_key() -> None:
    refuse(content() | {"a\nb": 1}, "unknown key")
    refuse(content() | {"models": content()["models"] | {"a\nb": {"kind": "single"}}}, "models")


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([list(EMOTIONS)], "two groups or more"),
        ([["happy", "happy"], ["fear", "surprise"], ["angry", "disgust", "sad", "neutral"]], "stands twice"),
        ({"method": "spectrum", "experts": 3}, "whose method is 'spectral' or 'random'"),
        ({"method": "spectral", "expert": 3}, "unknown key; did you mean 'experts'"),
        ({"method": "spectral", "experts": 7}, "groupings.original.experts"),
        ({"method": "random", "like": "orignal", "seed": 1}, "no grouping given as a list"),
        ("original", "a grouping is a list of groups"),
        ([*ORIGINAL, ["neutral", "happy"]], "two groups are the same"),
        ([["happy", "neutral"], ["fear", "surprise"]], "no expert knows angry, disgust, sad"),
        ([["happy", "neutral"], ["fear", "suprise"]], "groupings.original.1.1"),
        ([], "two groups or more"),
    ],
)
def test_groupings_are_checked(groups: list[list[str]], reason: str) -> None:
    refuse(changed("groupings.original", groups), "groupings.original", reason)


def test_overlapping_groups_are_allowed() -> None:
    groups = [["happy", "neutral", "sad"], ["fear", "surprise"], ["angry", "disgust", "sad"]]
    study(groupings={"original": groups})


MORE = {
    "overlapping": {"kind": "mixture", "of": "resnet18", "grouping": "overlapping"},
    "found": {"kind": "mixture", "of": "resnet18", "grouping": "found"},
    "random": {"kind": "mixture", "of": "resnet18", "grouping": "random"},
    "top1": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "top-1"},
    "uniform": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "uniform"},
    "other": {"kind": "mixture", "of": "resnet18", "grouping": "original", "foreign": "other"},
    "weighted": {"kind": "mixture", "of": "resnet18", "grouping": "original", "foreign": "down-weighted"},
    "tuned": {"kind": "fine-tuned", "of": "mixture"},
    "tuned-found": {"kind": "fine-tuned", "of": "found"},
    "dense": {"kind": "joint", "of": "resnet18", "experts": 3},
    "top2": {"kind": "joint", "of": "resnet18", "experts": 4, "top": 2},
    "branches": {"kind": "joint", "of": "resnet18", "experts": 3, "trunk": 2},
}
GROUPINGS = {
    "original": ORIGINAL,
    "overlapping": [list(EMOTIONS), ["angry", "fear", "sad", "neutral"]],
    "found": {"method": "spectral", "experts": 3},
    "random": {"method": "random", "like": "original", "seed": 1},
}


def every_family(**models: Any) -> dict[str, Any]:
    return content() | {"groupings": GROUPINGS, "models": content()["models"] | MORE | models}


@pytest.mark.parametrize(
    ("model", "entry", "reason"),
    [
        ("tuned", {"kind": "fine-tuned", "of": "mixtur"}, "did you mean 'mixture'"),
        ("tuned", {"kind": "fine-tuned", "of": "uniform"}, "no mixture with a gate"),
        ("dense", {"kind": "joint", "of": "resnet18", "experts": 1}, "experts"),
        ("top2", {"kind": "joint", "of": "resnet18", "experts": 2, "top": 2}, "leaves none out"),
        ("branches", {"kind": "joint", "of": "resnet18", "experts": 2, "trunk": 4}, "trunk"),
        ("top1", {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "top1"}, "gate"),
        ("wide", {"kind": "single", "parameters_like": "resnet18"}, "no mixture or ensemble is named 'resnet18'"),
        ("wide", {"kind": "single", "parameters_like": "found"}, "not known before training"),
        ("wide", {"kind": "single", "parameters_like": "mixture", "architecture": {"width": 9}}, "chooses the width"),
        ("resnet18", {"kind": "single", "parameters_like": "mixture"}, "the first single"),
    ],
)
def test_models_are_checked(model: str, entry: dict[str, Any], reason: str) -> None:
    refuse(every_family(**{model: entry}), f"models.{model}", reason)


def test_a_size_that_follows_from_itself_is_refused() -> None:
    wide = {"kind": "single", "parameters_like": "of-wide"}
    refuse(every_family(wide=wide, **{"of-wide": {"kind": "ensemble", "of": "wide", "members": 2}}), "is made of wide")
    other = {"kind": "single", "parameters_like": "mixture"}
    chain = {"of-other": {"kind": "ensemble", "of": "other", "members": 3}}
    made = config.validate(every_family(other=other, wide=wide | {"parameters_like": "of-other"}, **chain), "tiny.yaml")
    assert config.networks(made)["wide"].architecture.width > config.networks(made)["other"].architecture.width


# What follows


def test_networks_of_every_family() -> None:
    made = config.validate(every_family(), "tiny.yaml")
    specs = config.networks(made)
    assert {part.network for part in config.all_parts(made)} == set(specs)
    # the generalist of the overlapping grouping is the single, which is trained once
    assert config.parts(made, "overlapping", 0)[1] == Part("resnet18", 0)
    assert config.parts(made, "top1", 1) == config.parts(made, "mixture", 1)
    assert config.parts(made, "uniform", 1) == config.parts(made, "mixture", 1)[1:]
    assert config.parts(made, "other", 0)[0] == config.parts(made, "mixture", 0)[0]
    expert = specs["resnet18-expert-fear-surprise-other"]
    assert expert.classes == (("fear",), ("surprise",), ("angry", "disgust", "happy", "sad", "neutral"))
    expert = specs["resnet18-expert-fear-surprise-weighted"]
    assert (len(expert.classes), expert.group, expert.foreign_weight) == (7, ("fear", "surprise"), 0.1)
    assert specs["dense"].mixture.experts == (config.SEVEN,) * 3 and specs["dense"].mixture.balance == 0
    assert (specs["top2"].mixture.top, specs["top2"].mixture.balance) == (2, 0.01)
    tuned = specs["tuned"]
    assert tuned.mixture.parts == tuple(part.network for part in config.parts(made, "mixture", 0))
    assert [part.network for part in tuned.before(1)] == list(tuned.mixture.parts)
    assert tuned.mixture.groups == tuple(tuple(sorted(g, key=EMOTIONS.index)) for g in ORIGINAL)
    assert (tuned.training.epochs, tuned.training.lr) == (3, 0.01)
    for spec in specs.values():
        if spec.mixture:
            assert config.MixtureSpec.from_dict(spec.to_dict(0)["mixture"]) == spec.mixture


def test_networks_of_a_grouping_wait_for_it_under_a_name_that_stays() -> None:
    made = config.validate(every_family(), "tiny.yaml")
    waiting = config.networks(made)
    names = ["resnet18-gate-found", *(f"resnet18-expert-found-{i}" for i in (1, 2, 3))]
    assert [part.network for part in config.parts(made, "found", 0)] == names
    assert all(waiting[name].classes == () and waiting[name].grouping == "found" for name in [*names])
    assert waiting["tuned-found"].grouping == "found"
    groups = [("neutral", "happy"), ("surprise",), ("angry", "disgust", "fear", "sad")]
    found = config.networks(made, {"found": groups})
    assert list(found) == list(waiting)
    assert found["resnet18-gate-found"].classes == (("happy", "neutral"), ("surprise",), groups[2])
    assert found["resnet18-expert-found-2"].classes == (("surprise",),)
    assert found["tuned-found"].mixture.groups[0] == ("happy", "neutral")
    assert all(spec.grouping is None for spec in found.values())
    assert config.spectral_groupings(made) == {"found": 3}


def test_random_groups_have_the_sizes_of_what_they_control_for() -> None:
    seen = set()
    for seed in range(20):
        groups = config.random_groups(ORIGINAL, seed)
        assert [len(group) for group in groups] == [2, 2, 3]
        assert {emotion for group in groups for emotion in group} == set(EMOTIONS)
        assert {frozenset(g) for g in groups} != {frozenset(g) for g in ORIGINAL}
        assert groups == config.random_groups(ORIGINAL, seed)
        seen.add(frozenset(map(frozenset, groups)))
    assert len(seen) > 10


@pytest.mark.parametrize("like", ["mixture", "dense", "top2", "ensemble", "tuned", "other"])
@pytest.mark.parametrize("width", [16, 64])
def test_a_single_as_large_as_another_model(like: str, width: int) -> None:
    whole = every_family(wide={"kind": "single", "parameters_like": like})
    whole["architecture"] = {"width": width, "depth": 18, "stem": "stride2"}
    made = config.validate(whole, "tiny.yaml")
    wide = config.networks(made)["wide"].architecture
    assert wide.width > width and wide.depth == 18
    single = resnet_size(7, **wide.model_dump(include={"width", "depth", "stem"})).parameters
    assert single == pytest.approx(config.parameters(made, like), rel=0.03)


@pytest.mark.parametrize("trunk", [2, 3])
def test_branches_on_a_trunk_cost_what_the_single_does(trunk: int) -> None:
    whole = every_family()
    whole["models"]["branches"]["trunk"] = trunk
    whole["architecture"] = {"width": 64, "depth": 18, "stem": "full"}
    made = config.validate(whole, "tiny.yaml")
    spec = config.networks(made)["branches"]
    assert spec.mixture.branch_width < 64
    single = resnet_size(7, width=64, depth=18, stem="full").flops
    found = joint_size(spec.architecture, 48, made.models["branches"], spec.mixture.branch_width).flops
    assert found == pytest.approx(single, rel=0.05)


def test_networks_of_the_three_kinds() -> None:
    specs = config.networks(study())
    assert {name: spec.role for name, spec in specs.items()} == {
        "resnet18": "classifier",
        "resnet18-gate-original": "gate",
        "resnet18-expert-happy-neutral": "expert",
        "resnet18-expert-fear-surprise": "expert",
        "resnet18-expert-angry-disgust-sad": "expert",
    }
    assert all(spec.network == name for name, spec in specs.items())
    assert specs["resnet18"].classes == tuple((emotion,) for emotion in EMOTIONS)
    assert specs["resnet18-gate-original"].classes == tuple(tuple(group) for group in ORIGINAL)
    assert specs["resnet18-gate-original"].emotions == EMOTIONS
    assert specs["resnet18-expert-angry-disgust-sad"].classes == (("angry",), ("disgust",), ("sad",))
    assert specs["resnet18-expert-fear-surprise"].emotions == ("fear", "surprise")
    for spec in specs.values():
        assert spec.architecture == Architecture(width=4, depth=10, stem="imagenet")
        assert spec.training == Training(epochs=2, augmentation=Augmentation(rotation=5))


def test_an_expert_s_outputs_are_in_the_usual_order_however_it_is_written() -> None:
    groups = [["neutral", "happy"], ["surprise", "fear"], ["sad", "angry", "disgust"]]
    specs = config.networks(study(groupings={"original": groups}))
    assert specs["resnet18-expert-happy-neutral"].classes == (("happy",), ("neutral",))
    assert specs["resnet18-expert-angry-disgust-sad"].emotions == ("angry", "disgust", "sad")
    parts = config.parts(study(groupings={"original": groups}), "mixture", 0)
    assert [part.network.split("-", 2)[2] for part in parts[1:]] == [
        "happy-neutral",
        "fear-surprise",
        "angry-disgust-sad",
    ]
    assert config.expert_name(["neutral", "happy"]) == "happy-neutral"


def test_mixtures_share_an_expert_and_not_what_differs() -> None:
    whole = content()
    whole["groupings"]["other"] = [["neutral", "happy"], ["fear", "sad"], ["angry", "disgust", "surprise"]]
    whole["models"]["wide"] = {"kind": "single", "architecture": {"width": 8}}
    whole["models"]["other"] = {"kind": "mixture", "of": "resnet18", "grouping": "other"}
    whole["models"]["wide-mixture"] = {"kind": "mixture", "of": "wide", "grouping": "original"}
    made = config.validate(whole, "tiny.yaml")
    specs = config.networks(made)
    assert len(specs) == 2 + 4 + 3 + 4
    first, second = (set(config.parts(made, model, 0)) for model in ("mixture", "other"))
    assert first & second == {Part("resnet18-expert-happy-neutral", 0)}
    assert not first & set(config.parts(made, "wide-mixture", 0))
    assert specs["wide-expert-happy-neutral"].architecture.width == 8
    assert specs["resnet18-expert-happy-neutral"].architecture.width == 4
    assert {part.network for part in config.all_parts(made)} == set(specs)


def test_overrides_of_a_single_concern_it_and_what_is_built_like_it() -> None:
    whole = content()
    whole["models"]["slow"] = {
        "kind": "single",
        "training": {"lr": 0.01, "augmentation": {"erasing": 0.1}},
        "architecture": {"depth": 34},
    }
    whole["models"]["slow-mixture"] = {"kind": "mixture", "of": "slow", "grouping": "original"}
    specs = config.networks(config.validate(whole, "tiny.yaml"))
    for name in ("slow", "slow-gate-original", "slow-expert-fear-surprise"):
        assert specs[name].training.lr == 0.01
        assert specs[name].training.epochs == 2  # the study's own
        assert specs[name].training.augmentation == Augmentation(rotation=5, erasing=0.1)
        assert specs[name].architecture == Architecture(width=4, depth=34, stem="imagenet")
    for name in ("resnet18", "resnet18-gate-original", "resnet18-expert-fear-surprise"):
        assert specs[name].training.lr == Training().lr
        assert specs[name].architecture.depth == 10


def test_the_reference_is_the_first_single() -> None:
    models = content()["models"]
    turned = {"mixture": models["mixture"], "b": {"kind": "single"}, "resnet18": {"kind": "single"}}
    assert study(models=turned).reference == "b"


def test_parts_of_models() -> None:
    made = study()
    assert config.parts(made, "resnet18", 1) == [Part("resnet18", 1)]
    assert config.parts(made, "mixture", 1) == [
        Part("resnet18-gate-original", 1),
        *(Part(f"resnet18-expert-{name}", 1) for name in ("happy-neutral", "fear-surprise", "angry-disgust-sad")),
    ]
    members = config.parts(made, "ensemble", 1)
    assert {part.network for part in members} == {"resnet18"} and Part("resnet18", 1) in members
    assert len(set(members)) == 4 == len(config.parts(made, "mixture", 1))  # equal compute


@pytest.mark.parametrize("seeds", [[0], [7], [0, 1], [5, 2], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0], list(range(10))])
@pytest.mark.parametrize("members", [2, 4, 5, 7])
def test_replicates_of_an_ensemble_differ_and_each_holds_its_own_seed(seeds: list[int], members: int) -> None:
    models = content()["models"]
    models["ensemble"]["members"] = members
    made = study(seeds=seeds, models=models)
    found = made.seeds_of_members(made.models["ensemble"])
    assert list(found) == seeds
    assert all(len(set(chosen)) == len(chosen) == members for chosen in found.values())
    assert all(seed in chosen and min(chosen) >= 0 for seed, chosen in found.items())
    assert len({frozenset(chosen) for chosen in found.values()}) == len(seeds)
    trained = {seed for chosen in found.values() for seed in chosen} | set(seeds)
    assert len(trained) <= max(len(seeds), members + (len(seeds) > 1))  # no more networks than that takes
    assert set(seeds) <= trained


@pytest.mark.parametrize("seeds", [[0], [3, 1], [0, 1, 2, 3, 4]])
def test_every_network_is_trained_once_seeds_outermost(seeds: list[int]) -> None:
    made = study(seeds=seeds)
    every = config.all_parts(made)
    assert len(set(every)) == len(every)
    for count in range(1, len(seeds) + 1):  # what the first seeds' models need stands first
        needed = {part for seed in seeds[:count] for model in made.models for part in config.parts(made, model, seed)}
        assert set(every[: len(needed)]) == needed
    assert len(every) == len(needed)


def test_a_model_cannot_take_the_name_of_a_mixture_s_part() -> None:
    for name in ("resnet18-gate-original", "resnet18-expert-happy-neutral"):
        with pytest.raises(EmorecError, match=rf"^tiny\.yaml: models\.{name}: the name is that of"):
            study(models=content()["models"] | {name: {"kind": "single"}})


# Mixtures that are trained otherwise than the single

SPECIALISTS = {
    "kind": "mixture",
    "of": "resnet18",
    "grouping": "original",
    "gate": "single",
    "experts": {"start": "single", "length": "epochs", "training": {"epochs": 6, "lr": 0.02}},
}


def with_models(**models: dict[str, Any]) -> Study:
    return config.validate(content() | {"groupings": GROUPINGS, "models": content()["models"] | models}, "tiny.yaml")


def test_a_generalist_routes_specialists_that_begin_as_it() -> None:
    made = with_models(specialists=SPECIALISTS)
    parts = config.parts(made, "specialists", 1)
    suffix = "-started-as-often-epochs-6-lr-0-02"
    assert parts == [
        Part("resnet18", 1),
        *(Part(f"resnet18-expert-{g}{suffix}", 1) for g in ("happy-neutral", "fear-surprise", "angry-disgust-sad")),
    ]
    assert not any("gate" in part.network for part in parts)
    specs = config.networks(made)
    expert = specs[parts[1].network]
    assert (expert.start, expert.length, expert.training.epochs, expert.training.lr) == ("resnet18", "epochs", 6, 0.02)
    assert expert.training.augmentation == specs["resnet18"].training.augmentation
    assert expert.before(1) == [Part("resnet18", 1)] and specs["resnet18"].before(1) == []
    assert config.spent_before(made, "specialists", 1) == []  # the single is one of its own networks
    order = config.training_order(made)
    assert all(order.index(Part("resnet18", seed)) < order.index(Part(expert.network, seed)) for seed in (0, 1))
    sizes = [resnet_size(n, width=4, depth=10, stem="imagenet").parameters for n in (7, 2, 2, 3)]
    assert config.parameters(made, "specialists") == sum(sizes)


def test_what_was_spent_before_a_model_s_own_networks() -> None:
    begun = SPECIALISTS | {"gate": "soft", "grouping": "found"}
    made = with_models(begun=begun, tuned={"kind": "fine-tuned", "of": "begun"})
    assert config.spent_before(made, "begun", 0) == [Part("resnet18", 0)]
    assert config.spent_before(made, "mixture", 0) == config.spent_before(made, "ensemble", 0) == []
    before = config.spent_before(made, "tuned", 1)
    assert set(before) == {Part("resnet18", 1), *config.parts(made, "begun", 1)} and len(before) == 5
    order = config.training_order(made)
    assert all(order.index(part) < order.index(Part("tuned", 1)) for part in before)
    # a fine-tuned mixture is trained as the single is, at its own rate
    assert config.networks(made)["tuned"].training == Training(epochs=3, lr=0.01, augmentation=Augmentation(rotation=5))


@pytest.mark.parametrize(
    ("changes", "suffix"),
    [
        ({}, ""),
        ({"experts": {}}, ""),
        ({"experts": {"training": {"lr": 0.1, "augmentation": {"rotation": 5}}}}, ""),  # as the single has it
        ({"experts": {"start": "single"}}, "-started"),
        ({"experts": {"length": "epochs"}}, "-as-often"),
        ({"experts": {"training": {"augmentation": {"erasing": 0.25}, "lr": 1e-5}}}, "-lr-1e-05-erasing-0-25"),
        ({"foreign": "other", "experts": {"start": "single"}}, "-other-started"),
        ({"experts": {"training": {"class_balance": "inverse-frequency", "label_smoothing": 0.0}}}, None),
    ],
)
def test_networks_are_named_by_what_is_different_about_them(changes: dict[str, Any], suffix: str | None) -> None:
    mixture = {"kind": "mixture", "of": "resnet18", "grouping": "original"} | changes
    made = with_models(one=mixture, two=mixture | {"gate": "uniform"})
    names = [part.network for part in config.parts(made, "two", 0)]
    assert names == [part.network for part in config.parts(made, "one", 0)][1:]  # two mixtures share them
    first = "resnet18-expert-happy-neutral"
    assert names[0].startswith(first) and len(names[0]) <= len(first) + 41
    assert suffix is None or names[0] == first + suffix
    own = {part.network for part in config.parts(made, "one", 0)}
    shared = {part.network for part in config.parts(made, "mixture", 0)}
    assert (own == shared) == (suffix == "")  # the gate is the same one in any case
    assert "resnet18-gate-original" in own & shared
    assert set(config.networks(made)) == {part.network for part in config.all_parts(made)}


def test_a_gate_may_be_trained_otherwise() -> None:
    slow = {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate_training": {"lr": 0.02}}
    made = with_models(slow=slow, top=slow | {"gate": "top-1"})
    gate, *experts = config.parts(made, "slow", 0)
    assert gate.network == "resnet18-gate-original-lr-0-02" and experts == config.parts(made, "mixture", 0)[1:]
    assert config.parts(made, "top", 0)[0] == gate
    specs = config.networks(made)
    assert (specs[gate.network].training.lr, specs[experts[0].network].training.lr) == (0.02, 0.1)


def test_a_key_of_training_stands_in_it_once() -> None:
    """Names of networks say a key without the section that it is in."""
    assert not set(Training.model_fields) & set(Augmentation.model_fields)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"experts": {"trainings": {}}}, ("models.specialists.experts.trainings", "did you mean 'training'?")),
        ({"experts": {"start": "singel"}}, ("models.specialists.experts.start", "'singel'")),
        ({"experts": {"training": {"lr": -1}}}, ("models.specialists.experts.training.lr", "-1")),
        (
            {"experts": {"training": {"epoch": 1}}},
            ("models.specialists.experts.training.epoch", "did you mean 'epochs'"),
        ),
        ({"gate_training": {"lr": 0.1}}, ("models.specialists", "gate_training: with gate: single no gate is trained")),
        ({"gate": "uniform", "gate_training": {"lr": 0.1}}, ("models.specialists", "with gate: uniform no gate")),
        ({"gate": "soft", "gate_training": {"lr": "x"}}, ("models.specialists.gate_training.lr", "'x'")),
        ({"grouping": "overlapping"}, ("models.specialists.gate", "'overlapping'", "gate: soft")),
        ({"grouping": "twisted"}, ("models.specialists.gate", "'twisted'")),
    ],
)
def test_mixtures_that_cannot_be_are_refused(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    groupings = GROUPINGS | {"twisted": {"method": "random", "like": "overlapping", "seed": 0}}
    models = content()["models"] | {"specialists": SPECIALISTS | changes}
    refuse(content() | {"groupings": groupings, "models": models}, *parts)


def test_a_mixture_without_a_gate_of_its_own_is_not_fine_tuned() -> None:
    models = content()["models"] | {"specialists": SPECIALISTS, "tuned": {"kind": "fine-tuned", "of": "specialists"}}
    refuse(content() | {"models": models}, "models.tuned.of", "no mixture with a gate")


def test_a_distilled_single_waits_for_its_teachers() -> None:
    made = with_models(taught={"kind": "single", "teacher": "ensemble", "training": {"lr": 0.05}})
    assert made.reference == "resnet18" and set(made.singles) == {"resnet18", "taught"}
    spec = config.networks(made)["taught"]
    for seed in made.seeds:
        members = config.parts(made, "ensemble", seed)
        assert spec.before(seed) == members and len(members) == 4
        assert set(config.spent_before(made, "taught", seed)) == set(members)
        order = config.training_order(made)
        assert all(order.index(member) < order.index(Part("taught", seed)) for member in members)
        assert spec.to_dict(seed)["teacher"] == {"network": "resnet18", "seeds": [part.seed for part in members]}
    alone = with_models(taught={"kind": "single", "teacher": "resnet18"})
    assert config.networks(alone)["taught"].before(1) == [Part("resnet18", 1)]
    assert config.networks(made)["resnet18"].to_dict(0)["teacher"] is None


@pytest.mark.parametrize(
    ("models", "parts"),
    [
        ({"taught": {"kind": "single", "teacher": "ensembel"}}, ("models.taught.teacher", "did you mean 'ensemble'?")),
        ({"taught": {"kind": "single", "teacher": "mixture"}}, ("models.taught.teacher", "no ensemble, nor a single")),
        ({"taught": {"kind": "single", "teacher": "taught"}}, ("models.taught.teacher", "no ensemble, nor a single")),
        ({"resnet18": {"kind": "single", "teacher": "ensemble"}}, ("models.resnet18.teacher", "the first single")),
        (
            {
                "taught": {"kind": "single", "teacher": "resnet18"},
                "of-taught": {"kind": "ensemble", "of": "taught", "members": 2},
            },
            ("models.of-taught.of", "learns from another model"),
        ),
    ],
)
def test_teachers_that_cannot_be_are_refused(models: dict[str, Any], parts: tuple[str, ...]) -> None:
    refuse(content() | {"models": content()["models"] | models}, *parts)


def test_the_primary_mixture() -> None:
    oracle = {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "oracle"}
    dense = {"kind": "joint", "of": "resnet18", "experts": 2}
    models = {"oracle": oracle, "resnet18": {"kind": "single"}, "dense": dense, "specialists": SPECIALISTS}
    assert study(models=models).primary_mixture == "dense"
    assert study(models=models, primary="specialists").primary_mixture == "specialists"
    assert study(models={"a": {"kind": "single"}}).primary_mixture is None
    for name in ("oracle", "resnet18"):
        refuse(
            content() | {"models": models, "primary": name}, f"primary: no mixture that could be used is named '{name}'"
        )
    refuse(content() | {"models": models, "primary": "specialist"}, "did you mean 'specialists'?")


def test_a_study_for_tuning_scores_no_test_face() -> None:
    assert study().has_report and study().scored == ("val", "test")
    tuning = study(purpose="tuning")
    assert not tuning.has_report and tuning.scored == ("val",)
    assert study(models={"a": {"kind": "single"}}).scored == ("val",)


@pytest.mark.parametrize("seeds", [[0], [7], [0, 1, 2], [5, 2], list(range(6))])
@pytest.mark.parametrize("members", [2, 4])
def test_disjoint_ensembles_share_no_member(seeds: list[int], members: int) -> None:
    models = content()["models"] | {
        "apart": {"kind": "ensemble", "of": "resnet18", "members": members, "disjoint": True}
    }
    made = study(seeds=seeds, models=models)
    found = made.seeds_of_members(made.models["apart"])
    assert all(seed == own[0] and len(own) == members for seed, own in found.items())
    together = [seed for own in found.values() for seed in own]
    assert len(set(together)) == len(together) == len(seeds) * members
    extra = [seed for seed in together if seed not in seeds]
    assert extra == sorted(extra) and max(extra) < len(seeds) * members + len(seeds)  # the smallest that are free
    assert {Part("resnet18", seed) for seed in together} <= set(config.all_parts(made))


def test_labels() -> None:
    made = study(models=content()["models"] | {"named": {"kind": "single", "label": "a ResNet"}})
    labels = [config.label(made, model) for model in made.models]
    assert labels == [
        "single ResNet-10",
        "ensemble of 4",
        "mixture of 3 experts",
        "a ResNet",
    ]


def test_no_two_models_have_one_label() -> None:
    made = study(models=content()["models"] | {"again": {"kind": "single"}, "named": {"kind": "single", "label": "x"}})
    assert config.label(made, "again") == "single ResNet-10 (again)"
    assert config.label(made, "resnet18") == "single ResNet-10 (resnet18)"


# Files that extend others


def test_a_file_says_only_what_differs_from_the_one_that_it_extends(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    base = tmp_path / "shared" / "base.yaml"
    base.write_text("training: {epochs: 3, lr: 0.5}\nseeds: [0, 1]\nmodels: {a: {kind: single}}\n", encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("extends: shared/base.yaml\nstudy: own\nseeds: [4]\ntraining: {lr: 0.1}\n", encoding="utf-8")
    made = config.load(own)
    assert (made.study, made.seeds, made.training.epochs, made.training.lr) == ("own", [4], 3, 0.1)
    assert list(made.models) == ["a"]


@pytest.mark.parametrize(
    "extends, message",
    [
        ("own.yaml", "own.yaml: extends: own.yaml extends this file in turn"),
        ("[a.yaml]", "own.yaml: extends: names one config file"),
        ("nowhere.yaml", "nowhere.yaml: no such config file"),
    ],
)
def test_a_file_that_cannot_be_extended_is_named(tmp_path: Path, extends: str, message: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"extends: {extends}\nstudy: own\n", encoding="utf-8")
    with pytest.raises(EmorecError, match=re.escape(message)):
        config.load(own)


def test_an_effective_config_is_a_config(tmp_path: Path) -> None:
    whole = changed("models.resnet18.training", {"lr": 0.07, "augmentation": {"flip": False}})
    made = config.validate(whole, "tiny.yaml")
    text = config.dump(made)
    assert yaml.safe_load(text)["training"]["batch"] == Training().batch  # defaults filled in
    path = tmp_path / "effective.yaml"
    path.write_text(text, encoding="utf-8")
    again = config.load(path)
    assert again == made and config.dump(again) == text
    assert config.networks(again) == config.networks(made)


# Files


@pytest.mark.parametrize("path", [*CONFIGS, ROOT / "tests" / "mini.yaml"], ids=lambda path: path.name)
def test_configs_of_the_project_are_valid(path: Path) -> None:
    made = config.load(path)
    assert made.study == path.stem
    if not made.has_report:
        return  # the recipe's studies: of singles, and of how gate and experts are trained
    left_out = {"fer2013-gpu": {"joint"}, "fer2013-fair": {"joint", "fine-tuned"}}
    assert {made.models[model].kind for model in made.models} == set(KINDS) - left_out.get(made.study, set())
    assert ORIGINAL in made.groupings.values()
    parts = {model: config.parts(made, model, made.seeds[0]) for model in made.models}
    ensembles = {len(parts[name]) for name, model in made.models.items() if model.kind == "ensemble"}
    assert len(parts["mixture"]) in ensembles  # the control has as many networks
    assert {part.network for part in config.all_parts(made)} == set(config.networks(made))


def test_gate_and_experts_are_tuned_as_often_as_the_single_and_on_val_alone() -> None:
    tuned, single = (config.load(ROOT / "config" / f"{name}.yaml") for name in ("tune-experts", "tune"))
    assert tuned.scored == single.scored == ("val",)
    models = tuned.mixtures.values()
    experts = {str((m.experts, m.foreign)) for m in models if m.gate == "single"}
    gates = {str(m.gate_training) for m in models if m.gate == "soft"}
    assert len(experts) == len(gates) == len(single.models)
    first = next(m for m in models if m.gate == "single")
    assert all(m.experts == first.experts for m in models if m.gate == "soft")


def test_the_project_has_its_configs() -> None:
    assert {"demo.yaml", "fer2013.yaml", "fer2013-quick.yaml"} <= {path.name for path in CONFIGS}
    demo = config.load(ROOT / "config" / "demo.yaml")
    assert demo.data.source == "synthetic" and len(demo.seeds) >= 2
    assert all(config.load(path).data.source == "fer2013" for path in CONFIGS if path.name.startswith("fer2013"))


@pytest.mark.parametrize(
    "text",
    [
        b"study: [",
        b"study: a\n  models: b\n\t- c",
        b"\xff\xfe\x00s",
        b"a: \x00",
        b"study: !!python/object:os.system x",
        b"",
        b"- a list\n",
        b"study: 2024-13-45\n",
    ],
)
def test_files_that_are_no_config(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(text)
    with pytest.raises(EmorecError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(EmorecError, match=r"none\.yaml: no such config file; .*config/"):
        config.load(tmp_path / "none.yaml")
    with pytest.raises(EmorecError, match="cannot be read"):
        config.load(tmp_path)


# The command line

SUBCOMMANDS = ("config", "data", "train", "outputs", "networks", "combine", "tables", "figure", "stage", "report")


pytestmark = pytest.mark.usefixtures("own_handlers")


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content(), sort_keys=False), encoding="utf-8")
    return ["--config", str(path), "--results", str(tmp_path / "results")]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a failing command says: one line on stderr."""
    capsys.readouterr()
    assert main(list(arguments)) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("emorec: error: ") and err.endswith("\n") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_subcommand_has_help_and_says_what_is_wrong_with_its_config(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: emorec {command}") and "--config" in text
    options = {
        "train": ["--network", "a", "--seed", "0"],
        "outputs": ["--network", "a", "--seed", "0"],
        "tables": ["--group", "results"],
        "figure": ["--name", "pairs"],
    }.get(command, [])
    missing = tmp_path / "none.yaml"
    assert f"{missing}: no such config file" in fails(capsys, command, "--config", str(missing), *options)


def test_help_lists_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n    {command}  " in text for command in SUBCOMMANDS)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0


@pytest.mark.parametrize("arguments", [[], ["trian"], ["train"], ["train", "--network", "a", "--seed", "x"]])
def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: emorec" in capsys.readouterr().err


def test_config_is_printed_as_yaml(capsys: pytest.CaptureFixture[str], tiny: list[str]) -> None:
    assert main(["config", *tiny]) == 0
    printed = capsys.readouterr().out
    assert config.validate(yaml.safe_load(printed), "printed") == study()


def test_what_is_not_in_the_study(capsys: pytest.CaptureFixture[str], tiny: list[str], tmp_path: Path) -> None:
    for command in ("train", "outputs"):
        message = fails(capsys, command, *tiny, "--network", "resnet81", "--seed", "0")
        assert "--network resnet81" in message and "resnet18-gate-original" in message
    message = fails(capsys, "export", *tiny, "--model", "resnet18-gate-original", "--seed", "0")
    assert "--model resnet18-gate-original" in message and "resnet18, ensemble, mixture" in message
    assert "0, 1" in fails(capsys, "export", *tiny, "--model", "mixture", "--seed", "2")
    assert "--group" in fails(capsys, "tables", *tiny, "--group", "score")
    assert "--name" in fails(capsys, "figure", *tiny, "--name", "pears")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("command", ["train", "outputs"])
def test_a_network_s_seed_is_one_that_a_model_needs(
    capsys: pytest.CaptureFixture[str], tiny: list[str], command: str
) -> None:
    """The ensemble needs the single's seeds 0 to 4; nothing needs a gate's but the study's own."""
    for network, seed in (("resnet18", "5"), ("resnet18", "-1"), ("resnet18-gate-original", "2")):
        assert f"--seed {seed}: " in fails(capsys, command, *tiny, "--network", network, "--seed", seed)
    assert "--seed" not in fails(capsys, command, *tiny, "--network", "resnet18", "--seed", "4")


def test_what_was_not_made_yet(capsys: pytest.CaptureFixture[str], tiny: list[str], tmp_path: Path) -> None:
    results = tmp_path / "results" / "tiny"
    message = fails(capsys, "train", *tiny, "--network", "resnet18", "--seed", "0")
    assert str(results / "data" / "faces.npz") in message and "no such file" in message
    message = fails(capsys, "outputs", *tiny, "--network", "resnet18", "--seed", "0")
    assert str(results / "data" / "faces.npz") in message
    message = fails(capsys, "combine", *tiny)
    assert str(results / "networks" / "resnet18" / "seed0" / "outputs.npz") in message
    assert not list(tmp_path.glob("results/**/*.*"))


def test_missing_data_are_named_with_where_to_get_them(
    capsys: pytest.CaptureFixture[str], tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no data/ here
    message = fails(capsys, "data", *tiny)
    assert "FER2013 not found" in message and "data/" in message and "kaggle" in message.lower()
    assert not (tmp_path / "results").exists()


def test_messages_go_to_the_log_too(capsys: pytest.CaptureFixture[str], tiny: list[str], tmp_path: Path) -> None:
    log = tmp_path / "logs" / "train.log"
    message = fails(capsys, "train", *tiny, "--network", "resnet18", "--seed", "0", "--log", str(log))
    assert log.read_text(encoding="utf-8") == message


def test_a_log_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tiny: list[str], tmp_path: Path) -> None:
    assert str(tmp_path / "tiny.yaml") in fails(capsys, "config", *tiny, "--log", str(tmp_path / "tiny.yaml" / "a.log"))
