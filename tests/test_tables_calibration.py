"""Temperatures recover what was planted, and risk and coverage count what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.tables.calibration import (
    TEMPERATURES,
    area_under_risk_coverage,
    calibration_table,
    fit_temperature,
    reliability,
    reliability_table,
    scaled,
    temper,
)
from emorec.tables.metrics import FLOOR, scores


def drawn(faces: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, 7), and labels drawn from them: calibrated by construction."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(faces, 7))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (rng.random((faces, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1), p


def predictions(*temperatures: float) -> pd.DataFrame:
    """Predictions of a model that is too sure by a temperature, one a seed."""
    tables = []
    for seed, temperature in enumerate(temperatures):
        for code, split in enumerate(("val", "test")):
            labels, p = drawn(4000, seed=code)
            table = pd.DataFrame(temper(p, 1 / temperature), columns=[f"p_{emotion}" for emotion in EMOTIONS])
            tables.append(table.assign(model="one", seed=seed, split=split, row=np.arange(4000), label=labels))
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_temperature_recovers_what_was_planted(planted: float) -> None:
    labels, p = drawn(20_000)
    assert fit_temperature(labels, temper(p, 1 / planted)) == pytest.approx(planted, rel=0.05)


def test_temperature_is_the_minimum_and_stays_in_bounds() -> None:
    labels, p = drawn(500)
    best = fit_temperature(labels, p)
    at = [scores(labels, temper(p, t))["nll"][0] for t in (0.97 * best, best, 1.03 * best)]
    assert at[1] == min(at)
    sure = np.full((50, 7), 0.01) + 0.93 * np.eye(7)[np.arange(50) % 7]
    assert TEMPERATURES[0] <= fit_temperature(np.arange(50) % 7, sure) < 0.3  # the loss is next to zero from there down
    assert fit_temperature((np.arange(50) + 1) % 7, sure) == pytest.approx(TEMPERATURES[1], rel=0.01)


def test_tempering_keeps_answers_and_sums() -> None:
    _, p = drawn(300)
    p[0] = [0, 0, 0, 1, 0, 0, 0]  # a mixture's experts may know nothing of an emotion
    for temperature in (0.3, 1.0, 4.0):
        tempered = temper(p, temperature)
        assert np.isfinite(tempered).all()
        np.testing.assert_allclose(tempered.sum(axis=1), 1)
        np.testing.assert_array_equal(tempered.argmax(axis=1), p.argmax(axis=1))
    np.testing.assert_allclose(temper(p, 1.0), p, atol=7 * FLOOR)


def test_risk_and_coverage_by_hand() -> None:
    top = np.array([0.9, 0.8, 0.7, 0.6])
    p = np.zeros((4, 7))
    p[:, 0], p[:, 1] = top, 1 - top
    labels = np.array([0, 1, 0, 1])
    assert area_under_risk_coverage(labels, p) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equally_sure_faces_count_whatever_their_order() -> None:
    labels, p = np.array([0, 0, 1, 1]), np.tile(np.eye(7)[0], (4, 1))
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        assert area_under_risk_coverage(labels[order], p) == pytest.approx(0.5)


def test_bins_are_those_of_the_calibration_error() -> None:
    labels, p = drawn(2000)
    bins = reliability(labels, p)
    gap = (bins.faces * (bins.accuracy - bins.confidence).abs()).sum() / 2000
    assert gap == pytest.approx(scores(labels, p)["ece"][0])
    assert bins.faces.sum() == 2000 and len(bins) == 15
    assert bins.accuracy.isna().equals(bins.faces == 0)


def test_scaling_mends_a_model_that_is_too_sure() -> None:
    table = predictions(2.0, 3.0)
    runs = scaled(table)
    found = calibration_table(runs).set_index(["seed", "metric"])
    for seed, planted in enumerate((2.0, 3.0)):
        assert found.temperature[seed, "nll"] == pytest.approx(planted, rel=0.1)
        for metric in ("nll", "brier", "ece"):
            assert found.after[seed, metric] < found.before[seed, metric]
        assert found.after[seed, "ece"] < 0.03
    shares = reliability_table(runs).groupby(["seed", "scaled"]).faces.sum()
    assert (shares == 4000).all() and len(shares) == 4


def test_a_model_without_val_is_refused() -> None:
    table = predictions(2.0)
    with pytest.raises(EmorecError, match="no predictions on val"):
        scaled(table[table.split == "test"])
