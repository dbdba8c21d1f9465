"""What the explorer shows, as one JSON value: predictions, projections, twins, votes and, where they lie there, faces.

Arrays are base64 of little-endian numbers: probabilities and gate weights as 255ths, coordinates as 65535ths of the
picture. Axis letters: n test faces, s faces on a map.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from emorec import EMOTIONS
from emorec.config import expert_name
from emorec.data.faces import Faces
from emorec.data.votes import COLUMNS as TAGS
from emorec.data.votes import Votes, majority
from emorec.errors import EmorecError
from emorec.predictions.store import STEPS, Gate
from emorec.tables.read import Replicates, by_model

COLUMNS = 50  # faces side by side on the sheet
MOST_FACES = 8000  # on the sheet: more would make the page too large to open
QUALITY = 60  # of WebP: the sheet then has a fifth of a lossless one's bytes
NONE = 255  # for an emotion: there is none
LEAST = 64 / STEPS  # of a group's probability, from which on its expert's own shares are exact to 1.6 %


def explorer_data(
    study: str,
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    gates: Mapping[tuple[str, int], Gate],
    projections: pd.DataFrame,
    twins: pd.DataFrame,
    faces: Faces | None,
    votes: Votes | None,
) -> dict[str, Any]:
    """Everything that the page's script reads, from the tables and files of these names.

    Without `faces` there are no pictures. Raises EmorecError where a projected face has no prediction, a test face no
    row of twins.csv or no votes, or the faces are not those that were predicted.
    """
    runs = by_model(predictions, "test")
    first = next(iter(runs.values()))
    known = models.set_index("model")
    entries = []
    for name, run in runs.items():
        own = {seed: gates[name, seed] for seed in run.seeds if (name, seed) in gates}
        experts = next(iter(own.values())).experts if own else ()
        foreign = known["foreign"].get(name)
        groups = _partition(experts) if foreign != "down-weighted" else None
        entries.append(
            {
                "name": name,
                "label": str(known["label"].get(name, name)),
                "seeds": list(run.seeds),
                "experts": list(experts),
                "groups": groups,
                "probabilities": [_shares(p) for p in run.probabilities],
                "predicted": [_base64(p.astype(np.uint8)) for p in run.predicted],
                "gate": [_shares(gate.weights[gate.split == "test"]) for gate in own.values()],
                "unweighted": [_shares(_unweighted(p, groups)) for p in run.probabilities] if groups else [],
                "maps": _maps(name, projections[projections["model"] == name], first.row),
            }
        )
    copies, twin_rows = _twins(twins, first.row)
    return {
        "study": study,
        "emotions": list(EMOTIONS),
        "models": entries,
        "opening": _opening(known, list(runs)),
        "rows": first.row.tolist(),
        "labels": _base64(first.labels.astype(np.uint8)),
        "twins": copies,
        "twin_rows": twin_rows,
        "votes": None if votes is None else _votes(votes, first.row),
        "sheet": None if faces is None else _sheet(first, twin_rows, faces),
    }


def _opening(models: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The primary mixture, its control and the first single; where there is none, the last and the first model."""
    known = [name for name in names if name in models.index]
    single = next((name for name in known if models["kind"][name] == "single"), names[0])
    primary = next((name for name in known if models["primary"][name]), names[-1])
    control = str(models["control"].get(primary))
    return [primary, control if control in names else single, single]


def _partition(experts: Sequence[str]) -> list[list[int]] | None:
    """The emotions (indices) that each expert knows, by its name, if each emotion is known to one; else None."""
    groups = [[EMOTIONS.index(part) for part in name.split("-") if part in EMOTIONS] for name in experts]
    named = all(expert_name([EMOTIONS[e] for e in g]) == name for g, name in zip(groups, experts, strict=True))
    return groups if named and sorted(sum(groups, [])) == list(range(len(EMOTIONS))) else None


