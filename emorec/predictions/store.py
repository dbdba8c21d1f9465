"""Predictions and embeddings of a model's replicate, in the contract's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.files import atomic
from emorec.predictions.combine import Combined

# Probabilities and gate's weights are kept in steps of 2^-16, of which a face's are 65,536 in all: what is published
# then are the run's own predictions, and they are small. With all bits of float32 they would be twice as large.
STEPS = 2**16
GATE = "gate_"


def prediction_frame(combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    """A row a face: split, row, label, p_<emotion> ×7, gate_<expert> where there is a gate; float32, whole STEPS."""
    columns = {"split": np.array(SPLITS)[split], "row": row, "label": label}
    columns |= _columns([f"p_{emotion}" for emotion in EMOTIONS], in_steps(combined.probabilities))
    if combined.gate:
        weights = np.stack(list(combined.gate.values()), axis=1)
        columns |= _columns([f"{GATE}{name}" for name in combined.gate], in_steps(weights))
    return pd.DataFrame(columns)


def in_steps(shares: np.ndarray) -> np.ndarray:
    """Shares (n, k) of 1 as whole numbers of STEPS, (n, k) int32 with sums of STEPS, by largest remainders.

    An error of less than a step each; where several are equally near, the first is rounded up. Lines that do not sum
    to 1 within 1e-3, or hold no numbers, are no shares; they are left for the reader to refuse, as their sums are off.
    """
    whole = shares.sum(axis=1, keepdims=True, dtype=np.float64)
    sound = np.abs(whole - 1) < 1e-3
    exact = np.where(sound, shares / np.where(sound, whole, 1), np.nan_to_num(shares)) * STEPS
    steps = np.floor(exact)
    left = np.where(sound, STEPS - steps.sum(axis=1, keepdims=True), 0)
    rank = np.argsort(np.argsort(steps - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return (steps + (rank < left)).astype(np.int32)


def _columns(names: list[str], steps: np.ndarray) -> dict[str, np.ndarray]:
    shares = (steps / STEPS).astype(np.float32)  # exact: seventeen bits at most
    return {name: shares[:, column] for column, name in enumerate(names)}


def save_predictions(path: Path, frame: pd.DataFrame) -> None:
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False)


def save_embeddings(path: Path, combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> None:
    """The test faces' embeddings: embeddings (n, d) float16, row (n,) int32, label (n,) uint8."""
    test = split == SPLITS.index("test")
    with atomic(path) as temporary:
        np.savez(temporary, embeddings=combined.embedding[test].astype(np.float16), row=row[test], label=label[test])
