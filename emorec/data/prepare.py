"""The data stage's edge: a config's `data` section to the files of `data/`."""

import hashlib
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from emorec import EMOTIONS, SPLITS
from emorec.config import Data, Synthetic
from emorec.data.content import fingerprint
from emorec.data.faces import Faces, load_faces, save_faces
from emorec.data.read import find_source, read_faces, source_digest
from emorec.data.stored import save
from emorec.data.votes import find_votes, read_votes
from emorec.files import write_json, write_text
from emorec.paths import Layout

log = logging.getLogger(__name__)


def stage(data: Data, layout: Layout, *, faces_too: bool = True, summary_too: bool = True) -> None:
    """Write the faces of a study, with the truth of synthetic ones, and their summary, with people's votes where there
    are any; or one of the two, the summary of faces that are there. Two, since only the former decides what is trained.

    Raises EmorecError and writes nothing if the source is no good.
    """
    of_faces = fingerprint(data, layout.known_data)
    source = None if data.source == "synthetic" else find_source(data.path)
    if source is None:
        faces = _draw(data.synthetic, layout.truth) if faces_too else load_faces(layout.faces)
    else:
        log.info("reading %s", source)
        faces = read_faces(source, data.classes)
    path = find_votes(data.ferplus, source) if source else None
    votes = read_votes(path, faces) if path else None
    if faces_too:
        save_faces(layout.faces, faces)
        write_text(layout.fingerprint, f"{of_faces}\n")
    if not summary_too:
        return
    if source is None:
        summary = summarise(faces, "synthetic faces", True, _digest(data.synthetic, faces))
    else:
        summary = summarise(faces, "FER2013", False, source_digest(source))
    if path and votes:
        log.info("votes of FER+ from %s", path)
        save(layout.votes, row=votes.row, votes=votes.votes)
        summary["votes"] = {"source": "FER+", "sha256": source_digest(path), "faces": len(votes.row)}
    else:
        layout.votes.unlink(missing_ok=True)  # of other faces: tables and explorer go by whether it is there
    write_json(layout.summary, summary)
    sizes = (f"{sum(counts.values())} {split}" for split, counts in summary["counts"].items())
    log.info("%d faces: %s", len(faces), ", ".join(sizes))
    for sentence in filter(None, (faces.note, faces.labelling)):
        log.info("%s", sentence)
    for split, emotions in summary["absent"].items():
        if emotions:
            log.warning("no face in %s is %s: nothing is learnt or measured of it there", split, " or ".join(emotions))


def _draw(how: Synthetic, truth: Path) -> Faces:
    from emorec.data.synthetic import NAMES, synthetic_faces

    drawn = synthetic_faces(how.train, how.val, how.test, how.seed, how.wrong_labels, pose=how.pose)
    units = drawn.action_units.astype(np.float16)
    save(truth, true_labels=drawn.true_labels, action_units=units, names=np.array(NAMES))
    return Faces(drawn.images, drawn.labels, drawn.split, drawn.row)


def _digest(how: Synthetic, faces: Faces) -> str:
    digest = hashlib.sha256(json.dumps(how.model_dump(), sort_keys=True).encode())
    digest.update(faces.images.data)
    digest.update(faces.labels.data)
    return digest.hexdigest()


def summarise(faces: Faces, source: str, synthetic: bool, sha256: str) -> dict[str, Any]:
    """Everything in summary.json. `source` is the data's name for readers, `sha256` of what was read or drawn."""
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
    }


def count_faces(labels: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    """Faces by split and emotion, both in the project's order. `labels`, `split`: (n,)."""
    counts = Counter(zip(split.tolist(), labels.tolist(), strict=True))
    return {name: {emotion: counts[s, e] for e, emotion in enumerate(EMOTIONS)} for s, name in enumerate(SPLITS)}
