"""Claims as code: what the report may say about the study's question is decided here, from intervals.

A claim is a comparison, a direction and a margin. With the difference d = model - reference of its measure, a claim of
direction "greater" is supported if the whole 95 % interval of d is above the margin, refuted if it is wholly below,
and undecided otherwise; "less" is the mirror image. Either decision also needs p_holm <= .05, for d against the
margin: Holm's family is all claims of one measure in the study, so that asking about ten mixtures does not find one
by chance. An undecided claim is never worded as "no difference".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, Estimate, estimate, holm
from emorec.tables.comparisons import Resampled
from emorec.tables.controls import opponents, reference_single
from emorec.tables.metrics import accuracy, macro_f1
from emorec.tables.pairs import hard_confusion
from emorec.tables.read import Embeddings, Model
from emorec.tables.representation import distances, nearest_faces, purity_difference, standardise

COLUMNS = ["claim", "question", "verdict", "sentence", "estimate", "low", "high", "margin"]
LEVEL = 0.05
STATISTICS = {"accuracy": accuracy, "macro_f1": macro_f1, "confusion": hard_confusion}


@dataclass(frozen=True)
class Claim:
    """`model` differs from `reference` in `measure` (of WORDINGS) in `direction` (greater, less) by over `margin`.

    The margin is a difference of fractions and has the sign of the difference: -0.01 with direction "less" claims a
    reduction by more than a point.
    """

    id: str
    measure: str
    model: Model
    reference: Model
    direction: str = "greater"
    margin: float = 0.0

    def __post_init__(self) -> None:
        if self.direction not in ("greater", "less"):
            raise ValueError(f"claim {self.id}: direction {self.direction!r} is neither 'greater' nor 'less'")
        if self.margin * (1 if self.direction == "greater" else -1) < 0:
            raise ValueError(f"claim {self.id}: margin {self.margin} points away from its direction {self.direction!r}")


@dataclass(frozen=True)
class Wording:
    """How to speak of a measure; {model}, {reference} are labels, {points} a positive number, {margin} likewise.

    `more` and `less` state a difference with its sign; `question` asks after the claimed direction; `whether` is its
    subordinate clause; `beyond` adds a margin to either.
    """

    more: str
    less: str
    question: str
    whether: str
    beyond: str = " by more than {margin} points"


WORDINGS = {
    "accuracy": Wording(
        more="The {model} is {points} points more accurate than the {reference}",
        less="The {model} is {points} points less accurate than the {reference}",
        question="Is the {model} {way} accurate than the {reference}",
        whether="the {model} is {way} accurate than the {reference}",
    ),
    "macro_f1": Wording(
        more="The macro-F1 of the {model} is {points} points higher than that of the {reference}",
        less="The macro-F1 of the {model} is {points} points lower than that of the {reference}",
        question="Is the macro-F1 of the {model} {way} than that of the {reference}",
        whether="the macro-F1 of the {model} is {way} than that of the {reference}",
    ),
    "confusion": Wording(
        more="The {model} confuses the six hard pairs of emotions {points} points more often than the {reference}",
        less="The {model} confuses the six hard pairs of emotions {points} points less often than the {reference}",
        question="Does the {model} confuse the six hard pairs of emotions {way} often than the {reference}",
        whether="the {model} confuses the six hard pairs of emotions {way} often than the {reference}",
    ),
    "purity": Wording(
        more="In the representation of the {model}, the share of a face's ten nearest neighbours that show its emotion "
        "is {points} points higher than in that of the {reference}",
        less="In the representation of the {model}, the share of a face's ten nearest neighbours that show its emotion "
        "is {points} points lower than in that of the {reference}",
        question="Do {way} of a face's ten nearest neighbours show its emotion in the representation of the {model} "
        "than in that of the {reference}",
        whether="{way} of a face's ten nearest neighbours show its emotion in the representation of the {model} than "
        "in that of the {reference}",
    ),
}


def study_claims(models: Sequence[Model]) -> list[Claim]:
    """The claims of a study: each comparison's accuracy; each mixture's macro-F1, confusion of hard pairs and purity.

    Macro-F1 is asked after besides accuracy because it weighs a rare emotion like a common one: a model can gain in one
    of the two and lose in the other.
    """
    claims = []
    for model, reference in opponents(models):
        claims.append(Claim(f"{model.name}-beats-{reference.kind}", "accuracy", model, reference))
    for model, reference in opponents(models):
        if model.kind == "mixture":
            against = "" if reference.kind == "single" else f"-vs-{reference.kind}"
            claims.append(Claim(f"{model.name}-raises-macro-f1{against}", "macro_f1", model, reference))
            claims.append(Claim(f"{model.name}-reduces-confusion{against}", "confusion", model, reference, "less"))
    single = reference_single(models)
    for model in models:
        if model.kind == "mixture":
            claims.append(Claim(f"{model.name}-separates-representation", "purity", model, single))
    return claims


def claims_table(
    predictions: pd.DataFrame,
    embeddings: Mapping[tuple[str, int], Embeddings],
    models: Sequence[Model],
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """claims.csv: every claim of the study with its verdict, its sentence and the interval behind them.

    Without any `embeddings` there are no claims on representations; with some, EmorecError where a model lacks them.
    """
    resampled = Resampled(predictions, resamples)
    for (model, seed), own in embeddings.items():
        if not (np.array_equal(own.row, resampled.row) and np.array_equal(own.label, resampled.labels)):
            raise EmorecError(
                f"model {model}, seed {seed}: embeds other faces than it predicts; predict the model again"
            )
    nearest = {key: nearest_faces(distances(standardise(own.embeddings))) for key, own in embeddings.items()}
    claims = [claim for claim in study_claims(models) if claim.measure != "purity" or nearest]
    found = [_estimate(claim, resampled, nearest) for claim in claims]
    families = [claim.measure for claim in claims]
    adjusted = pd.Series([e.p for e in found], dtype=float).groupby(families).transform(holm) if claims else []
    rows = []
    for claim, difference, p_holm in zip(claims, found, adjusted, strict=True):
        reached = verdict(difference, claim.direction, claim.margin, p_holm)
        rows.append(
            {
                "claim": claim.id,
                "question": question(claim),
                "verdict": reached,
                "sentence": sentence(claim, difference, reached, p_holm),
                "estimate": difference.value,
                "low": difference.low,
                "high": difference.high,
                "margin": claim.margin,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def verdict(difference: Estimate, direction: str, margin: float, p_holm: float) -> str:
    """supported, refuted or undecided: the interval must clear the margin and p_holm must be at most .05."""
    if p_holm > LEVEL or not np.isfinite(difference.value):
        return "undecided"
    above, below = difference.low > margin, difference.high < margin
    if direction == "less":
        above, below = below, above
    return "supported" if above else "refuted" if below else "undecided"


def question(claim: Claim) -> str:
    """The claim as a question to the reader."""
    wording = WORDINGS[claim.measure]
    beyond = wording.beyond.format(margin=points(abs(claim.margin))) if claim.margin else ""
    return wording.question.format(**_labels(claim), way=_way(claim)) + beyond + "?"


def sentence(claim: Claim, difference: Estimate, reached: str, p_holm: float) -> str:
    """The finding as one sentence with the estimate and the interval in percentage points."""
    wording = WORDINGS[claim.measure]
    labels = _labels(claim)
    over = "95 % interval" if difference.seeds > 1 else "95 % interval over test faces, one seed:"
    interval = f"{over} {points(difference.low)} to {points(difference.high)}"
    if reached != "undecided" and claim.margin == 0:
        fact = (wording.more if difference.value > 0 else wording.less).format(
            **labels, points=points(abs(difference.value))
        )
        return f"{fact} ({interval})."
    beyond = wording.beyond.format(margin=points(abs(claim.margin))) if claim.margin else ""
    whether = wording.whether.format(**labels, way=_way(claim)) + beyond
    if not np.isfinite(difference.value):
        return f"The data do not decide whether {whether}: they hold no such faces."
    stated = f"the difference is {points(difference.value)} points ({interval}"
    if reached == "undecided":
        missed = not difference.low <= claim.margin <= difference.high
        corrected = f", which does not hold after Holm's correction, p = {p_holm:.2g}" if missed else ""
        return f"The data do not decide whether {whether}: {stated}{corrected})."
    fact = whether if reached == "supported" else f"it is not the case that {whether}"
    return f"{fact[0].upper()}{fact[1:]}: {stated})."


def points(fraction: float) -> str:
    """A fraction in percentage points: one decimal, two where one would hide a difference from zero; a true minus."""
    text = f"{100 * fraction:.1f}"
    if float(text) == 0:
        text = f"{100 * fraction:.2f}" if round(100 * fraction, 2) else "0.0"
    return text.replace("-", "−")


def _way(claim: Claim) -> str:
    if claim.measure == "macro_f1":
        return "higher" if claim.direction == "greater" else "lower"
    if claim.measure == "purity":
        return "more" if claim.direction == "greater" else "fewer"
    return "more" if claim.direction == "greater" else "less"


def _labels(claim: Claim) -> dict[str, str]:
    return {"model": _inside(claim.model.label), "reference": _inside(claim.reference.label)}


def _inside(label: str) -> str:
    """A label as it stands within a sentence, after "the": Mixture of experts -> mixture of experts; ResNet stays."""
    label = label.removeprefix("The ").removeprefix("the ")
    first = label.split(" ")[0]
    return label[:1].lower() + label[1:] if first.isalpha() and first[1:].islower() else label


def _estimate(claim: Claim, resampled: Resampled, nearest: Mapping[tuple[str, int], np.ndarray]) -> Estimate:
    model, reference = claim.model.name, claim.reference.name
    if claim.measure in STATISTICS:
        (found,) = resampled.difference(model, reference, STATISTICS[claim.measure], claim.margin)
        return found
    seeds = sorted({s for m, s in nearest if m == model} & {s for m, s in nearest if m == reference})
    if not seeds:
        raise EmorecError(f"models {model} and {reference}: no embeddings of a common seed; predict both models again")
    values, draws = purity_difference(
        [nearest[model, seed] for seed in seeds],
        [nearest[reference, seed] for seed in seeds],
        resampled.labels,
        resampled.weights,
    )
    return estimate(values, draws, claim.margin, bounds=(-1, 1))
