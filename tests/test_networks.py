"""Networks against torchvision, augmentation against SciPy, schedules against formulas, files as they come back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import nn

from emorec import EMOTIONS
from emorec.config import Architecture, Augmentation, NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.inputs import read_json
from emorec.networks.augment import _affine, augment, augmented_pictures, normalise
from emorec.networks.outputs import load_outputs, save_outputs
from emorec.networks.resnet import Output, ResNet
from emorec.networks.store import load_network, network_outputs, save_network
from emorec.networks.torchvision_layout import resnet18
from emorec.networks.train import Trained, build, rate
from emorec.size import STAGES, STEMS, resnet_size, width_nearest
from tests.flops import forward_flops

torch.set_num_threads(1)

OFF = Augmentation(flip=False, rotation=0, shift=0, scale=0, brightness=0, contrast=0, erasing=0)
CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(**strengths: float | bool) -> Augmentation:
    return OFF.model_copy(update=strengths)


def smooth(faces: int = 4, seed: int = 0) -> torch.Tensor:
    """Faces (b, 1, 48, 48) without symmetry."""
    noise = np.random.default_rng(seed).normal(size=(faces, 48, 48))
    return torch.from_numpy(ndimage.gaussian_filter(noise, (0, 2, 2)) * 10).float().unsqueeze(1)


# ResNet


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """Batch norms away from their initial identity, so that a wrong or a missing one shows."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def test_width_64_with_the_imagenet_stem_is_torchvision_s_resnet18() -> None:
    ours, theirs = ResNet(7, stem="imagenet"), resnet18(num_classes=7)
    assert {k: v.shape for k, v in ours.state_dict().items() if k != "conv1.weight"} == {
        k: v.shape for k, v in theirs.state_dict().items() if k != "conv1.weight"
    }
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert parameters(ours) == parameters(theirs) - 2 * 64 * 7 * 7  # one channel in place of three

    theirs.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    theirs.load_state_dict(randomised(ours).state_dict())
    x = torch.randn(3, 1, 48, 48, generator=generator())
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs.eval()(x))
        pooled = {}
        theirs.avgpool.register_forward_hook(lambda module, given, made: pooled.update(made=made.flatten(1)))
        theirs(x)
        torch.testing.assert_close(ours.embed(x), pooled["made"])


@pytest.mark.parametrize("stem", ["full", "stride2"])
def test_other_stems_differ_from_torchvision_in_the_first_kernel_alone(stem: str) -> None:
    with torch.device("meta"):
        ours, theirs = ResNet(7, stem=stem), resnet18(num_classes=7)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.conv1.weight.shape == (64, 1, 3, 3)
    assert parameters(ours) == parameters(theirs) - 3 * 64 * 49 + 64 * 9


