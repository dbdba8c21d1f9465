"""Moving average of a network's weights, which is evaluated, selected and kept in their place."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average:
    """Exponential moving average of weights and of the norm layers' statistics (Polyak & Juditsky 1992).

    Statistics are averaged as the weights are (Tarvainen & Valpola 2017, arXiv 1703.01780, do so), which needs no pass
    over the data. The decay starts low, min(decay, (1 + n) / (10 + n)) at step n as in TensorFlow's
    ExponentialMovingAverage, so that the random initialisation is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step `step` (from 0, over all epochs)."""
        mine, theirs = _tensors(self.network), _tensors(network)
        decay = min(self.decay, (1 + step) / (10 + step))
        floats = [i for i, tensor in enumerate(mine) if tensor.is_floating_point()]
        get_ema_multi_avg_fn(decay)([mine[i] for i in floats], [theirs[i] for i in floats], None)
        for own, current in zip(mine, theirs, strict=True):
            if not own.is_floating_point():  # a norm layer's count of batches
                own.copy_(current)


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    return [*(p.detach() for p in network.parameters()), *network.buffers()]
