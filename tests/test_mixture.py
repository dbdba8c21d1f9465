"""Mixtures that are trained jointly: against NumPy, against networks combined by hand, and learning."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tiny_network as tiny
import torch
import torch.nn.functional as F
from tiny_network import FAMILIES, joint

from emorec import EMOTIONS
from emorec.config import SEVEN, Architecture, Joint, MixtureSpec, NetworkSpec, validate
from emorec.config import networks as networks_of
from emorec.config.sizes import joint_size, spec_size
from emorec.errors import EmorecError
from emorec.networks import train as trainer
from emorec.networks.build import build
from emorec.networks.device import computes_in
from emorec.networks.mixture import CAPACITY, NEVER, Mixture, balance_loss, capacity
from emorec.networks.store import network_outputs
from emorec.predictions import combine
from emorec.size import Size
from tests.flops import forward_flops

torch.set_num_threads(1)

CPU = torch.device("cpu")
ARCHITECTURE = Architecture(**tiny.ARCHITECTURE)
GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))


def made(spec: NetworkSpec, seed: int = 0) -> Mixture:
    """The untrained network, its norm layers away from where they start."""
    torch.manual_seed(seed)
    network = build(spec)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            torch.nn.init.normal_(module.running_mean, std=0.3)
    return network.eval()


def faces(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 1, 48, 48, generator=torch.Generator().manual_seed(seed))


def numpy_mixture(gate: np.ndarray, experts: list[np.ndarray], classes: list, top: int | None = None) -> np.ndarray:
    """p (n, 7) from logits, written out in probabilities."""
    if top:
        gate = np.where(gate >= np.sort(gate, 1)[:, [-top]], gate, -np.inf)
    weights = combine.softmax(gate)
    p = np.zeros((len(gate), 7))
    for e, (logits, groups) in enumerate(zip(experts, classes, strict=True)):
        for k, group in enumerate(groups):
            if len(group) == 1:
                p[:, EMOTIONS.index(group[0])] += weights[:, e] * combine.softmax(logits)[:, k]
    return p / p.sum(1, keepdims=True)


# What it says


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mixture_is_the_sum_of_what_its_experts_say(family):
    network = made(joint(**FAMILIES[family]))
    x = faces(9)
    with torch.no_grad():
        said, answer = network(x), network.output(x)
        maps = network.trunk(x)
        gate = network.gate(maps.mean((2, 3)) if network.shared else x)
        features = [expert.embed(maps) for expert in network.experts]
        logits = [expert.head(h) for expert, h in zip(network.experts, features, strict=True)]
    top = FAMILIES[family].get("top")
    expected = numpy_mixture(gate.numpy(), [z.numpy() for z in logits], [SEVEN] * 4, top)
    np.testing.assert_allclose(said.logits.exp().numpy(), expected, atol=1e-5)
    torch.testing.assert_close(said.logits.exp().sum(1), torch.ones(9))
    torch.testing.assert_close(said.gate.sum(1), torch.ones(9))
    assert ((said.gate > 0).sum(1) == (top or 4)).all()
    torch.testing.assert_close(answer.logits, said.logits)
    torch.testing.assert_close(answer.gate, said.gate)
    for e, h in enumerate(answer.features.split(features[0].shape[1], 1)):
        asked = said.gate[:, [e]] > 0  # who asks an expert gets its features as they are, the others zeros
        torch.testing.assert_close(h, asked * features[e], atol=1e-5, rtol=1e-4)
    network.compute_all = True  # as ONNX needs it
    with torch.no_grad():
        torch.testing.assert_close(network.output(x).features, answer.features, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["top-2", "trunk-top-2"])
def test_what_is_said_of_a_face_does_not_depend_on_the_others(family):
    network, x = made(joint(**FAMILIES[family])), faces(12)
    with torch.no_grad():
        together = network(x)
        for i in range(len(x)):
            alone = network(x[i : i + 1])
            torch.testing.assert_close(alone.logits[0], together.logits[i], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(alone.gate[0], together.gate[i], atol=1e-5, rtol=1e-4)


def foreign(kind: str) -> tuple:
    if kind == "excluded":
        return tuple(tuple((e,) for e in group) for group in GROUPS)
    if kind == "down-weighted":
        return (SEVEN,) * 3
    return tuple((*((e,) for e in group), tuple(e for e in EMOTIONS if e not in group)) for group in GROUPS)


def parts_of(classes: tuple, groups: tuple = GROUPS, **training) -> tuple[NetworkSpec, list[NetworkSpec]]:
    """A mixture of a gate and experts that were trained apart, and those."""
    names = ("gate", *(f"expert-{i}" for i in range(len(classes))))
    roles = ("gate", *("expert" for _ in classes))
    apart = [
        replace(tiny.spec(None, c), network=name, role=role)
        for name, role, c in zip(names, roles, (groups, *classes), strict=True)
    ]
    spec = replace(tiny.spec(**training), role="mixture", mixture=MixtureSpec(classes, groups, parts=names))
    return spec, apart


@pytest.mark.parametrize("kind", ["excluded", "other", "down-weighted"])
def test_a_fine_tuned_mixture_starts_as_the_mixture_of_its_parts(kind):
    classes = foreign(kind)
    spec, apart = parts_of(classes)
    networks = [made(part, seed) for seed, part in enumerate(apart)]
    network = made(spec)
    network.start_from([each.state_dict() for each in networks])
    network.eval()
    images = np.random.default_rng(0).integers(0, 256, (11, 48, 48), np.uint8)
    how = {"mean": 0.5, "std": 0.25, "device": CPU, "threads": 1, "views": "none"}
    said = network_outputs(network, images, **how)
    gate, *experts = [network_outputs(each, images, **how) for each in networks]
    p = combine.softmax(said.logits)
    np.testing.assert_allclose(p, numpy_mixture(gate.logits, [e.logits for e in experts], classes), atol=1e-5)
    outputs = [
        combine.NetworkOutputs({"classes": known}, e.logits, e.features)
        for known, e in zip(classes, experts, strict=True)
    ]
    combined = combine.mixture(combine.softmax(gate.logits), dict(zip("abc", outputs, strict=True)))
    np.testing.assert_allclose(p, combined.probabilities, atol=1e-5)
    np.testing.assert_allclose(said.features, combined.embedding, atol=2e-3)
    np.testing.assert_allclose(said.gate, np.stack(list(combined.gate.values()), 1), atol=1e-5)


def test_views_are_averaged():
    network = made(joint(top=2))
    images = np.random.default_rng(0).integers(0, 256, (7, 48, 48), np.uint8)
    how = {"mean": 0.5, "std": 0.25, "device": CPU, "threads": 1}
    plain, mirrored = (
        network_outputs(network, faces, **how, views="none") for faces in (images, images[:, :, ::-1].copy())
    )
    both = network_outputs(network, images, **how, views="flip", batch=3)
    assert both.gate.shape == (7, 4) and both.gate.dtype == both.logits.dtype == np.float32
    for mean, a, b in zip(both[:3], plain[:3], mirrored[:3], strict=True):
        np.testing.assert_allclose(mean, (a.astype(np.float32) + b) / 2, atol=2e-3)
    np.testing.assert_allclose(both.gate.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("groups", [(("surprise",), GROUPS[0], ("fear", *GROUPS[2])), SEVEN], ids=["one", "all"])
def test_experts_of_one_emotion_are_constants(groups):
    spec, apart = parts_of(tuple(tuple((e,) for e in group) for group in groups), groups)
    network = made(spec)
    with torch.no_grad():
        said = network.output(faces(5))
    widths = [expert.embed(faces(5)).shape[1] for expert in network.experts]
    assert widths == [1 if len(group) == 1 else 64 for group in groups]
    for i, (group, h) in enumerate(zip(groups, said.features.split(widths, 1), strict=True)):
        if len(group) == 1:
            torch.testing.assert_close(said.logits.exp()[:, EMOTIONS.index(group[0])], said.gate[:, i])
            assert (h == 1).all()
            alone = build(apart[1 + i])
            assert not alone.state_dict() and forward_flops(alone) == 0


# Losses


@pytest.mark.parametrize("kind", ["excluded", "other"])
@pytest.mark.parametrize("certain", [1.0, 100.0, 1e4])
def test_the_loss_is_finite_whatever_the_gate_says(kind, certain):
    network = made(parts_of(foreign(kind))[0]).train()
    with torch.no_grad():
        network.gate.fc.weight *= certain
    targets = torch.eye(7)
    loss = F.cross_entropy(network(faces(7)).logits, targets, label_smoothing=0.1)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_an_emotion_that_nobody_knows_has_no_probability_and_a_finite_loss():
    spec, _ = parts_of(tuple(tuple((e,) for e in group) for group in GROUPS[:2]), GROUPS[:2])
    network = made(spec).train()
    said = network(faces(6)).logits
    unknown = [EMOTIONS.index(e) for e in GROUPS[2]]
    assert (said[:, unknown].exp() == 0).all() and (said >= 3 * NEVER).all()
    loss = F.cross_entropy(said, torch.eye(7)[:6], label_smoothing=0.1)
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in network.parameters())


def test_the_balance_loss_by_hand():
    """Three faces, four experts, two each: 5 of the 6 questions go to the first two experts."""
    p = torch.tensor([[0.5, 0.3, 0.1, 0.1], [0.4, 0.4, 0.15, 0.05], [0.6, 0.1, 0.25, 0.05]])
    asked = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]], dtype=torch.bool)
    f = [3 / 6, 2 / 6, 1 / 6, 0]
    mean = [1.5 / 3, 0.8 / 3, 0.5 / 3, 0.2 / 3]
    expected = 4 * sum(a * b for a, b in zip(f, mean, strict=True))
    assert balance_loss(p.log(), asked, 2).item() == pytest.approx(expected)


def test_the_balance_loss_is_least_where_the_experts_are_used_alike():
    even = torch.full((8, 4), 0.25).log()
    asked = torch.eye(4, dtype=torch.bool).repeat(2, 1)
    assert balance_loss(even, asked, 1).item() == pytest.approx(1)
    generator = torch.Generator().manual_seed(0)
    for spread in (0.5, 2, 8):
        # a batch in which every expert is preferred by as many faces, and one in which some are
        logits = spread * torch.randn(4, generator=generator) + torch.randn(4000, 4, generator=generator)
        top = logits.topk(2, 1).indices
        chosen = torch.zeros(4000, 4, dtype=torch.bool).scatter(1, top, True)
        assert balance_loss(logits.log_softmax(1), chosen, 2).item() > 1
    collapsed = torch.tensor([[100.0, 0, 0, 0]]).repeat(8, 1).log_softmax(1)
    favourite = torch.tensor([[True, False, False, False]]).repeat(8, 1)
    assert balance_loss(collapsed, favourite, 1).item() == pytest.approx(4)


def test_descending_the_balance_loss_spreads_the_faces():
    logits = torch.nn.Parameter(
        torch.randn(64, 4, generator=torch.Generator().manual_seed(1)) + torch.tensor([3.0, 0, 0, 0])
    )
    for _ in range(200):
        asked = torch.zeros(64, 4, dtype=torch.bool).scatter(1, logits.topk(1, 1).indices, True)
        loss = balance_loss(logits.log_softmax(1), asked, 1)
        logits.grad = None
        loss.backward()
        logits.data -= 5 * logits.grad
    assert asked.float().mean(0).max() < 0.4 and loss.item() < 1.1


# Slots


def certain_gate(network: Mixture, order: torch.Tensor) -> None:
    """Make the gate prefer the same experts, in this order, for every face; of some faces it is surer."""
    with torch.no_grad():
        network.gate.fc.weight[:] = torch.randn(network.gate.fc.in_features) * 0.01 * (order > 1.5)[:, None]
        network.gate.fc.bias.copy_(order)


def test_experts_that_are_not_asked_learn_nothing():
    network = made(joint(top=2)).train()
    certain_gate(network, torch.tensor([3.0, 2.0, 1.0, 0.0]))
    said = network(faces(16))
    F.cross_entropy(said.logits, torch.eye(7)[torch.arange(16) % 7], label_smoothing=0.1).backward()
    for expert, network_of_it in enumerate(network.experts):
        moved = [p.grad.abs().sum().item() for p in network_of_it.parameters()]
        assert all(m == 0 for m in moved) if expert > 1 else sum(moved) > 0, expert
    gate = network.gate.fc.bias.grad
    assert (gate[2:] == 0).all()
    network.zero_grad()
    network(faces(16)).balance.backward()
    assert (network.gate.fc.bias.grad.abs() > 0).all()
    assert all(p.grad is None for p in network.experts.parameters())


def test_faces_over_an_experts_slots_lose_it():
    network = made(joint(top=2)).train()
    certain_gate(network, torch.tensor([3.0, 2.0, 1.0, 0.0]))
    slots = capacity(16, 4, 2)
    assert slots == math.ceil(CAPACITY * 2 * 16 / 4) == 10
    said = network(faces(16))
    lost = (said.gate - 0.25).abs().amax(1) < 1e-6
    assert lost.sum() == 6  # both experts are surest of the same ten
    assert (said.gate[~lost, :2] > 0.1).all() and (said.gate[~lost, 2:] == 0).all()
    torch.testing.assert_close(said.logits[lost].exp(), torch.full((6, 7), 1 / 7))
    torch.testing.assert_close(said.logits.exp().sum(1), torch.ones(16))


def test_slots_are_no_fewer_than_two_and_no_more_than_the_batch():
    assert capacity(2, 16, 2) == 2
    assert capacity(8, 3, 2) == 7
    assert capacity(4, 2, 2) == 4


@pytest.mark.parametrize("family", ["top-2", "trunk-top-2"])
def test_training_waits_for_nothing_and_is_one_graph(family):
    """A graph break is where Python has to look at a value, so on a GPU to wait for it."""
    network = made(joint(experts=3, **FAMILIES[family])).train()
    torch._dynamo.reset()
    compiled = torch.compile(network, backend="eager", fullgraph=True, dynamic=False)
    x = faces(8)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    said = compiled(x)
    F.cross_entropy(said.logits, torch.eye(7)[torch.arange(8) % 7]).backward()
    network.load_state_dict(before)
    torch.testing.assert_close(said.logits, network(x).logits, atol=1e-4, rtol=1e-4)


# Size


STUDY = {
    "study": "sizes",
    "architecture": {"depth": 10, "width": 8, "stem": "stride2"},
    "groupings": {
        "original": [list(group) for group in GROUPS],
        "one": [["happy"], [e for e in EMOTIONS if e != "happy"]],
    },
    "models": {"resnet18": {"kind": "single"}},
}
OPTIONS = {
    "dense": {"experts": 3},
    "top-2": {"experts": 4, "top": 2},
    "trunk-1": {"experts": 3, "trunk": 1},
    "trunk-2": {"experts": 3, "trunk": 2},
    "trunk-3": {"experts": 4, "trunk": 3, "top": 2},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("extra", [{}, {"squeeze_excitation": 16, "whitening": True, "depth": 18}], ids=["plain", "se"])
def test_size_by_formula_is_that_of_the_built_mixture(name, extra):
    content = STUDY | {"architecture": STUDY["architecture"] | extra}
    content["models"] = STUDY["models"] | {"joint": {"kind": "joint", "of": "resnet18", **OPTIONS[name]}}
    study = validate(content, "sizes.yaml")
    spec = networks_of(study)["joint"]
    network = build(spec)
    model = study.models["joint"]
    assert isinstance(model, Joint)
    width = spec.mixture.branch_width
    dense = joint_size(spec.architecture, 48, model.model_copy(update={"top": None}), width)
    found = joint_size(spec.architecture, 48, model, width)
    assert sum(p.numel() for p in network.parameters()) == dense.parameters
    assert forward_flops(network) == found.flops
    assert spec_size(spec) == found == Size(dense.parameters, found.flops)
    assert found.flops < dense.flops or not model.top


@pytest.mark.parametrize("grouping", ["original", "one"])
def test_size_by_formula_is_that_of_the_built_fine_tuned_mixture(grouping):
    from emorec.config import parameters

    models = STUDY["models"] | {
        "mixture": {"kind": "mixture", "of": "resnet18", "grouping": grouping},
        "tuned": {"kind": "fine-tuned", "of": "mixture"},
    }
    study = validate(STUDY | {"models": models}, "sizes.yaml")
    specs = networks_of(study)
    assert sum(p.numel() for p in build(specs["tuned"]).parameters()) == parameters(study, "tuned")
    apart = [build(specs[name]) for name in specs["tuned"].mixture.parts]
    counted = sum(map(forward_flops, apart))
    assert forward_flops(build(specs["tuned"])) == counted
    assert spec_size(specs["tuned"]) == Size(parameters(study, "tuned"), counted)


def test_one_expert_alone_is_refused():
    models = STUDY["models"] | {"joint": {"kind": "joint", "of": "resnet18", "experts": 3, "top": 1}}
    with pytest.raises(EmorecError, match=r"models\.joint\.top"):
        validate(STUDY | {"models": models}, "sizes.yaml")


def test_a_network_whose_groups_are_not_known_is_not_built():
    spec = replace(tiny.spec(), classes=(), grouping="found")
    with pytest.raises(EmorecError, match="grouping found are not known yet"):
        build(spec)


# Training


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("precision", sorted({computes_in(CPU, wish) for wish in ("fp32", "bf16")}))
def test_a_mixture_learns(family, precision):
    """Seven coarse patterns under noise, far above the 1 in 7 of chance within a few steps, in whatever this processor
    computes in."""
    spec = joint(
        3,
        epochs=8,
        batch=28,
        lr=0.1,
        precision=precision,
        augmentation={"erasing": 0, "rotation": 0},
        **FAMILIES[family],
    )
    trained = tiny.run(spec)
    assert max(row["val_accuracy"] for row in trained.history) > 0.6
    assert trained.history[-1]["train_loss"] < trained.history[0]["train_loss"] - 0.2


def test_the_balance_is_part_of_what_is_descended():
    off, on = (tiny.run(joint(3, top=2, balance=balance, epochs=1)) for balance in (0.0, 5.0))
    assert off.history[0]["train_loss"] == pytest.approx(on.history[0]["train_loss"], rel=0.2)  # it is not counted
    assert any(not torch.equal(off.weights[name], on.weights[name]) for name in off.weights if name.startswith("gate."))


EVERYTHING = {"ema": 0.9, "mixup": 0.2, "cutmix": 1.0, "class_balance": "effective-number", "crop": 44}
ALL_PARTS = {"squeeze_excitation": 16, "stochastic_depth": 0.2, "dropout": 0.2, "whitening": True}


@pytest.mark.parametrize("family", ["dense", "trunk-top-2"])
def test_an_interrupted_mixture_ends_with_the_same_bits(tmp_path, monkeypatch, family):
    spec = joint(3, ALL_PARTS, **FAMILIES[family], **EVERYTHING, epochs=3)
    whole = tiny.run(spec)
    assert resumed(spec, tmp_path, monkeypatch) == tiny.digest(whole)


def resumed(spec: NetworkSpec, folder, monkeypatch, **options) -> str:
    """Digest of a run that is killed in its last epoch and started again."""
    path, original, calls = folder / "checkpoint.safetensors", trainer._epoch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == spec.training.epochs:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(spec, checkpoint_path=path, **options)
    return tiny.digest(tiny.run(spec, checkpoint_path=path, **options))


# Starting from trained networks


def trained_parts(groups: tuple = GROUPS, **training) -> tuple[NetworkSpec, list[dict[str, torch.Tensor]]]:
    """A fine-tuned mixture's spec and its parts, trained for two epochs each."""
    spec, apart = parts_of(tuple(tuple((e,) for e in group) for group in groups), groups, **training)
    return spec, [tiny.run(part).weights for part in apart]


