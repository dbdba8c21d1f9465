"""ResNet (He et al. 2016, arXiv 1512.03385) for grey 48×48 faces, in torchvision's layout and state-dict keys.

Axis letters: b batch, c channels, h height, w width, k classes.
"""

from __future__ import annotations

import torch
from torch import nn

from emorec.networks.torchvision_layout import BasicBlock

# BasicBlocks in each of the four stages; torchvision's own resnet18 and resnet34.
STAGES = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}

# The first convolution (kernel, stride) and whether max-pooling follows. At 48×48 torchvision's own stem ("imagenet")
# leaves 2×2 maps for the last stage; "full" keeps every pixel (6×6) at sixteen times the cost, "stride2" is between.
STEMS = {"full": (3, 1, False), "stride2": (3, 2, False), "imagenet": (7, 2, True)}


class ResNet(nn.Module):
    """A classifier of one-channel images.

    Args:
        outputs: number of classes k.
        width: channels of the first stage; 64 is torchvision's. Later stages double it.
        depth: 10, 18 or 34 layers, all of BasicBlocks.
        stem: "full", "stride2" or "imagenet", see `STEMS`.
    """

    def __init__(self, outputs: int, *, width: int = 64, depth: int = 18, stem: str = "full") -> None:
        super().__init__()
        kernel, stride, pool = STEMS[stem]
        self.conv1 = nn.Conv2d(1, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()
        channels = width
        for number, blocks in enumerate(STAGES[depth], start=1):
            planes = width * 2 ** (number - 1)
            self.add_module(f"layer{number}", _stage(channels, planes, blocks, stride=1 if number == 1 else 2))
            channels = planes
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def features(self) -> int:
        """Length of the penultimate representation."""
        return self.fc.in_features

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to the penultimate representation (b, features): the averaged last feature maps."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (b, 1, h, w) to logits (b, k)."""
        return self.fc(self.embed(x))


def _stage(channels: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or channels != planes:
        shortcut = nn.Sequential(nn.Conv2d(channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
    first = BasicBlock(channels, planes, stride, shortcut)
    return nn.Sequential(first, *(BasicBlock(planes, planes) for _ in range(blocks - 1)))
