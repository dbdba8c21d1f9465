"""The recipe's options, each by what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tiny_network as tiny
import torch
from torch import nn

from emorec.networks.augment import draw_mixes, mix, random_crop, views_of
from emorec.networks.batches import Feed, balanced_draws, class_weights, select
from emorec.networks.learner import Average
from emorec.networks.resnet import ResNet, SqueezeExcitation, StochasticDepth, whitening_filters
from emorec.networks.store import network_outputs
from emorec.networks.torchvision_layout import resnet18
from emorec.networks.train import build, make_learner

CPU = torch.device("cpu")


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def part(spec=None):
    images, labels = tiny.faces()
    return select(images["train"], labels["train"], spec or tiny.spec(), CPU)


# Architecture


@pytest.mark.parametrize("options", [{}, {"stochastic_depth": 0.3, "dropout": 0.5}])
def test_the_state_dict_keeps_torchvisions_keys_where_nothing_is_added(options):
    ours = set(ResNet(7, width=8, depth=18, stem="imagenet", **options).state_dict())
    assert ours == set(resnet18().state_dict())


def test_added_parts_lie_beside_torchvisions_keys():
    ours = set(ResNet(7, width=8, squeeze_excitation=16, whitening=True).state_dict())
    theirs = set(resnet18().state_dict())
    assert theirs < ours
    assert all("excitation" in key or key == "whiten.weight" for key in ours - theirs)


def test_squeeze_excitation_weighs_channels_between_nought_and_one():
    x = random(2, 32, 5, 5) + 0.1
    ratio = SqueezeExcitation(32, 16)(x) / x
    assert ((ratio > 0) & (ratio < 1)).all()
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio))


def test_stochastic_depth_skips_whole_branches_and_keeps_the_mean():
    torch.manual_seed(0)
    layer = StochasticDepth(0.25)
    y = layer(torch.ones(4000, 2, 1, 1))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert y.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(layer.eval()(torch.ones(3, 2, 1, 1)), torch.ones(3, 2, 1, 1))


def test_stochastic_depth_grows_to_the_last_block():
    network = ResNet(7, width=4, stochastic_depth=0.4)
    found = [m.probability for m in network.modules() if isinstance(m, StochasticDepth)]
    assert found == pytest.approx([0.4 * block / 8 for block in range(1, 9)])


def test_dropout_acts_on_the_head_alone_and_only_in_training():
    network = ResNet(7, width=4, depth=10, stem="imagenet", dropout=0.5).eval()
    x = random(2, 1, 48, 48)
    assert torch.equal(network(x), network.fc(network.embed(x)))
    network.train()
    assert not torch.equal(network(x), network(x))


def test_whitening_filters_give_uncorrelated_outputs_of_variance_one():
    x = random(200, 1, 12, 12)
    x = (x + x.roll(1, 3) + x.roll(1, 2)) - 1.5  # neighbours alike
    filters = whitening_filters(x, eps=0.0)
    seen = nn.functional.conv2d(x, filters)[:, :9].transpose(0, 1).flatten(1)
    assert torch.allclose(seen @ seen.T / seen.shape[1], torch.eye(9), atol=1e-3)
    assert torch.equal(filters[:9], -filters[9:])


def test_whitening_filters_are_set_from_the_faces_and_not_trained():
    spec = tiny.spec({"whitening": True})
    images, _ = tiny.faces()
    mean, std = float(images["train"].mean() / 255), float(images["train"].std() / 255)
    start = make_learner(spec, part(spec), mean, std, 1, None).network.whiten.weight
    assert torch.equal(tiny.run(spec).weights["whiten.weight"], start)


# Training


def test_the_average_follows_weights_and_statistics():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    average = Average(network, 0.9)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    network(random(4, 1, 5, 5))  # moves the statistics
    average.update(network, step=1000)
    for name, tensor in average.network.state_dict().items():
        now = network.state_dict()[name]
        expected = now if name.endswith("tracked") else 0.9 * before[name] + 0.1 * now
        assert torch.allclose(tensor, expected), name


def test_the_average_forgets_the_start_quickly():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(5.0)
    average = Average(network, 0.999)
    network.weight.data.fill_(1.0)
    for step in range(60):
        average.update(network, step)
    assert average.network.weight.item() == pytest.approx(1, abs=1e-3)


def test_the_kept_weights_are_the_averages():
    plain, averaged = tiny.run(tiny.spec()), tiny.run(tiny.spec(ema=0.9))
    assert [row["train_loss"] for row in plain.history] == [row["train_loss"] for row in averaged.history]
    assert [row["val_loss"] for row in plain.history] != [row["val_loss"] for row in averaged.history]
    assert tiny.digest(plain) != tiny.digest(averaged)


@pytest.mark.parametrize("alphas", [{"mixup": 0.4, "cutmix": 0.0}, {"mixup": 0.0, "cutmix": 1.0}])
def test_a_mixed_face_is_made_of_two_in_the_proportion_of_its_target(alphas):
    b = 64
    x = torch.arange(b, dtype=torch.float32).view(b, 1, 1, 1).expand(b, 1, 48, 48).contiguous()
    targets = torch.eye(b)
    mixes = draw_mixes(3, b, **alphas, seed=1, device=CPU)
    mixed, mixed_targets = mix(x, targets, *mixes[2])
    assert torch.allclose(mixed_targets.sum(1), torch.ones(b))
    own = mixed_targets.diagonal()
    other = (torch.arange(b) - 1) % b
    expected = own * torch.arange(b) + (1 - own) * other
    assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-3)
    assert own.min() < 0.5 < own.max()
    values = mixed.flatten(1).std(1)
    assert (values[own < 1] > 0).any() if alphas["cutmix"] else (values < 1e-3).all()


def test_both_mixes_take_turns():
    mixes = draw_mixes(400, 2, mixup=0.2, cutmix=1.0, seed=1, device=CPU)
    assert 150 < sum(cut for *_, cut in mixes) < 250


def test_mixing_leaves_order_and_augmentation_as_they_were():
    spec, mixed = tiny.spec(), tiny.spec(mixup=0.2)
    one, other = (next(Feed(part(), s.training, 0.5, 0.25).epoch(4, 5)) for s in (spec, mixed))
    assert torch.equal(one.faces, other.faces)
    share = draw_mixes(4, 64, mixup=0.2, cutmix=0.0, seed=5, device=CPU)[0][0].view(-1, 1, 1, 1)
    assert torch.allclose(other.x, torch.lerp(one.x.roll(1, 0), one.x, share))


def test_balanced_draws_show_each_class_alike():
    targets = torch.eye(3)[torch.tensor([0] * 900 + [1] * 90 + [2] * 10)]
    drawn = balanced_draws(targets, 30_000, torch.Generator().manual_seed(0))
    counts = targets[drawn].sum(0)
    assert counts.tolist() == pytest.approx([10_000] * 3, rel=0.05)
    assert len(set(drawn.tolist())) == 1000


def test_class_weights_follow_their_formula_and_keep_the_mean():
    targets = torch.eye(4)[torch.tensor([0] * 900 + [1] * 90 + [2] * 10)]
    inverse, effective = (class_weights(targets, kind) for kind in ("inverse-frequency", "effective-number"))
    assert (inverse[1] / inverse[0]).item() == pytest.approx(10)
    ratio = (1 - 0.999**900) / (1 - 0.999**10)
    assert (effective[2] / effective[0]).item() == pytest.approx(ratio, rel=1e-4)
    for weights in (inverse, effective):
        assert (targets @ weights).mean().item() == pytest.approx(1)
        assert weights[3] == 0


def test_a_balanced_loss_weighs_faces_by_their_class():
    spec = tiny.spec(class_balance="inverse-frequency", label_smoothing=0.0)
    learner = make_learner(spec, part(), 0.5, 0.25, 0, None)
    logits = torch.zeros(280, 7)
    assert learner._loss(logits, part().targets, part().targets).item() == pytest.approx(math.log(7), rel=1e-5)
    learner.class_weights = torch.tensor([1.0, 0, 0, 0, 0, 0, 0])
    share = part().targets[:, 0].mean().item()
    assert learner._loss(logits, part().targets, part().targets).item() == pytest.approx(share * math.log(7), rel=1e-5)


def test_a_random_crop_is_a_window_of_its_own_face():
    x = torch.arange(48 * 48, dtype=torch.float32).view(1, 1, 48, 48) + 10_000 * torch.arange(50).view(50, 1, 1, 1)
    seen = random_crop(x, 44, torch.Generator().manual_seed(0))
    assert seen.shape == (50, 1, 44, 44)
    corner = seen[:, 0, 0, 0] - 10_000 * torch.arange(50)
    top, left = corner // 48, corner % 48
    assert torch.equal(seen[:, 0] - seen[:, 0, :1, :1], (x[:, 0] - x[:, 0, :1, :1])[:, :44, :44])
    assert set(top.tolist()) == set(left.tolist()) == {0, 1, 2, 3, 4}
    assert random_crop(x, 48, torch.Generator()) is x


# Views


@pytest.mark.parametrize(
    ("kind", "crop", "count"), [("none", 48, 1), ("flip", 48, 2), ("none", 44, 1), ("flip", 44, 2)]
)
def test_views_in_the_middle(kind, crop, count):
    x = random(2, 1, 48, 48)
    seen = views_of(x, kind, crop)
    margin = (48 - crop) // 2
    assert len(seen) == count
    assert torch.equal(seen[0], x[..., margin : 48 - margin, margin : 48 - margin])
    assert kind == "none" or torch.equal(seen[1], seen[0].flip(3))


def test_ten_crops_are_five_windows_and_their_mirror_images():
    x = random(1, 1, 48, 48)
    seen = views_of(x, "ten-crop", 44)
    assert len(seen) == 10 and {tuple(view.shape) for view in seen} == {(1, 1, 44, 44)}
    corners = {view[0, 0, 0, 0].item() for view in seen[::2]}
    assert corners == {x[0, 0, i, j].item() for i, j in ((2, 2), (0, 0), (0, 4), (4, 0), (4, 4))}


def test_outputs_are_means_over_the_views():
    torch.manual_seed(0)
    network = build(tiny.spec())
    images, _ = tiny.faces()
    options = {"mean": 0.5, "std": 0.25, "device": CPU, "threads": 1}
    ten, features, *_ = network_outputs(network, images["val"][:8], **options, views="ten-crop", crop=44)
    x = (torch.from_numpy(images["val"][:8]).unsqueeze(1) / 255 - 0.5) / 0.25
    with torch.no_grad():
        expected = torch.stack([network(view) for view in views_of(x, "ten-crop", 44)]).mean(0)
    assert np.allclose(ten, expected, atol=1e-4) and features.shape == (8, network.fc.in_features)
    mirrored, *_ = network_outputs(network, images["val"][:8, :, ::-1].copy(), **options)
    assert np.allclose(mirrored, network_outputs(network, images["val"][:8], **options)[0], atol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "training"),
    [
        ({"squeeze_excitation": 16}, {}),
        ({"stochastic_depth": 0.2}, {}),
        ({"whitening": True}, {"precision": "fp32"}),
        ({}, {"class_balance": "sampling"}),
        ({}, {"crop": 44, "views": "ten-crop"}),
        ({}, {"cutmix": 1.0}),
    ],
)
def test_each_option_trains_to_finite_losses(architecture, training):
    trained = tiny.run(tiny.spec(architecture, **training, epochs=1))
    assert math.isfinite(trained.history[0]["val_loss"])
