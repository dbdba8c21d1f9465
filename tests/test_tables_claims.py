"""Claims: verdicts, wording of each outcome, and no claim from models that are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.tables import Model, Resampled, claims_table, comparisons_table, purity_table
from emorec.tables.bootstrap import Estimate
from emorec.tables.claims import Claim, points, question, sentence, study_claims, verdict
from emorec.tables.read import PROBABILITIES
from emorec.tables.representation import Measured, distances, nearest_faces, standardise
from emorec.tables.subset import results_table

SINGLE = Model("resnet18", "single", "Single ResNet-18")
ENSEMBLE = Model("ensemble", "ensemble", "Ensemble")
MIXTURE = Model("mixture", "mixture", "the mixture", control="ensemble")
BEATS = Claim("mixture-beats-ensemble", "accuracy", MIXTURE, ENSEMBLE)
REDUCES = Claim("mixture-reduces-confusion", "confusion", MIXTURE, SINGLE, "less")
SEPARATES = Claim("mixture-separates-representation", "purity", MIXTURE, SINGLE)


def _say(claim: Claim, value: float, low: float, high: float, p_holm: float = 0.001, seeds: int = 3) -> tuple[str, str]:
    difference = Estimate(value, low, high, p_holm, seeds)
    reached = verdict(difference, claim.direction, claim.margin, p_holm)
    return reached, sentence(claim, difference, reached, p_holm)


@pytest.mark.parametrize(
    ("claim", "interval", "reached", "said"),
    [
        (
            BEATS,
            (0.012, 0.003, 0.021),
            "supported",
            "The mixture is 1.2 points more accurate than the ensemble (95 % interval 0.3 to 2.1).",
        ),
        (
            BEATS,
            (-0.012, -0.021, -0.003),
            "refuted",
            "The mixture is 1.2 points less accurate than the ensemble (95 % interval −2.1 to −0.3).",
        ),
        (
            BEATS,
            (0.003, -0.005, 0.011),
            "undecided",
            "The data do not decide whether the mixture is more accurate than the ensemble: the difference is 0.3 "
            "points (95 % interval −0.5 to 1.1).",
        ),
        (
            REDUCES,
            (-0.008, -0.014, -0.002),
            "supported",
            "The mixture confuses the six hard pairs of emotions 0.8 points less often than the single ResNet-18 "
            "(95 % interval −1.4 to −0.2).",
        ),
        (
            REDUCES,
            (0.008, 0.002, 0.014),
            "refuted",
            "The mixture confuses the six hard pairs of emotions 0.8 points more often than the single ResNet-18 "
            "(95 % interval 0.2 to 1.4).",
        ),
        (
            REDUCES,
            (0.0, -0.002, 0.002),
            "undecided",
            "The data do not decide whether the mixture confuses the six hard pairs of emotions less often than the "
            "single ResNet-18: the difference is 0.0 points (95 % interval −0.2 to 0.2).",
        ),
        (
            SEPARATES,
            (0.03, 0.01, 0.05),
            "supported",
            "In the representation of the mixture, the share of a face's ten nearest neighbours that show its emotion "
            "is 3.0 points higher than in that of the single ResNet-18 (95 % interval 1.0 to 5.0).",
        ),
        (
            SEPARATES,
            (-0.03, -0.05, -0.01),
            "refuted",
            "In the representation of the mixture, the share of a face's ten nearest neighbours that show its emotion "
            "is 3.0 points lower than in that of the single ResNet-18 (95 % interval −5.0 to −1.0).",
        ),
        (
            SEPARATES,
            (0.03, -0.01, 0.05),
            "undecided",
            "The data do not decide whether more of a face's ten nearest neighbours show its emotion in the "
            "representation of the mixture than in that of the single ResNet-18: the difference is 3.0 points "
            "(95 % interval −1.0 to 5.0).",
        ),
    ],
)
def test_each_outcome_has_its_sentence(
    claim: Claim, interval: tuple[float, float, float], reached: str, said: str
) -> None:
    assert _say(claim, *interval) == (reached, said)


def test_errors_that_went_elsewhere_are_no_untangling() -> None:
    """A model that is never right, but never wrong within a hard pair, is said to be less accurate."""
    named = ["happy", "fear", "neutral", "angry", "surprise", "angry", "fear"]  # in the place of each of EMOTIONS
    predictions, _, _ = _alike(np.random.default_rng(0), faces=600, seeds=2)
    own = predictions["model"] == "mixture"
    answers = np.array([EMOTIONS.index(emotion) for emotion in named])
    predictions.loc[own, PROBABILITIES] = np.eye(7)[answers[predictions.loc[own, "label"]]]
    table = claims_table(Resampled(predictions, 200), MODELS).set_index("claim")
    row = table.loc["mixture-reduces-confusion"]
    assert row["verdict"] == "supported" and row["less_accurate"]
    lost = points(-table.loc["mixture-beats-single", "estimate"])
    assert row["sentence"].endswith(f"), but is {lost} points less accurate.")
    assert not table["less_accurate"].drop(["mixture-reduces-confusion", "mixture-reduces-confusion-vs-ensemble"]).any()


def test_an_interval_that_holm_does_not_back_decides_nothing() -> None:
    reached, said = _say(BEATS, 0.012, 0.001, 0.023, p_holm=0.071)
    assert reached == "undecided"
    assert said.endswith("(95 % interval 0.1 to 2.3, which does not hold after Holm's correction, p = 0.071).")


def test_one_seed_is_said() -> None:
    _, said = _say(BEATS, 0.012, 0.003, 0.021, seeds=1)
    assert said.endswith("(95 % interval over test faces, one seed: 0.3 to 2.1).")


def test_margins() -> None:
    claim = Claim("m", "accuracy", MIXTURE, ENSEMBLE, "greater", 0.01)
    assert question(claim) == "Is the mixture more accurate than the ensemble by more than 1.0 points?"
    assert _say(claim, 0.02, 0.012, 0.028) == (
        "supported",
        "The mixture is more accurate than the ensemble by more than 1.0 points: the difference is 2.0 points "
        "(95 % interval 1.2 to 2.8).",
    )
    assert _say(claim, 0.004, 0.001, 0.007) == (
        "refuted",
        "It is not the case that the mixture is more accurate than the ensemble by more than 1.0 points: the "
        "difference is 0.4 points (95 % interval 0.1 to 0.7).",
    )
    assert _say(claim, 0.012, 0.004, 0.02)[0] == "undecided"
    less = Claim("m", "confusion", MIXTURE, ENSEMBLE, "less", -0.01)
    assert _say(less, -0.02, -0.03, -0.015)[0] == "supported"
    assert _say(less, -0.005, -0.008, -0.002)[0] == "refuted"
    for direction, margin in (("greater", -0.01), ("less", 0.01), ("other", 0.0)):
        with pytest.raises(ValueError, match="claim m"):
            Claim("m", "accuracy", MIXTURE, ENSEMBLE, direction, margin)


def test_questions() -> None:
    assert question(BEATS) == "Is the mixture more accurate than the ensemble?"
    assert question(REDUCES).startswith(
        "Does the mixture confuse the six hard pairs of emotions less often than the single"
    )
    assert question(SEPARATES).startswith("Do more of a face's ten nearest neighbours show its emotion")


def test_points() -> None:
    written = [points(x) for x in (0.0123, -0.0123, 0.0, -0.0, 0.0004, -0.0004, 0.00001, 0.5)]
    assert written == ["1.2", "−1.2", "0.0", "0.0", "0.04", "−0.04", "0.0", "50.0"]


def test_every_mixture_has_its_claims_and_its_control() -> None:
    models = [
        Model("resnet18", "single", "resnet18"),
        Model("wide", "single", "wide"),
        Model("ensemble-3", "ensemble", "ensemble-3"),
        Model("mix-a", "mixture", "mix-a", control="ensemble-3"),
        Model("bound", "oracle", "bound", of="mix-a"),
        Model("trunk", "mixture", "trunk", family="joint", control="resnet18"),
    ]
    claims = {claim.id: claim for claim in study_claims(models)}
    assert sorted(claims) == sorted(
        ["wide-beats-single", "ensemble-3-beats-single", "wide-raises-macro-f1", "ensemble-3-raises-macro-f1"]
        + ["trunk-beats-single", "trunk-raises-macro-f1", "trunk-reduces-confusion", "trunk-separates-representation"]
        + [
            f"mix-a-{what}"
            for what in (
                "beats-single",
                "beats-ensemble",
                "raises-macro-f1",
                "raises-macro-f1-vs-ensemble",
                "reduces-confusion",
                "reduces-confusion-vs-ensemble",
                "separates-representation",
                "separates-representation-vs-ensemble",
                "beats-single-without-twins",
                "beats-ensemble-without-twins",
                "beats-single-by-majority",
                "beats-ensemble-by-majority",
            )
        ]
    )
    assert claims["mix-a-beats-ensemble"].reference.name == "ensemble-3"
    with pytest.raises(EmorecError, match="none is of kind single"):
        study_claims(models[2:])


MODELS = [SINGLE, ENSEMBLE, MIXTURE]


def _alike(
    rng: np.random.Generator, faces: int, seeds: int, better: float = 0.0, models: Sequence[Model] = MODELS
) -> tuple[pd.DataFrame, dict[tuple[str, int], np.ndarray], np.ndarray]:
    """Predictions, representations and labels of models of one skill on faces of unequal difficulty.

    `better` adds to the first mixture's skill.
    """
    labels = rng.integers(0, 7, faces)
    hard = rng.normal(size=(faces, 7))
    tables, embeddings = [], {}
    for model in models:
        for seed in range(seeds):
            skill = 1.5 + (better if model.name == "mixture" else 0.0)
            logits = skill * np.eye(7)[labels] + 0.8 * hard + 0.6 * rng.normal(size=(faces, 7))
            p = np.exp(logits)
            p /= p.sum(axis=1, keepdims=True)
            table = pd.DataFrame(p, columns=PROBABILITIES)
            tables.append(table.assign(model=model.name, seed=seed, split="test", row=np.arange(faces), label=labels))
            embeddings[model.name, seed] = logits
    return pd.concat(tables, ignore_index=True), embeddings, labels


def _claims(
    predictions: pd.DataFrame,
    embeddings: dict[tuple[str, int], np.ndarray],
    labels: np.ndarray,
    models: Sequence[Model],
    resamples: int,
) -> pd.DataFrame:
    measured = {key: Measured({}, nearest_faces(distances(standardise(own)))) for key, own in embeddings.items()}
    purity = {"purity": purity_table(measured, labels, models, resamples)} if embeddings else {}
    return claims_table(Resampled(predictions, resamples), models, purity)


@pytest.mark.parametrize(
    ("models", "studies"),
    [
        pytest.param(MODELS, 200, id="three"),
        pytest.param(
            [*MODELS, *(Model(f"mixture-{i}", "mixture", str(i), control="ensemble") for i in range(1, 9))],
            120,
            id="nine-mixtures",
        ),
    ],
)
def test_models_that_are_alike_support_no_claim(models: Sequence[Model], studies: int) -> None:
    """In at most 5 % of studies (and the chance of the simulations) is any claim of a family supported or refuted."""
    rng = np.random.default_rng(7)
    wrong = {"accuracy": 0, "macro_f1": 0, "confusion": 0, "purity": 0}
    for _ in range(studies):
        table = _claims(*_alike(rng, faces=160, seeds=2, models=models), models, resamples=200)
        decided = set(table.loc[table["verdict"] != "undecided", "measure"])
        for family in wrong:
            wrong[family] += family in decided
    slack = 2.5 * np.sqrt(0.05 * 0.95 / studies)
    for family, times in wrong.items():
        assert times / studies <= 0.05 + slack, family


def test_a_better_mixture_is_found_and_the_tables_agree() -> None:
    study = _alike(np.random.default_rng(0), faces=600, seeds=3, better=1.0)
    predictions, embeddings, labels = study
    table = _claims(*study, MODELS, resamples=500).set_index("claim")
    own = table.index.str.startswith("mixture")
    assert (table.loc[own, "verdict"] == "supported").all() and table.loc[own, "primary"].all()
    assert table.loc["ensemble-beats-single", "verdict"] == "undecided" and not table["primary"].all()
    compared = comparisons_table(Resampled(predictions, 500), MODELS)
    accuracy = compared[compared["metric"] == "accuracy"].set_index(["model", "reference"])
    row = accuracy.loc["mixture", "ensemble"]
    claim = table.loc["mixture-beats-ensemble"]
    f1 = compared[compared["metric"] == "macro_f1"].set_index(["model", "reference"]).loc["mixture", "ensemble"]
    for mine, theirs in (("estimate", "difference"), ("low", "low"), ("high", "high"), ("p_holm", "p_holm")):
        assert claim[mine] == row[theirs]
        assert table.loc["mixture-raises-macro-f1-vs-ensemble", mine] == f1[theirs]
    assert row["mcnemar_p_max"] < 0.01 and row["p_holm"] <= 0.01
    # Without embeddings nothing is claimed about them; with only some, that is an error.
    assert "mixture-separates-representation" not in set(_claims(predictions, {}, labels, MODELS, 100)["claim"])
    some = {key: value for key, value in embeddings.items() if key[0] != "mixture"}
    with pytest.raises(EmorecError, match="no embeddings of a common seed"):
        _claims(predictions, some, labels, MODELS, 100)


def test_identical_predictions_decide_nothing() -> None:
    predictions, embeddings, labels = _alike(np.random.default_rng(0), faces=100, seeds=2)
    one = predictions[predictions["model"] == "resnet18"]
    same = pd.concat([one.assign(model=model.name) for model in MODELS], ignore_index=True)
    copies = {(model.name, s): embeddings["resnet18", s] for model in MODELS for s in (0, 1)}
    table = _claims(same, copies, labels, MODELS, resamples=100)
    assert (table["verdict"] == "undecided").all() and (table["estimate"] == 0).all()
    assert not table["sentence"].str.contains("no difference").any()


def test_an_oracle_changes_nothing_for_the_others() -> None:
    """Its wins are in no family: the verdicts, and the p-values after Holm's correction, are what they are without."""
    study = _alike(np.random.default_rng(1), faces=200, seeds=2, better=0.2)
    predictions, *rest = study
    oracle = predictions[predictions["model"] == "mixture"].assign(model="bound")
    oracle[PROBABILITIES] = np.eye(7)[oracle["label"]]
    models = [*MODELS, Model("bound", "oracle", "bound", of="mixture")]
    with_it = _claims(pd.concat([predictions, oracle], ignore_index=True), *rest, models, resamples=200)
    pd.testing.assert_frame_equal(with_it, _claims(*study, MODELS, resamples=200))


