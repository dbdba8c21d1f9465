"""Synthetic faces: parametric 48x48 grey faces whose ground truth is known, for studies that download nothing.

An emotion gives facial action units (`action_units`), these with an identity, a pose, a light and a camera
(`appearance`) give pixels (`drawing`), and a share of the labels is made wrong. Everything follows from a seed.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from emorec import SIDE
from emorec.data.synthetic.action_units import (
    DEFAULT_MODEL,
    NAMES,
    SHARES,
    ExpressionModel,
    draw_action_units,
    draw_labels,
    draw_wrong_labels,
    planted_confusion,
    posterior,
    wrong_label_targets,
)
from emorec.data.synthetic.appearance import draw_appearance
from emorec.data.synthetic.drawing import draw

# Faces are seeded and drawn a chunk at a time: a chunk's arrays stay in the processor's cache, chunks can go to several
# threads, and the first faces are the same however many follow. Changing it changes every face.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class SyntheticFaces:
    """Synthetic faces and what was planted in them."""

    images: np.ndarray  # (N, 48, 48) uint8
    labels: np.ndarray  # (N,) uint8, as an annotator would have given them: some are wrong
    split: np.ndarray  # (N,) uint8, indices in SPLITS
    true_labels: np.ndarray  # (N,) uint8
    action_units: np.ndarray  # (N, U) float32 in [0, 1], in the order of NAMES

    @property
    def row(self) -> np.ndarray:
        """(N,) int32: each face's place."""
        return np.arange(len(self.labels), dtype=np.int32)


def draw_faces(
    count: int,
    seed: int,
    *,
    wrong_labels: float = 0.06,
    shares: tuple[float, ...] = SHARES,
    model: ExpressionModel = DEFAULT_MODEL,
    pose: float = 1.0,
    threads: int = 2,
    split: int = 0,
) -> SyntheticFaces:
    """`count` synthetic faces of one split, fully determined by `seed`; splits of one seed are independent.

    The first n of N faces are those that `count=n` gives, and `threads` changes nothing but the time. Bit for bit that
    holds for one version of numpy on one kind of processor; elsewhere a pixel may round to the next grey level.
    `wrong_labels` is the probability that a label is not the true emotion, `shares` the emotions' shares in the order
    of EMOTIONS; `model` says how strongly the emotions show, `pose` how far heads turn and move.
    """

    def chunk(index: int) -> SyntheticFaces:
        # One generator a purpose: more wrong labels, say, leave the faces as they are.
        labels_rng, wrong_rng, units_rng, look_rng, noise_rng = (
            np.random.default_rng(child) for child in np.random.SeedSequence([seed, split, index]).spawn(5)
        )
        true = draw_labels(CHUNK, shares, labels_rng)
        written = draw_wrong_labels(true, wrong_labels, wrong_rng)
        units = draw_action_units(true, model, units_rng)
        look = draw_appearance(CHUNK, look_rng, pose)
        noise = noise_rng.standard_normal((CHUNK, SIDE, SIDE), dtype=np.float32)
        return SyntheticFaces(draw(units, look, noise), written, np.full(CHUNK, split, np.uint8), true, units)

    with ThreadPoolExecutor(threads) as pool:  # numpy lets go of the interpreter inside array operations
        return _joined(pool.map(chunk, range(max(-(-count // CHUNK), 1))), count)


def synthetic_faces(
    train: int, val: int, test: int, seed: int, wrong_labels: float, *, pose: float = 1.0
) -> SyntheticFaces:
    """Synthetic faces of the three splits, in the order of SPLITS. Wrong labels are in all of them, as in real data."""
    sizes = (train, val, test)
    return _joined(
        draw_faces(count, seed, wrong_labels=wrong_labels, pose=pose, split=split) for split, count in enumerate(sizes)
    )


def _joined(parts: Iterable[SyntheticFaces], count: int | None = None) -> SyntheticFaces:
    """The first `count` faces of several parts, or all."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return SyntheticFaces(*(np.concatenate(column)[:count] for column in columns))
