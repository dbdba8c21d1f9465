"""What experts are taught about faces of others' emotions: nothing, that they are others', or with less weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny_network as tiny
import torch
import torch.nn.functional as F

from emorec import EMOTIONS
from emorec.config import SEVEN
from emorec.networks import train as trainer
from emorec.networks.batches import class_weights, importances, loss_weights, select
from emorec.networks.build import build

torch.set_num_threads(1)

CPU = torch.device("cpu")
GROUP = ("fear", "surprise")
OWN = torch.tensor([emotion in GROUP for emotion in EMOTIONS])
PLAIN = {"flip": False, "rotation": 0, "shift": 0, "scale": 0, "brightness": 0, "contrast": 0, "erasing": 0}


def weighted(weight: float = 0.1, **training):
    return replace(tiny.spec(**training), role="expert", group=GROUP, foreign_weight=weight)


def other(**training):
    foreign = tuple(emotion for emotion in EMOTIONS if emotion not in GROUP)
    return replace(tiny.spec(None, (*((e,) for e in GROUP), foreign), **training), role="expert", group=GROUP)


def uneven(seed: int = 0) -> torch.Tensor:
    """Targets (n, 7) of classes of unequal size, some faces shared between two."""
    random = np.random.default_rng(seed)
    labels = random.choice(7, 500, p=np.array([5, 1, 4, 9, 5, 4, 6]) / 34)
    targets = torch.eye(7)[labels]
    targets[:50] = (targets[:50] + targets[50:100]) / 2
    return targets


def test_importances():
    assert importances(tiny.spec()) is None
    assert importances(other()) is None
    assert importances(weighted(1.0)) is None
    expected = [0.25 if emotion not in GROUP else 1.0 for emotion in EMOTIONS]
    np.testing.assert_array_equal(importances(weighted(0.25)), np.float32(expected))
    np.testing.assert_array_equal(importances(replace(other(), foreign_weight=0.5)), np.float32([1, 1, 0.5]))


@pytest.mark.parametrize("kind", ["none", "inverse-frequency", "effective-number", "sampling"])
def test_weights_of_classes_by_balance_and_importance(kind):
    targets, importance = uneven(), torch.where(OWN, 1.0, 0.1)
    found = loss_weights(targets, kind, importance)
    balance = class_weights(targets, kind) if kind in ("inverse-frequency", "effective-number") else torch.ones(7)
    torch.testing.assert_close(found / found[2], balance * importance / balance[2])
    drawn = targets if kind != "sampling" else torch.eye(7)
    assert (drawn @ found).mean().item() == pytest.approx(1, abs=1e-5)


def test_without_importance_the_weights_are_those_of_ever():
    targets = uneven()
    assert loss_weights(targets, "none", None) is loss_weights(targets, "sampling", None) is None
    torch.testing.assert_close(
        loss_weights(targets, "inverse-frequency", None), class_weights(targets, "inverse-frequency"), atol=0, rtol=0
    )


def test_a_class_without_faces_does_not_disturb_the_sampled_scale():
    targets = torch.eye(7)[torch.tensor([2, 2, 5, 3, 3, 3])]
    found = loss_weights(targets, "sampling", torch.where(OWN, 1.0, 0.5))
    assert found[[2, 5, 3]].mean().item() == pytest.approx(1)


def test_which_faces_an_expert_sees():
    images, labels = (part["train"] for part in tiny.faces())
    assert len(select(images, labels, weighted(), CPU)) == len(images)
    part = select(images, labels, other(), CPU)
    assert len(part) == len(images) and part.targets.shape == (280, 3)
    expected = np.select([labels == EMOTIONS.index("fear"), labels == EMOTIONS.index("surprise")], [0, 1], 2)
    np.testing.assert_array_equal(part.targets.argmax(1).numpy(), expected)
    assert (part.targets.sum(1) == 1).all()


def test_a_step_weighs_foreign_faces_in_loss_and_accuracy():
    images, labels = (part["train"] for part in tiny.faces())
    spec = weighted(0.2, precision="fp32", label_smoothing=0.0)
    part = select(images, labels, spec, CPU)
    learner = trainer.make_learner(spec, part, 0.5, 0.25, 0, None)
    x = torch.randn(32, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    targets = part.targets[:32]
    with torch.no_grad():
        logits = build_like(learner.network)(x)
    weights = targets @ torch.where(OWN, 1.0, 0.2)
    scale = (part.targets @ torch.where(OWN, 1.0, 0.2)).mean()
    loss, hits, count = learner.step(x, targets, 0.0, 0)
    expected = (F.cross_entropy(logits, targets, reduction="none") * weights).mean() / scale
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    right = (logits.argmax(1) == targets.argmax(1)).float()
    assert hits.item() == pytest.approx((right * weights).sum().item(), rel=1e-4)
    assert count.item() == pytest.approx(weights.sum().item(), rel=1e-4)


def build_like(network: torch.nn.Module) -> torch.nn.Module:
    copy = build(weighted())
    copy.load_state_dict(network.state_dict())
    return copy.train()


def test_the_score_on_val_weighs_as_the_loss_does():
    images, labels = (part["val"] for part in tiny.faces())
    part = select(images, labels, weighted(0.2), CPU)
    torch.manual_seed(0)
    network = build(weighted()).eval()
    loss, accuracy = trainer._score(network, part, 0.5, 0.25, 48, "fp32")
    with torch.no_grad():
        logits = network((torch.from_numpy(images).unsqueeze(1) / 255 - 0.5) / 0.25)
    truth = torch.from_numpy(labels).long()
    weights = torch.where(OWN, 1.0, 0.2)[truth]
    right = (logits.argmax(1) == truth).float()
    assert accuracy == pytest.approx(((right * weights).sum() / weights.sum()).item(), rel=1e-4)
    losses = F.cross_entropy(logits, truth, reduction="none")
    assert loss == pytest.approx(((losses * weights).sum() / weights.sum()).item(), rel=1e-4)
    plain = trainer._score(network, replace(part, importance=None), 0.5, 0.25, 48, "fp32")
    assert plain[1] == pytest.approx(right.mean().item(), rel=1e-4)


def test_experts_learn_by_what_they_are_taught():
    """The lower the weight of foreign faces, the less they are named right, own faces the more."""
    images, labels = tiny.faces()
    how = {"epochs": 6, "batch": 28, "augmentation": PLAIN, "precision": "fp32"}
    recall = {}
    for weight in (0.001, 1.0):
        trained = tiny.run(weighted(weight, **how))
        assert trained.val_accuracy > 0.5
        network = build(weighted())
        network.load_state_dict(trained.weights)
        mean, std = float(images["train"].mean() / 255), float(images["train"].std() / 255)
        with torch.no_grad():
            said = network.eval()((torch.from_numpy(images["val"]).unsqueeze(1) / 255 - mean) / std).argmax(1)
        own = OWN[torch.from_numpy(labels["val"]).long()]
        right = said == torch.from_numpy(labels["val"])
        recall[weight] = right[own].float().mean().item(), right[~own].float().mean().item()
    assert recall[0.001][1] < recall[1.0][1] - 0.3
    assert recall[0.001][0] > recall[1.0][0] - 0.05


def test_an_expert_learns_that_a_face_is_anothers():
    assert tiny.run(other(epochs=6, batch=28, augmentation=PLAIN)).val_accuracy > 0.85  # always "other" has 0.7


def test_the_weights_follow_mixed_faces():
    """A face that is half own weighs half of each: importance is of what a target says."""
    spec = weighted(0.2, precision="fp32", label_smoothing=0.0, mixup=1.0)
    assert spec.classes == SEVEN
    half = torch.zeros(1, 7)
    half[0, EMOTIONS.index("fear")] = half[0, EMOTIONS.index("sad")] = 0.5
    weights = loss_weights(torch.eye(7), "none", importances(spec))
    assert (half @ weights / weights[2]).item() == pytest.approx(0.6)
