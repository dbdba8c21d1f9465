"""Train one network: faces and spec in, weights and history out; resumable from its last checkpoint.

On CPU a run is a pure function of (spec, seed, faces): its random streams depend on seed and epoch alone, and the
number of threads is part of the spec.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emorec.config import NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.networks import checkpoint
from emorec.networks.augment import normalise
from emorec.networks.average import Average
from emorec.networks.balance import class_weights
from emorec.networks.batches import Batch, Part, epoch_batches, select
from emorec.networks.device import autocast, compiled, is_deterministic, pick_device, set_determinism
from emorec.networks.learner import Learner, sgd
from emorec.networks.resnet import ResNet
from emorec.networks.schedule import rate
from emorec.networks.views import views_of
from emorec.networks.whitening import whitening_filters

log = logging.getLogger(__name__)

_REMEDY = "lower training.lr or set training.precision: fp32"


@dataclass
class Trained:
    """What training leaves: weights of the best epoch, a row an epoch, and which epoch was best on `val`.

    deterministic: whether another run would give the same bits.
    """

    weights: dict[str, torch.Tensor]
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    device: str
    deterministic: bool


def build(spec: NetworkSpec) -> ResNet:
    """The untrained network of a spec; random initialisation from torch's global generator."""
    return ResNet(len(spec.classes), **spec.architecture.model_dump())


def make_learner(spec: NetworkSpec, part: Part, mean: float, std: float, seed: int, cache: Path | None) -> Learner:
    """An untrained network on the device of `part` with all that its training needs, initialised from `seed`."""
    how, device = spec.training, part.images.device
    torch.manual_seed(seed)
    network = build(spec)
    if network.whiten is not None:
        network.whiten.weight.data.copy_(whitening_filters(normalise(part.images[:1000], mean, std)))
    network = network.to(device, memory_format=torch.channels_last)
    weighted = how.class_balance in ("inverse-frequency", "effective-number")
    return Learner(
        network,
        sgd(network, how.momentum, how.weight_decay, device),
        Average(network, how.ema) if how.ema else None,
        compiled(network, device, how.compile and not how.deterministic, cache),
        how.precision,
        how.label_smoothing,
        class_weights(part.targets, how.class_balance) if weighted else None,
    )


