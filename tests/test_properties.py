"""Readers and config under inputs that nobody thought of: what is accepted is right, the rest is one line."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emorec import EMOTIONS, SPLITS, strict_yaml
from emorec import config as configs
from emorec.data import pixels_csv, votes
from emorec.data.faces import Faces
from emorec.data.read import read_faces
from emorec.data.splits import USAGES
from emorec.errors import EmorecError
from emorec.predictions.store import PROBABILITIES, read_predictions, write_predictions

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@contextmanager
def scratch(**files: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / file.replace("_", ".")).write_bytes(content)
        yield Path(name)


def refused(error: EmorecError, *parts: str) -> None:
    """One printable line that names the file."""
    message = str(error)
    assert message.isprintable() and len(message) < 1000
    assert all(part in message for part in parts)


# -- tables of faces; a face is 2×2 here, so that whole tables are drawn -----------------------------------------------

small_faces = patch.multiple(pixels_csv, PIXELS=4, SIDE=2)
face = st.tuples(
    st.integers(0, 6), st.sampled_from(list(USAGES)), st.lists(st.integers(0, 255), min_size=4, max_size=4)
)


@few
@given(st.lists(face, min_size=1, max_size=8), st.permutations(["emotion", "pixels", "Usage"]), st.data())
def test_a_table_comes_back_however_it_is_written(faces: list, columns: list[str], data: st.DataObject) -> None:
    quoted, spaced, end = (
        data.draw(st.booleans()),
        data.draw(st.booleans()),
        data.draw(st.sampled_from(["\n", "\r\n"])),
    )
    zeros = data.draw(st.integers(0, 3))
    lines = [("," + " " * spaced).join(columns)]
    for emotion, usage, pixels in faces:
        fields = {"emotion": str(emotion), "Usage": usage, "pixels": " ".join("0" * zeros + str(p) for p in pixels)}
        lines.append(",".join(f'"{fields[c]}"' if quoted else fields[c] for c in columns))
    with small_faces, scratch(fer_csv=(end.join(lines) + end).encode()) as folder:
        found = pixels_csv.read_table(folder / "fer.csv")
    assert found.labels.tolist() == [emotion for emotion, _, _ in faces]
    assert found.split.tolist() == [USAGES[usage] for _, usage, _ in faces]
    assert found.images.reshape(len(faces), 4).tolist() == [pixels for _, _, pixels in faces]
    assert found.row.tolist() == list(range(len(faces)))


@few
@given(st.binary(max_size=300), st.booleans(), st.sampled_from([None, 0]))
def test_any_bytes_are_faces_or_one_line(content: bytes, headed: bool, split: int | None) -> None:
    header = b"emotion,pixels,Usage\n" if headed else b""
    with small_faces, scratch(fer_csv=header + content) as folder:
        try:
            found = pixels_csv.read_table(folder / "fer.csv", split)
        except EmorecError as error:
            return refused(error, "fer.csv")
    assert len(found) > 0 and found.labels.max() < len(EMOTIONS) and found.split.max() < len(SPLITS)


@few
@given(st.lists(face, min_size=2, max_size=6), st.data())
def test_one_spoilt_field_is_named_by_its_row(faces: list, data: st.DataObject) -> None:
    victim = data.draw(st.integers(0, len(faces) - 1))
    junk = data.draw(st.text(st.characters(blacklist_characters=',"\n\r'), max_size=10))
    column = data.draw(st.integers(0, 2))
    rows = [[str(e), " ".join(map(str, p)), u] for e, u, p in faces]
    before = rows[victim][column]
    rows[victim][column] = junk
    text = "\n".join(["emotion,pixels,Usage", *map(",".join, rows)])
    if junk.split() == before.split() or (column == 0 and junk.strip().isdigit()) or (column == 1 and junk.split()):
        return  # it may well be a field
    with small_faces, scratch(fer_csv=text.encode()) as folder:
        try:
            pixels_csv.read_table(folder / "fer.csv")
        except EmorecError as error:
            return refused(error, f"fer.csv, row {victim + 2}: ")
    raise AssertionError(f"accepted {junk!r} in column {column}")


# -- votes -------------------------------------------------------------------------------------------------------------

HEADER = ["Usage", "Image name", *votes.COLUMNS]


def some_faces(labels: list[int]) -> Faces:
    count = len(labels)
    split = np.arange(count, dtype=np.uint8) % 3
    return Faces(np.zeros((count, 1, 1), np.uint8), np.array(labels, np.uint8), split, np.arange(count, dtype=np.int32))


@few
@given(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.permutations(HEADER), st.data())
def test_votes_come_back_in_any_order_of_columns(labels: list[int], header: list[str], data: st.DataObject) -> None:
    faces = some_faces(labels)
    counts = np.array([[data.draw(st.integers(0, 3)) for _ in votes.COLUMNS] for _ in labels], np.uint8)
    counts[np.arange(len(labels)), labels] = 10
    names = list(USAGES)
    lines = [header]
    for index, row in enumerate(counts):
        fields = {"Usage": names[faces.split[index]], "Image name": "x"} | dict(
            zip(votes.COLUMNS, map(str, row), strict=True)
        )
        lines.append([fields[column] for column in header])
    with scratch(votes_csv="\n".join(map(",".join, lines)).encode()) as folder:
        found = votes.read_votes(folder / "votes.csv", faces)
    assert (found.votes == counts).all() and (votes.majority(found.votes) == labels).all()


@few
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_votes_or_one_line(content: bytes, headed: bool) -> None:
    header = (",".join(HEADER) + "\n").encode() if headed else b""
    with scratch(votes_csv=header + content) as folder:
        try:
            found = votes.read_votes(folder / "votes.csv", some_faces([3, 4]))
        except EmorecError as error:
            return refused(error, "votes.csv")
    assert found.votes.shape == (2, len(votes.COLUMNS))


# -- image folders -----------------------------------------------------------------------------------------------------

file_name = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=12)
folder_name = st.one_of(st.sampled_from([*EMOTIONS, "Anger", "0", "joy"]), file_name)


@few
@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "test", "val"]), folder_name, file_name, st.binary(max_size=40)), max_size=5
    )
)
def test_any_tree_is_faces_or_one_line(files: list) -> None:
    with scratch() as folder:
        for split, emotion, name, content in files:
            try:
                (folder / split / emotion).mkdir(parents=True, exist_ok=True)
                (folder / split / emotion / name).write_bytes(content)
            except OSError:
                continue  # "..", or a name longer than the file system takes
        try:
            found = read_faces(folder)
        except EmorecError as error:
            return refused(error, folder.name)
    assert len(found.images) == len(found.labels) == len(found.split)


# -- predictions -------------------------------------------------------------------------------------------------------


def frame(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "split": np.array(SPLITS)[1 + np.arange(count) % 2],
        "row": np.arange(count, dtype=np.int32),
        "label": rng.integers(0, 7, count).astype(np.uint8),
    }
    probabilities = rng.dirichlet(np.ones(7), count).astype(np.float32)
    return pd.DataFrame(columns | {name: probabilities[:, i] for i, name in enumerate(PROBABILITIES)})


def written(table: pd.DataFrame) -> pa.Table:
    """What stands in the file of a model's predictions."""
    with scratch() as folder:
        write_predictions(folder / "predictions.parquet", {("model", 0): table})
        return pq.read_table(folder / "predictions.parquet")


