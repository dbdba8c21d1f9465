"""What a network looks at when it is used: the face, its mirror image, or ten windows of it."""

from __future__ import annotations

import torch


def views_of(x: torch.Tensor, kind: str, crop: int) -> list[torch.Tensor]:
    """Views (b, 1, crop, crop) of faces (b, 1, h, w), to be averaged over.

    "none" is the window in the middle, "flip" that and its mirror image, "ten-crop" the four corners too, each with its
    mirror image (Krizhevsky et al. 2012). A crop of the whole side leaves the face as it is.
    """
    h, w = x.shape[-2:]
    down, right = h - crop, w - crop
    middle = (down // 2, right // 2)
    corners = [(0, 0), (0, right), (down, 0), (down, right)] if kind == "ten-crop" else []
    windows = [x[..., top : top + crop, left : left + crop] for top, left in (middle, *corners)]
    return windows if kind == "none" else [view for window in windows for view in (window, window.flip(3))]
