"""`data/summary.json`: what a study's faces are, in numbers."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import Faces, digests, pixel_statistics


def summarise(faces: Faces, source: str, synthetic: bool, sha256: str) -> dict[str, Any]:
    """Everything in summary.json; mean and std are those of the training pixels, as fractions of white.

    `source` is the data's name for readers, `sha256` the digest of what the faces were read or drawn from.
    """
    mean, std = pixel_statistics(faces.images[faces.split == SPLITS.index("train")])
    counts = count_faces(faces.labels, faces.split)
    return {
        "source": source,
        "synthetic": synthetic,
        "sha256": sha256,
        "note": faces.note,
        "labelling": faces.labelling,
        "faces": len(faces),
        "counts": counts,
        "absent": {split: [emotion for emotion, n in row.items() if n == 0] for split, row in counts.items()},
        "mean": mean,
        "std": std,
        "duplicates": find_duplicates(faces.images, faces.split),
    }


def count_faces(labels: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    """Faces by split and emotion, both in the project's order. `labels`, `split`: (n,)."""
    counts = Counter(zip(split.tolist(), labels.tolist(), strict=True))
    return {name: {emotion: counts[s, e] for e, emotion in enumerate(EMOTIONS)} for s, name in enumerate(SPLITS)}


def find_duplicates(images: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    """Count faces (n, h, w) uint8 that are the same to the last pixel.

    exact_within: by split, the faces with an equal face before them in the same split (a face that is there three
    times counts two). exact_across: by pair "a-b" of splits, the faces of b that are in a as well.
    """
    found = list(zip(digests(images), split.tolist(), strict=True))
    faces = {name: [face for face, code in found if code == SPLITS.index(name)] for name in SPLITS}
    known = {name: set(part) for name, part in faces.items()}
    return {
        "exact_within": {name: len(part) - len(known[name]) for name, part in faces.items()},
        "exact_across": {f"{a}-{b}": sum(face in known[a] for face in faces[b]) for a, b in combinations(SPLITS, 2)},
    }
