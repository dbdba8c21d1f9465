"""Intervals and tests: by hand, against scipy, and by simulation with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emorec.tables.bootstrap import estimate, face_weights, holm, mcnemar, seed_scale


def test_holm_by_hand() -> None:
    # Ascending .005, .01, .03, .04 times 4, 3, 2, 1 is .02, .03, .06, .04; the last may not fall below the one before.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
    np.testing.assert_allclose(holm(np.array([0.2])), [0.2])
    assert holm(np.array([])).size == 0


def test_mcnemar_by_hand() -> None:
    correct = np.array([True] * 9 + [False] * 1 + [True] * 20)
    reference = np.array([False] * 9 + [True] * 1 + [True] * 20)
    assert mcnemar(correct, reference) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(reference, correct) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(correct, correct) == 1


def test_face_weights_draw_every_resample_whole_and_the_same_again() -> None:
    weights = face_weights(50, 200)
    assert weights.shape == (200, 50) and (weights.sum(axis=1) == 50).all()
    assert np.array_equal(weights, face_weights(50, 200))
    assert not np.array_equal(weights, face_weights(50, 200, state=1))
    assert weights.mean() == 1 and weights.var() == pytest.approx(49 / 50, abs=0.03)


def test_interval_of_a_mean_agrees_with_scipy() -> None:
    x = np.random.default_rng(0).exponential(size=300)
    found = estimate(np.array([x.mean()]), face_weights(300, 4000) @ x[:, None] / 300)
    theirs = stats.bootstrap((x,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    error = x.std() / np.sqrt(300)
    assert found.value == pytest.approx(x.mean())
    assert abs(found.low - theirs.low) < 0.15 * error and abs(found.high - theirs.high) < 0.15 * error
    assert found.seeds == 1


def test_p_value_agrees_with_the_normal_one_and_with_the_interval() -> None:
    x = np.random.default_rng(1).normal(0.1, 1, size=400)
    draws = face_weights(400, 4000) @ x[:, None] / 400
    value = np.array([x.mean()])
    theirs = 2 * stats.norm.sf(abs(x.mean()) / (x.std() / 20))
    assert estimate(value, draws).p == pytest.approx(theirs, rel=0.25, abs=0.005)
    ends = estimate(value, draws)
    assert estimate(value, draws, null=ends.low).p == pytest.approx(0.05, abs=0.002)
    assert estimate(value, draws, null=ends.high).p == pytest.approx(0.05, abs=0.002)
    # Beyond the draws the p-value keeps falling: Holm over a large family needs that.
    assert estimate(value, draws, null=1.0).p < 1e-6


def test_identical_models_give_zero_and_p_one() -> None:
    for seeds in (1, 3):
        found = estimate(np.zeros(seeds), np.zeros((100, seeds)))
        assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_interval_is_about_the_estimate_though_the_draws_are_biased() -> None:
    draws = np.random.default_rng(0).normal(0.05, 0.01, size=(2000, 1))
    found = estimate(np.array([0.02]), draws, bounds=(0, 1))
    assert found.low < 0.02 < found.high and found.low >= 0


def test_draws_without_a_value_are_left_out() -> None:
    draws = np.random.default_rng(0).normal(size=(500, 1))
    draws[::7] = np.nan
    assert np.isfinite(estimate(np.array([0.0]), draws).low)
    nothing = estimate(np.array([np.nan]), np.full((10, 1), np.nan))
    assert np.isnan(nothing.value) and nothing.p == 1


def test_seed_scale_finds_the_seeds_own_spread() -> None:
    rng = np.random.default_rng(0)
    faces, seeds, resamples, own = 300, 5, 150, 0.05
    weights = face_weights(faces, resamples)
    found = []
    for _ in range(150):
        x = rng.normal(0, 1, (faces, 1)) + rng.normal(0, 0.8, (faces, seeds)) + rng.normal(0, own, seeds)
        found.append(seed_scale(x.mean(axis=0), weights @ x / faces) ** 2 * seeds)
    # Cutting at zero can only raise the mean, and by little here.
    assert own**2 * 0.85 < np.mean(found) < own**2 * 1.35
    assert seed_scale(np.array([0.5]), np.zeros((10, 1))) == 0


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (2, 0.0), (2, 0.05), (3, 0.05), (5, 0.05)])
def test_intervals_cover_the_truth_of_a_paired_difference(seeds: int, spread: float) -> None:
    """93 to 97 %, give or take the chance of a simulation (3 standard errors); false positives at most 5 %.

    Two models of equal skill on faces of unequal difficulty; `spread` is the seeds' own, in logits: 0.05 is about one
    point of accuracy, a third of what 400 faces leave to chance. The truth is 0.
    """
    rng = np.random.default_rng(100 * seeds + int(100 * spread))
    runs, faces, resamples = 800, 400, 300
    weights = face_weights(faces, resamples)
    covered = positive = 0
    for _ in range(runs):
        difficulty = rng.normal(0.8, 1.5, (faces, 1))
        right = [
            rng.random((faces, seeds)) < 1 / (1 + np.exp(-difficulty - rng.normal(0, spread, seeds))) for _ in range(2)
        ]
        difference = right[0].astype(np.float32) - right[1]
        found = estimate(difference.mean(axis=0), weights @ difference / faces)
        covered += found.low <= 0 <= found.high
        positive += found.p <= 0.05
    slack = 3 * np.sqrt(0.05 * 0.95 / runs)
    assert 0.93 - slack <= covered / runs <= 0.97 + slack
    assert positive / runs <= 0.05 + slack


def test_intervals_cover_a_truth_that_is_not_zero() -> None:
    rng = np.random.default_rng(5)
    runs, faces, seeds = 600, 400, 2
    weights = face_weights(faces, 300)

    def draw(faces: int) -> np.ndarray:
        difficulty = rng.normal(0.8, 1.5, (faces, 1))
        better, worse = (rng.random((faces, seeds)) < 1 / (1 + np.exp(-difficulty - up)) for up in (0.4, 0.0))
        return better.astype(np.float32) - worse

    truth = draw(400_000).mean()
    covered = 0
    for _ in range(runs):
        difference = draw(faces)
        found = estimate(difference.mean(axis=0), weights @ difference / faces)
        covered += found.low <= truth <= found.high
    slack = 3 * np.sqrt(0.05 * 0.95 / runs)
    assert 0.93 - slack <= covered / runs <= 0.97 + slack
