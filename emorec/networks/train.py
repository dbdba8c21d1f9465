"""Train one network: faces and spec in, weights and history out; resumable from its last checkpoint.

On CPU a run is a pure function of (spec, seed, faces), with the same versions on the same instruction set: its random
streams depend on seed and epoch alone, and the number of threads is part of the spec.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from emorec.config import NetworkSpec
from emorec.errors import EmorecError
from emorec.networks import checkpoint
from emorec.networks.augment import normalise, views_of
from emorec.networks.batches import Batch, Feed, Subset, select
from emorec.networks.build import Network, Weights, build, learns_nothing, start_from
from emorec.networks.cuda import compile_for_training
from emorec.networks.device import (
    autocast,
    avoid_overrun,
    computes_in,
    is_deterministic,
    is_fast,
    on_device,
    pick_device,
    set_determinism,
)
from emorec.networks.learner import Learner, with_prefix
from emorec.networks.resnet import Stages, whitening_filters
from emorec.paths import HISTORY

log = logging.getLogger(__name__)

_REMEDY = "the last checkpoint is kept; lower training.lr or set training.precision: fp32"


@dataclass
class Trained:
    """What training leaves: weights of the best epoch, a row an epoch, and which epoch was best on `val`.

    The history of a network that has nothing to learn is empty, and its best epoch 0. steps: of gradient descent, in
    all epochs. faces, left_out: how many faces it was trained on and chosen by, by split, and how many not because of
    their twins. no_better_than: the accuracy on `val` of the best constant answer, where the network is no better.
    """

    weights: Weights
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    device: str
    deterministic: bool
    precision: str = ""
    steps: int = 0
    faces: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    no_better_than: float | None = None

    @property
    def val_accuracy(self) -> float:
        """Of the best epoch; 1 where there is nothing to learn."""
        return next((row["val_accuracy"] for row in self.history if row["epoch"] == self.best_epoch), 1.0)


class OutOfTime(Exception):
    """A training was stopped because its time is over; it goes on from its checkpoint."""


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
    parts: Sequence[Weights] = (),
    teachers: Sequence[Network] = (),
    left_out: dict[str, np.ndarray] | None = None,
    code: str = "",
    until: float = math.inf,
) -> Trained:
    """Train a network on split `train`, choose its epoch on `val`.

    Args:
        images, labels: by split: (n, 48, 48) uint8 and (n,) uint8 indices into EMOTIONS.
        mean, std: of the training pixels in 0..1.
        checkpoint_path: where to resume from and to save to; None for neither.
        compile_cache: folder for compiled code on CUDA; None for torch's own.
        parts, teachers: the networks that `spec.starts` and `spec.teachers` name, in that order.
        left_out: by split: (n,) bool, faces that are as if they were not there.
        code: which code trains; a checkpoint that another one left is not gone on from.
        until: by time.monotonic; the first epoch that ends later is the last one of this call.

    Trained parts that it starts from are an epoch to choose from, number 0: training on need not make them better.
    Where faces differ in importance, so they do in the accuracies that choose.

    An epoch is as many steps as the whole training set has batches, for experts too, which go through their share of
    the faces more often, so that compute counts in networks. With `spec.length` "epochs" it is as many as the network's
    own faces have batches, one at least.

    Raises EmorecError when a loss is not finite, naming step, rate and faces, and OutOfTime; the last checkpoint stays.
    """
    how = spec.training
    device = pick_device(how.device)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {how.threads} thread(s)"
    if learns_nothing(spec):
        log.info("%s seed %d: an expert of one emotion has nothing to learn", spec.network, seed)
        return Trained({}, [], 0, 0.0, card, True)
    set_determinism(device, how.deterministic, how.threads)
    left_out = left_out or {split: np.zeros(len(labels[split]), bool) for split in ("train", "val")}
    subset, val = (select(images[s], labels[s], spec, device, left_out[s]) for s in ("train", "val"))
    whole = int((~left_out["train"]).sum())
    steps = whole // how.batch
    if steps == 0:
        raise EmorecError(f"{spec.network}: training.batch {how.batch} is more than the {whole} faces")
    if spec.length == "epochs":
        steps = max(1, len(subset) // how.batch)
    learner = make_learner(spec, subset, mean, std, _stream(seed, spec.network, 0), compile_cache, parts, teachers)
    feed = Feed(subset, how, mean, std, captured=is_fast(device, how))

    history: list[dict[str, Any]] = []
    best: Weights = {}
    known = [*parts, *(teacher.state_dict() for teacher in learner.teachers)]
    fingerprint = _fingerprint(spec, seed, images, labels, known, code, left_out)
    resumed = checkpoint.load(checkpoint_path, fingerprint) if checkpoint_path else None
    if resumed:
        history = resumed.history
        learner.restore(resumed.tensors)
        best = with_prefix("best.", resumed.tensors, device)
        log.info("%s seed %d: resumed after epoch %d", spec.network, seed, resumed.epoch)

    first = history[-1]["epoch"] + 1 if history else 0 if parts else 1
    for epoch in range(first, how.epochs + 1):
        started = time.perf_counter()
        lr, loss, accuracy = 0.0, None, None
        if epoch > 0:
            stream = _stream(seed, spec.network, epoch)
            torch.manual_seed(stream)  # of what the network itself draws: dropout, stochastic depth
            rates = [
                rate(step, how.epochs * steps, peak=how.lr, schedule=how.schedule, warmup=how.warmup)
                for step in range((epoch - 1) * steps, epoch * steps)
            ]
            loss, accuracy = _epoch(learner, feed.epoch(steps, stream), rates, epoch, spec.network, subset.rows)
            lr = rates[-1]
        val_loss, val_accuracy = _score(learner.evaluated, val, mean, std, how.crop, how.precision)
        if not math.isfinite(val_loss):
            where = f"at step {steps} of epoch {epoch} (learning rate {lr:.4g}, {len(val)} faces); {_REMEDY}"
            start = "at the start; train the networks it starts from again"
            raise EmorecError(f"{spec.network}: the loss on val is not finite {where if epoch else start}")
        row = (epoch, lr, loss, accuracy, val_loss, val_accuracy, round(time.perf_counter() - started, 3))
        history.append(dict(zip(HISTORY, row, strict=True)))
        if best_epoch(history) == epoch:
            best = {name: tensor.clone() for name, tensor in learner.evaluated.state_dict().items()}
        late = 0 < epoch < how.epochs and time.monotonic() > until
        if checkpoint_path and epoch > 0 and (epoch % how.checkpoint_every == 0 or epoch == how.epochs or late):
            tensors = learner.state() | {f"best.{name}": tensor for name, tensor in best.items()}
            checkpoint.save(checkpoint_path, checkpoint.Checkpoint(epoch, tensors, history, fingerprint))
        _report(spec.network, seed, history, how.epochs)
        if late:
            raise OutOfTime

    trained = Trained(
        best,
        history,
        best_epoch(history),
        sum(row["seconds"] for row in history),
        card,
        deterministic=is_deterministic(device, how.deterministic),
        precision=computes_in(device, how.precision),
        steps=steps * how.epochs,
        faces={"train": len(subset), "val": len(val)},
        left_out={"train": subset.left_out, "val": val.left_out},
        no_better_than=_no_better_than(history, val),
    )
    if trained.no_better_than is not None:
        log.warning(
            "%s seed %d: no better than a constant answer: right on %.1f %% of val at its best, the most frequent"
            " answer on %.1f %%; lower training.lr, or train for more epochs",
            *(spec.network, seed, 100 * trained.val_accuracy, 100 * trained.no_better_than),
        )
    return trained


def make_learner(
    spec: NetworkSpec,
    subset: Subset,
    mean: float,
    std: float,
    seed: int,
    cache: Path | None,
    parts: Sequence[Weights] = (),
    teachers: Sequence[Network] = (),
) -> Learner:
    """A network with all that its training needs, initialised from `seed` or from the trained `parts`."""
    how, device = spec.training, subset.images.device
    branches = [spec.mixture.branch_width] if spec.mixture and spec.mixture.branch_width else []
    avoid_overrun(min(spec.architecture.width, *branches, 8), computes_in(device, how.precision))
    torch.manual_seed(seed)
    network = build(spec)
    if spec.architecture.whitening:
        # Some two million patches of 1,000 faces: enough for a 9×9 covariance.
        filters = whitening_filters(normalise(subset.images[:1000], mean, std))
        for module in network.modules():
            if isinstance(module, Stages) and module.whiten is not None:
                module.whiten.weight.data.copy_(filters)
    start_from(network, spec, parts)
    network = on_device(network, device)
    teachers = [on_device(teacher, device).eval() for teacher in teachers]
    fast = is_fast(device, how) and not how.sam
    learner = Learner(network, spec, subset, teachers, captured=fast and not teachers)
    if fast:
        compile_for_training(network, cache)  # after the average has copied the network
    return learner


def rate(step: int, steps: int, *, peak: float, schedule: str, warmup: float) -> float:
    """Learning rate at `step` of `steps`.

    Both schedules rise linearly to `peak` over the first `warmup` share of the steps. Then "cosine" falls along half a
    cosine (Loshchilov & Hutter 2017, arXiv 1608.03983), "one-cycle" in a straight line (Smith & Topin 2018, arXiv
    1708.07120, with linear annealing); both end at zero after the last step.
    """
    rise = warmup * steps
    if step < rise:
        return peak * (step + 1) / (rise + 1)
    done = (step - rise) / (steps - rise)
    if schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    return peak * (1 - done)


def _epoch(
    learner: Learner, batches: Iterable[Batch], rates: list[float], epoch: int, name: str, rows: np.ndarray
) -> tuple[float, float]:
    """Train for epoch `epoch`, from 1; its mean loss and accuracy, for which the device is asked once, at the end."""
    learner.network.train()
    steps, faces = [], []
    for number, (batch, lr) in enumerate(zip(batches, rates, strict=True), (epoch - 1) * len(rates)):
        steps.append(learner.step(batch.x, batch.targets, lr, number))
        faces.append(batch.faces)
    losses, hits, counts = zip(*steps, strict=True)
    together = torch.stack(losses)
    finite = torch.isfinite(together)
    if not finite.all():
        step = int((~finite).nonzero()[0])
        seen = rows[faces[step].cpu().numpy()].tolist()
        log.error("%s: training faces of step %d of epoch %d: %s", name, step + 1, epoch, seen)
        raise EmorecError(
            f"{name}: the loss is not finite at step {step + 1} of epoch {epoch} (learning rate {rates[step]:.4g}, "
            f"training faces {seen[:4]}…, all of them above); {_REMEDY}"
        )
    return together.mean().item(), torch.stack(hits).sum().item() / float(sum(counts))


@torch.no_grad()
def _score(network: Network, subset: Subset, mean: float, std: float, crop: int, precision: str) -> tuple[float, float]:
    """Loss (without smoothing) and accuracy on faces that are not augmented, one view of each."""
    network.eval()
    logits = []
    for images in subset.images.split(512):
        (x,) = views_of(normalise(images, mean, std), "none", crop)
        with autocast(images.device, precision):
            logits.append(network.output(x.to(memory_format=torch.channels_last)).logits.float())
    together = torch.cat(logits)
    hits = subset.targets.gather(1, together.argmax(1, keepdim=True)).squeeze(1).gt(0).float()
    if subset.importance is None:
        return F.cross_entropy(together, subset.targets).item(), hits.mean().item()
    losses = F.cross_entropy(together, subset.targets, reduction="none")
    return (losses * subset.weights).sum().item(), (hits * subset.weights).sum().item()


def best_epoch(history: list[dict[str, Any]]) -> int:
    """The epoch (from 1; 0 is a start from trained parts) with the highest accuracy on `val`; of equals the first."""
    return max(history, key=lambda row: (row["val_accuracy"], -row["epoch"]))["epoch"]


def _no_better_than(history: list[dict[str, Any]], val: Subset) -> float | None:
    """The best constant answer's accuracy on `val`, if the best epoch's is no higher, or by less than two standard
    errors with a loss that is no lower; else None."""
    best = next(row for row in history if row["epoch"] == best_epoch(history))
    accuracy, loss = constant_answer(val)
    margin = 2 * math.sqrt(accuracy * (1 - accuracy) / len(val)) if best["val_loss"] >= loss else 0.0
    return accuracy if best["val_accuracy"] <= accuracy + margin else None


def constant_answer(subset: Subset) -> tuple[float, float]:
    """Accuracy and loss of always giving the same answer: the most frequent one, and the outputs' shares."""
    shares = subset.weights @ subset.targets
    return (subset.weights @ subset.targets.gt(0).float()).max().item(), torch.special.entr(shares).sum().item()


