"""The mean training face of every emotion: what the faces of an emotion have in common, and nobody's face."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import load_faces
from emorec.figures import style
from emorec.inputs import read_json

# The mean of fewer faces could still show one of them.
FEWEST = 30


def mean_faces(images: np.ndarray, labels: np.ndarray) -> list[tuple[np.ndarray | None, int]]:
    """(mean face (48, 48), number of faces) of each emotion; no mean where they are fewer than FEWEST."""
    found = [images[labels == code] for code in range(len(EMOTIONS))]
    return [(own.mean(axis=0) if len(own) >= FEWEST else None, len(own)) for own in found]


def draw(images: np.ndarray, labels: np.ndarray, *, synthetic: bool) -> Figure:
    """`images` (n,48,48) uint8, `labels` (n,): one picture an emotion. All share one scale of grey."""
    found = mean_faces(images, labels)
    means = [mean for mean, _ in found if mean is not None]
    darkest, brightest = (min(m.min() for m in means), max(m.max() for m in means)) if means else (0, 255)
    figure = style.new_figure(40)
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    for axes, emotion, (mean, count) in zip(figure.subplots(1, len(EMOTIONS)), EMOTIONS, found, strict=True):
        style.no_frame(axes)
        axes.set(title=emotion, xlabel=f"{count:,}")
        if mean is None:
            axes.text(0.5, 0.5, "too few", transform=axes.transAxes, ha="center", color=style.MUTED)
            axes.set_box_aspect(1)
        else:
            axes.imshow(mean, cmap="gray", vmin=darkest, vmax=brightest, interpolation="bilinear")
    kind = "synthetic training faces" if synthetic else "training faces"
    figure.suptitle(f"Mean of the {kind} of each emotion, and their number")
    return figure


def make(faces: Path, summary: Path) -> Figure:
    found = load_faces(faces)
    train = found.split == SPLITS.index("train")
    return draw(found.images[train], found.labels[train], synthetic=bool(read_json(summary)["synthetic"]))
