"""FER+ (Barsoum et al. 2016): what ten people each saw in the faces of FER2013, as `data/votes.npz`.

`fer2013new.csv` has a line for each line of fer2013.csv, in the same order: Usage, an image name, and how many people
voted for each of ten tags. It says nothing of which face a line is about but by its place, so that it is only read for
FER2013 in one table, and refused where the splits or, too often, the labels disagree.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec import EMOTIONS
from emorec.data.faces import Faces
from emorec.data.malformed import malformed
from emorec.data.splits import USAGES
from emorec.data.stored import ROW, Contract, load
from emorec.files import expand
from emorec.plain import plain, printable

FILE_NAME = "fer2013new.csv"
REMEDY = "take FER+'s fer2013new.csv of the same faces, or leave it out"
# FER+'s names, in the order in which the votes are kept: FER2013's seven emotions first. NF: not a face.
COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF")
# Two thirds of FER2013's labels are what most people voted for; of labels in another order, a fifth would be.
LEAST_AGREEMENT = 0.4
# By so much another order of the classes has to agree better; of FER2013's own labels none does.
MOST_GAIN = 0.1
_CONTRACT: Contract = {"row": ROW, "votes": (np.uint8, (len(COLUMNS),), 255)}


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes for n faces: row (n,) int32 as in Faces, votes (n, 10) uint8 in the order of COLUMNS."""

    row: np.ndarray
    votes: np.ndarray


def find_votes(named: str | Path | None, source: Path) -> Path | None:
    """The votes' file: the one that the config names, else FILE_NAME beside a table of FER2013, else None.

    Raises EmorecError where the named file is not there, or `source` is no single table, which alone it can match.
    """
    if named is not None:
        wanted = expand(Path(named))
        if not wanted.is_file():
            raise malformed(wanted, "no such file; give data.ferplus the path of FER+'s fer2013new.csv or leave it out")
        if not source.is_file():
            raise malformed(wanted, f"can't be matched to {source}, only to fer2013.csv; leave data.ferplus out")
        return wanted
    beside = source.parent / FILE_NAME
    return beside if source.is_file() and beside.is_file() else None


def read_votes(path: Path, faces: Faces) -> Votes:
    """FER+'s votes for `faces`, those of one table in its order. Raises EmorecError for what is malformed.

    Lines of faces that are not among them, since their class is none of the seven, are passed over.
    """
    votes = np.zeros((len(faces), len(COLUMNS)), np.uint8)
    places = {row: place for place, row in enumerate(faces.row.tolist())}
    rows = faces.rows or len(faces)
    count = 0
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
            for row, fields in enumerate(filter(None, reader), start=2):
                if row - 2 >= rows:
                    raise malformed(path, f"more rows than the {rows:,} faces; {REMEDY}", row)
                place = places.get(row - 2)
                if len(fields) != len(header):
                    raise malformed(path, f"{len(fields)} columns, the header has {len(header)}; {REMEDY}", row)
                if place is None:
                    continue
                line = dict(zip(header, map(str.strip, fields), strict=True))
                if USAGES.get(line["Usage"]) != faces.split[place]:
                    shown = printable(line["Usage"], 20)
                    raise malformed(path, f"Usage {shown} is not that of the face; {REMEDY}", row)
                for column, name in enumerate(COLUMNS):
                    if not re.fullmatch("[0-9]{1,3}", line[name]) or int(line[name]) > 255:
                        raise malformed(path, f"'{printable(line[name], 20)}' is no number of votes; {REMEDY}", row)
                    votes[place, column] = int(line[name])
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


def load_votes(path: Path) -> Votes:
    """Read votes.npz. Raises EmorecError where it is missing or broken."""
    return Votes(**load(path, _CONTRACT, "the data stage makes it where there are votes"))


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
        raise malformed(path, f"by the votes the labels are in another order ({', '.join(moved)}); set data.classes")
    if agree < LEAST_AGREEMENT:
        reason = f"the votes agree with {100 * agree:.0f} % of the labels only, so its rows are not in the faces' order"
        raise malformed(path, f"{reason}; {REMEDY}")