def _stream(seed: int, network: str, epoch: int) -> int:
    """Seed of one random stream: initialisation (epoch 0) or one epoch. Networks of one seed differ in theirs."""
    digest = hashlib.sha256(f"{seed}/{network}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**63


def _fingerprint(
    spec: NetworkSpec,
    seed: int,
    images: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    parts: Sequence[Weights] = (),
    code: str = "",
    left_out: dict[str, np.ndarray] | None = None,
) -> str:
    made = [spec.decisive(seed), seed, torch.__version__, code]
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode())
    for split in ("train", "val"):
        digest.update(np.ascontiguousarray(images[split]).data)
        digest.update(np.ascontiguousarray(labels[split]).data)
        if left_out and left_out[split].any():
            digest.update(left_out[split].data)
    for weights in parts:
        for name, tensor in sorted(weights.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return digest.hexdigest()


def _report(network: str, seed: int, history: list[dict[str, Any]], epochs: int) -> None:
    row = history[-1]
    progress, left = "before training", ""
    if row["epoch"]:
        seconds = int((epochs - row["epoch"]) * sum(r["seconds"] for r in history) / row["epoch"])
        left = f", {seconds // 60}:{seconds % 60:02d} left"
        accuracy = f"accuracy {100 * row['train_accuracy']:.1f} %"
        progress = f"epoch {row['epoch']}/{epochs}, loss {row['train_loss']:.3f}, {accuracy}"
    score = f"val loss {row['val_loss']:.3f}, val accuracy {100 * row['val_accuracy']:.1f} %"
    log.info("%s seed %d: %s, %s%s", network, seed, progress, score, left)
