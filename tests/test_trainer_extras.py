"""Sharpness-aware steps, networks that learn from others, and faces that are left out for their twins."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_network as tiny
import torch
import torch.nn.functional as F
from torch import nn

from emorec import EMOTIONS
from emorec.config import NetworkSpec, Part, Teacher, Training
from emorec.config.sizes import spec_size
from emorec.errors import EmorecError
from emorec.networks import train as trainer
from emorec.networks.batches import select
from emorec.networks.build import Network, build
from emorec.networks.learner import Learner, uphill
from emorec.networks.pretrained import differences
from emorec.networks.store import load_network, load_teachers, save_network

torch.set_num_threads(1)

CPU = torch.device("cpu")
EXACT = {"precision": "fp32", "label_smoothing": 0.0, "momentum": 0.0, "weight_decay": 0.0}


def learner(spec: NetworkSpec, **more: Any) -> Learner:
    images, labels = (part["train"] for part in tiny.faces())
    return trainer.make_learner(spec, select(images, labels, spec, CPU), 0.5, 0.25, 0, None, **more)


def batch(seed: int = 0, faces: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(faces, 1, 48, 48, generator=generator)
    return x, torch.eye(7)[torch.randint(7, (faces,), generator=generator)]


# Sharpness-aware minimisation


def test_a_step_goes_by_the_gradient_uphill() -> None:
    """Against the paper's algorithm 1, written out on copies of the network."""
    rho, rate = 0.3, 0.1
    mine = learner(tiny.spec({"stem": "stride2"}, **EXACT, sam=rho))
    own = copy.deepcopy(mine.network).train()
    x, targets = batch()
    x = x.to(memory_format=torch.channels_last)  # as the trainer has it: the same kernels, the same rounding
    loss, *_ = mine.step(x, targets, rate, 0)

    def gradients(network: nn.Module) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        value = F.cross_entropy(network(x), targets)
        named = dict(network.named_parameters())
        return value, dict(zip(named, torch.autograd.grad(value, list(named.values())), strict=True))

    far = copy.deepcopy(own)
    value, here = gradients(own)
    length = torch.sqrt(sum((g**2).sum() for g in here.values()))
    with torch.no_grad():
        for name, p in far.named_parameters():
            p += rho * here[name] / length
    _, there = gradients(far)
    assert loss.item() == pytest.approx(value.item(), rel=1e-5)
    apart = rate * max((there[name] - here[name]).abs().max() for name in here)
    assert apart > 20 * 1e-4, "the gradient is the same uphill: it shows nothing"
    for name, p in mine.network.named_parameters():
        torch.testing.assert_close(p, dict(own.named_parameters())[name] - rate * there[name], atol=1e-4, rtol=0)
    for name, buffer in mine.network.named_buffers():  # which the first pass alone has moved, by the batch here
        torch.testing.assert_close(buffer, dict(own.named_buffers())[name], atol=1e-5, rtol=1e-4)


def test_the_weights_are_back_where_they_were_whatever_happens() -> None:
    network = build(tiny.spec()).train()
    x, targets = batch()
    F.cross_entropy(network(x), targets).backward()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(KeyboardInterrupt), uphill(network, 0.5):
        moved = torch.cat([(p - before[n]).flatten() for n, p in network.named_parameters()]).norm()
        assert moved.item() == pytest.approx(0.5, rel=1e-3)
        network(x)
        raise KeyboardInterrupt
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    network(x)
    assert network.bn1.num_batches_tracked == before["bn1.num_batches_tracked"] + 1  # norm layers keep account again


def test_sharpness_aware_training_learns_with_everything_else_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"ema": 0.9, "mixup": 0.2, "class_balance": "effective-number"}
    spec, path, original, calls = tiny.spec(sam=0.05, **how, epochs=3), tmp_path / "c.safetensors", trainer._epoch, []
    whole = tiny.run(spec)
    assert whole.history[-1]["train_loss"] < whole.history[0]["train_loss"]
    assert tiny.digest(whole) != tiny.digest(tiny.run(tiny.spec(**how, epochs=3)))

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny.run(spec, checkpoint_path=path)
    assert tiny.digest(tiny.run(spec, checkpoint_path=path)) == tiny.digest(whole)


