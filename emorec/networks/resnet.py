"""ResNet (He et al. 2016, arXiv 1512.03385) for grey 48×48 faces, in torchvision's layout and state-dict keys.

Axis letters: b batch, c channels, h height, w width, d features, k classes, e experts.
"""

from typing import Any, Generic, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from emorec.networks.torchvision_layout import BasicBlock
from emorec.size import FILTERS, KERNEL, STAGES, STEMS

LAST = 4  # stages
FILTERS_IN_EIGHTS = -(-FILTERS // 8) * 8

Array = TypeVar("Array")


class Output(NamedTuple, Generic[Array]):
    """What a network gives for b faces: logits (b, k) and features (b, d), the representation.

    Of a jointly trained mixture also gate (b, e), the experts' weights, and in training balance, the balancing loss.
    """

    logits: Array
    features: Array
    gate: Array | None = None
    balance: Array | None = None


class SqueezeExcitation(nn.Module):
    """Channels weighed by what all of them average to: Hu et al. 2018 (arXiv 1709.01507), figure 2."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        reduced = max(channels // reduction, 4)  # thin networks would have one
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
    """Torchvision's block with a residual branch that is excited (reduction > 0) and skipped now and then."""

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


class Stages(nn.Module):
    """Stages `first` to `last` of a ResNet, before them the stem if the first is number 1: images or maps to maps.

    Options are those of the config's `architecture`; `stochastic_depth` is the last block's, earlier ones have linearly
    less. `whiten` holds the fixed filters before the first convolution, which the caller fills. `channels` is the
    number of those that come in, where there is no stem.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        depth: int = 18,
        stem: str = "full",
        squeeze_excitation: int = 0,
        stochastic_depth: float = 0.0,
        whitening: bool = False,
        first: int = 1,
        last: int = LAST,
        channels: int = 0,
    ) -> None:
        super().__init__()
        self.first, self.last = first, last
        self.whiten: nn.Conv2d | None = None
        if first == 1:
            kernel, stride, pool = STEMS[stem]
            channels = width
            if whitening:
                self.whiten = nn.Conv2d(1, FILTERS, KERNEL, padding=KERNEL // 2, bias=False)
            self.conv1 = nn.Conv2d(FILTERS if whitening else 1, width, kernel, stride, kernel // 2, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        for number in range(first, last + 1):
            stage = _stage(number, channels, width, depth, squeeze_excitation, stochastic_depth)
            self.add_module(f"layer{number}", stage)
            channels = width * 2 ** (number - 1)
        self.channels = channels

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w), or the maps before the first stage, to the last stage's maps (b, channels, h', w')."""
        if self.first == 1:
            convolve = _in_eights if self.training and x.is_cuda else _as_it_is
            if self.whiten is not None:
                x = self.relu(convolve(self.whiten, x, FILTERS_IN_EIGHTS))
            x = self.maxpool(self.relu(self.bn1(convolve(self.conv1, x, self.conv1.out_channels))))
        for number in range(self.first, self.last + 1):
            x = getattr(self, f"layer{number}")(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The maps."""
        return self.maps(x)

    def initialise(self) -> None:
        """He et al. 2015 (arXiv 1502.01852) for convolutions, as torchvision; whitening filters are not trained."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if self.whiten is not None:
            self.whiten.requires_grad_(False)


def _as_it_is(layer: nn.Conv2d, x: torch.Tensor, outputs: int) -> torch.Tensor:
    return layer(x)


def _in_eights(layer: nn.Conv2d, x: torch.Tensor, outputs: int) -> torch.Tensor:
    """The layer with zeros in place of the channels that its input, or its output of so many channels, lacks.

    A GPU's matrix units take eight channels at a time; one grey channel is left to slower ones.
    """
    channels = -(-max(x.shape[1], layer.in_channels) // 8) * 8
    x = F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))
    weight = F.pad(layer.weight, (0, 0, 0, 0, 0, channels - layer.in_channels, 0, outputs - layer.out_channels))
    return F.conv2d(x, weight, None, layer.stride, layer.padding)


def _stage(
    number: int, channels: int, width: int, depth: int, squeeze_excitation: int, stochastic_depth: float
) -> nn.Sequential:
    planes, blocks = width * 2 ** (number - 1), []
    passed, total = sum(STAGES[depth][: number - 1]), sum(STAGES[depth])
    for block in range(STAGES[depth][number - 1]):
        stride = 2 if block == 0 and number > 1 else 1
        skipped = stochastic_depth * (passed + block + 1) / total
        shortcut = None
        if stride > 1 or channels != planes:
            shortcut = nn.Sequential(nn.Conv2d(channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        if squeeze_excitation or skipped:
            blocks.append(Block(channels, planes, stride, shortcut, squeeze_excitation, skipped))
        else:
            blocks.append(BasicBlock(channels, planes, stride, shortcut))
        channels = planes
    return nn.Sequential(*blocks)


class ResNet(Stages):
    """A classifier of one-channel images with k `outputs`; from another stage than the first on, one of a trunk's maps.

    With squeeze-excitation and whitening off, the state dict has torchvision's keys.
    """

    def __init__(self, outputs: int, *, dropout: float = 0.0, **stages: Any) -> None:
        super().__init__(**stages)
        self.dropout = dropout
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.channels, outputs)
        if self.first == 1:  # else with its trunk, by the caller
            self.initialise()

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w), or a trunk's maps, to the penultimate representation (b, d)."""
        return self.avgpool(self.maps(x)).flatten(1)

    def head(self, h: torch.Tensor) -> torch.Tensor:
        """Representation (b, d) to logits (b, k)."""
        if self.dropout:
            h = F.dropout(h, self.dropout, self.training)
        return self.fc(h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to logits (b, k)."""
        return self.head(self.embed(x))

    def output(self, x: torch.Tensor) -> Output[torch.Tensor]:
        """Images (b, 1, h, w) to logits and representation."""
        h = self.embed(x)
        return Output(self.head(h), h)


class Constant(nn.Module):
    """The expert of a single emotion, of probability 1: no parameters, and the number 1 for a representation."""

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images or maps (b, ...) to (b, 1)."""
        return x.new_ones(x.shape[0], 1)

    def head(self, h: torch.Tensor) -> torch.Tensor:
        """Representation (b, 1) to logits (b, 1)."""
        return torch.zeros_like(h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, ...) to logits (b, 1)."""
        return self.output(x).logits

    def output(self, x: torch.Tensor) -> Output[torch.Tensor]:
        """Images (b, ...) to logits and representation."""
        h = self.embed(x)
        return Output(self.head(h), h)


@torch.no_grad()
def whitening_filters(x: torch.Tensor, eps: float = 5e-4) -> torch.Tensor:
    """Filters (18, 1, 3, 3) that make patches of normalised faces (n, 1, h, w) white, as in cifar10-airbench.

    Jordan 2024 (arXiv 2404.00498), section 3.2: the eigenvectors of the patches' covariance, each divided by the root
    of its eigenvalue plus `eps`, and their negatives, so that the ReLU after them loses nothing. Computed on the CPU in
    float64, so that they do not depend on the device.
    """
    patches = F.unfold(x.cpu(), KERNEL).transpose(1, 2).reshape(-1, KERNEL**2).double()
    covariance = patches.T @ patches / len(patches)
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    filters = eigenvectors.T / (eigenvalues + eps).sqrt()[:, None]
    return torch.cat([filters, -filters]).float().view(FILTERS, 1, KERNEL, KERNEL)