def train(
    spec: NetworkSpec,
    seed: int,
    images: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    *,
    mean: float,
    std: float,
    checkpoint_path: Path | None = None,
    compile_cache: Path | None = None,
) -> Trained:
    """Train a network on split `train`, choose its epoch on `val`.

    Args:
        images, labels: by split: (n, 48, 48) uint8 and (n,) uint8 indices into EMOTIONS.
        mean, std: of the training pixels in 0..1.
        checkpoint_path: where to resume from and to save to, every `checkpoint_every` epochs and after the last;
            None for neither.
        compile_cache: folder for compiled code on CUDA; None for torch's own.

    An epoch is as many steps as the whole training set has batches, for experts too, which go through their share of
    the faces more often: networks of one study take the same number of steps, so that compute counts in networks.

    Raises EmorecError when a loss is not finite, naming step, learning rate and faces; the last checkpoint stays.
    """
    how = spec.training
    device = pick_device(how.device)
    set_determinism(device, how.deterministic, how.threads)
    part, val = (select(images[split], labels[split], spec, device) for split in ("train", "val"))
    steps = len(images["train"]) // how.batch
    if steps == 0:
        raise EmorecError(f"{spec.network}: training.batch {how.batch} is more than the {len(images['train'])} faces")
    learner = make_learner(spec, part, mean, std, _stream(seed, spec.network, 0), compile_cache)
    fingerprint = _fingerprint(spec, seed, images, labels)

    history: list[dict[str, Any]] = []
    best = _copy(learner.evaluated)
    resumed = checkpoint.load(checkpoint_path, fingerprint) if checkpoint_path else None
    if resumed:
        history = resumed.history
        learner.restore(resumed.tensors)
        best = {n.removeprefix("best."): t.to(device) for n, t in resumed.tensors.items() if n.startswith("best.")}
        log.info("%s seed %d: resumed after epoch %d", spec.network, seed, resumed.epoch)

    for epoch in range(len(history), how.epochs):
        started = time.perf_counter()
        stream = _stream(seed, spec.network, epoch + 1)
        torch.manual_seed(stream)  # of what the network itself draws: dropout, stochastic depth
        batches = epoch_batches(part, how, mean, std, steps=steps, seed=stream)
        rates = [_rate(how, epoch * steps + step, how.epochs * steps) for step in range(steps)]
        loss, accuracy = _epoch(learner, batches, rates, epoch, spec.network, part.rows)
        val_loss, val_accuracy = _score(learner.evaluated, val, mean, std, how.crop, how.precision)
        if not math.isfinite(val_loss):
            raise EmorecError(
                f"{spec.network}: the loss on val is not finite at step {steps} of epoch {epoch + 1} (learning rate "
                f"{rates[-1]:.4g}, {len(val)} faces); the last checkpoint is kept; {_REMEDY}"
            )
        history.append(
            {
                "epoch": epoch + 1,
                "lr": rates[-1],
                "train_loss": loss,
                "train_accuracy": accuracy,
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
        if best_epoch(history) == epoch + 1:
            best = _copy(learner.evaluated)
        if checkpoint_path and ((epoch + 1) % how.checkpoint_every == 0 or epoch + 1 == how.epochs):
            tensors = learner.state() | {f"best.{name}": tensor for name, tensor in best.items()}
            checkpoint.save(checkpoint_path, checkpoint.Checkpoint(epoch + 1, tensors, history, fingerprint))
        _report(spec.network, seed, history, how.epochs)

    seconds = sum(row["seconds"] for row in history)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {how.threads} thread(s)"
    exact = is_deterministic(device, how.deterministic)
    return Trained(best, history, best_epoch(history), seconds, name, exact)


def best_epoch(history: list[dict[str, Any]]) -> int:
    """The epoch (from 1) with the highest accuracy on `val`; of equals the first."""
    return max(history, key=lambda row: (row["val_accuracy"], -row["epoch"]))["epoch"]


def _epoch(
    learner: Learner, batches: Iterable[Batch], rates: list[float], epoch: int, name: str, rows: np.ndarray
) -> tuple[float, float]:
    """One epoch; mean loss and accuracy over its (changed) faces. The device is asked for them once, at the end."""
    learner.network.train()
    losses, hits, faces = [], [], []
    for step, (batch, lr) in enumerate(zip(batches, rates, strict=True)):
        loss, right = learner.step(batch.x, batch.targets, lr, epoch * len(rates) + step)
        losses.append(loss)
        hits.append(right)
        faces.append(batch.faces)
    together = torch.stack(losses)
    finite = torch.isfinite(together)
    if not finite.all():
        step = int((~finite).nonzero()[0])
        seen = rows[faces[step].cpu().numpy()].tolist()
        log.error("%s: training faces of step %d of epoch %d: %s", name, step + 1, epoch + 1, seen)
        raise EmorecError(
            f"{name}: the loss is not finite at step {step + 1} of epoch {epoch + 1} (learning rate {rates[step]:.4g}, "
            f"training faces {seen[:4]}…, all of them above); the last checkpoint is kept; {_REMEDY}"
        )
    return together.mean().item(), torch.stack(hits).sum().item() / sum(map(len, faces))


def _rate(how: Training, step: int, steps: int) -> float:
    return rate(step, steps, peak=how.lr, schedule=how.schedule, warmup=how.warmup)


@torch.no_grad()
def _score(network: nn.Module, part: Part, mean: float, std: float, crop: int, precision: str) -> tuple[float, float]:
    """Loss (without smoothing) and accuracy on faces that are not augmented, one view of each."""
    network.eval()
    logits = []
    for images in part.images.split(512):
        (x,) = views_of(normalise(images, mean, std), "none", crop)
        with autocast(images.device, precision):
            logits.append(network(x.to(memory_format=torch.channels_last)).float())
    together = torch.cat(logits)
    loss = F.cross_entropy(together, part.targets)
    hits = part.targets.gather(1, together.argmax(1, keepdim=True)).gt(0)
    return loss.item(), hits.float().mean().item()


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _stream(seed: int, network: str, epoch: int) -> int:
    """Seed of one random stream: initialisation (epoch 0) or one epoch. Networks of one seed differ in theirs."""
    digest = hashlib.sha256(f"{seed}/{network}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**63


def _fingerprint(spec: NetworkSpec, seed: int, images: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> str:
    description = spec.to_dict()
    del description["training"]["checkpoint_every"]  # changes nothing in the result
    digest = hashlib.sha256(json.dumps([description, seed, torch.__version__], sort_keys=True).encode())
    for split in ("train", "val"):
        digest.update(np.ascontiguousarray(images[split]))
        digest.update(np.ascontiguousarray(labels[split]))
    return digest.hexdigest()


def _report(network: str, seed: int, history: list[dict[str, Any]], epochs: int) -> None:
    row = history[-1]
    left = (epochs - row["epoch"]) * sum(r["seconds"] for r in history) / len(history)
    log.info(
        "%s seed %d: epoch %d/%d, loss %.3f, accuracy %.1f %%, val loss %.3f, val accuracy %.1f %%, %d:%02d left",
        *(network, seed, row["epoch"], epochs, row["train_loss"], 100 * row["train_accuracy"]),
        *(row["val_loss"], 100 * row["val_accuracy"], int(left) // 60, int(left) % 60),
    )
