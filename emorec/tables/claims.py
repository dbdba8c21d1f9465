"""Claims as code: what the report may say about the study's question is decided here, from intervals.

A claim is a comparison, a direction and a margin. With the difference d = model - reference of its measure, a claim of
direction "greater" is supported if the whole 95 % interval of d is above the margin, refuted if it is wholly below,
and undecided otherwise; "less" is the mirror image. Either decision also needs p_holm <= .05, for d against the
margin: Holm's family is all claims of one measure in the study, so that asking about ten mixtures does not find one
by chance. An oracle is in none of them, as a bound is no finding. An undecided claim is never worded as "no
difference".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from emorec.errors import EmorecError
from emorec.frames import each_row
from emorec.tables.bootstrap import Estimate, holm
from emorec.tables.comparisons import STATISTICS, Resampled
from emorec.tables.controls import opponents, primary_mixture
from emorec.tables.read import Model

COLUMNS = ["claim", "measure", "model", "reference", "primary", "question", "verdict", "less_accurate", "sentence"]
COLUMNS += ["estimate", "low", "high", "margin", "p_holm"]
LEVEL = 0.05
# Accuracy on other terms: the measure, the table that it is read from, and what the claim's name ends in.
ON_OTHER_TERMS = {
    "accuracy_without_twins": ("without_twins", "without-twins"),
    "accuracy_by_majority": ("by_majority", "by-majority"),
}


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
    "accuracy_without_twins": Wording(
        more="Without the test faces that have a twin in training, the {model} is {points} points more accurate than "
        "the {reference}",
        less="Without the test faces that have a twin in training, the {model} is {points} points less accurate than "
        "the {reference}",
        question="Without the test faces that have a twin in training, is the {model} {way} accurate than the "
        "{reference}",
        whether="the {model} is {way} accurate than the {reference} without the test faces that have a twin in "
        "training",
    ),
    "accuracy_by_majority": Wording(
        more="By the taggers' majority in the place of the label, the {model} is {points} points more accurate than "
        "the {reference}",
        less="By the taggers' majority in the place of the label, the {model} is {points} points less accurate than "
        "the {reference}",
        question="By the taggers' majority in the place of the label, is the {model} {way} accurate than the "
        "{reference}",
        whether="the {model} is {way} accurate than the {reference} by the taggers' majority in the place of the label",
    ),
}


def study_claims(models: Sequence[Model]) -> list[Claim]:
    """The claims of a study: accuracy and macro-F1 of each comparison, confusion of hard pairs and purity of each
    mixture's, and the primary mixture's accuracy once more without twins and by the taggers' majority.

    Macro-F1 is asked after besides accuracy because it weighs a rare emotion like a common one: a model can gain in one
    of the two and lose in the other. Both are claimed of every comparison, so that Holm's families are those of
    comparisons.csv. Oracles have no claims.
    """
    claims = []
    for model, reference in opponents(models):
        claims.append(Claim(f"{model.name}-beats-{reference.kind}", "accuracy", model, reference))
    for model, reference in opponents(models):
        against = "" if reference.kind == "single" else f"-vs-{reference.kind}"
        claims.append(Claim(f"{model.name}-raises-macro-f1{against}", "macro_f1", model, reference))
        if model.kind == "mixture":
            claims.append(Claim(f"{model.name}-reduces-confusion{against}", "confusion", model, reference, "less"))
            claims.append(Claim(f"{model.name}-separates-representation{against}", "purity", model, reference))
    primary = primary_mixture(models)
    for measure, (_, ending) in ON_OTHER_TERMS.items():
        for model, reference in opponents(models):
            if model is primary:
                claims.append(Claim(f"{model.name}-beats-{reference.kind}-{ending}", measure, model, reference))
    return claims


def claims_table(
    resampled: Resampled, models: Sequence[Model], others: Mapping[str, pd.DataFrame] = MappingProxyType({})
) -> pd.DataFrame:
    """claims.csv: every claim of the study with its verdict, its sentence and the interval behind them.

    `others` are tables by name: `purity`, `without_twins` and `by_majority`, of which the claims on these terms are
    read; without a table there are none. Nor are there claims without twins where no test face has one. `primary` are
    the claims about the first mixture of the config, which is fixed before anything is trained. `less_accurate` are
    claims of another measure about models that are less accurate than the reference: who errs more often elsewhere
    may well confuse the hard pairs less, and the sentence says so.

    Holm's family is all claims of one measure; on other terms, all comparisons of the table. EmorecError where a table
    lacks a comparison.
    """
    claims = [claim for claim in study_claims(models) if _can_be_asked(claim, resampled, others)]
    found = [_estimate(claim, resampled, others) for claim in claims]
    families = [claim.measure for claim in claims]
    adjusted: Iterable[float] = []
    if claims:
        p = pd.Series([e.p for e in found], dtype=float)
        adjusted = p.groupby(families).transform(holm)  # type: ignore[arg-type]  # pandas takes arrays, too
    primary = primary_mixture(models)
    rows: list[dict[str, object]] = []
    losses: dict[tuple[str, str], Estimate] = {}
    for claim, difference, family_p in zip(claims, found, adjusted, strict=True):
        # The tables on other terms hold p-values that are adjusted already.
        p_holm = difference.p if claim.measure in ON_OTHER_TERMS else family_p
        reached = verdict(difference, claim.direction, claim.margin, p_holm)
        pair = claim.model.name, claim.reference.name
        if claim.measure == "accuracy" and reached == "refuted":  # each comparison's accuracy comes first
            losses[pair] = difference
        loss = losses.get(pair) if claim.measure == "confusion" else None
        rows.append(
            {
                "claim": claim.id,
                "measure": claim.measure,
                "model": claim.model.name,
                "reference": claim.reference.name,
                "primary": claim.model is primary,
                "question": question(claim),
                "verdict": reached,
                "less_accurate": loss is not None,
                "sentence": sentence(claim, difference, reached, p_holm, loss),
                "estimate": difference.value,
                "low": difference.low,
                "high": difference.high,
                "margin": claim.margin,
                "p_holm": p_holm,
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


def sentence(claim: Claim, difference: Estimate, reached: str, p_holm: float, loss: Estimate | None = None) -> str:
    """The finding as one sentence with the estimate and the interval in percentage points.

    `loss` is the model's difference in accuracy where that is a loss, to be said with a gain in another measure.
    """
    wording = WORDINGS[claim.measure]
    labels = _labels(claim)
    over = "95 % interval" if difference.seeds > 1 else "95 % interval over test faces, one seed:"
    interval = f"{over} {points(difference.low)} to {points(difference.high)}"
    if reached != "undecided" and claim.margin == 0:
        fact = (wording.more if difference.value > 0 else wording.less).format(
            **labels, points=points(abs(difference.value))
        )
        cost = f", but is {points(abs(loss.value))} points less accurate" if loss and reached == "supported" else ""
        return f"{fact} ({interval}){cost}."
    beyond = wording.beyond.format(margin=points(abs(claim.margin))) if claim.margin else ""
    whether = wording.whether.format(**labels, way=_way(claim)) + beyond
    if not np.isfinite(difference.value):
        return f"The data do not decide whether {whether}: they hold no such faces."
    stated = f"the difference is {points(difference.value)} points ({interval}"
    if reached == "undecided":
        missed = not difference.low <= claim.margin <= difference.high
        corrected = f", which does not hold after Holm's correction, p = {_above_level(p_holm)}" if missed else ""
        return f"The data do not decide whether {whether}: {stated}{corrected})."
    fact = whether if reached == "supported" else f"it is not the case that {whether}"
    return f"{fact[0].upper()}{fact[1:]}: {stated})."


def points(fraction: float) -> str:
    """A fraction in percentage points: one decimal, two where one would hide a difference from zero; a true minus."""
    text = f"{100 * fraction:.1f}"
    if float(text) == 0:
        text = f"{100 * fraction:.2f}" if round(100 * fraction, 2) else "0.0"
    return text.replace("-", "−")


def _above_level(p: float) -> str:
    """A p-value above LEVEL in two digits, or as many as show that it is above."""
    return next((text for digits in (2, 3, 4) if float(text := f"{p:.{digits}g}") > LEVEL), f"{p}")


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


def _can_be_asked(claim: Claim, resampled: Resampled, others: Mapping[str, pd.DataFrame]) -> bool:
    if claim.measure in STATISTICS:
        return True
    if claim.measure == "purity":
        return "purity" in others
    table = others.get(ON_OTHER_TERMS[claim.measure][0])
    if table is None or table.empty:
        return False
    return claim.measure != "accuracy_without_twins" or bool((table["faces"] < resampled.row.size).all())


def _estimate(claim: Claim, resampled: Resampled, others: Mapping[str, pd.DataFrame]) -> Estimate:
    model, reference = claim.model.name, claim.reference.name
    if claim.measure in STATISTICS:
        (found,) = resampled.difference(model, reference, STATISTICS[claim.measure], claim.margin)
        return found
    name = "purity" if claim.measure == "purity" else ON_OTHER_TERMS[claim.measure][0]
    table = others[name]
    rows = table[(table["model"] == model) & (table["reference"] == reference)]
    if name != "purity":
        rows = rows[rows["metric"] == "accuracy"]
    if len(rows) != 1:
        raise EmorecError(f"tables/{name}.csv: does not compare {model} with {reference}; make it anew")
    (row,) = each_row(rows)
    value, p = (row.difference, row.p) if name == "purity" else (row.estimate, row.p_holm)
    return Estimate(value, row.low, row.high, p, int(row.seeds))
