"""Synthetic faces: parametric 48x48 grey faces whose ground truth is known, for studies that download nothing.

An emotion gives facial action units (`action_units`), these with an identity, a pose, a light and a camera
(`appearance`) give pixels (`drawing`), and a share of the labels is made wrong. Everything follows from a seed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emorec import EMOTIONS, SPLITS
from emorec.data.synthetic.action_units import (
    ACTION_UNITS,
    DEFAULT_MODEL,
    NAMES,
    SHARES,
    ExpressionModel,
    draw_action_units,
    draw_labels,
    draw_wrong_labels,
    mean_strengths,
    planted_confusion,
    posterior,
    wrong_label_targets,
)
from emorec.data.synthetic.appearance import draw_appearance
from emorec.data.synthetic.drawing import SIZE, draw

__all__ = [
    "ACTION_UNITS",
    "DEFAULT_MODEL",
    "NAMES",
    "SHARES",
    "ExpressionModel",
    "SyntheticFaces",
    "SyntheticStudy",
    "draw_faces",
    "mean_strengths",
    "planted_confusion",
    "posterior",
    "synthetic_faces",
    "wrong_label_targets",
]

# Faces are seeded and drawn a chunk at a time: a chunk's arrays stay in the processor's cache, chunks can go to several
# threads, and the first faces are the same however many follow. Changing it changes every face.
CHUNK = 64


@dataclass(frozen=True)
class SyntheticFaces:
    """Synthetic faces and what was planted in them."""

    images: np.ndarray  # (N, 48, 48) uint8
    labels: np.ndarray  # (N,) uint8, as an annotator would have given them: some are wrong
    true_labels: np.ndarray  # (N,) uint8
    action_units: np.ndarray  # (N, U) float32 in [0, 1]
    names: tuple[str, ...]  # of the U action units


class SyntheticStudy(NamedTuple):
    """Synthetic faces of all splits, in the layout of `data/faces.npz` and `data/truth.npz`."""

    images: np.ndarray  # (N, 48, 48) uint8
    labels: np.ndarray  # (N,) uint8
    split: np.ndarray  # (N,) uint8, index in SPLITS
    row: np.ndarray  # (N,) int32
    true_labels: np.ndarray  # (N,) uint8
    action_units: np.ndarray  # (N, U) float32
    names: tuple[str, ...]


def draw_faces(
    count: int,
    seed: int,
    *,
    wrong_labels: float = 0.06,
    shares: tuple[float, ...] = SHARES,
    model: ExpressionModel = DEFAULT_MODEL,
    pose: float = 1.0,
    threads: int = 2,
    stream: int = 0,
) -> SyntheticFaces:
    """`count` synthetic faces, fully determined by `seed` and `stream`.

    Streams of one seed are independent of each other: they serve the splits.

    The first n of N faces are those that `count=n` gives, and `threads` changes nothing but the time. Bit for bit that
    holds for one version of numpy on one kind of processor; elsewhere a pixel may round to the next grey level.

    `wrong_labels` is the probability that a label is not the true emotion, `shares` the emotions' shares in the order
    of EMOTIONS; `model` says how strongly the emotions show, `pose` how far heads turn and move. Raises
    ValueError for a negative count or seed, a probability outside [0, 1], or shares that are not one non-negative
    number an emotion.
    """
    if count < 0 or seed < 0 or stream < 0:
        raise ValueError(f"count, seed and stream must not be negative, got {count}, {seed} and {stream}")
    if not 0 <= wrong_labels <= 1:
        raise ValueError(f"wrong_labels must lie in [0, 1], got {wrong_labels}")
    if len(shares) != len(EMOTIONS) or min(shares) < 0 or sum(shares) <= 0:
        raise ValueError(f"shares must be {len(EMOTIONS)} non-negative numbers, one an emotion, got {shares}")

    def chunk(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        # One generator a purpose: more wrong labels, say, leave the faces as they are.
        labels_rng, wrong_rng, units_rng, look_rng, noise_rng = (
            np.random.default_rng(child) for child in np.random.SeedSequence([seed, stream, index]).spawn(5)
        )
        true = draw_labels(CHUNK, shares, labels_rng)
        written = draw_wrong_labels(true, wrong_labels, wrong_rng)
        units = draw_action_units(true, model, units_rng)
        look = draw_appearance(CHUNK, look_rng, pose)
        noise = noise_rng.standard_normal((CHUNK, SIZE, SIZE), dtype=np.float32)
        return draw(units, look, noise), written, true, units

    chunks = -(-count // CHUNK)
    if threads > 1 and chunks > 1:
        # numpy lets go of the interpreter inside array operations.
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(chunk, range(chunks)))
    else:
        parts = [chunk(index) for index in range(max(chunks, 1))]
    images, labels, true_labels, action_units = (np.concatenate(column)[:count] for column in zip(*parts, strict=True))
    return SyntheticFaces(images, labels, true_labels, action_units, NAMES)


def synthetic_faces(
    train: int,
    val: int,
    test: int,
    seed: int,
    wrong_labels: float,
    *,
    shares: tuple[float, ...] = SHARES,
    pose: float = 1.0,
    threads: int = 2,
) -> SyntheticStudy:
    """Synthetic faces of the three splits, in the order of SPLITS; `row` counts through all of them.

    Wrong labels are in all splits, as in real data. Each split has a stream of its own: more training faces leave the
    test faces as they are.
    """
    sizes = (train, val, test)
    parts = [
        draw_faces(count, seed, wrong_labels=wrong_labels, shares=shares, pose=pose, threads=threads, stream=stream)
        for stream, count in enumerate(sizes)
    ]
    return SyntheticStudy(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        split=np.repeat(np.arange(len(SPLITS), dtype=np.uint8), sizes),
        row=np.arange(sum(sizes), dtype=np.int32),
        true_labels=np.concatenate([part.true_labels for part in parts]),
        action_units=np.concatenate([part.action_units for part in parts]),
        names=NAMES,
    )
