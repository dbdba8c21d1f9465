"""The faces that a network sees: its share of a split, on its device, and an epoch of changed batches of them.

Axis letters: n faces, b batch, k the network's outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from emorec import EMOTIONS
from emorec.config import NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.networks.augment import augment, normalise, random_crop
from emorec.networks.balance import balanced_draws, random_orders
from emorec.networks.cuda import Captured
from emorec.networks.mixing import draw_mixes, mix


@dataclass(frozen=True)
class Part:
    """Faces of one split that concern a network, on its device.

    images (n, 48, 48) uint8; targets (n, k) float32: for each face the share of each of the network's k outputs;
    rows (n,): where the faces stand in their split; importance (k,): how much a face of each output's emotions
    matters to the network, None where all matter the same; left_out: how many faces of its emotions are not among them.
    """

    images: torch.Tensor
    targets: torch.Tensor
    rows: np.ndarray
    importance: torch.Tensor | None = None
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.images)


def output_shares(classes: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(7, k) float32: what share of each emotion belongs to each output; rows of foreign emotions are zero.

    An emotion that several groups contain is shared between them equally.
    """
    shares = np.array([[emotion in group for group in classes] for emotion in EMOTIONS], np.float32)
    total = shares.sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def importances(spec: NetworkSpec) -> np.ndarray | None:
    """(k,) float32: 1 for outputs that stand for the network's own emotions, `foreign_weight` for the others.

    None where all are 1.
    """
    if spec.foreign_weight == 1:
        return None
    own = [not set(emotions).isdisjoint(spec.group) for emotions in spec.classes]
    return np.where(own, 1.0, spec.foreign_weight).astype(np.float32)


def select(
    images: np.ndarray,
    labels: np.ndarray,
    spec: NetworkSpec,
    device: torch.device,
    left_out: np.ndarray | None = None,
) -> Part:
    """The faces that a network is trained on: those of its emotions, but for those `left_out`, (n,) bool.

    Raises EmorecError where there are none.
    """
    shares = output_shares(spec.classes)[labels]
    wanted = shares.sum(1) > 0
    own = wanted if left_out is None else wanted & ~left_out
    if not own.any():
        raise EmorecError(f"{spec.network}: no face shows any of {', '.join(spec.emotions)}; check the data's labels")
    where = np.flatnonzero(own)
    importance = importances(spec)
    return Part(
        torch.from_numpy(images[own]).to(device),
        torch.from_numpy(shares[own]).to(device),
        where,
        None if importance is None else torch.from_numpy(importance).to(device),
        int(wanted.sum() - own.sum()),
    )


@dataclass(frozen=True)
class Batch:
    """x (b, 1, h, w) normalised and changed, targets (b, k), and which faces of the part they are, (b,)."""

    x: torch.Tensor
    targets: torch.Tensor
    faces: torch.Tensor


class Feed:
    """Batches of a part's faces: in each epoch in a random order, augmented, cropped and mixed, on the part's device.

    Args:
        mean, std: of the training pixels in 0..1.
        captured: whether a batch's changes are queued as one CUDA graph.
    """

    def __init__(self, part: Part, how: Training, mean: float, std: float, captured: bool = False) -> None:
        self.part, self.how, self.mean, self.std = part, how, mean, std
        self.generator = torch.Generator(part.images.device)
        self.changed = Captured(self._changed, self.generator) if captured else self._changed

    def epoch(self, steps: int, seed: int) -> Iterator[Batch]:
        """`steps` batches, a function of `seed`."""
        part, how, generator = self.part, self.how, self.generator.manual_seed(seed)
        if how.class_balance == "sampling":
            order = balanced_draws(part.targets, steps * how.batch, generator)
        else:
            order = random_orders(len(part), steps * how.batch, generator)
        device = part.images.device
        mixes = draw_mixes(steps, how.batch, mixup=how.mixup, cutmix=how.cutmix, seed=seed, device=device)
        for step, faces in enumerate(order.split(how.batch)):
            x, targets = self.changed(faces)
            if mixes:
                x, targets = mix(x, targets, mixes, step)
            yield Batch(x, targets, faces)

    def _changed(self, faces: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = normalise(self.part.images[faces], self.mean, self.std)
        x = random_crop(augment(x, self.how.augmentation, self.generator), self.how.crop, self.generator)
        return x, self.part.targets[faces]
