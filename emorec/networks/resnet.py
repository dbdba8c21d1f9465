"""ResNet (He et al. 2016, arXiv 1512.03385) for grey 48×48 faces, in torchvision's layout and state-dict keys.

Axis letters: b batch, c channels, h height, w width, k classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from emorec.networks.blocks import residual_block
from emorec.size import FILTERS, KERNEL, STAGES, STEMS

LAST = 4  # stages
FILTERS_IN_EIGHTS = -(-FILTERS // 8) * 8


class Answer(NamedTuple):
    """What a network says about b faces: logits (b, k), representation (b, d), a mixture's gate weights (b, e)."""

    logits: torch.Tensor
    features: torch.Tensor
    gate: torch.Tensor | None = None


class Trunk(nn.Module):
    """The stem and the first stages of a ResNet, images (b, 1, h, w) to maps (b, c, h', w').

    Args:
        stages: how many of the four.
        whitening: fixed whitening filters before the first convolution; `whiten` holds them, the caller fills it.

    The other arguments are ResNet's.
    """

    def __init__(
        self,
        stages: int,
        *,
        width: int,
        depth: int,
        stem: str,
        squeeze_excitation: int = 0,
        stochastic_depth: float = 0.0,
        whitening: bool = False,
    ) -> None:
        super().__init__()
        kernel, stride, pool = STEMS[stem]
        self.whiten = nn.Conv2d(1, FILTERS, KERNEL, padding=KERNEL // 2, bias=False) if whitening else None
        self.conv1 = nn.Conv2d(FILTERS if whitening else 1, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        self.stages = stages
        self.channels = width
        for number in range(1, stages + 1):
            stage = _stage(number, self.channels, width, depth, squeeze_excitation, stochastic_depth)
            self.add_module(f"layer{number}", stage)
            self.channels = width * 2 ** (number - 1)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to the last stage's maps (b, channels, h', w')."""
        convolve = _in_eights if self.training and x.is_cuda else _as_it_is
        if self.whiten is not None:
            x = self.relu(convolve(self.whiten, x, FILTERS_IN_EIGHTS))
        x = self.maxpool(self.relu(self.bn1(convolve(self.conv1, x, self.conv1.out_channels))))
        for number in range(1, self.stages + 1):
            x = getattr(self, f"layer{number}")(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The maps."""
        return self.maps(x)


def _as_it_is(layer: nn.Conv2d, x: torch.Tensor, outputs: int) -> torch.Tensor:
    return layer(x)


def _in_eights(layer: nn.Conv2d, x: torch.Tensor, outputs: int) -> torch.Tensor:
    """The layer with zeros in place of the channels that its input, or its output of so many channels, lacks.

    A GPU's matrix units take eight channels at a time; one grey channel is left to slower ones, which a step's profile
    shows (benchmarks/README.md).
    """
    channels = -(-max(x.shape[1], layer.in_channels) // 8) * 8
    x = F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))
    weight = F.pad(layer.weight, (0, 0, 0, 0, 0, channels - layer.in_channels, 0, outputs - layer.out_channels))
    return F.conv2d(x, weight, None, layer.stride, layer.padding)


class Branch(nn.Module):
    """What follows on a trunk: the stages from number `first` on and a head, maps to logits.

    Args:
        outputs: number of classes k.
        channels: of the trunk's maps.
        first: number of its first stage, from 1.

    The other arguments are ResNet's.
    """

    def __init__(
        self,
        outputs: int,
        channels: int,
        first: int,
        *,
        width: int,
        depth: int,
        squeeze_excitation: int = 0,
        stochastic_depth: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout, self.first = dropout, first
        for number in range(first, LAST + 1):
            stage = _stage(number, channels, width, depth, squeeze_excitation, stochastic_depth)
            self.add_module(f"layer{number}", stage)
            channels = width * 2 ** (number - 1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, outputs)

    @property
    def features(self) -> int:
        """Length of the representation."""
        return self.fc.in_features

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Maps (b, channels, h, w) to the representation (b, d): the averaged last maps."""
        for number in range(self.first, LAST + 1):
            x = getattr(self, f"layer{number}")(x)
        return self.avgpool(x).flatten(1)

    def head(self, h: torch.Tensor) -> torch.Tensor:
        """Representation (b, d) to logits (b, k)."""
        return _head(self, h)


class ResNet(Trunk):
    """A classifier of one-channel images.

    Args:
        outputs: number of classes k.
        width: channels of the first stage; 64 is torchvision's. Later stages double it.
        depth: 10, 18 or 34 layers, all of BasicBlocks.
        stem: "full", "stride2" or "imagenet", see `size.STEMS`.
        squeeze_excitation: reduction ratio of each block's channel weights; 0 for none.
        stochastic_depth: how often the last block is skipped in training, earlier ones linearly less.
        dropout: share of the representation that the head does not see in training.
        whitening: fixed whitening filters before the first convolution; `whiten` holds them, the caller fills it.

    With none of the last four, the state dict has torchvision's keys.
    """

    def __init__(
        self,
        outputs: int,
        *,
        width: int = 64,
        depth: int = 18,
        stem: str = "full",
        squeeze_excitation: int = 0,
        stochastic_depth: float = 0.0,
        dropout: float = 0.0,
        whitening: bool = False,
    ) -> None:
        super().__init__(
            LAST,
            width=width,
            depth=depth,
            stem=stem,
            squeeze_excitation=squeeze_excitation,
            stochastic_depth=stochastic_depth,
            whitening=whitening,
        )
        self.dropout = dropout
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.channels, outputs)
        initialise(self)

    @property
    def features(self) -> int:
        """Length of the penultimate representation."""
        return self.fc.in_features

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to the penultimate representation (b, features): the averaged last feature maps."""
        return self.avgpool(self.maps(x)).flatten(1)

    def head(self, h: torch.Tensor) -> torch.Tensor:
        """Representation (b, features) to logits (b, k)."""
        return _head(self, h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to logits (b, k)."""
        return self.head(self.embed(x))

    def answer(self, x: torch.Tensor) -> Answer:
        """Images (b, 1, h, w) to all that is kept of what the network says."""
        h = self.embed(x)
        return Answer(self.head(h), h)


def initialise(network: nn.Module) -> None:
    """He et al. 2015 (arXiv 1502.01852) for convolutions, as torchvision; whitening filters are not trained."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for module in network.modules():
        if isinstance(module, Trunk) and module.whiten is not None:
            module.whiten.requires_grad_(False)


def _head(network: ResNet | Branch, h: torch.Tensor) -> torch.Tensor:
    if network.dropout:
        h = F.dropout(h, network.dropout, network.training)
    return network.fc(h)


def _stage(
    number: int, channels: int, width: int, depth: int, squeeze_excitation: int, stochastic_depth: float
) -> nn.Sequential:
    """Stage `number` (from 1) of a ResNet, on maps of so many `channels`."""
    planes, blocks = width * 2 ** (number - 1), []
    passed, total = sum(STAGES[depth][: number - 1]), sum(STAGES[depth])
    for block in range(STAGES[depth][number - 1]):
        stride = 2 if block == 0 and number > 1 else 1
        passed += 1
        skipped = stochastic_depth * passed / total
        shortcut = _shortcut(channels, planes, stride)
        blocks.append(residual_block(channels, planes, stride, shortcut, reduction=squeeze_excitation, skipped=skipped))
        channels = planes
    return nn.Sequential(*blocks)


def _shortcut(channels: int, planes: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == planes:
        return None
    return nn.Sequential(nn.Conv2d(channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