@pytest.mark.parametrize(("depth", "convolutions"), [(10, 9), (18, 17), (34, 33)])
def test_depth_counts_the_layers_with_weights(depth: int, convolutions: int) -> None:
    network = ResNet(3, width=4, depth=depth, stem="imagenet")
    found = [m for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    assert len(found) == convolutions  # and the linear layer
    assert network(torch.zeros(2, 1, 48, 48)).shape == (2, 3)


@pytest.mark.parametrize(("stem", "first", "last"), [("full", 48, 6), ("stride2", 24, 3), ("imagenet", 12, 2)])
def test_maps_and_embedding(stem: str, first: int, last: int) -> None:
    network = ResNet(7, width=5, depth=10, stem=stem).eval()
    sides = {}
    for name in ("layer1", "layer4"):
        getattr(network, name).register_forward_hook(lambda m, i, out, name=name: sides.update({name: out.shape[-2:]}))
    x = torch.randn(2, 1, 48, 48)
    features = network.embed(x)
    assert sides == {"layer1": (first, first), "layer4": (last, last)}
    assert network.fc.in_features == 40 and features.shape == (2, 40)
    assert (features >= 0).all()  # means of rectified maps
    torch.testing.assert_close(network.fc(features), network(x))
    assert set(STEMS) == set(Architecture.model_fields["stem"].annotation.__args__)
    assert set(STAGES) == set(Architecture.model_fields["depth"].annotation.__args__)


def test_forward_flops_by_hand() -> None:
    def convolution(given: int, made: int, kernel: int, side: int) -> int:
        return 2 * given * kernel**2 * made * side**2

    expected = convolution(1, 4, 7, 24)
    expected += 2 * convolution(4, 4, 3, 12)
    for given, made, side in ((4, 8, 6), (8, 16, 3), (16, 32, 2)):
        expected += (
            convolution(given, made, 3, side) + convolution(made, made, 3, side) + convolution(given, made, 1, side)
        )
    expected += 2 * 32 * 7
    assert forward_flops(ResNet(7, width=4, depth=10, stem="imagenet")) == expected


# Augmentation


def test_normalise_is_what_numpy_says() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    given = torch.from_numpy(images.copy())
    found = normalise(given, 0.4, 0.25)
    assert found.dtype == torch.float32 and found.shape == (3, 1, 48, 48)
    np.testing.assert_allclose(found[:, 0].numpy(), (images / 255 - 0.4) / 0.25, atol=1e-6)
    np.testing.assert_array_equal(given.numpy(), images)  # not changed in place


def test_strengths_of_zero_change_nothing() -> None:
    x = smooth()
    assert torch.equal(augment(x, OFF, generator()), x)


def test_augmentation_leaves_its_input_alone_and_keeps_its_shape() -> None:
    x = smooth(8)
    before = x.clone()
    found = augment(x, Augmentation(erasing=1), generator())
    assert torch.equal(x, before)
    assert found.shape == x.shape and found.dtype == torch.float32 and found.isfinite().all()


def test_one_seed_gives_one_result_and_each_face_its_own() -> None:
    x = smooth(1).expand(16, 1, 48, 48)
    for how in (
        Augmentation(),
        only(rotation=10),
        only(shift=0.1),
        only(scale=0.1),
        only(contrast=0.2),
        only(erasing=1),
    ):
        first = augment(x, how, generator(3))
        assert torch.equal(first, augment(x, how, generator(3)))
        assert not torch.equal(first, augment(x, how, generator(4)))
        assert len({face.numpy().tobytes() for face in first}) == 16, how


def test_flip_gives_the_face_or_its_mirror_image_equally_often() -> None:
    x = smooth(400)
    found = augment(x, only(flip=True), generator())
    same = (found - x).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (found - x.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert torch.equal(same, ~mirrored)
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("mirror", [False, True])
def test_affine_map_is_scipy_s(mirror: bool) -> None:
    x = smooth(1)
    angle, scale, across, down = 17.0, 0.13, 0.11, -0.07  # degrees, share, shares of the grid's half side

    drawn = {(-30, 30): [angle], (-0.2, 0.2): [scale], (0, 1): [0.2 if mirror else 0.8], (-0.24, 0.24): [across, down]}
    found = _affine(
        x,
        Augmentation(rotation=30, scale=0.2, shift=0.12),
        lambda low, high: torch.tensor([drawn[low, high].pop(0)]),
    )

    cos, sin = math.cos(math.radians(angle)) / (1 + scale), math.sin(math.radians(angle)) / (1 + scale)
    left = -1 if mirror else 1
    matrix = np.array([[cos, sin * left], [-sin, cos * left]])  # rows and columns: y first
    shift, middle = np.array([down, across]) * 24, np.array([23.5, 23.5])
    offset = middle + shift - matrix @ middle
    expected = ndimage.affine_transform(x[0, 0].numpy().astype(float), matrix, offset, order=1, mode="nearest")
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=2e-4)


def slopes(how: Augmentation, faces: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How a ramp along the columns comes out in the middle: slope across, slope down, value there less that before."""
    ramp = (torch.arange(48.0) - 23.5).expand(faces, 1, 48, 48)
    inner = augment(ramp, how, generator())[:, 0, 20:28, 20:28].numpy()
    across = (inner[:, :, -1] - inner[:, :, 0]).mean(1) / 7
    down = (inner[:, -1, :] - inner[:, 0, :]).mean(1) / 7
    return across, down, inner.mean((1, 2))


def test_rotation_is_within_its_degrees_and_uses_them() -> None:
    across, down, middle = slopes(only(rotation=20))
    angles = np.degrees(np.arctan2(down, across))
    assert 18 < angles.max() <= 20.01 and -18 > angles.min() >= -20.01
    np.testing.assert_allclose(across**2 + down**2, 1, atol=1e-4)  # no scaling
    np.testing.assert_allclose(middle, 0, atol=1e-4)  # about the middle


def test_shift_is_within_its_share_of_the_side_and_uses_it() -> None:
    across, down, middle = slopes(only(shift=0.1))
    assert 4.3 < middle.max() <= 4.801 and -4.3 > middle.min() >= -4.801
    np.testing.assert_allclose(across, 1, atol=1e-4)
    np.testing.assert_allclose(down, 0, atol=1e-4)
    turned = augment(smooth(1).expand(50, 1, 48, 48), only(shift=0.1), generator())
    assert len({face.numpy()[0, 10:38, 24].tobytes() for face in turned}) == 50


def test_scale_is_within_its_share_and_uses_it() -> None:
    across, down, _ = slopes(only(scale=0.25))
    magnified = 1 / across
    assert 1.2 < magnified.max() <= 1.2501 and 0.8 > magnified.min() >= 0.7499
    np.testing.assert_allclose(down, 0, atol=1e-4)


def test_contrast_and_brightness_are_one_line_a_face() -> None:
    x = smooth(300)
    found = augment(x, only(contrast=0.3, brightness=0.2), generator())
    gains, offsets = np.array([np.polyfit(a.ravel(), b.ravel(), 1) for a, b in zip(x, found, strict=True)]).T
    assert 1.25 < gains.max() <= 1.301 and 0.75 > gains.min() >= 0.699
    assert 0.17 < offsets.max() <= 0.201 and -0.17 > offsets.min() >= -0.201
    assert abs(np.corrcoef(gains, offsets)[0, 1]) < 0.2
    gained = augment(x, only(contrast=0.3), generator())
    np.testing.assert_allclose((gained / x).flatten(1).std(1).numpy(), 0, atol=1e-3)


def test_erasing_fills_one_rectangle_of_the_stated_size_with_the_mean() -> None:
    found = augment(torch.ones(500, 1, 48, 48), only(erasing=1), generator())[:, 0].numpy()
    assert set(np.unique(found)) == {0.0, 1.0}
    shares, ratios, corners = [], [], []
    for face in found:
        rows, columns = np.nonzero((face == 0).any(1))[0], np.nonzero((face == 0).any(0))[0]
        tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert (face == 0).sum() == tall * wide
        shares.append(tall * wide / 48**2)
        ratios.append(tall / wide)
        corners.append((rows[0], columns[0], rows[-1], columns[-1]))
    assert 0.015 < min(shares) < 0.03 and 0.18 < max(shares) < 0.215  # pixels are whole
    assert np.mean(shares) == pytest.approx(0.11, abs=0.01)
    assert 0.25 < min(ratios) < 0.4 and 2.8 < max(ratios) < 3.9
    assert np.mean(np.log(ratios)) == pytest.approx(0, abs=0.1)
    assert np.array(corners).min(0)[:2].max() <= 1 and np.array(corners).max(0)[2:].min() >= 46  # anywhere


@pytest.mark.parametrize("probability", [0.2, 0.7])
def test_erasing_has_its_probability(probability: float) -> None:
    found = augment(torch.ones(1500, 1, 48, 48), only(erasing=probability), generator())
    assert (found == 0).flatten(1).any(1).float().mean().item() == pytest.approx(probability, abs=0.05)


def test_augmented_pictures_are_pictures() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    np.testing.assert_allclose(augmented_pictures(OFF)(images, 0), images / 255, atol=1e-6)
    pictures = augmented_pictures(Augmentation())
    found = pictures(images, 1)
    assert found.shape == (5, 48, 48) and found.min() >= 0 and found.max() <= 1
    np.testing.assert_array_equal(found, pictures(images, 1))
    assert not np.array_equal(found, pictures(images, 2))


# Schedule


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
@pytest.mark.parametrize(("steps", "warmup"), [(200, 0.2), (90, 0.1), (60, 0.0), (37, 0.3)])
def test_rate_rises_to_its_peak_and_falls_to_zero(schedule: str, steps: int, warmup: float) -> None:
    rates = [rate(step, steps, peak=0.3, schedule=schedule, warmup=warmup) for step in range(steps)]
    top = int(np.argmax(rates))
    assert abs(top - warmup * steps) < 1
    assert rates[top] <= 0.3 and rates[top] == pytest.approx(0.3, rel=0.03)
    if float(warmup * steps).is_integer():
        assert rates[top] == 0.3
    assert all(np.diff(rates[: top + 1]) > 0) and all(np.diff(rates[top:]) < 0)
    assert rates[0] > 0 and (warmup == 0 or rates[0] < 0.3 / 8)
    assert 0 < rates[-1] < 0.3 / 20
    assert rate(steps, steps, peak=0.3, schedule=schedule, warmup=warmup) == pytest.approx(0)


def test_rates_by_formula() -> None:
    for step in range(20, 100):
        share = (step - 20) / 80
        cosine = rate(step, 100, peak=2.0, schedule="cosine", warmup=0.2)
        assert cosine == pytest.approx(2 * math.cos(math.pi * share / 2) ** 2)
        assert rate(step, 100, peak=2.0, schedule="one-cycle", warmup=0.2) == pytest.approx(2 * (1 - share))
    for step in range(20):
        assert rate(step, 100, peak=2.0, schedule="cosine", warmup=0.2) == pytest.approx(2 * (step + 1) / 21)


# Outputs


@pytest.fixture
def network() -> ResNet:
    return randomised(ResNet(7, width=4, depth=10, stem="imagenet"))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)


def said(network: ResNet, images: np.ndarray, **options: int) -> Output:
    return network_outputs(network, images, mean=0.5, std=0.25, device=CPU, threads=1, **options)


def test_outputs_are_means_over_the_face_and_its_mirror_image(network: ResNet, images: np.ndarray) -> None:
    logits, features, gate, _ = said(network, images)
    assert gate is None
    assert logits.shape == (9, 7) and logits.dtype == np.float32
    assert features.shape == (9, 32) and features.dtype == np.float16
    x = torch.from_numpy(((images / 255 - 0.5) / 0.25).astype(np.float32))[:, None]
    mirrored = torch.from_numpy(np.ascontiguousarray(x.numpy()[..., ::-1]))
    with torch.no_grad():
        np.testing.assert_allclose(logits, ((network(x) + network(mirrored)) / 2).numpy(), atol=1e-4)
        embedded = ((network.embed(x) + network.embed(mirrored)) / 2).numpy()
    np.testing.assert_allclose(features, embedded, atol=1e-3, rtol=1e-3)
    assert np.abs(network(x).detach().numpy() - logits).max() > 1e-3  # the mirror image did count


def test_outputs_do_not_depend_on_side_batch_or_mode(network: ResNet, images: np.ndarray) -> None:
    logits, features, *_ = said(network, images)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for other in (
        said(network, np.ascontiguousarray(images[:, :, ::-1])),
        said(network, images, batch=2),
        said(network.train(), images),
    ):
        np.testing.assert_allclose(other[0], logits, atol=1e-5)
        np.testing.assert_allclose(other[1], features, atol=1e-3)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name


# Store


@pytest.fixture
def spec() -> NetworkSpec:
    architecture = Architecture(width=4, depth=10, stem="imagenet")
    classes = (("happy",), ("neutral",))
    return NetworkSpec(
        "resnet18-expert-happy-neutral", "expert", classes, architecture, Training(epochs=2, device="cpu")
    )


HISTORY = ["epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]


@pytest.fixture
def folder(tmp_path: Path, spec: NetworkSpec) -> Path:
    history = [dict.fromkeys(HISTORY, 0.25) | {"epoch": n, "val_accuracy": a} for n, a in ((1, 0.75), (2, 0.5))]
    weights = randomised(build(spec)).state_dict()
    weights = {name: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for name, t in weights.items()}
    folder = tmp_path / "seed3"
    save_network(folder, spec, 3, Trained(weights, history, 1, 12.345, "CPU, 1 thread(s)", True), 0.5, 0.25)
    return folder


def test_record_has_what_the_contract_names(folder: Path, spec: NetworkSpec) -> None:
    assert {path.name for path in folder.iterdir()} == {"weights.safetensors", "history.csv", "network.json"}
    record = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    network = build(spec)
    expected = {
        "network": "resnet18-expert-happy-neutral",
        "seed": 3,
        "role": "expert",
        "classes": [["happy"], ["neutral"]],
        "emotions": ["happy", "neutral"],
        "parameters": sum(p.numel() for p in network.parameters()),
        "flops": forward_flops(network),
        "best_epoch": 1,
        "val_accuracy": 0.75,
        "pixel_mean": 0.5,
        "pixel_std": 0.25,
    }
    assert {key: record[key] for key in expected} == expected
    assert record["train_seconds"] == pytest.approx(12.345, abs=0.01)
    assert record["spec"]["architecture"] == spec.architecture.model_dump()
    assert record["spec"]["training"] == spec.training.model_dump()
    assert record["hardware"].startswith("CPU") and record["versions"]["torch"].startswith(torch.__version__[:4])
    assert f"ATen {torch.backends.cpu.get_cpu_capability()}, oneDNN " in record["hardware"]
    history = pd.read_csv(folder / "history.csv")
    assert list(history) == HISTORY and list(history.epoch) == [1, 2]


def test_a_saved_network_comes_back_bit_by_bit(tmp_path: Path, spec: NetworkSpec, images: np.ndarray) -> None:
    network = randomised(build(spec), 5).to(memory_format=torch.channels_last)
    weights = network.state_dict()
    save_network(tmp_path, spec, 0, Trained(weights, [dict.fromkeys(HISTORY, 0.5)], 1, 1.0, "CPU", True), 0.5, 0.25)
    loaded = load_network(tmp_path)
    assert not loaded.network.training and loaded.record["seed"] == 0
    found = loaded.network.state_dict()
    assert list(found) == list(weights)
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    for mine, expected in zip(said(loaded.network, images), said(network, images), strict=True):
        assert mine is expected is None or np.array_equal(mine, expected)


def refuse(path: Path, call, *arguments: object) -> str:
    """The error that `call` raises: of one line, with the file's name."""
    with pytest.raises(EmorecError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message and path.name in message and str(path.parent) in message
    return message


def test_missing_or_damaged_weights(folder: Path, tmp_path: Path, spec: NetworkSpec) -> None:
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    for content in (whole[:-100], b"", b"\x00" * 64, b"no tensors"):
        path.write_bytes(content)
        assert "train it again" in refuse(path, load_network, folder)
    path.unlink()
    refuse(path, load_network, folder)

    wider = replace(spec, architecture=Architecture(width=5, depth=10, stem="imagenet"))
    state = Trained(build(wider).state_dict(), [dict.fromkeys(HISTORY, 0.5)], 1, 1.0, "CPU", True)
    save_network(tmp_path / "wider", wider, 0, state, 0.5, 0.25)
    path.write_bytes((tmp_path / "wider" / "weights.safetensors").read_bytes())
    assert "size mismatch" in refuse(path, load_network, folder)


def test_missing_or_damaged_record(folder: Path) -> None:
    path = folder / "network.json"
    for content in (b"", b"{", b"\xff\xfe\xff", b'{"network": "a",\n\n oops}'):
        path.write_bytes(content)
        refuse(path, read_json, path)
        refuse(path, load_network, folder)
    path.unlink()
    refuse(path, read_json, path)
    refuse(path, load_network, folder)


@pytest.mark.parametrize(
    "change", [{"role": None}, {"spec": {}}, {"classes": 3}, {"spec": {"architecture": {"depth": 11}, "training": {}}}]
)
def test_record_without_its_keys(folder: Path, change: dict) -> None:
    path = folder / "network.json"
    record = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}), encoding="utf-8")
    with pytest.raises(EmorecError, match="train it again") as caught:
        load_network(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_outputs_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "logits": rng.normal(size=(4, 7)).astype(np.float32),
        "features": rng.normal(size=(4, 8)).astype(np.float16),
        "row": np.array([9, 4, 6, 1], np.int32),
        "label": np.arange(4, dtype=np.uint8),
        "split": np.array([1, 1, 2, 2], np.uint8),
    }
    path = tmp_path / "outputs.npz"
    save_outputs(path, arrays)
    found = load_outputs(path)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)

    whole = path.read_bytes()
    for content in (whole[:-40], b"", b"PK\x03\x04 broken", whole[:300]):
        path.write_bytes(content)
        refuse(path, load_outputs, path)
    np.savez(path, **{name: array for name, array in arrays.items() if name != "logits"})
    assert "logits" in refuse(path, load_outputs, path)
    np.savez(path, **{name: array for name, array in arrays.items() if name != "features"})
    assert "features" not in load_outputs(path)  # as of a network that came in a pack without room for them
    np.savez(path, **(arrays | {"label": np.array([{}] * 4)}), allow_pickle=True)
    refuse(path, load_outputs, path)
    path.unlink()
    refuse(path, load_outputs, path)


