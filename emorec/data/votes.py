"""FER+ (Barsoum et al. 2016): what ten people each saw in the faces of FER2013, as `data/votes.npz`.

`fer2013new.csv` has a line for each line of fer2013.csv, in the same order: Usage, an image name, and how many people
voted for each of ten tags. It says nothing of which face a line is about but by its place, so that it is only read for
FER2013 in one table, and refused where the splits or, too often, the labels disagree.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS, npz
from emorec.data.faces import Faces
from emorec.data.malformed import malformed
from emorec.data.splits import USAGES
from emorec.files import atomic, expand
from emorec.plain import plain, printable

FILE_NAME = "fer2013new.csv"
REMEDY = "take FER+'s fer2013new.csv of the same faces, or leave it out"
# FER+'s names, in the order in which the votes are kept: FER2013's seven emotions first. NF: not a face.
COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF")
# Two thirds of FER2013's labels are what most people voted for; of labels in another order, a fifth would be.
LEAST_AGREEMENT = 0.4
# By so much another order of the classes has to agree better; of FER2013's own labels none does.
MOST_GAIN = 0.1


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes for n faces: row (n,) int32 as in Faces, votes (n, 10) uint8 in the order of COLUMNS."""

    row: np.ndarray
    votes: np.ndarray


def find_votes(wanted: Path | None, source: Path) -> Path | None:
    """The votes' file: the one that the config names, else FILE_NAME beside a table of FER2013, else None.

    Raises:
        EmorecError: the named file is not there, or `source` is no single table, to which alone votes can be matched.
    """
    if wanted is not None:
        wanted = expand(wanted)
        if not wanted.is_file():
            raise malformed(wanted, "no such file; give data.ferplus the path of FER+'s fer2013new.csv or leave it out")
        if not source.is_file():
            raise malformed(wanted, f"can't be matched to {source}, only to fer2013.csv; leave data.ferplus out")
        return wanted
    beside = source.parent / FILE_NAME
    return beside if source.is_file() and beside.is_file() else None


def read_votes(path: Path, faces: Faces) -> Votes:
    """Read FER+'s votes for `faces`, which are those of one table in its order.

    Raises:
        EmorecError: the first thing that is malformed, by file, row and reason; rows that are not those of the faces.
    """
    votes = np.zeros((len(faces), len(COLUMNS)), np.uint8)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in ("Usage", *COLUMNS) if name not in header]
            if missing:
                raise malformed(path, f"no column {', '.join(missing)}; {REMEDY}", 1)
            twice = [name for name in header if header.count(name) > 1]
            if twice:
                raise malformed(path, f"the column {printable(twice[0], 40)} stands there twice; keep one", 1)
            places, usage = [header.index(name) for name in COLUMNS], header.index("Usage")
            count = 0
            for row, fields in enumerate(filter(None, reader), start=2):
                if count == len(faces):
                    raise malformed(path, f"more rows than the {len(faces):,} faces; {REMEDY}", row)
                if len(fields) != len(header):
                    raise malformed(path, f"{len(fields)} columns, the header has {len(header)}; {REMEDY}", row)
                if USAGES.get(fields[usage].strip()) != faces.split[count]:
                    shown = printable(fields[usage], 20)
                    raise malformed(path, f"Usage {shown} is not that of the face; {REMEDY}", row)
                votes[count] = [_parse(path, row, fields[place]) for place in places]
                count += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise malformed(path, f"no CSV text ({plain(error)}); {REMEDY}") from None
    if count < len(faces):
        raise malformed(path, f"{count:,} rows for {len(faces):,} faces; {REMEDY}")
    _check_agreement(path, votes, faces.labels)
    return Votes(faces.row, votes)


def majority(votes: np.ndarray) -> np.ndarray:
    """The tag with the most votes as an index in COLUMNS, -1 where several have as many: (n,) from (n, 10)."""
    most = votes.max(axis=1, keepdims=True)
    return np.where((votes == most).sum(axis=1) == 1, votes.argmax(axis=1), -1)


def save_votes(path: Path, votes: Votes) -> None:
    """Write votes.npz, atomically."""
    with atomic(path) as temporary:
        np.savez(temporary, row=votes.row, votes=votes.votes)


def load_votes(path: Path) -> Votes:
    """Read votes.npz. EmorecError where it is missing or broken."""
    try:
        archive = npz.read(path, ("row", "votes"))
    except FileNotFoundError:
        raise malformed(path, "no such file; the data stage makes it where there are votes") from None
    except ValueError as error:
        raise malformed(path, f"not a readable votes.npz ({error}); make it anew with the data stage") from None
    row, votes = archive["row"], archive["votes"]
    if row.dtype != np.int32 or votes.dtype != np.uint8:
        raise malformed(path, f"row is {row.dtype}, votes are {votes.dtype}; make it anew with the data stage")
    if votes.shape != (row.size, len(COLUMNS)):
        raise malformed(path, f"votes of shape {votes.shape} for {row.size} rows; make it anew with the data stage")
    return Votes(row, votes)


def _parse(path: Path, row: int, text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or int(text) > 255:
        raise malformed(path, f"'{printable(text, 20)}' is no number of votes; {REMEDY}", row)
    return int(text)


def _check_agreement(path: Path, votes: np.ndarray, labels: np.ndarray) -> None:
    """Rows of other faces agree with few labels. Labels whose numbers mean other emotions do so class by class: another
    matching of classes and votes, the best one, then agrees with many more."""
    from scipy.optimize import linear_sum_assignment  # half a second, which finding the votes need not wait for

    voted = majority(votes)
    judged = (voted >= 0) & (voted < len(EMOTIONS))
    both = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    np.add.at(both, (labels[judged], voted[judged]), 1)
    agree = float(np.trace(both)) / max(1, both.sum())
    label, emotion = linear_sum_assignment(both, maximize=True)
    best = both[label, emotion].sum() / max(1, both.sum())
    if best >= LEAST_AGREEMENT and best > agree + MOST_GAIN:
        moved = [f"{EMOTIONS[a]} is {EMOTIONS[b]}" for a, b in zip(label, emotion, strict=True) if a != b]
        raise malformed(
            path,
            f"by the votes the labels are in another order ({', '.join(moved)}); set data.classes",
        )
    if agree < LEAST_AGREEMENT:
        raise malformed(
            path,
            f"the votes agree with {100 * agree:.0f} % of the labels only, so its rows are not in the faces' order; "
            f"{REMEDY}",
        )
