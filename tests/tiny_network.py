"""A run of the trainer that is small enough for a test: some hundred coarse patterns for faces, one thin network."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from emorec import EMOTIONS
from emorec.config import SEVEN, Architecture, MixtureSpec, NetworkSpec, Training
from emorec.networks.train import Trained, train

ARCHITECTURE: dict[str, Any] = {"depth": 10, "width": 8, "stem": "imagenet"}
TRAINING: dict[str, Any] = {"epochs": 2, "batch": 64, "lr": 0.05, "device": "cpu"}

# Jointly trained mixtures.
FAMILIES: dict[str, dict[str, Any]] = {
    "dense": {},
    "top-2": {"top": 2, "balance": 0.01},
    "trunk": {"trunk": 2, "branch_width": 8},
    "trunk-top-2": {"trunk": 3, "branch_width": 8, "top": 2, "balance": 0.01},
}


def faces() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Images (n, 48, 48) and labels (n,) by split."""
    random = np.random.default_rng(7)
    labels = random.integers(0, len(EMOTIONS), 420).astype(np.uint8)
    coarse = random.integers(60, 196, (len(EMOTIONS), 6, 6))[labels] + random.integers(-50, 51, (420, 6, 6))
    images = coarse.clip(0, 255).astype(np.uint8).repeat(8, 1).repeat(8, 2)
    return {"train": images[:280], "val": images[280:]}, {"train": labels[:280], "val": labels[280:]}


def spec(architecture: dict[str, Any] | None = None, classes: Any = None, **training: Any) -> NetworkSpec:
    """A thin network of all emotions, with changes."""
    return NetworkSpec(
        "tiny",
        "classifier",
        classes or tuple((emotion,) for emotion in EMOTIONS),
        Architecture(**{**ARCHITECTURE, **(architecture or {})}),
        Training(**{**TRAINING, **training}),
    )


def joint(experts: int = 4, architecture: dict[str, Any] | None = None, **options: Any) -> NetworkSpec:
    """A mixture of thin experts of all emotions; options are MixtureSpec's or those of training."""
    mixture = {key: options.pop(key) for key in list(options) if key in MixtureSpec.__dataclass_fields__}
    return replace(spec(architecture, **options), role="mixture", mixture=MixtureSpec((SEVEN,) * experts, **mixture))


def run(wanted: NetworkSpec, seed: int = 0, **options: Any) -> Trained:
    """Train on the patterns."""
    images, labels = faces()
    mean, std = float(images["train"].mean() / 255), float(images["train"].std() / 255)
    return train(wanted, seed, images, labels, mean=mean, std=std, **options)


def digest(trained: Trained) -> str:
    """SHA-256 of all weights, by name."""
    found = hashlib.sha256()
    for name, tensor in sorted(trained.weights.items()):
        found.update(name.encode())
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
