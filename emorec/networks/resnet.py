"""ResNet (He et al. 2016, arXiv 1512.03385) for grey 48×48 faces, in torchvision's layout and state-dict keys.

Axis letters: b batch, c channels, h height, w width, k classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from emorec.networks.blocks import residual_block
from emorec.networks.size import FILTERS, KERNEL, STAGES, STEMS


class ResNet(nn.Module):
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
        super().__init__()
        kernel, stride, pool = STEMS[stem]
        self.dropout = dropout
        self.whiten = nn.Conv2d(1, FILTERS, KERNEL, padding=KERNEL // 2, bias=False) if whitening else None
        self.conv1 = nn.Conv2d(FILTERS if whitening else 1, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        channels, passed, total = width, 0, sum(STAGES[depth])
        for number, blocks in enumerate(STAGES[depth], start=1):
            planes = width * 2 ** (number - 1)
            stage = []
            for block in range(blocks):
                stride = 2 if block == 0 and number > 1 else 1
                passed += 1
                skipped = stochastic_depth * passed / total
                shortcut = _shortcut(channels, planes, stride)
                stage.append(
                    residual_block(channels, planes, stride, shortcut, reduction=squeeze_excitation, skipped=skipped)
                )
                channels = planes
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if self.whiten is not None:
            self.whiten.requires_grad_(False)

    @property
    def features(self) -> int:
        """Length of the penultimate representation."""
        return self.fc.in_features

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to the penultimate representation (b, features): the averaged last feature maps."""
        if self.whiten is not None:
            x = self.relu(self.whiten(x))
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to logits (b, k)."""
        h = self.embed(x)
        if self.dropout:
            h = F.dropout(h, self.dropout, self.training)
        return self.fc(h)


def _shortcut(channels: int, planes: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == planes:
        return None
    return nn.Sequential(nn.Conv2d(channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