def test_a_sparse_mixture_takes_sharpness_aware_steps() -> None:
    trained = tiny.run(tiny.joint(3, top=2, balance=0.01, sam=0.05, epochs=1))
    assert np.isfinite(trained.history[0]["train_loss"])


# Teachers

GENTLE = {"flip": False, "rotation": 0, "shift": 0, "scale": 0, "erasing": 0}
LONGER = {"epochs": 6, "batch": 28, "lr": 0.1, "augmentation": GENTLE}


@pytest.fixture(scope="module")
def teachers() -> list[Network]:
    found = []
    for seed in (0, 1):
        network = build(tiny.spec())
        network.load_state_dict(tiny.run(tiny.spec(**LONGER), seed).weights)
        found.append(network)
    return found


def student(**training: Any) -> NetworkSpec:
    taught = Teacher("tiny", {0: (0, 1), 5: (5, 0)})
    return replace(tiny.spec(**training), network="student", teacher=taught)


def test_the_teachers_mean_answer_to_the_same_faces_is_what_is_learned(teachers: list[Network]) -> None:
    mine = learner(student(**EXACT | {"label_smoothing": 0.2}), teachers=teachers)
    own = copy.deepcopy(mine.network).train()
    x, targets = batch()
    loss, hits, _ = mine.step(x, targets, 0.0, 0)
    with torch.no_grad():
        logits = own(x)
        wanted = (teachers[0].eval()(x).softmax(1) + teachers[1].eval()(x).softmax(1)) / 2
    assert loss.item() == pytest.approx(-(wanted * logits.log_softmax(1)).sum(1).mean().item(), rel=1e-4)
    assert hits.item() == (logits.argmax(1) == targets.argmax(1)).sum().item()  # by the labels


def test_a_balanced_loss_weighs_what_is_learned_by_the_labels(teachers: list[Network]) -> None:
    mine = learner(student(**EXACT, class_balance="inverse-frequency"), teachers=teachers[:1])
    own = copy.deepcopy(mine.network).train()
    x, targets = batch()
    loss, *_ = mine.step(x, targets, 0.0, 0)
    with torch.no_grad():
        each = -(teachers[0].eval()(x).softmax(1) * own(x).log_softmax(1)).sum(1)
    weights = targets @ mine.class_weights
    assert weights.std() > 0.01
    assert loss.item() == pytest.approx((each * weights).mean().item(), rel=1e-4)


def test_a_student_becomes_like_its_teachers_and_leaves_them_as_they_are(teachers: list[Network]) -> None:
    before = [{name: tensor.clone() for name, tensor in t.state_dict().items()} for t in teachers]
    trained = tiny.run(student(**LONGER), teachers=teachers)
    for teacher, own in zip(teachers, before, strict=True):
        assert all(torch.equal(tensor, own[name]) for name, tensor in teacher.state_dict().items())
    assert trained.history[0]["epoch"] == 1  # it learns from them, and starts from scratch
    network = build(tiny.spec())
    network.load_state_dict(trained.weights)
    images, _ = tiny.faces()
    mean, std = images["train"].mean() / 255, images["train"].std() / 255
    x = ((torch.from_numpy(images["val"]).unsqueeze(1) / 255 - mean) / std).float()
    with torch.no_grad():
        taught = sum(teacher.eval()(x).softmax(1) for teacher in teachers) / 2
        said = network.eval()(x).log_softmax(1)
    alike, chance = -(taught * said).sum(1).mean(), -(taught * taught.mean(0).log()).sum(1).mean()
    assert alike < chance - 0.1  # it says of each face what they do, rather than the same of all


