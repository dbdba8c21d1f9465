"""Predictions and embeddings of a model's replicate, in the contract's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.files import atomic
from emorec.predictions.combine import Combined


def prediction_frame(combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    """A row a face: split, row, label, p_<emotion> ×7, gate_<expert> where there is a gate."""
    columns = {"split": np.array(SPLITS)[split], "row": row, "label": label}
    columns |= {f"p_{e}": combined.probabilities[:, i].astype(np.float32) for i, e in enumerate(EMOTIONS)}
    columns |= {f"gate_{name}": weight.astype(np.float32) for name, weight in combined.gate.items()}
    return pd.DataFrame(columns)


def save_predictions(path: Path, frame: pd.DataFrame) -> None:
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False)


def save_embeddings(path: Path, combined: Combined, split: np.ndarray, row: np.ndarray, label: np.ndarray) -> None:
    """The test faces' embeddings: embeddings (n, d) float16, row (n,) int32, label (n,) uint8."""
    test = split == SPLITS.index("test")
    with atomic(path) as temporary:
        np.savez(temporary, embeddings=combined.embedding[test].astype(np.float16), row=row[test], label=label[test])
