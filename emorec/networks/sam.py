"""Sharpness-aware minimisation: Foret et al. 2021 (arXiv 2010.01412), algorithm 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def uphill(network: nn.Module, rho: float) -> Iterator[None]:
    """The network with its weights w at w + ρ g / ‖g‖, where its loss is nearly the worst within ρ; then at w again.

    g is the gradient that the weights have on entering; those on leaving are the caller's, of the loss uphill. Norm
    layers take the batch's statistics meanwhile, as they do in training, but keep no account of them: their running
    ones are of w.
    """
    trained = [p for p in network.parameters() if p.grad is not None]
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [p.detach().clone() for p in trained]
    with torch.no_grad():
        length = torch.stack([p.grad.norm() for p in trained if p.grad is not None]).norm()
        for p in trained:
            p.add_(p.grad * (rho / (length + 1e-12)))
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
        with torch.no_grad():
            for p, own in zip(trained, before, strict=True):
                p.copy_(own)
