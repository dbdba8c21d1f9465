"""Mixup and CutMix on whole batches: every face with one other of its batch, each pair in its own proportion.

Axis letters: s steps, b batch, h height, w width, k classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Mixes:
    """An epoch's random numbers, drawn at once, so that no step waits for them.

    share: (s, b) how much of its own picture a face keeps; centre: (s, b, 2) of the patch that CutMix replaces, as
    shares of the sides; cut: (s,) whether a step is CutMix's (or mixup's), known without asking the device.
    """

    share: torch.Tensor
    centre: torch.Tensor
    cut: list[bool]


def draw_mixes(steps: int, batch: int, *, mixup: float, cutmix: float, seed: int, device: torch.device) -> Mixes | None:
    """Random proportions from Beta(α, α) for an epoch; None where both alphas are 0.

    Where both are given, each step is one of the two, at even odds. The stream is its own: switching mixing on changes
    neither the order of the faces nor their augmentation.
    """
    if not mixup and not cutmix:
        return None
    random = np.random.default_rng(seed)
    cut = random.random(steps) < (0.5 if mixup and cutmix else float(cutmix > 0))
    alpha = np.where(cut, cutmix, mixup)[:, None]
    share = random.beta(alpha, alpha, (steps, batch)).astype(np.float32)
    centre = random.random((steps, batch, 2), np.float32)
    return Mixes(torch.from_numpy(share).to(device), torch.from_numpy(centre).to(device), cut.tolist())


def mix(x: torch.Tensor, targets: torch.Tensor, mixes: Mixes, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces (b, 1, h, w) and targets (b, k), mixed with those of the neighbour in the batch, whose order is random.

    Mixup (Zhang et al. 2018, arXiv 1710.09412) adds the pictures; CutMix (Yun et al. 2019, arXiv 1905.04899) replaces
    a rectangle of the sides' shares √(1 − λ) around a random centre, cut off at the border, λ then being what is left.
    """
    other, other_targets = x.roll(1, 0), targets.roll(1, 0)
    share = mixes.share[step]
    if mixes.cut[step]:
        hole = _patch(share, mixes.centre[step], x.shape[-2], x.shape[-1])
        share = 1 - hole.float().mean((1, 2))
        x = torch.where(hole.unsqueeze(1), other, x)
    else:
        x = torch.lerp(other, x, share.view(-1, 1, 1, 1))
    return x, torch.lerp(other_targets, targets, share.view(-1, 1))


def _patch(share: torch.Tensor, centre: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """(b, h, w) bool: the rectangles to replace."""
    half = (1 - share).sqrt() / 2

    def inside(size: int, middle: torch.Tensor) -> torch.Tensor:
        position = (torch.arange(size, device=share.device) + 0.5) / size
        return (position - middle[:, None]).abs() < half[:, None]

    return inside(h, centre[:, 0])[:, :, None] & inside(w, centre[:, 1])[:, None, :]