def test_fine_tuning_goes_on_from_its_parts(tmp_path, monkeypatch):
    spec, parts = trained_parts((("surprise",), GROUPS[0], ("fear", *GROUPS[2])), epochs=4, lr=0.05)
    assert parts[1] == {}  # of the expert of surprise
    whole = tiny.run(spec, parts=parts)
    start, *rows = whole.history
    assert start["epoch"] == 0 and start["train_loss"] is None and start["train_accuracy"] is None
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    network = made(spec)
    network.start_from(parts)
    images, labels = tiny.faces()
    mean, std = float(images["train"].mean() / 255), float(images["train"].std() / 255)
    how = {"mean": mean, "std": std, "device": CPU, "threads": 1, "views": "none"}
    before = network_outputs(network, images["val"], **how).logits.argmax(1) == labels["val"]
    assert start["val_accuracy"] == pytest.approx(before.mean(), abs=0.03)  # which was scored in bf16
    assert whole.val_accuracy > start["val_accuracy"] and whole.best_epoch > 0
    assert resumed(spec, tmp_path, monkeypatch, parts=parts) == tiny.digest(whole)


def test_the_start_is_kept_where_training_does_not_help(monkeypatch):
    spec, parts = trained_parts(epochs=2)
    scores = iter([(1.0, 0.5), (0.9, 0.5), (0.9, 0.4)])
    monkeypatch.setattr(trainer, "_score", lambda *_: next(scores))
    kept = tiny.run(spec, parts=parts)
    assert kept.best_epoch == 0 and kept.val_accuracy == 0.5
    expected = build(spec)
    expected.start_from(parts)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(kept.weights[name], tensor), name


def test_a_checkpoint_of_a_run_from_other_parts_is_set_aside(tmp_path, caplog):
    spec, parts = trained_parts(epochs=1)
    path = tmp_path / "checkpoint.safetensors"
    tiny.run(spec, parts=parts, checkpoint_path=path)
    expected = tiny.run(spec, parts=parts)
    assert tiny.digest(tiny.run(spec, parts=parts, checkpoint_path=path)) == tiny.digest(expected)
    assert "set-aside" not in caplog.text
    other = [{name: tensor.clone() for name, tensor in part.items()} for part in parts]
    other[2]["fc.bias"] += 1
    tiny.run(spec, parts=other, checkpoint_path=path)
    assert "another spec, seed or data" in caplog.text


def test_parts_that_are_missing_or_do_not_fit_are_named():
    spec, parts = trained_parts(epochs=1)
    with pytest.raises(EmorecError, match="starts from gate, expert-0, expert-1, expert-2; 3 networks given"):
        tiny.run(spec, parts=parts[:3])
    with pytest.raises(EmorecError, match=r"cannot start from .*size mismatch") as caught:
        tiny.run(spec, parts=[*parts[:3], parts[1]])
    assert "\n" not in str(caught.value)