def test_a_checkpoint_of_a_run_with_other_teachers_is_set_aside(
    teachers: list[Network], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.safetensors"
    tiny.run(student(epochs=1), teachers=teachers, checkpoint_path=path)
    tiny.run(student(epochs=1), teachers=teachers[::-1], checkpoint_path=path)
    assert "another spec, seed or data" in caplog.text or "set aside" in caplog.text


def test_a_students_record_names_its_teachers(teachers: list[Network], tmp_path: Path) -> None:
    spec = student(epochs=1)
    assert spec.before(5) == spec.teachers(5) == [Part("tiny", 5), Part("tiny", 0)] and spec.starts(5) == []
    trained = tiny.run(spec, teachers=teachers)
    save_network(tmp_path / "student", spec, 5, trained, 0.5, 0.25, teacher_flops=1000)
    record = load_network(tmp_path / "student").record
    assert record["teacher"] == {"network": "tiny", "seeds": [5, 0]}
    flops = spec_size(spec).flops
    assert record["train_flops"] == trained.steps * spec.training.batch * (3 * flops + 1000)
    assert differences(record, spec) == []
    assert differences(record, replace(spec, teacher=Teacher("tiny", {5: (5, 1)}))) == ["teacher"]
    assert differences(record, replace(spec, teacher=None)) == ["teacher"]
    more = Teacher("tiny", {5: (5, 0), 9: (9, 0)})  # a study that has one more seed
    assert differences(record, replace(spec, teacher=more)) == []

    save_network(tmp_path / "twice", tiny.spec(sam=0.1), 0, trained, 0.5, 0.25)
    assert load_network(tmp_path / "twice").record["train_flops"] == 6 * flops * trained.steps * spec.training.batch
    with pytest.raises(EmorecError, match="student learns from it; train it first"):
        load_teachers(spec, [tmp_path / "nowhere"])
    gate = tiny.spec(None, (("happy", "neutral"), tuple(e for e in EMOTIONS if e not in ("happy", "neutral"))))
    save_network(tmp_path / "gate", gate, 0, tiny.run(replace(gate, training=Training(epochs=1, batch=64))), 0.5, 0.25)
    with pytest.raises(EmorecError, match="student learns from it, but it was trained on other groups"):
        load_teachers(spec, [tmp_path / "gate"])
    assert len(load_teachers(spec, [tmp_path / "twice"])) == 1


# Faces that are left out


def test_faces_that_are_left_out_are_as_if_they_were_not_there() -> None:
    images, labels = tiny.faces()
    random = np.random.default_rng(1)
    gone = {split: random.random(len(labels[split])) < 0.3 for split in labels}
    how = {"mean": 0.5, "std": 0.25}
    spec = tiny.spec(batch=28)
    trained = trainer.train(spec, 0, images, labels, **how, left_out=gone)
    kept = {split: ~gone[split] for split in labels}
    fewer = [{split: each[split][kept[split]] for split in labels} for each in (images, labels)]
    assert tiny.digest(trained) == tiny.digest(trainer.train(spec, 0, *fewer, **how))
    assert trained.faces == {split: int(kept[split].sum()) for split in labels}
    assert trained.left_out == {split: int(gone[split].sum()) for split in labels}
    assert trained.steps == 2 * (int(kept["train"].sum()) // 28)
    assert tiny.run(spec).left_out == {"train": 0, "val": 0}


def test_an_expert_counts_its_own_faces_alone() -> None:
    images, labels = tiny.faces()
    happy = EMOTIONS.index("happy")
    gone = {split: labels[split] == happy for split in labels}
    gone["val"][:] = False
    expert = tiny.spec(None, (("fear",), ("surprise",)), epochs=1)
    trained = trainer.train(expert, 0, images, labels, mean=0.5, std=0.25, left_out=gone)
    assert trained.left_out == {"train": 0, "val": 0}
    with pytest.raises(EmorecError, match="no face shows any of happy, sad") as caught:
        both = gone | {"train": np.isin(labels["train"], [happy, EMOTIONS.index("sad")])}
        spec = tiny.spec(None, (("happy",), ("sad",)), epochs=1)
        trainer.train(spec, 0, images, labels, mean=0.5, std=0.25, left_out=both)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_other_faces_left_out_is_set_aside(tmp_path: Path) -> None:
    images, labels = tiny.faces()
    none = {split: np.zeros(len(labels[split]), bool) for split in labels}
    some = none | {"train": np.arange(280) < 50}
    prints = {trainer._fingerprint(tiny.spec(), 0, images, labels, left_out=each) for each in (None, none, some)}
    assert len(prints) == 2
