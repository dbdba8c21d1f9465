"""What was planted in synthetic faces is found again by who knows it, and not by who does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emorec import EMOTIONS
from emorec.data.synthetic import DEFAULT_MODEL, NAMES, planted_confusion, posterior
from emorec.data.synthetic.action_units import SHARES, draw_action_units, draw_labels, draw_wrong_labels
from emorec.data.truth import Truth, load_truth
from emorec.errors import EmorecError
from emorec.tables.groupings import inside, pair_rates
from emorec.tables.metrics import PAIRS
from emorec.tables.resampled import Resampled
from emorec.tables.truth import POSTERIOR, confusion_measures, correlation, planted_pairs, truth_table

FACES = 3000


@pytest.fixture(scope="module")
def truth() -> Truth:
    rng = np.random.default_rng(5)
    labels = draw_labels(FACES, SHARES, rng)
    return Truth(labels, draw_action_units(labels, DEFAULT_MODEL, rng).astype(float))


@pytest.fixture(scope="module")
def found(truth: Truth) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    given = draw_wrong_labels(truth.true_labels, 0.06, rng)
    knows = posterior(truth.action_units)
    guesses = rng.dirichlet(np.ones(7), size=FACES)
    tables = []
    for model, p in (("knows", knows), ("guesses", guesses), ("mute", np.eye(7)[np.full(FACES, 3)])):
        table = pd.DataFrame(p, columns=[f"p_{emotion}" for emotion in EMOTIONS])
        tables.append(table.assign(model=model, seed=0, split="test", row=np.arange(FACES), label=given))
    table = truth_table(
        Resampled(pd.concat(tables, ignore_index=True), 10), truth, 0.06, planted_confusion(count=7000), {}
    )
    return table.pivot_table(index="model", columns="measure", values="value", dropna=False)


def test_who_knows_the_posterior_equals_it(found: pd.DataFrame) -> None:
    own, best = found.loc["knows"], found.loc[POSTERIOR]
    for measure in ("accuracy_true", "accuracy_given", "correlation", "pair_rank", "top_pairs"):
        assert own[measure] == best[measure]
    assert own.agreement == best.agreement == 1
    assert best.distance == 0 and 0 < own.distance < 0.1  # it knows the emotions, not how often labels are wrong
    assert best.accuracy_true > best.accuracy_given > 0.94 * best.accuracy_true - 0.03
    assert best.correlation > 0.9 and best.pair_rank > 0.8 and best.top_pairs >= 4


def test_guesses_are_far_from_it(found: pd.DataFrame) -> None:
    own = found.loc["guesses"]
    assert own.accuracy_true == pytest.approx(1 / 7, abs=0.03)
    assert abs(own.correlation) < 0.5 and own.distance > 0.5
    assert np.isfinite(found.loc["mute", "accuracy_true"])


def test_confusion_inside_groups_by_hand() -> None:
    rates = np.zeros(len(PAIRS))
    rates[PAIRS.index(("fear", "surprise"))], rates[PAIRS.index(("angry", "disgust"))] = 3, 1
    assert inside([{"fear", "surprise"}, {"angry", "happy"}], rates) == 0.75
    assert inside([{"fear", "surprise", "sad"}], np.ones(len(PAIRS))) == pytest.approx(3 / 21)
    assert inside([set(EMOTIONS)], rates) == 1


def test_agreement_with_what_was_planted_agrees_with_scipy() -> None:
    rng = np.random.default_rng(3)
    planted = rng.dirichlet(np.ones(7), size=7)
    off = ~np.eye(7, dtype=bool)
    for confusion in rng.integers(1, 50, size=(4, 7, 7)).astype(float):
        found = confusion_measures(confusion, planted)
        rates = confusion / confusion.sum(axis=1, keepdims=True)
        assert found["correlation"] == pytest.approx(stats.pearsonr(rates[off], planted[off]).statistic)
        mine, theirs = pair_rates(confusion), pair_rates(planted)
        assert found["pair_rank"] == pytest.approx(stats.spearmanr(mine, theirs).statistic)
        top = [set(np.argsort(-rates)[:6]) for rates in (mine, theirs)]
        assert found["top_pairs"] == len(top[0] & top[1])
    assert np.isnan(correlation(np.ones(3), np.arange(3.0)))


def test_pairs_count_both_emotions_alike() -> None:
    counts = 90 * np.eye(7)
    counts[0, 1], counts[1] = 10, [2, 8, 0, 0, 0, 0, 0]  # ten times fewer faces of disgust than of anger
    assert pair_rates(counts)[0] == pytest.approx((0.1 + 0.2) / 2)
    table = planted_pairs(planted_confusion(count=1400))
    assert len(table) == 21 and table.rate.is_monotonic_decreasing


def test_truth_is_checked(tmp_path: Path, truth: Truth) -> None:
    path = tmp_path / "truth.npz"
    with pytest.raises(EmorecError, match="no such file"):
        load_truth(path)
    path.write_text("no archive")
    with pytest.raises(EmorecError, match="not a readable"):
        load_truth(path)
    units = truth.action_units[:5].astype(np.float16)
    np.savez(path, true_labels=truth.true_labels[:5], action_units=units, names=np.array(NAMES))
    assert load_truth(path).action_units.shape == (5, len(NAMES))
    np.savez(path, true_labels=truth.true_labels[:5], action_units=units, names=np.array(NAMES[::-1]))
    with pytest.raises(EmorecError, match="not those of this version"):
        load_truth(path)
    table = pd.DataFrame(np.eye(7)[[0, 1]], columns=[f"p_{emotion}" for emotion in EMOTIONS])
    table = table.assign(model="one", seed=0, split="test", row=[3, 9], label=[0, 1])
    with pytest.raises(EmorecError, match="lacks test faces"):
        truth_table(Resampled(table, 10), Truth(truth.true_labels[:5], truth.action_units[:5]), 0.0, np.eye(7), {})
