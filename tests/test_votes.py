"""FER+'s votes: what is read and refused, and what the tables say of labels and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emorec import EMOTIONS
from emorec import config as configs
from emorec.config import Data
from emorec.data.faces import Faces
from emorec.data.prepare import stage
from emorec.data.stored import save
from emorec.data.votes import COLUMNS, Votes, find_votes, load_votes, majority, read_votes
from emorec.errors import EmorecError
from emorec.paths import Layout
from emorec.tables.ferplus import by_majority_table, ceiling, ferplus_table, levels, tagger
from emorec.tables.read import Model
from emorec.tables.resampled import Resampled

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGE = ("Training", "PublicTest", "PrivateTest")
ORDER = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")


def some_faces(count: int = 21) -> Faces:
    labels = (np.arange(count) % 7).astype(np.uint8)
    split = (np.arange(count) * 3 // count).astype(np.uint8)
    return Faces(np.zeros((count, 48, 48), np.uint8), labels, split, np.arange(count, dtype=np.int32))


def lines(faces: Faces) -> list[str]:
    """A file in which nine of ten people agree with the label, and one sees contempt."""
    rows = [HEADER]
    for row, (label, split) in enumerate(zip(faces.labels, faces.split, strict=True)):
        votes = {COLUMNS[label]: 9, "contempt": 1}
        rows.append(f"{USAGE[split]},fer{row:07d}.png," + ",".join(str(votes.get(name, 0)) for name in ORDER))
    return rows


def written(folder: Path, rows: list[str]) -> Path:
    path = folder / "fer2013new.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_votes_are_read_in_the_order_of_the_emotions(tmp_path: Path) -> None:
    faces = some_faces()
    read = read_votes(written(tmp_path, lines(faces)), faces)
    assert read.votes.dtype == np.uint8 and read.votes.shape == (21, 10)
    np.testing.assert_array_equal(majority(read.votes), faces.labels)
    assert (read.votes[:, COLUMNS.index("contempt")] == 1).all()
    save(tmp_path / "votes.npz", row=read.row, votes=read.votes)
    np.testing.assert_array_equal(load_votes(tmp_path / "votes.npz").votes, read.votes)


def test_row_order_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    faces = some_faces()
    path = tmp_path / "fer2013new.csv"
    path.write_bytes(("\ufeff" + "\r\n".join(lines(faces)) + "\r\n").encode())
    np.testing.assert_array_equal(majority(read_votes(path, faces).votes), faces.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "20 rows for 21 faces"),
        (lambda rows: [*rows, rows[-1]], "row 23: more rows than the 21 faces"),
        (lambda rows: [rows[0].replace("fear", "frear"), *rows[1:]], "row 1: no column fear"),
        (lambda rows: [rows[0], rows[1].replace(",9", ",nine"), *rows[2:]], "row 2: 'nine' is no number of votes"),
        (lambda rows: [rows[0], rows[1].replace(",9", ",-9"), *rows[2:]], "row 2: '-9' is no number of votes"),
        (lambda rows: [rows[0], rows[1].replace(",9", ",9999"), *rows[2:]], "row 2: '9999' is no number of votes"),
        (lambda rows: [rows[0], rows[1] + ",1", *rows[2:]], "row 2: 13 columns, the header has 12"),
        (lambda rows: [rows[0], rows[1].replace("Training", "Test"), *rows[2:]], "row 2: Usage Test is not that"),
        (lambda rows: [rows[0], *(r[:-20] + ",9,0,0,0,0,0,0,0,1,0"[-20:] for r in rows[1:])], "agree with"),
        (lambda rows: [], "row 1: no column Usage"),
    ],
)
def test_malformed_votes_are_named_in_one_line(tmp_path: Path, change, message: str) -> None:
    faces = some_faces()
    path = written(tmp_path, change(lines(faces)))
    with pytest.raises(EmorecError) as error:
        read_votes(path, faces)
    assert message in str(error.value) and "fer2013new.csv" in str(error.value) and "\n" not in str(error.value)


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "fer2013new.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(EmorecError, match="no CSV text"):
        read_votes(path, some_faces())
    with pytest.raises(EmorecError, match="no such file"):
        load_votes(tmp_path / "votes.npz")
    (tmp_path / "votes.npz").write_text("no archive")
    with pytest.raises(EmorecError, match="not a readable"):
        load_votes(tmp_path / "votes.npz")


def test_votes_are_found_beside_a_table_alone(tmp_path: Path) -> None:
    table = tmp_path / "fer2013.csv"
    table.write_text("")
    assert find_votes(None, table) is None
    votes = written(tmp_path, lines(some_faces()))
    assert find_votes(None, table) == votes
    assert find_votes(None, tmp_path) is None
    with pytest.raises(EmorecError, match="can't be matched"):
        find_votes(votes, tmp_path)
    with pytest.raises(EmorecError, match=r"absent\.csv: no such file"):
        find_votes(tmp_path / "absent.csv", table)


def test_the_data_stage_keeps_the_votes(tmp_path: Path) -> None:
    faces = some_faces()
    table = ["emotion,pixels,Usage"]
    table += [f"{y},{' '.join(['7'] * 2304)},{USAGE[s]}" for y, s in zip(faces.labels, faces.split, strict=True)]
    (tmp_path / "fer2013.csv").write_text("\n".join(table) + "\n")
    layout = Layout(tmp_path)
    stage(Data(path=str(tmp_path / "fer2013.csv")), layout)
    assert '"votes"' not in layout.summary.read_text() and not layout.votes.exists()
    written(tmp_path, lines(faces))
    stage(Data(path=str(tmp_path / "fer2013.csv")), layout)
    assert '"votes"' in layout.summary.read_text() and load_votes(layout.votes).votes.shape == (21, 10)
    (tmp_path / "fer2013new.csv").unlink()  # nor are they kept when they are taken away
    stage(Data(path=str(tmp_path / "fer2013.csv")), layout)
    assert '"votes"' not in layout.summary.read_text() and not layout.votes.exists()


def test_lines_of_faces_that_are_left_out_are_passed_over(tmp_path: Path) -> None:
    """A table with contempt, say, and the votes for all of its lines."""
    faces, kept = some_faces(), np.delete(np.arange(21), [3, 10, 20])
    some = Faces(faces.images[kept], faces.labels[kept], faces.split[kept], faces.row[kept], rows=21)
    read = read_votes(written(tmp_path, lines(faces)), some)
    np.testing.assert_array_equal(read.row, kept)
    np.testing.assert_array_equal(majority(read.votes), some.labels)
    with pytest.raises(EmorecError, match="17 rows for 18 faces"):
        read_votes(written(tmp_path, lines(faces)[:-2]), some)
    with pytest.raises(EmorecError, match="more rows than the 21 faces"):
        read_votes(written(tmp_path, [*lines(faces), lines(faces)[-1]]), some)


def test_synthetic_faces_have_no_votes() -> None:
    with pytest.raises(EmorecError, match=r"x: data\.ferplus: nobody voted on synthetic faces"):
        configs.validate(
            {
                "study": "a",
                "data": {"source": "synthetic", "ferplus": "b"},
                "models": {"one": {"kind": "single"}},
            },
            "x",
        )


def counted(*rows: dict[str, int]) -> np.ndarray:
    return np.array([[row.get(name, 0) for name in COLUMNS] for row in rows])


VOTES = counted(
    {"anger": 10},
    {"sadness": 6, "neutral": 4},
    {"happiness": 5, "neutral": 5},  # tied
    {"contempt": 8, "neutral": 2},
    {"fear": 4, "surprise": 3, "unknown": 3},
)


def test_majority_levels_and_ceiling_by_hand() -> None:
    angry, fear, happy, sad, neutral = (EMOTIONS.index(e) for e in ("angry", "fear", "happy", "sad", "neutral"))
    assert majority(VOTES).tolist() == [angry, sad, -1, COLUMNS.index("contempt"), fear]
    found = levels(VOTES)
    assert [found[name].tolist() for name in ("10", "8 or 9", "6 or 7", "5 or fewer")] == [
        [True, False, False, False, False],
        [False, False, False, True, False],
        [False, True, False, False, False],
        [False, False, True, False, True],
    ]
    labels = np.array([angry, neutral, happy, neutral, fear])
    assert ceiling(VOTES, labels).tolist() == [1, 0, 0.5, 1, 1]
    assert tagger(VOTES, labels).tolist() == [1, 0.4, 0.5, 0.2, 0.4]


def predictions(answers: dict[str, list[int]], labels: np.ndarray) -> pd.DataFrame:
    tables = []
    for model, answer in answers.items():
        p = pd.DataFrame(np.eye(7)[answer], columns=[f"p_{emotion}" for emotion in EMOTIONS])
        tables.append(p.assign(model=model, seed=0, split="test", row=np.arange(10, 10 + labels.size), label=labels))
    return pd.concat(tables, ignore_index=True)


def test_errors_that_the_majority_sides_with() -> None:
    angry, fear, happy, sad, neutral = (EMOTIONS.index(e) for e in ("angry", "fear", "happy", "sad", "neutral"))
    labels = np.array([angry, neutral, happy, neutral, fear])
    votes = Votes(np.arange(20, dtype=np.int32), np.concatenate([np.zeros((10, 10), int), VOTES, VOTES]))
    # Right, sided with by the majority, not judged, not judged, wrong for both.
    table = predictions({"one": [angry, sad, sad, sad, sad], "two": [angry, neutral, happy, neutral, fear]}, labels)
    found = ferplus_table(Resampled(table, 10), votes).set_index(["model", "agreement"])
    one, two, given = found.loc[("one", "all")], found.loc[("two", "all")], found.loc[("", "all")]
    assert (one.faces, one.judged, one.errors) == (5, 3, 2)
    assert one.label_accuracy == pytest.approx(1 / 3) and one.majority_accuracy == pytest.approx(2 / 3)
    assert one.sided == pytest.approx(1 / 2) and one.kept == pytest.approx(1 / 2)
    assert two.label_accuracy == 1 and pd.isna(two.sided)
    assert given.majority_accuracy == pytest.approx(2 / 3)
    assert given.ceiling == pytest.approx(3.5 / 5) and given.tagger == pytest.approx(2.5 / 5)
    assert pd.isna(given.seed) and found.loc[("one", "8 or 9")].judged == 0

    models = [Model("one", "single"), Model("two", "single")]
    scored = by_majority_table(table, models, votes, resamples=50).set_index(["model", "reference", "measure"])
    assert (scored.faces == 3).all()
    assert scored.estimate["one", "", "accuracy"] == pytest.approx(2 / 3)
    assert scored.estimate["two", "one", "accuracy"] == pytest.approx(0)

    with pytest.raises(EmorecError, match="lacks test faces"):
        ferplus_table(Resampled(table, 10), Votes(votes.row[:12], votes.votes[:12]))