def read(table: pa.Table) -> pd.DataFrame:
    with scratch() as folder:
        pq.write_table(table, folder / "predictions.parquet")
        return read_predictions(folder / "predictions.parquet", [("model", 0)])


@few
@given(st.integers(1, 12), st.integers(0, 99), st.randoms(use_true_random=False))
def test_predictions_come_back_in_any_order(count: int, seed: int, chance: Any) -> None:
    table = written(frame(count, seed))
    order = list(range(count))
    chance.shuffle(order)
    pd.testing.assert_frame_equal(read(table.take(order)), read(table))


@few
@given(st.integers(2, 6), st.integers(0, 99), st.sampled_from(["split", "row", "label", *PROBABILITIES]), st.data())
def test_one_spoilt_cell_of_predictions_is_refused(count: int, seed: int, column: str, data: st.DataObject) -> None:
    table = written(frame(count, seed))
    victim = data.draw(st.integers(0, count - 1))
    junk = {
        "split": st.text(st.characters(blacklist_categories=["Cs"]), max_size=5).filter(lambda t: t not in SPLITS),
        "label": st.one_of(st.integers(7, 255), st.just(float("nan"))),
        "row": st.just(float("nan")),
    }.get(column, st.one_of(st.floats(1.01, allow_infinity=True), st.floats(max_value=-0.01), st.just(float("nan"))))
    cells = table[column].to_pylist()
    cells[victim] = data.draw(junk)
    values = pa.array(cells if column == "split" else [float(cell) for cell in cells])
    spoilt = table.set_column(table.column_names.index(column), column, values)
    try:
        read(spoilt)
    except EmorecError as error:
        return refused(error, "predictions.parquet")
    raise AssertionError(f"accepted {cells[victim]!r} as {column}")


