"""Train one network: faces and spec in, weights and history out; resumable after every epoch.

The faces lie on the device as uint8; a batch is indexed, normalised and augmented there. On CPU a run is a pure
function of (spec, seed, faces): its random streams depend on seed and epoch alone, and the number of threads is part of
the spec.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emorec import EMOTIONS
from emorec.config import NetworkSpec
from emorec.errors import EmorecError
from emorec.networks import checkpoint
from emorec.networks.augment import augment, normalise
from emorec.networks.resnet import ResNet
from emorec.networks.schedule import rate

log = logging.getLogger(__name__)


@dataclass
class Part:
    """Faces of one split that concern a network, on its device.

    images (n, 48, 48) uint8; targets (n, k) float32: for each face the share of each of the network's k outputs.
    """

    images: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass
class Trained:
    """What training leaves: weights of the best epoch, a row an epoch, and which epoch was best on `val`."""

    weights: dict[str, torch.Tensor]
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    device: str


def build(spec: NetworkSpec) -> ResNet:
    """The untrained network of a spec; random initialisation from torch's global generator."""
    how = spec.architecture
    return ResNet(len(spec.classes), width=how.width, depth=how.depth, stem=how.stem)


def pick_device(wish: str) -> torch.device:
    """`auto` is CUDA where there is one. Raises EmorecError if CUDA is asked for and missing."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise EmorecError("training.device: cuda, but torch sees no CUDA device; set it to auto or cpu")
    return torch.device("cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu")


def output_shares(classes: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(7, k) float32: what share of each emotion belongs to each output; rows of foreign emotions are zero.

    An emotion that several groups contain is shared between them equally.
    """
    shares = np.array([[emotion in group for group in classes] for emotion in EMOTIONS], np.float32)
    total = shares.sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def select(images: np.ndarray, labels: np.ndarray, spec: NetworkSpec, device: torch.device) -> Part:
    """The faces that a network is trained on: those of its emotions."""
    shares = output_shares(spec.classes)[labels]
    own = shares.sum(1) > 0
    if not own.any():
        raise EmorecError(f"{spec.network}: no face shows any of {', '.join(spec.emotions)}; check the data's labels")
    return Part(torch.from_numpy(images[own]).to(device), torch.from_numpy(shares[own]).to(device))


