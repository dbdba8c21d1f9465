"""A face of every emotion from the training split, and what augmentation makes of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from emorec import EMOTIONS, SPLITS
from emorec.config import Study, training_of
from emorec.data.faces import load_faces
from emorec.figures import style
from emorec.inputs import read_json

# (n,48,48) uint8 and a seed to (n,48,48) floats between 0 and 1.
Augment = Callable[[np.ndarray, int], np.ndarray]

VERSIONS = 3


def choose(labels: np.ndarray, seed: int) -> list[int | None]:
    """The index of one face of each emotion at random by `seed`; None for an emotion without a face."""
    generator = np.random.default_rng(seed)
    candidates = (np.flatnonzero(labels == code) for code in range(len(EMOTIONS)))
    return [int(generator.choice(found)) if len(found) else None for found in candidates]


def draw(images: np.ndarray, labels: np.ndarray, *, synthetic: bool, augment: Augment) -> Figure:
    """`images` (n,48,48) uint8, `labels` (n,): one column an emotion, the face as given over its augmented versions."""
    chosen = choose(labels, 0)
    present = [index for index in chosen if index is not None]
    rows = [images[present] / 255.0] + [augment(images[present], 1 + version) for version in range(VERSIONS)]
    figure = style.new_figure(7 + 5 + 23.5 * len(rows))
    # Tight by hand: the constrained layout would leave a gap between square pictures.
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    grid = figure.subplots(len(rows), len(EMOTIONS))
    for axes in grid.flat:
        style.no_frame(axes)
    for axes, emotion in zip(grid[0], EMOTIONS, strict=True):
        axes.set_title(emotion)
    for row, faces in enumerate(rows):
        grid[row, 0].set_ylabel("as given" if row == 0 else f"augmented {row}")
        for face, index in zip(faces, present, strict=True):
            grid[row, labels[index]].imshow(face, cmap="gray", vmin=0, vmax=1, interpolation="none")
    figure.suptitle("Synthetic training faces" if synthetic else "Training faces")
    return figure


def options(study: Study) -> dict[str, Augment]:
    """What `make` takes besides: how the study's networks augment faces."""
    from emorec.networks.augment import augmented_pictures  # torch, for this figure alone

    return {"augment": augmented_pictures(training_of(study, study.reference).augmentation)}


def make(faces: Path, summary: Path, augment: Augment) -> Figure:
    """The figure of a study's faces; `augment` is the one that its networks were trained with."""
    found = load_faces(faces)
    train = found.split == SPLITS.index("train")
    synthetic = bool(read_json(summary)["synthetic"])
    return draw(found.images[train], found.labels[train], synthetic=synthetic, augment=augment)
