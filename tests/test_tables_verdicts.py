"""Which comparison is a test, what may be said of it, and how often that is wrong where nothing differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emorec.predictions.store import PROBABILITIES
from emorec.tables.bootstrap import total_variance
from emorec.tables.read import Model
from emorec.tables.verdicts import LEVEL, tier, verdict, with_verdicts

SINGLE = Model("single", "single")
ENSEMBLE = Model("ensemble", "ensemble")
OTHER = Model("found", "mixture", control="ensemble")
PRIMARY = Model("mixture", "mixture", primary=True, control="ensemble")
MODELS = [SINGLE, ENSEMBLE, OTHER, PRIMARY]
MEASURES = ("accuracy", "macro_f1", "names_group", "within_group")


@pytest.mark.parametrize(
    ("low", "high", "p", "said"),
    [
        (0.001, 0.02, 0.05, "better"),
        (-0.02, -0.001, 0.05, "worse"),
        (0.001, 0.02, 0.0501, "not told apart"),  # the interval alone, or the corrected p alone, decides nothing
        (-0.001, 0.02, 0.01, "not told apart"),
        (-0.02, 0.0, 0.01, "not told apart"),
        (np.nan, np.nan, 0.01, "not told apart"),
    ],
)
def test_interval_and_corrected_p_have_to_agree(low: float, high: float, p: float, said: str) -> None:
    assert verdict(low, high, p) == said


def test_one_primary_test_seven_secondary_and_the_rest_exploratory() -> None:
    pairs = [("ensemble", "single"), ("found", "single"), ("mixture", "single"), ("found", "ensemble")]
    pairs.append(("mixture", "ensemble"))
    tiers = {(*pair, measure): tier(MODELS, *pair, measure) for pair in pairs for measure in MEASURES}
    assert [key for key, found in tiers.items() if found == "primary"] == [("mixture", "ensemble", "accuracy")]
    secondary = {key for key, found in tiers.items() if found == "secondary"}
    assert secondary == {
        ("mixture", "single", "accuracy"),
        *(("mixture", reference, measure) for reference in ("single", "ensemble") for measure in MEASURES[1:]),
    }
    assert len(secondary) == 7


def test_where_the_single_is_the_control_three_secondary_tests_are_left() -> None:
    models = [SINGLE, Model("branches", "mixture", primary=True, control="single")]
    tiers = [tier(models, "branches", "single", measure) for measure in MEASURES]
    assert tiers == ["primary", "secondary", "secondary", "secondary"]


def test_holm_counts_the_secondary_family_alone() -> None:
    rows = [("mixture", "ensemble", "accuracy", 0.04), ("mixture", "single", "accuracy", 0.02)]
    rows += [("mixture", r, m, 0.01 if m == "macro_f1" else 0.9) for r in ("single", "ensemble") for m in MEASURES[1:]]
    rows += [("found", "ensemble", m, 1e-9) for m in MEASURES]
    table = pd.DataFrame(rows, columns=["model", "reference", "measure", "p"]).assign(low=0.01, high=0.02)
    found = with_verdicts(table, MODELS).set_index(["model", "reference", "measure"])
    # The primary test is corrected for nothing, however many others there are.
    assert found.loc[("mixture", "ensemble", "accuracy"), "verdict"] == "better"
    assert np.isnan(found.loc[("mixture", "ensemble", "accuracy"), "p_holm"])
    # .01 times 7, and .02 times 5 of the others' .9: by hand.
    assert found.loc[("mixture", "single", "macro_f1"), "p_holm"] == pytest.approx(0.07)
    assert found.loc[("mixture", "single", "accuracy"), "p_holm"] == pytest.approx(0.1)
    exploratory = found[found["tier"] == "exploratory"]
    assert len(exploratory) == 4 and (exploratory["verdict"] == "").all() and exploratory["p_holm"].isna().all()


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("own", [0.0, 1.0])
def test_error_rates_where_nothing_differs(seeds: int, own: float) -> None:
    """The primary test finds a difference in at most 5.5 % of studies; the secondary family any in at most 5 %, of two
    seeds in at most 7 %, which is why studies have three.

    Eight differences that share faces and runs, as accuracy, macro-F1 and the two steps do: each is a common normal
    part and one of its own. Variances as in the simulation of the p-values: the models' on these faces, single runs',
    and the seeds' own, from none to as much as single runs'. Every truth is 0.
    """
    rng = np.random.default_rng(10 * seeds + int(own))
    shared, run, trials, tests, alike = 0.09, 0.36, 40_000, 8, 0.6

    def normal(variance: float, *shape: int) -> np.ndarray:
        common, single = rng.normal(size=(trials, *shape, 1)), rng.normal(size=(trials, *shape, tests))
        return np.sqrt(variance) * (np.sqrt(alike) * common + np.sqrt(1 - alike) * single)

    values = normal(run + own * run, seeds)
    mean = values.mean(axis=1) + normal(shared)
    between = values.var(axis=1, ddof=1)
    variance, freedom = total_variance(shared + run / seeds, between, run, seeds)
    error, reach = np.sqrt(variance), stats.t.ppf(0.975, freedom)
    p = 2 * stats.t.sf(np.abs(mean) / error, freedom)
    low, high = mean - reach * error, mean + reach * error
    primary = (p[:, 0] <= LEVEL) & ((low[:, 0] > 0) | (high[:, 0] < 0))
    assert primary.mean() <= 0.055
    # Holm's first step decides whether there is any finding in the family.
    assert (p[:, 1:].min(axis=1) * (tests - 1) <= LEVEL).mean() <= (0.05 if seeds > 2 else 0.07)


def test_tables_of_studies_without_a_difference_find_as_few() -> None:
    """The same through the code: made-up answers of equally good models, with few faces and resamples."""
    from emorec.tables.comparisons import comparisons_table
    from emorec.tables.resampled import Resampled

    rng = np.random.default_rng(1)
    groups = {"original": [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]}
    models = [SINGLE, ENSEMBLE, Model("mixture", "mixture", "original", primary=True, control="ensemble")]
    faces, seeds, studies = 200, 2, 100
    primary = family = 0
    for _ in range(studies):
        labels = rng.integers(0, 7, faces)
        difficulty = rng.normal(0, 1.2, (faces, 7)) + 1.4 * np.eye(7)[labels]
        tables = []
        for model in models:
            for seed in range(seeds):
                logits = difficulty + rng.normal(0, 1.0, (faces, 7))
                p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                frame = pd.DataFrame(p, columns=PROBABILITIES)
                head = {"model": model.name, "seed": seed, "split": "test", "row": np.arange(faces), "label": labels}
                tables.append(frame.assign(**head))
        table = comparisons_table(Resampled(pd.concat(tables, ignore_index=True), 100), models, groups)
        found = table[table["verdict"].isin(["better", "worse"])]["tier"]
        primary += (found == "primary").any()
        family += (found == "secondary").any()
    slack = 3 * np.sqrt(0.05 * 0.95 / studies)
    assert primary / studies <= 0.05 + slack
    assert family / studies <= 0.05 + slack