def train(
    spec: NetworkSpec,
    seed: int,
    images: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    *,
    mean: float,
    std: float,
    checkpoint_path: Path | None = None,
) -> Trained:
    """Train a network on split `train`, choose its epoch on `val`.

    Args:
        images, labels: by split: (n, 48, 48) uint8 and (n,) uint8 indices into EMOTIONS.
        mean, std: of the training pixels in 0..1.
        checkpoint_path: where to resume from and to save to after each epoch; None for neither.

    An epoch is as many steps as the whole training set has batches, for experts too, which go through their share of
    the faces more often: networks of one study take the same number of steps, so that compute counts in networks.

    Raises EmorecError when the loss is not finite, naming step, learning rate and rows.
    """
    how = spec.training
    torch.set_num_threads(how.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = pick_device(how.device)
    part, val = (select(images[split], labels[split], spec, device) for split in ("train", "val"))
    steps = len(images["train"]) // how.batch
    if steps == 0:
        raise EmorecError(f"{spec.network}: training.batch {how.batch} is more than the {len(images['train'])} faces")
    torch.manual_seed(_stream(seed, spec.network, 0))
    network = build(spec).to(device, memory_format=torch.channels_last)
    optimiser = _optimiser(network, how.momentum, how.weight_decay)
    fingerprint = _fingerprint(spec, seed, images, labels)

    history: list[dict[str, Any]] = []
    best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    resumed = checkpoint.load(checkpoint_path, fingerprint) if checkpoint_path else None
    if resumed:
        history = resumed.history
        best = _restore(resumed, network, optimiser)
        log.info("%s seed %d: resumed after epoch %d", spec.network, seed, resumed.epoch)

    for epoch in range(len(history), how.epochs):
        started = time.perf_counter()
        generator = torch.Generator(device).manual_seed(_stream(seed, spec.network, epoch + 1))
        loss, accuracy = _epoch(network, optimiser, part, spec, epoch, steps, mean, std, generator)
        val_loss, val_accuracy = _score(network, val, spec, mean, std)
        history.append(
            {
                "epoch": epoch + 1,
                "lr": optimiser.param_groups[0]["lr"],
                "train_loss": loss,
                "train_accuracy": accuracy,
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
        if best_epoch(history) == epoch + 1:
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if checkpoint_path:
            state = checkpoint.Checkpoint(epoch + 1, _state(network, optimiser, best), history, fingerprint)
            checkpoint.save(checkpoint_path, state)
        _report(spec.network, seed, history, how.epochs)

    seconds = sum(row["seconds"] for row in history)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {how.threads} thread(s)"
    return Trained(best, history, best_epoch(history), seconds, name)


def best_epoch(history: list[dict[str, Any]]) -> int:
    """The epoch (from 1) with the highest accuracy on `val`; of equals the first."""
    return max(history, key=lambda row: (row["val_accuracy"], -row["epoch"]))["epoch"]


def _epoch(network, optimiser, part, spec, epoch, steps, mean, std, generator) -> tuple[float, float]:
    """One epoch; mean loss and accuracy over its (augmented) faces. The device is asked for them once, at the end."""
    how = spec.training
    device = part.images.device
    network.train()
    order = _order(len(part), steps * how.batch, generator)
    losses = torch.zeros(steps, device=device)
    hits = torch.zeros((), device=device)
    for step in range(steps):
        lr = rate(epoch * steps + step, how.epochs * steps, peak=how.lr, schedule=how.schedule, warmup=how.warmup)
        for group in optimiser.param_groups:
            group["lr"] = lr
        rows = order[step * how.batch : (step + 1) * how.batch]
        x, targets = augment(normalise(part.images[rows], mean, std), how.augmentation, generator), part.targets[rows]
        with _precision(device, how.precision):
            logits = network(x.to(memory_format=torch.channels_last))
        logits = logits.float()
        loss = F.cross_entropy(logits, targets, label_smoothing=how.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[step] = loss.detach()
        hits += targets.gather(1, logits.argmax(1, keepdim=True)).sum().detach()
    if not torch.isfinite(losses).all():
        _not_finite(spec, epoch, steps, losses, order)
    return losses.mean().item(), hits.item() / (steps * how.batch)


def _not_finite(spec, epoch, steps, losses, order) -> None:
    step = int((~torch.isfinite(losses)).nonzero()[0])
    how = spec.training
    lr = rate(epoch * steps + step, how.epochs * steps, peak=how.lr, schedule=how.schedule, warmup=how.warmup)
    rows = order[step * how.batch : (step + 1) * how.batch].tolist()
    raise EmorecError(
        f"{spec.network}: the loss is not finite at step {step + 1} of epoch {epoch + 1} (learning rate {lr:.4g}, "
        f"training faces {rows[:4]}… of its own); lower training.lr or set training.precision: fp32"
    )


def _order(available: int, wanted: int, generator: torch.Generator) -> torch.Tensor:
    """`wanted` indices: as many random orders of all faces, one after the other, as that takes."""
    rounds = -(-wanted // available)
    orders = [torch.randperm(available, generator=generator, device=generator.device) for _ in range(rounds)]
    return torch.cat(orders)[:wanted]


@torch.no_grad()
def _score(network: nn.Module, part: Part, spec: NetworkSpec, mean: float, std: float) -> tuple[float, float]:
    """Loss (without smoothing) and accuracy on faces that are not augmented."""
    network.eval()
    logits = []
    for images in part.images.split(512):
        with _precision(images.device, spec.training.precision):
            logits.append(network(normalise(images, mean, std).to(memory_format=torch.channels_last)).float())
    together = torch.cat(logits)
    loss = F.cross_entropy(together, part.targets)
    hits = part.targets.gather(1, together.argmax(1, keepdim=True)).gt(0)
    return loss.item(), hits.float().mean().item()


def _optimiser(network: nn.Module, momentum: float, weight_decay: float) -> torch.optim.SGD:
    # Norm layers and biases are not decayed: Goyal et al. 2017 (arXiv 1706.02677), section 5.1.
    decayed = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=momentum > 0)


def _precision(device: torch.device, precision: str):
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _stream(seed: int, network: str, epoch: int) -> int:
    """Seed of one random stream: initialisation (epoch 0) or one epoch. Networks of one seed differ in theirs."""
    digest = hashlib.sha256(f"{seed}/{network}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**63


def _fingerprint(spec: NetworkSpec, seed: int, images: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps([spec.to_dict(), seed, torch.__version__], sort_keys=True).encode())
    for split in ("train", "val"):
        digest.update(np.ascontiguousarray(images[split]))
        digest.update(np.ascontiguousarray(labels[split]))
    return digest.hexdigest()


def _state(network: nn.Module, optimiser: torch.optim.SGD, best: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    named = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    named |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        if state.get("momentum_buffer") is not None:
            named[f"momentum.{index}"] = state["momentum_buffer"]
    return named


def _restore(state: checkpoint.Checkpoint, network: nn.Module, optimiser: torch.optim.SGD) -> dict[str, torch.Tensor]:
    """Put a checkpoint back; returns the best weights so far."""
    device = next(network.parameters()).device
    split: dict[str, dict[str, torch.Tensor]] = {"network": {}, "best": {}, "momentum": {}}
    for name, tensor in state.tensors.items():
        kind, _, rest = name.partition(".")
        split[kind][rest] = tensor.to(device)
    network.load_state_dict(split["network"])
    whole = optimiser.state_dict()
    whole["state"] = {int(index): {"momentum_buffer": buffer} for index, buffer in split["momentum"].items()}
    optimiser.load_state_dict(whole)
    # A convolution's kernels differ in memory layout after loading; the layout decides which kernel runs, hence bits.
    network.to(memory_format=torch.channels_last)
    for parameter in network.parameters():
        buffer = optimiser.state[parameter].get("momentum_buffer")
        if buffer is not None and parameter.ndim == 4:
            optimiser.state[parameter]["momentum_buffer"] = buffer.to(memory_format=torch.channels_last)
    return split["best"]


def _report(network: str, seed: int, history: list[dict[str, Any]], epochs: int) -> None:
    row = history[-1]
    left = (epochs - row["epoch"]) * sum(r["seconds"] for r in history) / len(history)
    log.info(
        "%s seed %d: epoch %d/%d, loss %.3f, accuracy %.1f %%, val loss %.3f, val accuracy %.1f %%, %d:%02d left",
        *(network, seed, row["epoch"], epochs, row["train_loss"], 100 * row["train_accuracy"]),
        *(row["val_loss"], 100 * row["val_accuracy"], int(left) // 60, int(left) % 60),
    )
