"""Sentences on what limits the results: calibration, twins, labels, planted confusions."""

from __future__ import annotations

from collections.abc import Sequence

from emorec.report.wording.text import count, listing, many, percent, verb, word


def same_order(score: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Whether scaling changes the order of the models by a score. `before`, `after`: their names, the best first."""
    if list(before) == list(after):
        return f"By the {score} the order, the best first, is {listing(before)}, before scaling as after"
    return (
        f"By the {score} the order, the best first, is {listing(before)} before scaling, and {listing(after)} after: "
        "a comparison by the raw score would have been one of how sure the models are of themselves"
    )


def twins_found(faces: int, twins: int, exact: int, synthetic: bool) -> str:
    """How many test faces have a twin in training; `exact` of them to the last pixel."""
    if not twins:
        return f"None of the {count(faces)} test faces has a twin among the training faces"
    copies = "none of them" if not exact else "all of them" if exact == twins else f"{count(exact)} of them"
    have = f"{count(twins)} ({percent(twins / faces)}) {verb(twins, 'has', 'have')}"
    found = f"Of the {count(faces)} test faces, {have} a twin among the training faces, {copies} to the last pixel"
    if synthetic:
        return f"{found}; since every face was drawn anew, that is how often the threshold errs on such drawings"
    return f"{found}; faces that differ much in scale are missed, so that there may be more"


def twins_caveat(twins: int, total: int, changed: Sequence[tuple[str, str, str, str]], synthetic: bool) -> str:
    """For the abstract: what the comparisons say without the test faces that have a twin in training."""
    if synthetic:
        return "Every face was drawn anew, so that no test face is known from training"
    if twins == 0:
        return "No test face has a near-copy among the training faces"
    faces = "face that has a near-copy" if twins == 1 else "faces that have a near-copy"
    terms = f"without the {count(twins)} test {faces} among the training faces"
    return changed_comparisons(terms, total, changed, " of the mixture")


def twins_labels(twins: int, same: float) -> str:
    """How often twins carry the same label: what the labels of one photograph, given twice, agree on."""
    if not twins:
        return "So there is nothing to leave out"
    return (
        f"The label of the test face and that of its twin agree for {percent(same)} of them: no more than that could "
        "be known of a label from another label of one and the same photograph"
    )


def changed_comparisons(terms: str, total: int, changed: Sequence[tuple[str, str, str, str]], of: str = "") -> str:
    """What is left of the comparisons (`of` says whose) on other terms, which `terms` names ("without them").

    `changed`: (metric, model, reference, direction) of those that say something else than over all test faces.
    """
    if not total:
        return "With one model there is no comparison to make again"
    if not changed:
        return f"Of {many(total, 'comparison')}{of} in accuracy and macro-F1, none comes out on another side {terms}"
    says = {
        "more": "in {}, {} is then ahead of {}",
        "less": "in {}, {} is then behind {}",
        "unclear": "in {}, {} and {} are then not told apart",
    }
    parts = [says[direction].format(metric, model, reference) for metric, model, reference, direction in changed[:6]]
    parts += [f"and {word(len(changed) - 6)} more"] if len(changed) > 6 else []
    come = f"{word(len(changed))} {verb(len(changed), 'comes', 'come')} out differently {terms}"
    return f"Of {many(total, 'comparison')}{of} in accuracy and macro-F1, {come}: {'; '.join(parts)}"


def planted_inside(share: float | None, chance: float | None) -> str:
    """How much of the planted confusion the mixture's groups hold, against groupings of the same sizes at random."""
    if share is None or chance is None:
        return "The mixture's experts have no groups of emotions that could be held against the planted confusions"
    more = "more than" if share - chance > 0.005 else "less than" if chance - share > 0.005 else "just as much as"
    return (
        f"Of the planted mutual confusion, {percent(share)} lies inside the mixture's groups, {more} the "
        f"{percent(chance)} that groups of these sizes would hold on average if they were drawn at random"
    )
