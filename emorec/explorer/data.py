"""What the explorer shows, as one JSON value: predictions, projections and, where they lie there, the faces.

Arrays are base64 of little-endian numbers: probabilities and gate weights as 255ths, coordinates as 65535ths of the
picture. Axis letters: n test faces, s faces on a map, e experts.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from emorec import EMOTIONS
from emorec.data.faces import Faces
from emorec.errors import EmorecError
from emorec.predictions.store import Gate
from emorec.tables.read import by_model

COLUMNS = 50  # faces side by side on the sheet
MOST_FACES = 8000  # on the sheet: more would make the page too large to open
QUALITY = 60  # of WebP: the sheet then has a fifth of a lossless one's bytes


def explorer_data(
    study: str,
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    gates: Mapping[tuple[str, int], Gate],
    projections: pd.DataFrame,
    faces: Faces | None,
) -> dict[str, Any]:
    """Everything that the page's script reads.

    Args:
        models: models.csv, of which `model`, `kind` and `label` are read.
        predictions: of all models and seeds, from `predictions.store.read_predictions`.
        gates: of those that have one, from `predictions.store.read_gates`.
        projections: projections.csv; each model's is of its lowest seed.
        faces: the study's faces; None leaves the pictures out.

    Raises EmorecError where a projected face has no prediction, or the faces are not those that were predicted.
    """
    runs = by_model(predictions, "test")
    first = next(iter(runs.values()))
    known = models.set_index("model")
    entries = []
    for name, run in runs.items():
        weighed = [gates[name, seed] for seed in run.seeds if (name, seed) in gates]
        entries.append(
            {
                "name": name,
                "label": str(known.loc[name, "label"]) if name in known.index else name,
                "seeds": list(run.seeds),
                "experts": list(weighed[0].experts) if weighed else [],
                "probabilities": [_shares(p) for p in run.probabilities],
                "predicted": [_base64(p.astype(np.uint8)) for p in run.predicted],
                "gate": [_shares(gate.weights[gate.split == "test"]) for gate in weighed],
                "maps": _maps(name, projections[projections["model"] == name], first.row),
            }
        )
    return {
        "study": study,
        "emotions": list(EMOTIONS),
        "models": entries,
        "rows": first.row.tolist(),
        "labels": _base64(first.labels.astype(np.uint8)),
        "sheet": None if faces is None or first.row.size > MOST_FACES else _sheet(first.row, first.labels, faces),
    }


def _maps(model: str, projections: pd.DataFrame, row: np.ndarray) -> dict[str, dict[str, str]]:
    """By method: which faces (s,) uint32, as indices of `row`, and where, x and y (s,) uint16."""
    maps = {}
    for method, points in projections.groupby("method", sort=False):
        index = np.searchsorted(row, points["row"])
        if (index >= row.size).any() or (row[np.minimum(index, row.size - 1)] != points["row"]).any():
            raise EmorecError(
                f"tables/projections.csv: a face of model {model} has no prediction; run the tables' stage again"
            )
        plane = points[["x", "y"]].to_numpy(dtype=np.float64)
        if not np.isfinite(plane).all():
            raise EmorecError(
                f"tables/projections.csv: a place of model {model} is not finite; run the tables' stage again"
            )
        # One scale for both axes: distances are what a map is about.
        low, span = plane.min(axis=0), max(float(np.ptp(plane, axis=0).max()), 1e-12)
        middle = (1 - np.ptp(plane, axis=0) / span) / 2
        x, y = (((plane - low) / span + middle) * 65535).round().astype("<u2").T
        maps[str(method)] = {"faces": _base64(index.astype("<u4")), "x": _base64(x), "y": _base64(y)}
    return maps


def _sheet(row: np.ndarray, labels: np.ndarray, faces: Faces) -> dict[str, Any]:
    """All faces of `row` on one picture, in its order, `COLUMNS` side by side."""
    order = np.argsort(faces.row)
    place = np.minimum(np.searchsorted(faces.row, row, sorter=order), len(order) - 1)
    index = order[place]
    if (faces.row[index] != row).any() or (faces.labels[index] != labels).any():
        raise EmorecError("data/faces.npz: its faces are not those that were predicted; run the stages again")
    side = faces.images.shape[1]
    lines = -(-row.size // COLUMNS)
    tiles = np.zeros((lines * COLUMNS, side, side), np.uint8)
    tiles[: row.size] = faces.images[index]
    picture = tiles.reshape(lines, COLUMNS, side, side).swapaxes(1, 2).reshape(lines * side, COLUMNS * side)
    with io.BytesIO() as buffer:
        Image.fromarray(picture).save(buffer, "WEBP", quality=QUALITY, method=4)
        content = buffer.getvalue()
    return {"columns": COLUMNS, "side": side, "webp": base64.b64encode(content).decode()}


def _shares(values: np.ndarray) -> str:
    return _base64((255 * values).round().astype(np.uint8))


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
