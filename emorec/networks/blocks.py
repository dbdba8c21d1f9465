"""Torchvision's residual block with what a recipe may add to it; its state-dict keys stay where nothing is added.

Axis letters: b batch, c channels, h height, w width, r reduced channels.
"""

from __future__ import annotations

import torch
from torch import nn

from emorec.networks.torchvision_layout import BasicBlock


class SqueezeExcitation(nn.Module):
    """Channels weighed by what all of them average to: Hu et al. 2018 (arXiv 1709.01507), figure 2.

    Args:
        channels: c.
        reduction: c / r; at least four channels are left, as thin networks would have a bottleneck of one.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        reduced = max(channels // reduction, 4)
        self.squeeze = nn.Linear(channels, reduced)
        self.excite = nn.Linear(reduced, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, c, h, w) to the same shape."""
        weights = self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()
        return x * weights[:, :, None, None]


class StochasticDepth(nn.Module):
    """In training, a residual branch left out for a random share of the faces and scaled up for the others.

    Huang et al. 2016 (arXiv 1603.09382); by face rather than by batch, so that a batch keeps its cost and its shape.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, c, h, w) to the same shape."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        kept = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)
        return x * (kept / keep)


class Block(BasicBlock):  # type: ignore[misc]  # torchvision says nothing about its types
    """A BasicBlock whose residual branch is excited (reduction > 0) and skipped now and then (skipped > 0)."""

    def __init__(
        self, channels: int, planes: int, stride: int, shortcut: nn.Module | None, reduction: int, skipped: float
    ) -> None:
        super().__init__(channels, planes, stride, shortcut)
        self.excitation = SqueezeExcitation(planes, reduction) if reduction else nn.Identity()
        self.depth = StochasticDepth(skipped)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, c, h, w) to (b, planes, h / stride, w / stride)."""
        branch = self.relu(self.bn1(self.conv1(x)))
        branch = self.excitation(self.bn2(self.conv2(branch)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.depth(branch) + shortcut)


def residual_block(
    channels: int, planes: int, stride: int, shortcut: nn.Module | None, *, reduction: int = 0, skipped: float = 0.0
) -> BasicBlock:
    """Torchvision's own block where nothing is added."""
    if reduction or skipped:
        return Block(channels, planes, stride, shortcut, reduction, skipped)
    return BasicBlock(channels, planes, stride, shortcut)
