"""The one file of predictions: what comes back is what was written, and whatever is no such file is named in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emorec.errors import EmorecError
from emorec.predictions import store
from emorec.predictions.combine import ModelOutputs
from emorec.predictions.store import (
    GATES,
    KEY,
    PROBABILITIES,
    STEPS,
    prediction_frame,
    read_gates,
    read_predictions,
    read_temperature,
    write_predictions,
)

FACES = 60
SPLIT, ROW = np.repeat([1, 2], FACES), np.random.default_rng(1).permutation(2 * FACES).astype(np.int32)
LABEL = np.random.default_rng(2).integers(0, 7, 2 * FACES).astype(np.uint8)


def _frame(state: int, gate: tuple[str, ...] = ()) -> pd.DataFrame:
    rng = np.random.default_rng(state)
    weights = dict(zip(gate, rng.dirichlet(np.ones(len(gate)), 2 * FACES).T, strict=True)) if gate else {}
    combined = ModelOutputs(rng.dirichlet(np.ones(7), 2 * FACES), np.zeros((2 * FACES, 1)), weights)
    return prediction_frame(combined, SPLIT, ROW, LABEL)


@pytest.fixture
def frames() -> dict[tuple[str, int], pd.DataFrame]:
    found = {("single", seed): _frame(seed) for seed in (3, 0)}
    found |= {("mixture", seed): _frame(seed + 9, ("happy-neutral", "fear")) for seed in (3, 0)}
    found["mixture", 3].attrs["gate_temperature"] = 1.25
    return found


@pytest.fixture
def path(frames: dict[tuple[str, int], pd.DataFrame], tmp_path: Path) -> Path:
    write_predictions(tmp_path / "predictions.parquet", frames)
    return tmp_path / "predictions.parquet"


def test_what_comes_back_is_what_was_written(path: Path, frames: dict[tuple[str, int], pd.DataFrame]) -> None:
    asked = [("mixture", 0), ("single", 3), ("single", 0)]
    found, gates = read_predictions(path, asked), read_gates(path, asked)
    assert list(found[["model", "seed"]].drop_duplicates().itertuples(index=False, name=None)) == asked
    for model, seed in asked:
        own = found[(found["model"] == model) & (found["seed"] == seed)]
        expected = frames[model, seed].assign(code=SPLIT).sort_values(["code", "row"])
        for column in ("split", "row", "label", *PROBABILITIES):
            assert (own[column].to_numpy() == expected[column].to_numpy()).all(), column
    assert list(gates) == [("mixture", 0)] and gates["mixture", 0].experts == ("happy-neutral", "fear")
    expected = frames["mixture", 0].assign(code=SPLIT).sort_values(["code", "row"])
    np.testing.assert_array_equal(gates["mixture", 0].weights, expected[["gate_happy-neutral", "gate_fear"]])
    np.testing.assert_array_equal(gates["mixture", 0].labels, expected["label"])
    assert read_temperature(path, "mixture", 3) == 1.25
    assert len(read_predictions(path)) == 4 * 2 * FACES
    # Whole steps, which is why the file is small.
    assert (found[PROBABILITIES].to_numpy() * STEPS % 1 == 0).all()


def test_of_no_models_there_are_no_gates(path: Path) -> None:
    """As in a study whose mixtures all do without."""
    assert read_gates(path, []) == {}


def test_the_order_of_rows_in_the_file_does_not_matter(path: Path, tmp_path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.take(np.random.default_rng(0).permutation(len(table))), tmp_path / "other.parquet")
    asked = [("single", 0), ("mixture", 3)]
    pd.testing.assert_frame_equal(read_predictions(path, asked), read_predictions(tmp_path / "other.parquet", asked))


def test_the_same_predictions_are_the_same_bytes(path: Path, frames: dict, tmp_path: Path) -> None:
    write_predictions(tmp_path / "again.parquet", frames)
    assert path.read_bytes() == (tmp_path / "again.parquet").read_bytes()


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _numbers(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[pa.Table], pa.Table]:
    return lambda t: _set(t, name, pa.array(change(t[name].to_numpy().copy()), t.schema.field(name).type))


def _first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values[0] = value
        return values

    return change


def _told(metadata: bytes) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.replace_schema_metadata({KEY: metadata})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: t.drop_columns("p_sad"), "its columns are not"),
        (lambda t: t.append_column("pixel", t["row"]), "its columns are not"),
        (_numbers("p_sad", _first(np.nan)), "single with seed 3, row .*: p_ values are not all finite"),
        (_numbers("p_sad", lambda v: v + np.float32(0.01)), "p_ values"),
        (_numbers("p_sad", _first(-0.5)), "p_ values lie outside 0 to 1"),
        (lambda t: _set(t, "p_sad", pa.array(["x"] * len(t))), "holds string, no numbers"),
        (
            lambda t: _set(t, "gate", pa.array([[0.2, 0.2]] * len(t), pa.list_(pa.float32()))),
            "gate weights of no expert",
        ),
        (lambda t: _set(t, "gate", pa.nulls(len(t), GATES)), "has not 2 gate weights a face"),
        (_numbers("label", _first(7)), "label outside 0 to 6"),
        (lambda t: _set(t, "label", pa.array(np.full(len(t), 0.5))), "'label' holds double, no whole numbers"),
        (lambda t: _set(t, "split", pa.array(["dev"] * len(t))), "unknown split 'dev'"),
        (lambda t: t.slice(0, 0), "no rows"),
        (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "occurs twice|not those of"),
        (lambda t: t.slice(1), "are not those of"),
        (lambda t: t.slice(0, 4 * FACES), "lacks mixture with seed 3, and others"),
        (
            _numbers("label", lambda v: (v + (np.arange(v.size) >= 2 * FACES)) % 7),
            "are not those of single with seed 3",
        ),
        (lambda t: t.replace_schema_metadata({}), "no Parquet file of predictions"),
        (
            lambda t: t.replace_schema_metadata({KEY: b'{"experts": {"mixture": [1, 2]}, "temperatures": {}}'}),
            "no Parquet file of predictions .experts.mixture.0: should be text",
        ),
        (lambda t: t.replace_schema_metadata({KEY: b'{"experts": 3}'}), "no Parquet file of predictions"),
    ],
)
def test_bad_predictions_are_named(
    path: Path, frames: dict, spoil: Callable[[pa.Table], pa.Table], reason: str
) -> None:
    pq.write_table(spoil(pq.read_table(path)), path)
    with pytest.raises(EmorecError, match=reason) as caught:
        read_predictions(path, frames)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_short_file_of_very_many_numbers_is_refused(
    path: Path, frames: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("MOST_ROWS", 4 * 2 * FACES), ("MOST_VALUES", 6 * 2 * FACES)):
        monkeypatch.setattr(store, name, most)  # as many as there are; of a mixture's weights twice as many
        read_predictions(path, frames)
        monkeypatch.setattr(store, name, most - 1)
        with pytest.raises(EmorecError, match="are no predictions"):
            read_predictions(path, frames)
        monkeypatch.undo()


def test_what_is_no_parquet_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "junk.parquet").write_text("junk")
    for name, reason in (("junk.parquet", "no Parquet file"), ("absent.parquet", "no such file")):
        with pytest.raises(EmorecError, match=reason):
            read_predictions(tmp_path / name)
        with pytest.raises(EmorecError, match="does not say the gate's temperature"):
            read_temperature(tmp_path / name, "mixture", 0)
