"""A person's own image files, labelled by a trained model: images in, a table out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.data.folders import read_image
from emorec.data.malformed import malformed
from emorec.frames import each_row
from emorec.plain import printable
from emorec.predictions.combine import Combined


def read_faces(paths: Sequence[Path]) -> np.ndarray:
    """Image files as (n, 48, 48) uint8, grey, in the order given, read as FER2013's image folders are.

    Raises EmorecError for the first that is missing, unreadable, larger than a photograph or of more than 8 bits.
    """
    for path in paths:
        if not path.is_file():
            raise malformed(path, "no such image file" if not path.exists() else "not an image file")
    return np.stack([read_image(path) for path in paths])


def label_frame(paths: Sequence[Path], combined: Combined) -> pd.DataFrame:
    """A row a face: file, emotion (the likeliest) and its probability, p_<emotion> ×7, gate_<expert> of a mixture."""
    best = combined.probabilities.argmax(axis=1)
    columns: dict[str, Any] = {"file": [str(path) for path in paths], "emotion": np.array(EMOTIONS)[best]}
    columns |= {"probability": combined.probabilities.max(axis=1)}
    columns |= {f"p_{emotion}": combined.probabilities[:, i] for i, emotion in enumerate(EMOTIONS)}
    columns |= {f"gate_{expert}": weight for expert, weight in combined.gate.items()}
    return pd.DataFrame(columns)


def as_table(frame: pd.DataFrame) -> str:
    """For a terminal: probabilities in per cent; the gate's weights are left to CSV and JSON."""
    head = ["file", "emotion", "%", *EMOTIONS]
    rows = [
        [printable(row.file), row.emotion, f"{100 * row.probability:.0f}"]
        + [f"{100 * getattr(row, f'p_{emotion}'):.0f}" for emotion in EMOTIONS]
        for row in each_row(frame)
    ]
    width = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    lines = []
    for line in [head, *rows]:
        cells = [
            text.ljust(w) if column < 2 else text.rjust(w)
            for column, (text, w) in enumerate(zip(line, width, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def as_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, float_format="%.6f")


def as_json(frame: pd.DataFrame) -> str:
    """A list of objects with the frame's columns."""
    return json.dumps(frame.round(6).to_dict("records"), indent=2, ensure_ascii=False) + "\n"


FORMS = {"table": as_table, "csv": as_csv, "json": as_json}
