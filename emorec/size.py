"""Parameters and floating-point operations of a ResNet by formula: for choosing widths without building networks.

What `emorec.networks.resnet` builds, counted layer by layer; a multiply-add is two operations, and only convolutions
and linear layers count, as in torch's FlopCounterMode.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

# BasicBlocks in each of the four stages; torchvision's own resnet18 and resnet34.
STAGES = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}

# The first convolution (kernel, stride) and whether max-pooling follows. At 48×48 torchvision's own stem ("imagenet")
# leaves 2×2 maps for the last stage; "full" keeps every pixel (6×6) at sixteen times the cost, "stride2" is between.
STEMS = {"full": (3, 1, False), "stride2": (3, 2, False), "imagenet": (7, 2, True)}

# The whitening layer: a filter and its negative for each direction of a patch.
KERNEL = 3
FILTERS = 2 * KERNEL**2


@dataclass(frozen=True)
class Size:
    """parameters, and operations (flops) of one image's forward pass."""

    parameters: int = 0
    flops: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.parameters + other.parameters, self.flops + other.flops)

    def __mul__(self, times: int) -> Size:
        return Size(self.parameters * times, self.flops * times)


def resnet_size(
    outputs: int,
    *,
    width: int,
    depth: int,
    stem: str,
    squeeze_excitation: int = 0,
    whitening: bool = False,
    side: int = 48,
    trunk_width: int | None = None,
    trunk_stages: int = 0,
    whole: bool = True,
) -> Size:
    """Size of a ResNet with k `outputs` on side×side images.

    With `trunk_stages`, those first stages (and the stem) are `trunk_width` channels wide and the others `width`; with
    `whole` False only the stages after the trunk and the head are counted: a branch.
    """
    narrow = trunk_width if trunk_width is not None else width
    kernel, stride, pool = STEMS[stem]
    total, inputs, h = Size(), 1, side
    if whitening:
        total += _convolution(1, FILTERS, KERNEL, h)
        inputs = FILTERS
    h = -(-h // stride)
    total += _convolution(inputs, narrow, kernel, h) + _norm(narrow)
    h = -(-h // 2) if pool else h
    channels = narrow
    for number, blocks in enumerate(STAGES[depth]):
        if number == trunk_stages and not whole:
            total = Size()
        planes = (narrow if number < trunk_stages else width) * 2**number
        for block in range(blocks):
            step = 2 if block == 0 and number > 0 else 1
            h = -(-h // step)
            total += _convolution(channels, planes, 3, h) + _convolution(planes, planes, 3, h) + _norm(planes) * 2
            if step > 1 or channels != planes:
                total += _convolution(channels, planes, 1, h) + _norm(planes)
            if squeeze_excitation:
                reduced = max(planes // squeeze_excitation, 4)
                total += _linear(planes, reduced) + _linear(reduced, planes)
            channels = planes
    return total + _linear(channels, outputs)


def width_nearest(wanted: int, size_of: Callable[[int], int], largest: int = 1024) -> int:
    """The width whose size, growing in width, is nearest to `wanted` (of equals the smaller)."""
    enough = 1 + bisect_left(range(1, largest), wanted, key=size_of)
    return min((w for w in (enough - 1, enough) if w >= 1), key=lambda w: (abs(size_of(w) - wanted), w))


def _convolution(channels: int, planes: int, kernel: int, side: int) -> Size:
    weights = kernel * kernel * channels * planes
    return Size(weights, 2 * weights * side * side)


def _linear(inputs: int, outputs: int) -> Size:
    return Size(inputs * outputs + outputs, 2 * inputs * outputs)


def _norm(channels: int) -> Size:
    return Size(2 * channels)
