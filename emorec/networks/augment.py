"""Changes to a whole batch of faces at once, where the batch lies: random ones in training, views of each in use.

Axis letters: b batch, h height, w width, k classes.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from emorec.config import Augmentation


def normalise(images: torch.Tensor, mean: float, std: float) -> torch.Tensor:
    """uint8 (b, h, w) to float32 (b, 1, h, w): scaled to 0..1, then by the training pixels' mean and deviation."""
    return images.unsqueeze(1).float().div_(255).sub_(mean).div_(std)


def augment(x: torch.Tensor, how: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Augmented copy of normalised faces (b, 1, h, w); a strength of zero leaves its step out.

    Flip, rotation, shift and scale are one affine map for each face, sampled once (bilinear, the border repeated).
    Erasing follows Zhong et al. 2020 (arXiv 1708.04896): area 2 to 20 %, aspect ratio 0.3 to 3.3, filled with the mean.
    """
    b = len(x)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.empty(b, device=x.device).uniform_(low, high, generator=generator)

    if how.flip or how.rotation or how.shift or how.scale:
        x = _affine(x, how, uniform)
    if how.brightness or how.contrast:
        gain = 1 + uniform(-how.contrast, how.contrast)
        offset = uniform(-how.brightness, how.brightness)  # in deviations of the training pixels, as x is
        x = x * gain.view(b, 1, 1, 1) + offset.view(b, 1, 1, 1)
    if how.erasing:
        x = _erase(x, how.erasing, uniform)
    return x


def random_crop(x: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """A window (b, 1, size, size) of each face (b, 1, h, w), anywhere in it; `x` itself where it is no larger."""
    b, _, h, w = x.shape
    if size == h == w:
        return x
    top, left = (torch.randint(0, side - size + 1, (b, 1), generator=generator, device=x.device) for side in (h, w))
    inside = torch.arange(size, device=x.device)
    faces = torch.arange(b, device=x.device).view(b, 1, 1)
    return x[faces, 0, (top + inside).unsqueeze(2), (left + inside).unsqueeze(1)].unsqueeze(1)


def augmented_pictures(how: Augmentation) -> Callable[[np.ndarray, int], np.ndarray]:
    """The augmentation as a function of uint8 faces (n, h, w) and a seed, to pictures (n, h, w) from 0 to 1."""

    def pictures(images: np.ndarray, seed: int) -> np.ndarray:
        mean, std = float(images.mean() / 255), float(images.std() / 255)
        x = augment(normalise(torch.from_numpy(images), mean, std), how, torch.Generator().manual_seed(seed))
        return (x * std + mean).clamp(0, 1).squeeze(1).numpy()

    return pictures


Uniform = Callable[[float, float], torch.Tensor]  # low and high to a number for each face


def _affine(x: torch.Tensor, how: Augmentation, uniform: Uniform) -> torch.Tensor:
    b = len(x)
    angle = uniform(-how.rotation, how.rotation) * (math.pi / 180)
    zoom = 1 / (1 + uniform(-how.scale, how.scale))  # the map goes from output to input
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if how.flip else torch.ones(b, device=x.device)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    # grid coordinates run from -1 to 1, so that a share of the side is twice that in them
    across, down = uniform(-2 * how.shift, 2 * how.shift), uniform(-2 * how.shift, 2 * how.shift)
    theta = torch.stack([torch.stack([cos * mirror, -sin, across], 1), torch.stack([sin * mirror, cos, down], 1)], 1)
    return F.grid_sample(x, _grid(theta, *x.shape[-2:]), mode="bilinear", padding_mode="border", align_corners=False)


def _grid(theta: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """F.affine_grid(theta, (b, 1, h, w), align_corners=False), (b, h, w, 2), in a third of its time on CPU."""
    across, down = (torch.linspace(-1, 1, side, device=theta.device) * (side - 1) / side for side in (w, h))
    by_column = theta[:, :, 0, None, None] * across
    by_row = theta[:, :, 1, None, None] * down.view(h, 1)
    return (by_column + by_row).add_(theta[:, :, 2, None, None]).permute(0, 2, 3, 1)


def _erase(x: torch.Tensor, probability: float, uniform: Uniform) -> torch.Tensor:
    h, w = x.shape[-2:]
    area = uniform(0.02, 0.2) * h * w
    ratio = uniform(math.log(0.3), math.log(3.3)).exp()
    tall, wide = (area * ratio).sqrt().clamp(max=h), (area / ratio).sqrt().clamp(max=w)
    top, left = uniform(0, 1) * (h - tall), uniform(0, 1) * (w - wide)
    # a pixel is erased if its centre lies inside, so that the border's pixels are erased as often as their neighbours
    rows = (torch.arange(h, device=x.device) + 0.5).view(1, h, 1)
    columns = (torch.arange(w, device=x.device) + 0.5).view(1, 1, w)

    def between(position: torch.Tensor, start: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        start, length = start.view(-1, 1, 1), length.view(-1, 1, 1)
        return (position >= start) & (position < start + length)

    chosen = (uniform(0, 1) < probability).view(-1, 1, 1)
    hole = (between(rows, top, tall) & chosen) & between(columns, left, wide)
    return x.masked_fill(hole.unsqueeze(1), 0.0)


Mix = tuple[torch.Tensor, torch.Tensor, bool]


def draw_mixes(steps: int, batch: int, *, mixup: float, cutmix: float, seed: int, device: torch.device) -> list[Mix]:
    """What each step of an epoch is mixed by, drawn at once, so that no step waits; empty where both alphas are 0.

    (b,) how much of its own picture a face keeps, from Beta(α, α); (b, 2) the centre of the patch that CutMix replaces,
    as shares of the sides; whether the step is CutMix's, at even odds where mixup is given too. The stream is its own:
    switching mixing on changes neither the order of the faces nor their augmentation.
    """
    if not mixup and not cutmix:
        return []
    random = np.random.default_rng(seed)
    cut = random.random(steps) < (0.5 if mixup and cutmix else float(cutmix > 0))
    alpha = np.where(cut, cutmix, mixup)[:, None]
    share = torch.from_numpy(random.beta(alpha, alpha, (steps, batch)).astype(np.float32)).to(device)
    centre = torch.from_numpy(random.random((steps, batch, 2), np.float32)).to(device)
    return list(zip(share, centre, cut.tolist(), strict=True))


def mix(
    x: torch.Tensor, targets: torch.Tensor, share: torch.Tensor, centre: torch.Tensor, cut: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces (b, 1, h, w) and targets (b, k), mixed with those of the neighbour in the batch, whose order is random.

    Mixup (Zhang et al. 2018, arXiv 1710.09412) adds the pictures; CutMix (Yun et al. 2019, arXiv 1905.04899) replaces
    a rectangle of the sides' shares √(1 − λ) around a random centre, cut off at the border, λ then being what is left.
    """
    other, other_targets = x.roll(1, 0), targets.roll(1, 0)
    if cut:
        hole = _patch(share, centre, x.shape[-2], x.shape[-1])
        share = 1 - hole.float().mean((1, 2))
        x = torch.where(hole.unsqueeze(1), other, x)
    else:
        x = torch.lerp(other, x, share.view(-1, 1, 1, 1))
    return x, torch.lerp(other_targets, targets, share.view(-1, 1))


def _patch(share: torch.Tensor, centre: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """(b, h, w) bool: the rectangles to replace."""
    half = (1 - share).sqrt() / 2

    def inside(size: int, middle: torch.Tensor) -> torch.Tensor:
        position = (torch.arange(size, device=share.device) + 0.5) / size
        return (position - middle[:, None]).abs() < half[:, None]

    return inside(h, centre[:, 0])[:, :, None] & inside(w, centre[:, 1])[:, None, :]


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
