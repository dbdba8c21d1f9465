"""Training: the same bits again, interrupted or not; the right faces, steps and epoch; errors that name the place."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_network as tiny
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save

from emorec import EMOTIONS
from emorec.config import Architecture, Augmentation, NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.networks import batches, checkpoint, learner, train
from emorec.networks.batches import output_shares, random_orders, select
from emorec.networks.checkpoint import Checkpoint
from emorec.networks.device import pick_device
from emorec.networks.train import Trained, best_epoch, build, constant_answer
from emorec.networks.train import train as run

torch.set_num_threads(1)

SEVEN = tuple((emotion,) for emotion in EMOTIONS)
GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))
PLAIN = Augmentation(flip=False, rotation=0, shift=0, scale=0, brightness=0, contrast=0, erasing=0)
MEAN, STD = 0.45, 0.2

Faces = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def spec(classes=SEVEN, name: str = "resnet18", role: str = "classifier", **training) -> NetworkSpec:
    how = {"epochs": 4, "batch": 8, "lr": 0.05, "device": "cpu", "precision": "fp32"} | training
    return NetworkSpec(name, role, classes, Architecture(width=8, depth=10, stem="imagenet"), Training(**how))


@pytest.fixture(scope="module")
def faces() -> Faces:
    """28 and 21 faces; each emotion has a bright square in a place of its own, under noise."""
    return toy(28, 21)


def toy(train_faces: int, val_faces: int) -> Faces:
    rng = np.random.default_rng(0)
    images, labels = {}, {}
    for split, count in (("train", train_faces), ("val", val_faces)):
        labels[split] = rng.permutation(np.arange(count) % 7).astype(np.uint8)
        images[split] = rng.integers(60, 140, (count, 48, 48), dtype=np.uint8)
        for image, label in zip(images[split], labels[split], strict=True):
            top, left = divmod(int(label), 3)
            image[top * 16 : top * 16 + 16, left * 16 : left * 16 + 16] += 100
    return images, labels


def go(how: NetworkSpec, faces: Faces, path: Path | None = None, seed: int = 0) -> Trained:
    return run(how, seed, *faces, mean=MEAN, std=STD, checkpoint_path=path)


def same(a: Trained, b: Trained) -> None:
    """Bit by bit, and but for the time that it took."""
    assert a.weights.keys() == b.weights.keys()
    for name, tensor in a.weights.items():
        assert torch.equal(tensor, b.weights[name]), name
    files = [save({name: tensor.contiguous() for name, tensor in run.weights.items()}) for run in (a, b)]
    assert files[0] == files[1]
    for mine, other in zip(a.history, b.history, strict=True):
        assert {k: v for k, v in mine.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}
    assert a.best_epoch == b.best_epoch


def differs(a: Trained, b: Trained) -> bool:
    return not torch.equal(a.weights["conv1.weight"], b.weights["conv1.weight"])


# Determinism and resuming


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def whole(request: pytest.FixtureRequest, faces: Faces) -> tuple[NetworkSpec, Trained]:
    """A run that nothing interrupted."""
    how = spec(precision=request.param)
    return how, go(how, faces)


def test_the_same_run_gives_the_same_bits(whole: tuple[NetworkSpec, Trained], faces: Faces) -> None:
    how, first = whole
    torch.manual_seed(99)  # no dependence on the global stream
    same(first, go(how, faces))


def test_seed_and_name_fix_the_bits(faces: Faces) -> None:
    short = {"epochs": 1}
    first = go(spec(**short), faces)
    assert differs(first, go(spec(**short), faces, seed=1))
    assert differs(first, go(spec(name="other", **short), faces))


@pytest.mark.parametrize("epoch", [1, 3, 4])
@pytest.mark.parametrize("saved", [True, False])
def test_a_killed_run_goes_on_to_the_same_bits(
    whole: tuple[NetworkSpec, Trained],
    faces: Faces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    epoch: int,
    saved: bool,
) -> None:
    how, uninterrupted = whole
    path = tmp_path / "checkpoint.safetensors"
    really = checkpoint.save

    def killed(where: Path, state: Checkpoint) -> None:
        if state.epoch < epoch or saved:
            really(where, state)
        if state.epoch == epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            go(how, faces, path)
    with caplog.at_level(logging.INFO):
        same(uninterrupted, go(how, faces, path))
    resumed = epoch if saved else epoch - 1
    assert (f"resumed after epoch {resumed}" in caplog.text) == (resumed > 0)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_resumed_run_keeps_the_best_weights_of_before(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, really, how = tmp_path / "checkpoint.safetensors", checkpoint.save, spec()

    def killed(where: Path, state: Checkpoint) -> None:
        really(where, state)
        if state.epoch == 3:
            raise KeyboardInterrupt

    def scored(*accuracies: float) -> None:
        left = iter(accuracies)
        monkeypatch.setattr(train, "_score", lambda *_: (1.0, next(left)))

    scored(0.1, 0.9, 0.2, 0.3)
    uninterrupted = go(how, faces)
    scored(0.1, 0.9, 0.2)
    monkeypatch.setattr(checkpoint, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        go(how, faces, path)
    monkeypatch.setattr(checkpoint, "save", really)
    scored(0.3)
    resumed = go(how, faces, path)
    assert resumed.best_epoch == 2
    same(uninterrupted, resumed)


def test_every_epoch_has_an_order_of_its_own(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    orders, order = [], random_orders

    def kept(available: int, wanted: int, generator: torch.Generator) -> torch.Tensor:
        orders.append(order(available, wanted, generator))
        return orders[-1]

    monkeypatch.setattr(batches, "random_orders", kept)
    go(spec(epochs=3), faces)
    go(spec(epochs=3), faces, seed=1)
    assert len({tuple(each.tolist()) for each in orders}) == 6


def test_checkpoints_do_not_change_a_run(whole: tuple[NetworkSpec, Trained], faces: Faces, tmp_path: Path) -> None:
    how, without = whole
    path = tmp_path / "checkpoint.safetensors"
    same(without, go(how, faces, path))
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["epoch"] == "4"


@pytest.fixture(scope="module")
def expert(faces: Faces) -> tuple[NetworkSpec, Trained]:
    how = spec((("happy",), ("neutral",)), "resnet18-expert-happy-neutral", "expert", epochs=2)
    return how, go(how, faces)


def test_a_damaged_checkpoint_is_set_aside(
    expert: tuple[NetworkSpec, Trained], faces: Faces, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    how, expected = expert
    path = tmp_path / "checkpoint.safetensors"
    go(how, faces, path)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no tensors at all"):
        path.write_bytes(damaged)
        caplog.clear()
        same(expected, go(how, faces, path))
        said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        # On some processors so short a run also learns too little, which is another warning.
        warnings = [warning for warning in said if "no better than a constant answer" not in warning]
        assert len(warnings) == 1 and "damaged" in warnings[0] and str(path) in warnings[0]
        assert "\n" not in warnings[0]
        assert path.with_name("checkpoint.safetensors.set-aside").read_bytes() == damaged
        assert path.exists()  # the new run's own


@pytest.mark.parametrize("foreign", ["seed", "spec", "faces", "labels", "code"])
def test_a_foreign_checkpoint_is_set_aside(
    expert: tuple[NetworkSpec, Trained], faces: Faces, tmp_path: Path, caplog: pytest.LogCaptureFixture, foreign: str
) -> None:
    how, expected = expert
    path = tmp_path / "checkpoint.safetensors"
    images, labels = ({split: array.copy() for split, array in part.items()} for part in faces)
    if foreign == "seed":
        go(how, faces, path, seed=1)
    elif foreign == "spec":
        go(spec(how.classes, how.network, how.role, epochs=2, momentum=0.8), faces, path)
    elif foreign == "faces":
        images["train"][0, 0, 0] ^= 1
        go(how, (images, labels), path)
    elif foreign == "code":
        run(how, 0, *faces, mean=MEAN, std=STD, checkpoint_path=path, code="another")
    else:
        labels["val"][0] = (labels["val"][0] + 1) % 7
        go(how, (images, labels), path)
    before = path.read_bytes()
    same(expected, go(how, faces, path))
    assert "another spec, seed or data" in caplog.text
    assert path.with_name(path.name + ".set-aside").read_bytes() == before


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    assert checkpoint.load(path, "print") is None
    tensors = {
        "network.conv1.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "network.bn1.num_batches_tracked": torch.tensor(3),
        "best.fc.bias": torch.randn(7, requires_grad=True),
    }
    checkpoint.save(path, Checkpoint(5, tensors, [{"epoch": 5, "val_loss": 0.1 + 0.2}], "print"))
    found = checkpoint.load(path, "print")
    assert found is not None and found.epoch == 5 and found.history == [{"epoch": 5, "val_loss": 0.1 + 0.2}]
    assert set(found.tensors) == set(tensors)
    assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)


# Which faces, how many steps, which epoch


def test_shares_of_outputs() -> None:
    np.testing.assert_array_equal(output_shares(SEVEN), np.eye(7))
    expert = output_shares((("fear",), ("surprise",)))
    assert expert.shape == (7, 2) and expert.sum() == 2
    assert expert[EMOTIONS.index("fear"), 0] == expert[EMOTIONS.index("surprise"), 1] == 1
    gate = output_shares((("happy", "neutral", "sad"), ("fear", "sad"), ("angry", "disgust", "sad", "surprise")))
    np.testing.assert_allclose(gate.sum(1), 1)
    np.testing.assert_allclose(gate[EMOTIONS.index("sad")], 1 / 3)
    assert gate[EMOTIONS.index("fear")].tolist() == [0, 1, 0]


def test_an_expert_sees_its_emotions_alone(faces: Faces) -> None:
    images, labels = faces[0]["train"], faces[1]["train"]
    part = select(images, labels, spec((("fear",), ("surprise",))), torch.device("cpu"))
    own = np.isin(labels, [EMOTIONS.index("fear"), EMOTIONS.index("surprise")])
    np.testing.assert_array_equal(part.images.numpy(), images[own])
    np.testing.assert_array_equal(part.targets[:, 1].numpy(), labels[own] == EMOTIONS.index("surprise"))
    gate = select(images, labels, spec(GROUPS), torch.device("cpu"))
    assert len(gate) == len(images) and gate.targets.shape == (28, 3)
    np.testing.assert_array_equal(gate.targets.argmax(1).numpy(), np.array([2, 2, 1, 0, 2, 1, 0])[labels])


@pytest.mark.parametrize(
    ("classes", "role"), [(SEVEN, "classifier"), (GROUPS, "gate"), ((("fear",), ("surprise",)), "expert")]
)
def test_every_network_takes_the_same_steps(
    faces: Faces, monkeypatch: pytest.MonkeyPatch, classes: tuple, role: str
) -> None:
    asked, seen = [], Counter()
    rate, normalise = train.rate, batches.normalise

    def counting(step: int, steps: int, **how: object) -> float:
        asked.append((step, steps))
        return rate(step, steps, **how)

    def looking(images: torch.Tensor, mean: float, std: float) -> torch.Tensor:
        assert (mean, std) == (MEAN, STD)
        if len(images) == 8:
            seen.update(image.numpy().tobytes() for image in images)
        return normalise(images, mean, std)

    monkeypatch.setattr(train, "rate", counting)
    monkeypatch.setattr(batches, "normalise", looking)
    how = spec(classes, "network", role, epochs=2)
    result = go(how, faces)
    assert asked == [(step, 6) for step in range(6)]  # 28 faces make 3 batches of 8, for an expert too
    assert result.weights["bn1.num_batches_tracked"] == 3 * result.best_epoch
    assert sum(seen.values()) == 48
    own = {faces[0]["train"][i].tobytes() for i in range(28) if EMOTIONS[faces[1]["train"][i]] in how.emotions}
    assert set(seen) <= own
    if role == "expert":  # 8 faces, 6 times over
        assert set(seen) == own and set(seen.values()) == {6}


def test_an_order_goes_through_all_faces_before_it_repeats_one() -> None:
    order = random_orders(5, 13, torch.Generator().manual_seed(0)).tolist()
    assert len(order) == 13
    assert sorted(order[:5]) == sorted(order[5:10]) == list(range(5)) and len(set(order[10:])) == 3
    assert order[:5] != order[5:10]


def test_of_equal_epochs_the_first_is_best() -> None:
    history = [{"epoch": n, "val_accuracy": a} for n, a in enumerate((0.5, 0.7, 0.6, 0.7), start=1)]
    assert best_epoch(history) == 2
    assert best_epoch(history[:1]) == 1


def test_weights_are_those_of_the_best_epoch(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies, states = iter((0.1, 0.6, 0.6, 0.3)), []

    def score(network: torch.nn.Module, *rest: object) -> tuple[float, float]:
        states.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return 1.0, next(accuracies)

    monkeypatch.setattr(train, "_score", score)
    result = go(spec(), faces)
    assert result.best_epoch == 2 and [row["val_accuracy"] for row in result.history] == [0.1, 0.6, 0.6, 0.3]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in result.weights.items())
    assert not torch.equal(states[1]["fc.weight"], states[2]["fc.weight"])


def test_history_is_what_the_weights_do(faces: Faces) -> None:
    images, labels = faces
    how = spec(epochs=3, augmentation=PLAIN.model_dump())
    result = go(how, faces)
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert all(set(row) == set(result.history[0]) for row in result.history)
    assert result.seconds == pytest.approx(sum(row["seconds"] for row in result.history))
    assert result.history[-1]["lr"] < result.history[0]["lr"] <= how.training.lr
    network = build(how)
    network.load_state_dict(result.weights)
    x = torch.from_numpy(((images["val"] / 255 - MEAN) / STD).astype(np.float32))[:, None]
    with torch.no_grad():
        logits = network.eval()(x)
    truth = torch.from_numpy(labels["val"]).long()
    best = result.history[result.best_epoch - 1]
    assert best["val_accuracy"] == pytest.approx((logits.argmax(1) == truth).float().mean().item())
    assert best["val_loss"] == pytest.approx(F.cross_entropy(logits, truth).item(), rel=1e-3)  # not smoothed


def test_a_step_is_nesterov_s_with_decay_of_kernels_alone(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of one run against torch's own functions, written out."""
    how = spec(epochs=1, batch=14, momentum=0.8, weight_decay=0.1, label_smoothing=0.2, augmentation=PLAIN.model_dump())
    seen, starts = [], []
    build_network, augment = train.build, batches.augment

    def kept_network(which: NetworkSpec) -> torch.nn.Module:
        network = build_network(which)
        starts.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return network

    def kept_batch(x: torch.Tensor, *rest: object) -> torch.Tensor:
        seen.append(augment(x, *rest).clone())
        return seen[-1]

    monkeypatch.setattr(train, "build", kept_network)
    monkeypatch.setattr(batches, "augment", kept_batch)
    result = go(how, faces)
    monkeypatch.undo()

    normal = batches.normalise(torch.from_numpy(faces[0]["train"]), MEAN, STD)
    of = {face.numpy().tobytes(): int(label) for face, label in zip(normal, faces[1]["train"], strict=True)}
    network = build(how)
    network.load_state_dict(starts[0])
    network.train()
    moment = {}
    for step, x in enumerate(seen):
        smoothed = torch.full((14, 7), 0.2 / 7)
        smoothed[range(14), [of[face.numpy().tobytes()] for face in x]] += 0.8
        network.zero_grad()
        (-(smoothed * network(x).log_softmax(1)).sum(1).mean()).backward()
        lr = train.rate(step, 2, peak=0.05, schedule="one-cycle", warmup=0.2)
        for name, p in network.named_parameters():
            gradient = p.grad + (0.1 * p.detach() if p.ndim > 1 else 0)
            moment[name] = gradient.clone() if step == 0 else 0.8 * moment[name] + gradient
            p.data -= lr * (gradient + 0.8 * moment[name])
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(result.weights[name], tensor, atol=2e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_learns_what_is_easy(precision: str) -> None:
    images, labels = toy(280, 70)
    how = spec(epochs=6, batch=28, lr=0.1, precision=precision, augmentation=PLAIN.model_dump())
    result = go(how, (images, labels))
    assert result.history[0]["train_loss"] > result.history[-1]["train_loss"]
    assert result.history[result.best_epoch - 1]["val_accuracy"] > 0.9
    assert result.history[-1]["train_accuracy"] > 0.9


def test_a_gate_learns_its_groups() -> None:
    how = spec(GROUPS, "gate", "gate", epochs=5, batch=28, lr=0.1, augmentation=PLAIN.model_dump())
    assert go(how, toy(280, 70)).history[-1]["val_accuracy"] > 0.9


def test_progress_is_a_line_an_epoch(faces: Faces, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        go(spec(epochs=2), faces)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2 and lines[0].startswith("resnet18 seed 0: epoch 1/2, loss ")
    assert all("accuracy" in line and line.endswith(" left") for line in lines)
    assert lines[1].endswith("0:00 left")


# Errors


def refuse(how: NetworkSpec, faces: Faces) -> str:
    with pytest.raises(EmorecError) as caught:
        go(how, faces)
    message = str(caught.value)
    assert "\n" not in message and how.network in message
    return message


def test_a_rate_far_too_high_is_named(faces: Faces) -> None:
    message = refuse(spec(lr=100, weight_decay=1, warmup=0, epochs=20), faces)
    assert "not finite at step" in message and "learning rate" in message and "training.lr" in message


def test_a_constant_answer(faces: Faces) -> None:
    labels = np.array([3, 3, 3, 0, 0, 6], np.uint8)
    images = np.zeros((6, 48, 48), np.uint8)
    every = select(images, labels, tiny.spec(), torch.device("cpu"))
    assert constant_answer(every)[0] == pytest.approx(3 / 6)
    shares = np.array([3, 2, 1]) / 6
    assert constant_answer(every)[1] == pytest.approx(-(shares * np.log(shares)).sum())
    groups = tiny.spec(None, (("happy", "neutral"), ("neutral", "angry", "sad", "fear", "surprise", "disgust")))
    assert constant_answer(select(images, labels, groups, torch.device("cpu")))[0] == pytest.approx(4 / 6)
    foreign = replace(tiny.spec(), role="expert", group=("angry", "neutral"), foreign_weight=0.5)
    assert constant_answer(select(images, labels, foreign, torch.device("cpu")))[0] == pytest.approx(2 / 4.5)


def test_a_network_that_learnt_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    labels = tiny.faces()[1]["val"]
    most = np.bincount(labels).max() / len(labels)
    with caplog.at_level(logging.WARNING):
        learnt = tiny.run(tiny.spec(epochs=6, batch=28, augmentation=PLAIN.model_dump()))
    assert learnt.no_better_than is None and learnt.val_accuracy > 0.5 and not caplog.records
    with caplog.at_level(logging.WARNING):
        lost = tiny.run(tiny.spec(epochs=2, lr=100.0))
    assert lost.no_better_than == pytest.approx(most) and lost.val_accuracy < most + 0.07
    (said,) = [record.getMessage() for record in caplog.records]
    assert (
        "tiny seed 0: no better than a constant answer" in said
        and f"the most frequent answer on {100 * most:.1f} %" in said
    )


def test_the_step_that_is_not_finite_is_named(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, rows = [], []
    normalise = batches.normalise

    def loss(logits: torch.Tensor, targets: torch.Tensor, **options: float) -> torch.Tensor:
        value = F.cross_entropy(logits, targets, **options)
        if options:  # of training, not of val
            calls.append(len(calls))
            return value * float("nan") if len(calls) == 5 else value
        return value

    def looking(images: torch.Tensor, mean: float, std: float) -> torch.Tensor:
        if len(images) == 8:
            rows.append([int(face[0, 0]) for face in images])
        return normalise(images, mean, std)

    images, labels = ({split: array.copy() for split, array in part.items()} for part in faces)
    images["train"][:, 0, 0] = np.arange(28)
    monkeypatch.setattr(learner, "F", SimpleNamespace(cross_entropy=loss))
    monkeypatch.setattr(batches, "normalise", looking)
    message = refuse(spec(), (images, labels))
    rate = train.rate(4, 12, peak=0.05, schedule="one-cycle", warmup=0.2)
    assert "step 2 of epoch 2 " in message and f"learning rate {rate:.4g}," in message
    assert str(rows[4][:4]) in message


def test_a_batch_larger_than_the_faces(faces: Faces) -> None:
    message = refuse(spec(batch=29), faces)
    assert "training.batch 29" in message and "28 faces" in message


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_network_without_faces(faces: Faces, split: str) -> None:
    images, labels = ({split: array.copy() for split, array in part.items()} for part in faces)
    labels[split][np.isin(labels[split], [2, 5])] = 0
    message = refuse(spec((("fear",), ("surprise",)), "resnet18-expert-fear-surprise", "expert"), (images, labels))
    assert "fear, surprise" in message


def test_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(EmorecError, match=r"training\.device: cuda"):
        pick_device("cuda")