def test_emotions_of_a_spec_are_in_the_usual_order(spec: NetworkSpec) -> None:
    gate = replace(spec, role="gate", classes=(("neutral", "happy"), ("surprise", "fear"), ("sad", "disgust", "angry")))
    assert gate.emotions == EMOTIONS
    assert len(build(gate).fc.bias) == 3


@pytest.mark.parametrize("outputs", [2, 7])
@pytest.mark.parametrize(
    "architecture",
    [
        {"width": 8, "depth": 10, "stem": "imagenet"},
        {"width": 5, "depth": 18, "stem": "stride2"},
        {"width": 6, "depth": 34, "stem": "full", "squeeze_excitation": 16, "whitening": True},
    ],
)
def test_size_by_formula_is_that_of_the_built_network(architecture: dict, outputs: int) -> None:
    network = ResNet(outputs, **architecture)
    for side in (48, 44):
        found = resnet_size(outputs, **architecture, side=side)
        assert found.parameters == sum(p.numel() for p in network.parameters())
        assert found.flops == forward_flops(network, side)


def test_width_nearest_is_nearest() -> None:
    sizes = [w * w + 3 * w for w in range(1, 101)]
    for wanted in (1, 4, 7, 500, 9000, 10**6):
        width = width_nearest(wanted, lambda w: sizes[w - 1], 100)
        assert abs(sizes[width - 1] - wanted) == min(abs(size - wanted) for size in sizes)