@few
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_no_predictions(content: bytes, magic: bool) -> None:
    with scratch(predictions_parquet=b"PAR1" + content + b"PAR1" if magic else content) as folder:
        try:
            read_predictions(folder / "predictions.parquet", [("model", 0)])
        except EmorecError as error:
            return refused(error, "predictions.parquet")
    raise AssertionError("accepted")


# -- config ------------------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=8), st.sampled_from(["kind", "of", "width", "epochs"])), inner, max_size=3
        ),
    ),
    max_leaves=8,
)
name = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True).filter(lambda text: len(text) <= 60)


@few
@given(st.dictionaries(st.sampled_from([*configs.Study.model_fields, "typo"]), plain, max_size=5))
def test_anything_is_a_study_or_one_line(content: dict[str, Any]) -> None:
    whole = {"study": "x", "models": {"a": {"kind": "single"}}} | content
    try:
        study = configs.validate(whole, "some.yaml")
        configs.networks(study)
    except EmorecError as error:
        refused(error)


@few
@given(
    name,
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True),
    st.lists(name, min_size=1, max_size=3, unique=True),
)
def test_a_config_printed_and_read_again_is_the_same(study: str, seeds: list[int], models: list[str]) -> None:
    content = {"study": study, "seeds": seeds, "models": {model: {"kind": "single"} for model in models}}
    first = configs.validate(content, "a.yaml")
    again = configs.validate(strict_yaml.parse(configs.dump(first)), "b.yaml")
    assert again == first and configs.dump(again) == configs.dump(first)


@few
@given(st.text(max_size=30))
def test_no_name_leaves_its_folder(study: str) -> None:
    try:
        accepted = configs.validate({"study": study, "models": {"a": {"kind": "single"}}}, "a.yaml").study
    except EmorecError:
        return
    root = Path("/results")
    assert (root / accepted).resolve().parent == root
    assert set(accepted) <= set(string.ascii_lowercase + string.digits + "-")


@few
@given(st.one_of(st.text(max_size=60), st.text("[]{}:,-&*!?|>'\"#%@ \n\tab1~<", max_size=40)))
def test_yaml_is_what_pyyaml_says_or_one_line(text: str) -> None:
    try:
        found = strict_yaml.parse(text)
    except ValueError as error:
        assert "\n" not in str(error)
        return
    assert repr(found) == repr(yaml.safe_load(text))  # repr: NaN is not equal to itself


@few
@given(plain)
def test_strict_yaml_reads_what_pyyaml_writes(content: Any) -> None:
    text = yaml.safe_dump(content, allow_unicode=True)
    assert repr(strict_yaml.parse(text)) == repr(yaml.safe_load(text))
