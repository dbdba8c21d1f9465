"""The faces that a network sees: its share of a split, on its device, and an epoch of changed batches of them.

Axis letters: n faces, b batch, k the network's outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from emorec import EMOTIONS
from emorec.config import NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.networks.augment import augment, draw_mixes, mix, normalise, random_crop
from emorec.networks.cuda import Captured

BETA = 0.999  # of the effective number: 436 faces then count as 353, 7,215 as 999


@dataclass(frozen=True)
class Subset:
    """Faces of one split that concern a network, on its device.

    images (n, 48, 48) uint8; targets (n, k) float32, each output's share of a face; rows (n,): where the faces stand in
    their split; importance (k,): how much a face of each output's emotions matters, None where all matter the same;
    left_out: how many faces of the network's emotions are not among them.
    """

    images: torch.Tensor
    targets: torch.Tensor
    rows: np.ndarray
    importance: torch.Tensor | None = None
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.images)

    @property
    def weights(self) -> torch.Tensor:
        """(n,) what each face weighs in loss and accuracy on `val`; they sum to 1."""
        weights = torch.ones_like(self.targets[:, 0]) if self.importance is None else self.targets @ self.importance
        return weights / weights.sum()


def output_shares(classes: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(7, k) float32: each emotion shared equally between the outputs that contain it; zero for foreign ones."""
    shares = np.array([[emotion in group for group in classes] for emotion in EMOTIONS], np.float32)
    total = shares.sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def importances(spec: NetworkSpec) -> torch.Tensor | None:
    """(k,): 1 for outputs of the network's own emotions, `foreign_weight` for the others; None where all are 1."""
    if spec.foreign_weight == 1:
        return None
    return torch.tensor([spec.foreign_weight if set(c).isdisjoint(spec.group) else 1.0 for c in spec.classes])


def select(
    images: np.ndarray, labels: np.ndarray, spec: NetworkSpec, device: torch.device, left_out: np.ndarray | None = None
) -> Subset:
    """The faces that a network is trained on: those of its emotions, but for those `left_out`, (n,) bool.

    Raises EmorecError where there are none.
    """
    shares = output_shares(spec.classes)[labels]
    wanted = shares.sum(1) > 0
    own = np.flatnonzero(wanted if left_out is None else wanted & ~left_out)
    if not own.size:
        raise EmorecError(f"{spec.network}: no face shows any of {', '.join(spec.emotions)}; check the data's labels")
    faces, targets = (torch.from_numpy(array[own]).to(device) for array in (images, shares))
    importance = importances(spec)
    on_device = None if importance is None else importance.to(device)
    return Subset(faces, targets, own, on_device, int(wanted.sum()) - own.size)


def class_weights(targets: torch.Tensor, kind: str) -> torch.Tensor:
    """Weight (k,) of each class from targets (n, k), scaled so that the faces' mean weight is 1.

    "inverse-frequency" is 1 / n_k; "effective-number" is (1 − β) / (1 − β^n_k), Cui et al. 2019 (arXiv 1901.05555),
    with β = 0.999. A class without faces weighs nothing.
    """
    sizes = targets.sum(0).double().cpu()
    effective = (1 - BETA**sizes) / (1 - BETA) if kind == "effective-number" else sizes
    weights = torch.where(sizes > 0, 1 / effective, 0.0)
    return (weights * sizes.sum() / (weights * sizes).sum()).float().to(targets.device)


def loss_weights(targets: torch.Tensor, kind: str, importance: torch.Tensor | None) -> torch.Tensor | None:
    """Weight (k,) of each class in the loss, from targets (n, k) and `importance` (k,); None where all weigh the same.

    The mean weight of a face is 1, of a drawn one where `kind` is "sampling".
    """
    weighed = kind in ("inverse-frequency", "effective-number")
    if importance is None:
        return class_weights(targets, kind) if weighed else None
    sizes = targets.sum(0)
    weights = importance * class_weights(targets, kind) if weighed else importance
    drawn = (sizes > 0).float() if kind == "sampling" else sizes
    return weights * drawn.sum() / (weights * drawn).sum()


def random_orders(available: int, wanted: int, generator: torch.Generator) -> torch.Tensor:
    """`wanted` indices: as many random orders of all faces, one after the other, as that takes."""
    rounds = -(-wanted // available)
    orders = [torch.randperm(available, generator=generator, device=generator.device) for _ in range(rounds)]
    return torch.cat(orders)[:wanted]


def balanced_draws(targets: torch.Tensor, wanted: int, generator: torch.Generator) -> torch.Tensor:
    """`wanted` indices drawn with replacement, every class as likely as any other; targets (n, k)."""
    chance = (targets @ class_weights(targets, "inverse-frequency")).cpu().double()
    bounds = (chance.cumsum(0) / chance.sum()).float().to(targets.device)
    where = torch.rand(wanted, generator=generator, device=generator.device)
    return torch.searchsorted(bounds, where, right=True).clamp_(max=len(targets) - 1)


@dataclass(frozen=True)
class Batch:
    """x (b, 1, h, w) normalised and changed, targets (b, k), and which faces of the subset they are, (b,)."""

    x: torch.Tensor
    targets: torch.Tensor
    faces: torch.Tensor


class Feed:
    """Batches of a subset's faces, on its device: in each epoch in a random order, augmented, cropped and mixed.

    `mean` and `std` are the training pixels' in 0..1; where `captured`, a batch's changes are queued as one CUDA graph.
    """

    def __init__(self, subset: Subset, how: Training, mean: float, std: float, captured: bool = False) -> None:
        self.subset, self.how, self.mean, self.std = subset, how, mean, std
        self.generator = torch.Generator(subset.images.device)
        self.changed = Captured(self._changed, self.generator) if captured else self._changed

    def epoch(self, steps: int, seed: int) -> Iterator[Batch]:
        """`steps` batches, a function of `seed`."""
        subset, how, generator = self.subset, self.how, self.generator.manual_seed(seed)
        if how.class_balance == "sampling":
            order = balanced_draws(subset.targets, steps * how.batch, generator)
        else:
            order = random_orders(len(subset), steps * how.batch, generator)
        device = subset.images.device
        mixes = draw_mixes(steps, how.batch, mixup=how.mixup, cutmix=how.cutmix, seed=seed, device=device)
        for step, faces in enumerate(order.split(how.batch)):
            x, targets = self.changed(faces)
            if mixes:
                x, targets = mix(x, targets, *mixes[step])
            yield Batch(x, targets, faces)

    def _changed(self, faces: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = normalise(self.subset.images[faces], self.mean, self.std)
        x = random_crop(augment(x, self.how.augmentation, self.generator), self.how.crop, self.generator)
        return x, self.subset.targets[faces]
