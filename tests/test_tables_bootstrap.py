"""Intervals and tests: by hand, against scipy, and by simulation with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emorec.tables.bootstrap import estimate, face_weights, holm, spread, total_variance


def test_holm_by_hand() -> None:
    # Ascending .005, .01, .03, .04 times 4, 3, 2, 1 is .02, .03, .06, .04; the last may not fall below the one before.
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
    np.testing.assert_allclose(holm(np.array([0.2])), [0.2])
    assert holm(np.array([])).size == 0


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
    ends = estimate(value, draws)
    assert ends.p == pytest.approx(theirs, rel=0.1)
    assert estimate(value - ends.low, draws - ends.low).p == pytest.approx(0.05, abs=0.01)
    assert estimate(value - ends.high, draws - ends.high).p == pytest.approx(0.05, abs=0.01)
    # Beyond the draws the p-value keeps falling: Holm over a large family needs that.
    assert estimate(value - 1, draws - 1).p < 1e-6


def test_identical_models_give_zero_and_p_one() -> None:
    for seeds in (1, 3):
        found = estimate(np.zeros(seeds), np.zeros((100, seeds)))
        assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_interval_is_about_the_estimate_though_the_draws_are_biased() -> None:
    draws = np.random.default_rng(0).normal(0.05, 0.01, size=(2000, 1))
    found = estimate(np.array([0.02]), draws, 0, 1)
    assert found.low < 0.02 < found.high and found.low >= 0


def test_draws_without_a_value_are_left_out() -> None:
    draws = np.random.default_rng(0).normal(size=(500, 1))
    draws[::7] = np.nan
    assert np.isfinite(estimate(np.array([0.0]), draws).low)
    nothing = estimate(np.array([np.nan]), np.full((10, 1), np.nan))
    assert np.isnan(nothing.value) and nothing.p == 1


def test_spread_finds_the_seeds_own() -> None:
    rng = np.random.default_rng(0)
    faces, seeds, resamples, own = 300, 5, 150, 0.05
    weights = face_weights(faces, resamples)
    found = []
    for _ in range(150):
        x = rng.normal(0, 1, (faces, 1)) + rng.normal(0, 0.8, (faces, seeds)) + rng.normal(0, own, seeds)
        between, explained = spread(x.mean(axis=0), weights @ x / faces)
        found.append(between - explained)
    assert own**2 * 0.7 < np.mean(found) < own**2 * 1.3
    assert spread(np.array([0.5]), np.zeros((10, 1))) == (0, 0)


def test_total_variance_by_hand() -> None:
    # Seeds vary by 6, of which the faces explain 3: a mean of three has 2 + (6 - 3) / 3 = 3, of which the seeds' 6 / 3
    # is two thirds, and 2 / (2 / 3)^2 = 4.5 degrees of freedom.
    assert [float(x) for x in total_variance(2.0, 6.0, 3.0, 3)] == pytest.approx([3.0, 4.5])
    # Nothing but the seeds: theirs alone. One seed: as sure as the draws are.
    assert [float(x) for x in total_variance(0.0, 6.0, 0.0, 3)] == pytest.approx([2.0, 2.0])
    assert [float(x) for x in total_variance(2.0, 0.0, 0.0, 1)] == [2.0, np.inf]


def test_p_values_do_not_jump_where_faces_explain_all_spread() -> None:
    """Three seeds whose spread is just below, and just above, what the faces explain."""
    draws = np.random.default_rng(0).normal(0, 0.006, (2000, 3))
    draws += np.random.default_rng(1).normal(0, 0.003, (2000, 1))
    found = []
    for step in (5.95e-3, 6.05e-3):
        values = 0.02 + step * np.array([-1, 0, 1])
        found.append(estimate(values, draws + values).p)
    assert found[0] < found[1] < 1.3 * found[0]


def test_few_changed_faces_are_no_proof() -> None:
    """Eight faces of 3,589 that all changed one way: exactly 2^-7 by the sign test; not the draws' 1 in 2,000."""
    x = np.zeros((3589, 1), np.float32)
    x[:8] = 1 / 3589
    found = estimate(x.sum(axis=0), face_weights(3589, 2000) @ x)
    assert 0.002 < found.p < 2**-7


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("own", [0.0, 0.5, 1.0])
def test_false_positives_at_the_levels_that_holm_asks_for(seeds: int, own: float) -> None:
    """At most 5.5 % at .05; at .0025, the first step of a family of twenty, at most .45 %, with two seeds .65 %.

    Normal parts: the models' on these faces and single runs' on them, of the size that differences on FER2013's test
    split have (variances .09 and .36 in points), and the seeds' own, from none to as much as single runs'. The truth
    is 0.
    """
    rng = np.random.default_rng(seeds)
    shared, run, trials = 0.09, 0.36, 200_000
    values = rng.normal(0, np.sqrt(run + own * run), (trials, seeds))
    mean = values.mean(axis=1) + rng.normal(0, np.sqrt(shared), trials)
    variance, freedom = total_variance(shared + run / seeds, values.var(axis=1, ddof=1), run, seeds)
    p = 2 * stats.t.sf(np.abs(mean) / np.sqrt(variance), freedom)
    assert (p <= 0.05).mean() <= 0.055
    assert (p <= 0.0025).mean() <= (0.0045 if seeds > 2 else 0.0065)


@pytest.mark.parametrize(("seeds", "own"), [(1, 0.0), (2, 0.0), (2, 0.05), (3, 0.05), (5, 0.05)])
def test_intervals_cover_the_truth_of_a_paired_difference(seeds: int, own: float) -> None:
    """93 to 97 %, give or take the chance of a simulation (3 standard errors); false positives at most 5 %.

    Two models of equal skill on faces of unequal difficulty; `own` is the seeds' own, in logits: 0.05 is about one
    point of accuracy, a third of what 400 faces leave to chance. The truth is 0.
    """
    rng = np.random.default_rng(100 * seeds + int(100 * own))
    runs, faces, resamples = 800, 400, 300
    weights = face_weights(faces, resamples)
    covered = positive = 0
    for _ in range(runs):
        difficulty = rng.normal(0.8, 1.5, (faces, 1))
        right = [
            rng.random((faces, seeds)) < 1 / (1 + np.exp(-difficulty - rng.normal(0, own, seeds))) for _ in range(2)
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
