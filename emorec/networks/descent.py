"""Stochastic gradient descent with Nesterov momentum, as torch computes it.

It is torch's function: its optimiser classes import torch's compiler, which takes longer than a short training's epoch.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.sgd import sgd


class Descent:
    """Steps over a network's trainable weights, with what they remember.

    Norm layers and biases are not decayed: Goyal et al. 2017 (arXiv 1706.02677), section 5.1.

    Args:
        fused: whether a step is one kernel, as is quickest on CUDA.
    """

    def __init__(self, network: nn.Module, momentum: float, weight_decay: float, fused: bool = False) -> None:
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.momentum, self.weight_decay, self.fused = momentum, weight_decay, fused
        self.buffers: list[torch.Tensor | None] = [None] * len(self.weights)  # momentum, of each of the weights

    @torch.no_grad()
    def step(self, lr: float | torch.Tensor) -> None:
        """One step along the gradients that the weights have; weights without one stay where they are."""
        for decayed in (True, False):
            some = [i for i, p in enumerate(self.weights) if (p.ndim > 1) == decayed and p.grad is not None]
            buffers = [self.buffers[i] for i in some]
            sgd(
                [self.weights[i] for i in some],
                [self.weights[i].grad for i in some],  # type: ignore[misc]  # none of them is None
                buffers,
                weight_decay=self.weight_decay if decayed else 0.0,
                momentum=self.momentum,
                lr=lr,  # type: ignore[arg-type]  # a tensor in a captured step, which torch takes too
                dampening=0.0,
                nesterov=self.momentum > 0,
                maximize=False,
                foreach=not self.fused,
                fused=self.fused,
            )
            for i, buffer in zip(some, buffers, strict=True):
                self.buffers[i] = buffer
