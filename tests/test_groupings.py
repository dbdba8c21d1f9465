"""Groupings found from confusions: planted ones come back, and few cut more cheaply than those found."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.groupings.find import describe, mutual_confusions, spectral_groups
from emorec.groupings.read import read_groups
from emorec.tables.metrics import PAIRS, mutual_confusion


def drawn_confusions(seed: int) -> np.ndarray:
    rates = np.random.default_rng(seed).gamma(1.0, size=(7, 7)) / 20
    rates = rates + rates.T
    np.fill_diagonal(rates, 0)
    return rates


def normalised_cut(rates: np.ndarray, groups: list[list[str]]) -> float:
    """Shi and Malik 2000, equation 2, for any number of groups: what spectral clustering relaxes."""
    total = 0.0
    for group in groups:
        own = [EMOTIONS.index(emotion) for emotion in group]
        other = [i for i in range(7) if i not in own]
        total += rates[np.ix_(own, other)].sum() / rates[own].sum()
    return total


def partitions(count: int) -> list[list[list[str]]]:
    found = []
    for numbers in itertools.product(range(count), repeat=7):
        if list(dict.fromkeys(numbers)) == list(range(count)):
            found.append([[e for e, n in zip(EMOTIONS, numbers, strict=True) if n == g] for g in range(count)])
    return found


def test_mutual_confusions_are_those_of_the_tables() -> None:
    random = np.random.default_rng(0)
    labels, predicted = random.integers(0, 7, 300), random.integers(0, 7, 300)
    counts = np.zeros((7, 7))
    np.add.at(counts, (labels, predicted), 1)
    found = mutual_confusions(labels, predicted)
    for (first, second), rate in zip(PAIRS, mutual_confusion(counts), strict=True):
        assert found[EMOTIONS.index(first), EMOTIONS.index(second)] == pytest.approx(rate)
    np.testing.assert_array_equal(found, found.T)
    assert (np.diag(found) == 0).all()


@pytest.mark.parametrize(
    "planted",
    [
        [["angry", "disgust"], ["fear", "surprise"], ["happy", "sad", "neutral"]],
        [["angry", "fear", "sad", "neutral"], ["disgust", "happy", "surprise"]],
        [["angry", "neutral"], ["disgust"], ["fear", "surprise"], ["happy", "sad"]],
    ],
)
def test_planted_groups_come_back(planted: list[list[str]]) -> None:
    for seed in range(10):
        rates = 0.1 * drawn_confusions(seed)
        for group in planted:
            for a, b in itertools.permutations(map(EMOTIONS.index, group), 2):
                rates[a, b] += 0.2
        assert spectral_groups(rates, len(planted)) == planted


def test_few_groupings_cut_more_cheaply_than_the_one_found() -> None:
    """Against all groupings there are: the relaxation is seldom the best, and always among the best."""
    for count in (2, 3, 4):
        everything = partitions(count)
        for seed in range(5):
            rates = drawn_confusions(seed)
            found = normalised_cut(rates, spectral_groups(rates, count))
            better = sum(normalised_cut(rates, groups) < found - 1e-9 for groups in everything)
            assert better <= 0.1 * len(everything)


def test_a_found_grouping_is_written_and_read(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 7, 2000)
    answers = {s: np.where(random.random(2000) < 0.7, labels, random.integers(0, 7, 2000)) for s in (0, 4)}
    found = describe("found", 3, labels, answers)
    assert found["seeds"] == [0, 4] and found["experts"] == 3 and len(found["groups"]) == 3
    each = [mutual_confusions(labels, answer) for answer in answers.values()]
    np.testing.assert_allclose(found["confusion"], np.mean(each, axis=0), atol=1e-6)
    path = tmp_path / "found.json"
    path.write_text(json.dumps(found))
    assert read_groups(path, 3) == [tuple(group) for group in found["groups"]]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"groups": [["happy"]]}', '{"groups": 3}'])
def test_a_damaged_grouping_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "found.json"
    path.write_text(text)
    with pytest.raises(EmorecError, match="found.json: .*; delete it"):
        read_groups(path, 2)
    with pytest.raises(EmorecError, match="missing"):
        read_groups(tmp_path / "none.json", 2)
