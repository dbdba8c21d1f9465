"""`data/summary.json`: what a study's faces are, in numbers."""

from __future__ import annotations

import hashlib
from itertools import combinations
from typing import Any

import numpy as np

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import Faces, pixel_statistics


def summarise(faces: Faces, source: str, synthetic: bool, sha256: str) -> dict[str, Any]:
    """Everything in summary.json.

    Args:
        source: the data's name for readers. sha256: the digest of what the faces were read or drawn from.

    Returns:
        source, synthetic, sha256, note and labelling (see `Faces`), faces, counts by split and emotion, the emotions
        that are absent from each split, mean and std of the training pixels as fractions of white, and the exact
        duplicates.
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
        "absent": absent(counts),
        "mean": mean,
        "std": std,
        "duplicates": find_duplicates(faces.images, faces.split),
    }


def count_faces(labels: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    """Faces by split and emotion, both in the project's order. `labels`, `split`: (n,)."""
    counts = np.zeros((len(SPLITS), len(EMOTIONS)), int)
    np.add.at(counts, (split, labels), 1)
    return {
        split_name: dict(zip(EMOTIONS, (int(count) for count in row), strict=True))
        for split_name, row in zip(SPLITS, counts, strict=True)
    }


def absent(counts: dict[str, dict[str, int]]) -> dict[str, list[str]]:
    """The emotions that no face shows, by split."""
    return {split: [emotion for emotion, count in row.items() if count == 0] for split, row in counts.items()}


def find_duplicates(images: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    """Count faces that are the same to the last pixel, by their hashes.

    Args:
        images: (n, h, w) uint8. split: (n,).

    Returns:
        exact_within: by split, the faces with an equal face before them in the same split (a face that is there three
        times counts two). exact_across: by pair "a-b" of splits, the faces of b that are in a as well.
    """
    hashes = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    by_split = [[face for face, of in zip(hashes, split, strict=True) if of == code] for code in range(len(SPLITS))]
    return {
        "exact_within": {name: len(part) - len(set(part)) for name, part in zip(SPLITS, by_split, strict=True)},
        "exact_across": {
            f"{SPLITS[a]}-{SPLITS[b]}": sum(face in known for face in by_split[b])
            for a, b in combinations(range(len(SPLITS)), 2)
            for known in [set(by_split[a])]
        },
    }
