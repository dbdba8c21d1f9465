"""Gates: whom they ask, and when they count as collapsed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.predictions.store import Gate
from emorec.tables.gates import collapsed, entropy, gate_table, gate_use_table

EXPERTS = ("a", "b", "c")


def _gate(weights: np.ndarray, labels: np.ndarray, split: str = "test") -> Gate:
    return Gate(np.full(len(labels), split), labels, EXPERTS[: weights.shape[1]], weights)


def test_entropy_agrees_with_scipy() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    np.testing.assert_allclose(entropy(weights), stats.entropy(weights, axis=1) / np.log(4))
    assert entropy(np.array([0.0, 1.0])) == 0 and entropy(np.full(5, 0.2)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1 / 3, 1 / 3, 1 / 3], False),
        ([0.6, 0.3, 0.1], False),
        ([0.95, 0.05], True),  # entropy .29 of the most possible
        ([0.5, 0.49, 0.01], True),  # the third has less than a tenth of a third
        ([0.5, 0.46, 0.04], False),
        ([1.0, 0.0], True),
        ([0.25, 0.25, 0.25, 0.25, 0.0], True),
    ],
)
def test_collapse(shares: list[float], expected: bool) -> None:
    assert collapsed(np.array(shares)) is expected


def test_use_by_hand() -> None:
    weights = np.array([[0.8, 0.2], [0.6, 0.4], [0.0, 1.0], [0.6, 0.4]])
    gates = {("sure", 0): _gate(np.eye(2)[[0, 1, 1, 1]], np.zeros(4, int)), ("soft", 1): _gate(weights, np.arange(4))}
    table = gate_use_table(gates).set_index(["model", "expert"])
    assert table["share"].to_dict() == pytest.approx(
        {("sure", "a"): 0.25, ("sure", "b"): 0.75, ("soft", "a"): 0.5, ("soft", "b"): 0.5}
    )
    assert list(table["top_share"]) == [0.25, 0.75, 0.75, 0.25]
    assert (table.loc["sure", "entropy"] == 0).all()
    assert table["balance"].to_dict() == pytest.approx(
        {("sure", e): stats.entropy([0.25, 0.75], base=2) for e in "ab"} | {("soft", e): 1 for e in "ab"}
    )
    assert table["entropy"]["soft", "a"] == pytest.approx(stats.entropy(weights, base=2, axis=1).mean())
    assert not table["collapsed"].any()


def test_weights_by_emotion_and_who_owns_what() -> None:
    labels = np.array([0, 0, 3])
    weights = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [0.0, 0.0, 1.0]])
    gates = {("groups", 0): _gate(weights, labels), ("free", 0): _gate(weights, labels, "val")}
    groups = {"groups": [("angry",), EMOTIONS, ("happy", "sad")], "free": []}
    table = gate_table(gates, groups).set_index(["model", "emotion", "expert"])
    assert table["weight"]["groups", "angry", "c"] == pytest.approx(0.35)
    assert np.isnan(table["weight"]["groups", "fear", "a"])
    own = table["own"]
    assert own["groups", "angry", "a"] and not own["groups", "happy", "a"]
    assert own["groups"].xs("b", level="expert").all() and not own["free"].any()  # a generalist owns all
    with pytest.raises(EmorecError, match="model groups: 2 groups for 3 experts"):
        gate_table(gates, {"groups": groups["groups"][:2]})