def test_the_main_claims_are_asked_again_on_other_terms() -> None:
    """Without twins and by majority: read from their tables, with those tables' p-values, about the first mixture."""
    predictions, _, _ = _alike(np.random.default_rng(2), faces=400, seeds=2, better=1.5)
    resampled = Resampled(predictions, 100)
    kept = results_table(predictions[predictions["row"] < 300], MODELS, 100)
    whole = results_table(predictions, MODELS, 100)
    table = claims_table(resampled, MODELS, {"without_twins": kept, "by_majority": whole}).set_index("claim")
    again = table[table["measure"].isin(["accuracy_without_twins", "accuracy_by_majority"])]
    assert list(again.index) == [
        f"mixture-beats-{reference}-{terms}"
        for terms in ("without-twins", "by-majority")
        for reference in ("single", "ensemble")
    ]
    assert again["primary"].all() and (again["verdict"] == "supported").all()
    row = kept.query("model == 'mixture' and reference == 'ensemble' and metric == 'accuracy'").iloc[0]
    claim = table.loc["mixture-beats-ensemble-without-twins"]
    for column in ("estimate", "low", "high", "p_holm"):
        assert claim[column] == row[column]
    assert claim["sentence"].startswith("Without the test faces that have a twin in training, the mixture is ")
    assert claim["question"].endswith("is the mixture more accurate than the ensemble?")
    said = table.loc["mixture-beats-single-by-majority", "sentence"]
    assert said.startswith("By the taggers' majority in the place of the label, the mixture is ")
    # Where no face is left out, the claim would be the main one again.
    assert not claims_table(resampled, MODELS, {"without_twins": whole})["claim"].str.endswith("twins").any()
    with pytest.raises(EmorecError, match="does not compare mixture with"):
        claims_table(resampled, MODELS, {"without_twins": kept[kept["model"] == "ensemble"]})