def _unweighted(probabilities: np.ndarray, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """What each expert of a partition says within its group, (n, 7): the mixture's probabilities (n, 7) over the
    group's sum. 0 where the gate gave the group too little for that to be exact."""
    own = np.zeros_like(probabilities)
    for group in groups:
        whole = probabilities[:, group].sum(axis=1, keepdims=True)
        own[:, group] = np.where(whole >= LEAST, probabilities[:, group] / np.maximum(whole, LEAST), 0)
    return own


def _twins(twins: pd.DataFrame, row: np.ndarray) -> tuple[dict[str, str], list[int]]:
    """By test face its nearest training face, and the rows of those that are twins."""
    own = twins.set_index("row").reindex(row)
    if own["twin"].isna().any() or not own.index.is_unique:
        raise EmorecError("tables/twins.csv: its faces are not those that were predicted; run the tables' stage again")
    twin, nearest = own["twin"].to_numpy(bool), own["nearest"].fillna(-1).to_numpy(np.int64)
    number = {emotion: index for index, emotion in enumerate(EMOTIONS)}
    found = {
        "twin": _base64(twin.astype(np.uint8) + (twin & own["exact"].to_numpy(bool))),  # 2 where it is exact
        "row": _base64(nearest.astype("<i4")),
        "label": _base64(own["nearest_label"].map(number).fillna(NONE).to_numpy(np.uint8)),
        "distance": _base64(own["distance"].fillna(-1).to_numpy("<f4")),
    }
    return found, sorted(set(nearest[twin & (nearest >= 0)].tolist()) - set(row.tolist()))


def _votes(votes: Votes, row: np.ndarray) -> dict[str, Any]:
    """By test face FER+'s votes (n, 10) and the emotion that most voted for, NONE where it is none of the seven."""
    index = pd.Index(votes.row).get_indexer(row)
    if (index < 0).any():
        raise EmorecError("data/votes.npz: a test face has no votes; run the data stage again")
    own = votes.votes[index]
    most = majority(own)
    most = np.where((most >= 0) & (most < len(EMOTIONS)), most, NONE)
    names = [*EMOTIONS, *TAGS[len(EMOTIONS) : -1], "not a face"]
    return {"tags": names, "votes": _base64(own), "majority": _base64(most.astype(np.uint8))}


def _maps(model: str, projections: pd.DataFrame, row: np.ndarray) -> dict[str, dict[str, str]]:
    """By method: which faces (s,) uint32, as indices of `row`, and where, x and y (s,) uint16."""
    maps = {}
    for method, points in projections.groupby("method", sort=False):
        index = pd.Index(row).get_indexer(points["row"].to_numpy())
        plane = points[["x", "y"]].to_numpy(dtype=np.float64)
        if (index < 0).any() or not np.isfinite(plane).all():
            problem = f"a face of model {model} has no prediction or no finite place"
            raise EmorecError(f"tables/projections.csv: {problem}; run the tables' stage again")
        # One scale for both axes: distances are what a map is about.
        low, extent = plane.min(axis=0), np.ptp(plane, axis=0)
        span = max(float(extent.max()), 1e-12)
        x, y = (((plane - low) / span + (1 - extent / span) / 2) * 65535).round().astype("<u2").T
        maps[str(method)] = {"faces": _base64(index.astype("<u4")), "x": _base64(x), "y": _base64(y)}
    return maps


def _sheet(test: Replicates, twin_rows: Sequence[int], faces: Faces) -> dict[str, Any] | None:
    """The test faces and after them their twins on one picture, `COLUMNS` side by side; None if there are too many."""
    row = np.concatenate([test.row, np.array(twin_rows, test.row.dtype)])
    if row.size > MOST_FACES:
        return None
    index = pd.Index(faces.row).get_indexer(row)
    if (index < 0).any() or (faces.labels[index[: test.row.size]] != test.labels).any():
        raise EmorecError("data/faces.npz: its faces are not those that were predicted; run the stages again")
    side = faces.images.shape[1]
    lines = -(-row.size // COLUMNS)
    tiles = np.zeros((lines * COLUMNS, side, side), np.uint8)
    tiles[: row.size] = faces.images[index]
    picture = tiles.reshape(lines, COLUMNS, side, side).swapaxes(1, 2).reshape(lines * side, COLUMNS * side)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "WEBP", quality=QUALITY, method=4)
    return {"columns": COLUMNS, "side": side, "webp": base64.b64encode(content.getvalue()).decode()}


def _shares(values: np.ndarray) -> str:
    return _base64((255 * values).round().astype(np.uint8))


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
