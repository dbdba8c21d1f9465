"""Metrics and confused pairs against scikit-learn, brute force and hand calculation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from emorec import EMOTIONS
from emorec.tables.metrics import (
    BINS,
    HARD_PAIRS,
    METRICS,
    PAIRS,
    accuracy,
    confusion_counts,
    macro_f1,
    mutual_confusion,
    precision_recall_f1,
    scores,
)


def _predictions(faces: int = 400, state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(state)
    labels = rng.integers(0, 7, faces)
    logits = 1.5 * np.eye(7)[labels] + rng.normal(size=(faces, 7))
    p = np.exp(logits)
    return labels, p / p.sum(axis=1, keepdims=True)


def test_scores_agree_with_scikit_learn() -> None:
    labels, p = _predictions()
    found = scores(labels, p)
    predicted = p.argmax(axis=1)
    assert list(found) == list(METRICS)
    assert found["accuracy"][0] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found["macro_f1"][0] == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    assert found["nll"][0] == pytest.approx(reference.log_loss(labels, p, labels=range(7)))
    assert found["brier"][0] == pytest.approx(((p - np.eye(7)[labels]) ** 2).sum() / len(labels))


def test_confusion_and_per_class_scores_agree_with_scikit_learn() -> None:
    labels, p = _predictions()
    predicted = p.argmax(axis=1)
    counts = confusion_counts(labels, predicted)[0]
    assert np.array_equal(counts, reference.confusion_matrix(labels, predicted, labels=range(7)))
    expected = reference.precision_recall_fscore_support(labels, predicted, labels=range(7), zero_division=0)
    for mine, theirs in zip(precision_recall_f1(counts), expected[:3], strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_an_emotion_without_faces_has_no_recall_and_is_in_no_mean() -> None:
    # Fear has no face, but one is called so; neutral has one, and none is called so.
    labels, predicted = np.array([0, 0, 3, 3, 6]), np.array([0, 2, 3, 3, 0])
    counts = confusion_counts(labels, predicted)
    precision, recall, f1 = (values[0] for values in precision_recall_f1(counts))
    np.testing.assert_allclose(recall, [0.5, np.nan, np.nan, 1, np.nan, np.nan, 0])
    assert precision[2] == 0 and np.isnan(f1[2]) and f1[6] == 0
    assert macro_f1(counts)[0] == pytest.approx(
        reference.f1_score(labels, predicted, labels=[0, 3, 6], average="macro")
    )
    assert np.isnan(macro_f1(np.zeros((7, 7))))


def test_ece_by_hand() -> None:
    # Two bins: (.6, right), (.65, wrong) fall in (9/15, 10/15] or on its edge's left bin; (.9, right) in another.
    p = np.zeros((3, 7))
    p[0, :2] = 0.62, 0.38
    p[1, :2] = 0.65, 0.35
    p[2, :2] = 0.90, 0.10
    labels = np.array([0, 1, 0])
    expected = abs((1 - 0.62) + (0 - 0.65)) / 3 + abs(1 - 0.9) / 3
    assert scores(labels, p)["ece"][0] == pytest.approx(expected)


def test_ece_by_brute_force() -> None:
    labels, p = _predictions(1000, 1)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    total = 0.0
    for b in range(BINS):
        inside = (confidence > b / BINS) & (confidence <= (b + 1) / BINS)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores(labels, p)["ece"][0] == pytest.approx(total)


def test_certain_and_wrong_is_finite() -> None:
    found = scores(np.array([1]), np.eye(7)[[0]])
    assert found["nll"][0] == pytest.approx(17 * np.log(2))
    assert found["brier"][0] == 2 and found["ece"][0] == 1 and found["accuracy"][0] == 0


def test_weights_count_faces_as_often_as_repeating_them_does() -> None:
    labels, p = _predictions(60)
    rng = np.random.default_rng(2)
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=5)
    found = scores(labels, p, weights.astype(float))
    for b, times in enumerate(weights):
        repeated = np.repeat(np.arange(60), times)
        for metric, value in scores(labels[repeated], p[repeated]).items():
            assert found[metric][b] == pytest.approx(value[0]), metric


def test_mutual_confusion_by_brute_force() -> None:
    labels, p = _predictions()
    predicted = p.argmax(axis=1)
    rates = mutual_confusion(confusion_counts(labels, predicted))[0]
    assert len(PAIRS) == len(rates) == 21
    for (a, b), rate in zip(PAIRS, rates, strict=True):
        i, j = EMOTIONS.index(a), EMOTIONS.index(b)
        swapped = ((labels == i) & (predicted == j)) | ((labels == j) & (predicted == i))
        assert rate == pytest.approx(swapped.sum() / np.isin(labels, (i, j)).sum())


def test_mutual_confusion_by_hand() -> None:
    counts = np.zeros((7, 7))
    sad, neutral = EMOTIONS.index("sad"), EMOTIONS.index("neutral")
    counts[sad, [sad, neutral]] = 6, 4
    counts[neutral, [neutral, sad]] = 28, 2
    rates = dict(zip(PAIRS, mutual_confusion(counts), strict=True))
    assert rates["sad", "neutral"] == pytest.approx(6 / 40)
    assert np.isnan(rates["angry", "disgust"])  # neither occurs


def test_hard_pairs_are_pairs() -> None:
    assert set(HARD_PAIRS) <= set(PAIRS) and len(set(HARD_PAIRS)) == 6


def test_accuracy_is_the_trace() -> None:
    assert accuracy(np.diag(np.full(7, 3.0))) == 1


def test_spread_over_seeds_is_pandas_free_arithmetic() -> None:
    from emorec.tables.performance import confusion_table, pairs_table, recall_table, spread_table

    rng = np.random.default_rng(3)
    labels = np.arange(70) % 7
    frames = []
    for seed in (0, 1, 2):
        p = rng.dirichlet(np.ones(7), size=labels.size)
        columns = {f"p_{emotion}": p[:, c] for c, emotion in enumerate(EMOTIONS)}
        frame = {"model": "m", "seed": seed, "split": "test", "row": np.arange(70), "label": labels}
        frames.append(pd.DataFrame(frame | columns))
    predictions = pd.concat(frames, ignore_index=True)
    spread = spread_table(recall_table(predictions), confusion_table(predictions), pairs_table(predictions))
    assert spread.groupby("measure").size().to_dict() == {"confusion": 49, "pair": 21, "recall": 7}
    hits = [(f.filter(like="p_").to_numpy().argmax(1) == labels)[labels == 2].mean() for f in frames]
    row = spread.query("measure == 'recall' and first == 'fear'").iloc[0]
    assert row["mean"] == pytest.approx(np.mean(hits)) and row["sd"] == pytest.approx(np.std(hits, ddof=1))
    assert row["seeds"] == 3 and row["second"] == ""
