"""The expert of a single emotion: there is nothing to learn, and it always says the same."""

from __future__ import annotations

import torch
from torch import nn

from emorec.networks.resnet import Answer


class Constant(nn.Module):
    """A network with one output, hence of probability 1, and without parameters. Its representation is the number 1."""

    features = 1

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, ...) to (b, 1)."""
        return x.new_ones(x.shape[0], 1)

    def head(self, h: torch.Tensor) -> torch.Tensor:
        """Representation (b, 1) to logits (b, 1)."""
        return torch.zeros_like(h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, ...) to logits (b, 1)."""
        return self.head(self.embed(x))

    def answer(self, x: torch.Tensor) -> Answer:
        """Images (b, ...) to all that is kept of what the network says."""
        h = self.embed(x)
        return Answer(self.head(h), h)
