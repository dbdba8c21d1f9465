"""Action units of the synthetic faces: prototypes, the exact posterior, and the confusions planted by it."""

from __future__ import annotations

import numpy as np
import pytest

from emorec import EMOTIONS
from emorec.data.synthetic import SHARES, ExpressionModel, planted_confusion, posterior
from emorec.data.synthetic.action_units import (
    INTENSITY_SHAPES,
    NAMES,
    VARIANTS,
    draw_action_units,
    draw_labels,
    log_likelihood,
    strengths,
)


def units_of(emotion: str) -> set[int]:
    return {unit for _, variant in VARIANTS[emotion] for unit in variant}


def test_every_emotion_has_variants_whose_weights_sum_to_one() -> None:
    assert set(VARIANTS) == set(INTENSITY_SHAPES) == set(EMOTIONS)
    for emotion in EMOTIONS:
        weights, table = strengths(emotion)
        assert weights.sum() == pytest.approx(1)
        assert table.shape == (len(weights), len(NAMES)) and table.min() >= 0 and table.max() <= 1
        assert {f"AU{unit}" for unit in units_of(emotion)} <= set(NAMES)


def test_prototypes_are_those_of_emfacs() -> None:
    assert units_of("neutral") == set()
    assert {6, 12} <= units_of("happy")
    assert {1, 4, 15, 17} <= units_of("sad")
    assert {1, 2, 5, 26, 27} <= units_of("surprise") and 4 not in units_of("surprise")
    assert {1, 2, 4, 5, 20} <= units_of("fear")
    assert {4, 5, 7, 23, 24} <= units_of("angry")
    assert {9, 10, 15, 16} <= units_of("disgust")
    assert 12 not in set().union(*(units_of(emotion) for emotion in EMOTIONS if emotion != "happy"))


def test_the_confused_emotions_share_action_units() -> None:
    assert {1, 2, 5, 25, 26} <= units_of("fear") & units_of("surprise")
    assert {4, 7, 10, 17} <= units_of("angry") & units_of("disgust")
    assert np.divide(*INTENSITY_SHAPES["sad"]) < min(
        np.divide(*INTENSITY_SHAPES[emotion]) for emotion in EMOTIONS if emotion not in ("sad", "neutral")
    )


def test_a_jaw_that_drops_parts_the_lips() -> None:
    for variants in VARIANTS.values():
        for _, variant in variants:
            assert 25 in variant or not {26, 27} & set(variant)


def test_at_intensity_zero_every_emotion_has_the_action_units_of_neutral() -> None:
    model = ExpressionModel(low=0.0, high=0.0)
    neutral = draw_action_units(np.full(200, EMOTIONS.index("neutral")), model, np.random.default_rng(3))
    for index in range(len(EMOTIONS)):
        assert np.array_equal(draw_action_units(np.full(200, index), model, np.random.default_rng(3)), neutral)
    assert np.allclose(posterior(neutral[:20], model=model), np.array(SHARES) / sum(SHARES))


def test_drawn_action_units_follow_the_prototypes() -> None:
    labels = np.full(2000, EMOTIONS.index("surprise"))
    means = dict(
        zip(NAMES, draw_action_units(labels, ExpressionModel(), np.random.default_rng(1)).mean(0), strict=True)
    )
    assert min(means["AU1"], means["AU2"]) > 0.4
    assert means["AU4"] < 0.06 and means["AU12"] < 0.06  # resting tension only


def test_labels_keep_their_shares_and_come_in_random_order() -> None:
    labels = draw_labels(100, SHARES, np.random.default_rng(0))
    assert np.all(np.abs(np.bincount(labels, minlength=7) - 100 * np.array(SHARES)) <= 1)
    assert not np.array_equal(labels, np.sort(labels))
    assert not np.array_equal(labels, draw_labels(100, SHARES, np.random.default_rng(1)))


def test_the_density_of_the_action_units_integrates_to_one() -> None:
    """With neutral's AUs as proposals, the mean likelihood ratio of any emotion is 1 (steady at low intensities)."""
    model = ExpressionModel(low=0.0, high=0.15, rest=0.15, absent=0.3)
    units = draw_action_units(np.full(6000, EMOTIONS.index("neutral")), model, np.random.default_rng(0))
    log = log_likelihood(units, model)
    ratios = np.exp(log - log[:, [EMOTIONS.index("neutral")]])
    error = ratios.std(axis=0) / np.sqrt(len(units))
    assert np.all(np.abs(ratios.mean(axis=0) - 1) < 4 * error + 1e-9)


def test_the_posterior_is_calibrated() -> None:
    """Over faces drawn from the model, the mean posterior is the share, and the mean of its mode the accuracy."""
    rng = np.random.default_rng(4)
    labels = rng.choice(len(EMOTIONS), size=6000, p=np.array(SHARES) / sum(SHARES))
    model = ExpressionModel(low=0.05, high=0.7, rest=0.15)
    probability = posterior(draw_action_units(labels, model, rng), model=model)
    assert np.allclose(probability.sum(axis=1), 1)
    assert np.allclose(probability.mean(axis=0), np.bincount(labels, minlength=7) / 6000, atol=0.012)
    accuracy = np.mean(probability.argmax(axis=1) == labels)
    assert 0.6 < accuracy < 0.97
    assert probability.max(axis=1).mean() == pytest.approx(accuracy, abs=0.02)
    unsure = probability.max(axis=1) < 0.8
    assert np.mean(probability.argmax(axis=1)[unsure] == labels[unsure]) == pytest.approx(
        probability.max(axis=1)[unsure].mean(), abs=0.05
    )


def test_the_planted_confusions_are_the_three_pairs() -> None:
    confusion = planted_confusion(count=7000, seed=1)
    assert np.allclose(confusion.sum(axis=1), 1)
    assert np.array_equal(confusion, planted_confusion(count=7000, seed=1))
    share = np.array(SHARES) / sum(SHARES)
    joint = confusion * share[:, None]
    rates = {
        frozenset((EMOTIONS[i], EMOTIONS[j])): (joint[i, j] + joint[j, i]) / (share[i] + share[j])
        for i in range(7)
        for j in range(i)
    }
    top = sorted(rates, key=rates.__getitem__)[-3:]
    assert set(top) == {frozenset(pair) for pair in (("fear", "surprise"), ("angry", "disgust"), ("sad", "neutral"))}
    assert EMOTIONS[np.diag(confusion).argmax()] in ("happy", "neutral", "angry")


def test_stronger_expressions_are_easier() -> None:
    def accuracy(model: ExpressionModel) -> float:
        return float(np.array(SHARES) @ np.diag(planted_confusion(count=2100, model=model)))

    assert (
        accuracy(ExpressionModel(low=0.05, high=0.4)) < accuracy(ExpressionModel()) < accuracy(ExpressionModel(low=0.6))
    )
