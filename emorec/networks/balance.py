"""Classes of unequal size: drawn alike, or weighed in the loss.

Axis letters: n faces, k classes. A face's target is its share of each class, mostly one whole class.
"""

from __future__ import annotations

import torch

BETA = 0.999  # of the effective number: 436 faces then count as 353, 7,215 as 999


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
    """Weight (k,) of each class in the loss, from targets (n, k); None where all weigh the same.

    Those of `class_weights`, where `kind` is one of its two, times the classes' `importance` (k,), where that is given;
    scaled so that the mean weight of a face is 1, of a drawn one where `kind` is "sampling".
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
