"""How far the numbers can be trusted: calibration, representation, copies, other labels, planted truth."""

from __future__ import annotations

from typing import Any

from emorec.frames import each_row, row_at
from emorec.report import experiments as x
from emorec.report.lookups import (
    Tree,
    agreements,
    calibrated,
    calibration_interval,
    mean_score,
    measure,
    risk,
    true_interval,
    truths,
)
from emorec.report.results import Results
from emorec.report.wording import text as w
from emorec.report.wording import trust as say
from emorec.tables.truth import POSTERIOR, TOP


def branches(results: Results) -> Tree:
    """The variables of this part, by branch."""
    return {
        "calibration": _calibration(results),
        "representation": _representation(results),
        "twins": _twins(results),
        **({"ferplus": _ferplus(results)} if results.has_votes else {}),
        **({"truth": _truth(results)} if results.has_truth else {}),
    }


def _calibration(results: Results) -> Tree:
    names = _headline(results)
    found = {model: calibrated(results, model) for model in names}

    def across(text: Any) -> str:
        return w.listing([f"{text(model)} for {name}" for model, name in names.items()])

    def error(model: str, state: str) -> str:
        mean, low, high = calibration_interval(results, model, "ece", state)
        return f"{w.size(mean)} ({w.interval(low, high)})"

    def order(column: str) -> list[str]:
        return [names[model] for model in sorted(names, key=lambda model: found[model][column]["nll"])]

    return {
        "before": (
            "As they are, the probabilities differ from the accuracy (the expected calibration error, ECE) by "
            f"{across(lambda model: error(model, 'before'))}"
        ),
        "temperatures": (
            "The temperature is "
            f"{across(lambda model: w.number(found[model].temperature.iloc[0], 2))}; above 1 it makes a model less "
            "sure of itself, below 1 more"
        ),
        "after": f"After scaling the error is {across(lambda model: error(model, 'after'))}",
        "order": say.same_order("negative log-likelihood", order("before"), order("after")),
        "selective": (
            "Among the half of the test faces that a model is surest of, the share of errors is "
            f"{across(lambda model: w.percent(risk(results, model, 0.5)))}; among all of them it is "
            f"{across(lambda model: w.percent(risk(results, model, 1.0)))}"
        ),
    }


def _headline(results: Results) -> dict[str, str]:
    """The models that the text is about, with what it calls them."""
    models = [results.reference, results.mixture, *([results.ensemble] if results.ensemble else [])]
    return dict(zip(models, ("the single ResNet", "the mixture", "the ensemble"), strict=False))


def _representation(results: Results) -> Tree:
    names = _headline(results)

    def across(name: str, text: Any) -> str:
        return w.listing([f"{text(measure(results, model, name))} for {names[model]}" for model in names])

    table = results["representation"]
    pairs = sorted({m for m in table.measure if m.startswith("fisher_")})
    wins = {
        other: sum(measure(results, results.mixture, m) > measure(results, other, m) for m in pairs)
        for other in (results.reference, results.ensemble)
        if other
    }
    sample = results["projections"]
    first = sample[(sample.model == results.reference) & (sample.method == sample.method.iloc[0])]
    return {
        "sample": w.count(len(first)),
        "sentence": (
            "The share of a face's nearest neighbours that carry its label is "
            f"{across('knn_purity', w.percent)}; the silhouette of the seven emotions is "
            f"{across('silhouette', lambda value: w.number(value, 3))}"
        ),
        "pairs": (
            f"By Fisher's ratio, the mixture holds {w.fraction(wins[results.reference], len(pairs))} of the hard pairs "
            "further apart than the single ResNet does"
            + (f", and {w.fraction(wins[results.ensemble], len(pairs))} further apart than the ensemble does"
               if results.ensemble else "")
        ),
    }  # fmt: skip


def _twins(results: Results) -> Tree:
    audit = results["audit"].set_index(["split", "other"])
    test = row_at(audit, ("test", "train"))
    faces, twins = int(test.faces), int(test.twins)
    left = int(results["without_twins"].faces.iloc[0])

    def both(model: str) -> str:
        row = x.comparison(results, model, "", "accuracy", "without_twins")
        fewer = float("nan") if row is None else row.estimate
        return f"from {w.percent(mean_score(results, model, 'accuracy'))} to {w.percent(fewer)}"

    compared = changed_comparisons(results, "without_twins")
    of_mixture = changed_comparisons(results, "without_twins", results.mixture)
    moves = w.listing([f"that of {name} goes {both(model)}" for model, name in _headline(results).items()])
    return {
        "found": say.twins_found(faces, twins, int(test.exact), bool(results.data["synthetic"])),
        "labels": say.twins_labels(twins, float(test.same_label)),
        "scores": (
            f"Without them {w.count(left)} test faces are left. Of the accuracies, {moves}"
            if twins
            else "The results without twins are those over all test faces"
        ),
        "comparisons": say.changed_comparisons("without them", *compared),
        "caveat": say.twins_caveat(twins, *of_mixture, bool(results.data["synthetic"])),
    }


def changed_comparisons(
    results: Results, name: str, model: str | None = None
) -> tuple[int, list[tuple[str, str, str, str]]]:
    """How many comparisons without_twins.csv or by_majority.csv holds, of one model or of all, and which come out
    differently.

    The latter are (metric, model, reference, direction) of those that say something else than over all test faces and
    by their labels. A comparison says something where its interval and its Holm-corrected p-value agree.
    """
    table = results[name]
    table = table[(table.reference != "") & ((table.model == model) | (model is None))]
    changed = []
    for row in each_row(table):
        before = x.comparison(results, row.model, row.reference, row.metric)
        after = x.verdict(row)
        if before is not None and after != x.verdict(before):
            labels = w.the(results.label(row.model)), w.the(results.label(row.reference))
            changed.append(({"macro_f1": "macro-F1"}.get(row.metric, row.metric), *labels, after))
    return len(table), changed


def _ferplus(results: Results) -> Tree:
    labels = agreements(results, "")
    every = row_at(labels, "all")
    found = {name: row_at(agreements(results, model), "all") for model, name in _headline(results).items()}
    shares = [w.percent(share) for share in labels.majority_accuracy.iloc[1:]]
    level = [
        f"{share} where {'all' if name == '10' else name} of ten agree"
        for name, share in zip(labels.index[1:], shares, strict=True)
    ]
    return {
        "judged": (
            f"There is one for {w.count(every.judged)} of the {w.count(every.faces)} test faces "
            f"({w.percent(every.judged / every.faces)})"
        ),
        "labels": (
            f"FER2013's label is the majority's for {w.percent(every.majority_accuracy)} of them: {w.listing(level)}"
        ),
        "ceiling": (
            "Somebody who always named the emotion with the most votes would be right, by FER2013's labels, for "
            f"{w.percent(every.ceiling)} of all test faces, and one of the taggers drawn at random for "
            f"{w.percent(every.tagger)}"
        ),
        "models": w.capital(
            w.listing(
                [
                    f"{name} agrees with the label for {w.percent(row.label_accuracy)} of the judged faces and with "
                    f"the majority for {w.percent(row.majority_accuracy)}"
                    for name, row in found.items()
                ]
            )
        ),
        "sided": (
            "Of the errors by FER2013's label, the majority sides with the model in "
            f"{w.listing([f'{w.percent(row.sided)} for {name}' for name, row in found.items()])}"
        ),
        "comparisons": say.changed_comparisons(
            "when the majority is the judge", *changed_comparisons(results, "by_majority")
        ),
    }


def _truth(results: Results) -> Tree:
    best = truths(results, POSTERIOR)
    found = {name: truths(results, model) for model, name in _headline(results).items()}
    reached = {model: true_interval(results, model) for model in _headline(results)}
    planted = [f"{w.pair(r.first, r.second)} ({w.percent(r.rate)})" for r in each_row(results["planted"].head(TOP))]
    mixture = truths(results, results.mixture)

    def across(text: Any) -> str:
        return w.listing([f"{text(row)} for {name}" for name, row in found.items()])

    return {
        "top": w.word(TOP),
        "bayes": (
            f"That answer is the true emotion for {w.percent(best.accuracy_true)} of the test faces, and the label for "
            f"{w.percent(best.accuracy_given)}, since some labels are wrong on purpose"
        ),
        "models": (
            "The share of test faces whose true emotion is named is "
            f"{w.listing([f'{text} for {name}' for text, name in zip(reached.values(), found, strict=True)])}; the "
            "posterior's answer is given in "
            f"{across(lambda row: w.percent(row.agreement))}"
        ),
        "planted": w.listing(planted),
        "correlation": (
            "The correlation of the rates at which one emotion is taken for another with the planted ones is "
            f"{across(lambda row: w.number(row.correlation, 2))}; the posterior's own answers on these faces reach "
            f"{w.number(best.correlation, 2)}"
        ),
        "pairs": (
            f"How many of the {w.word(TOP)} pairs planted most are among the {w.word(TOP)} confused most is "
            f"{across(lambda row: w.number(row.top_pairs, int(results.seeds > 1)))}"
        ),
        "groups": say.planted_inside(mixture.get("inside"), mixture.get("inside_chance")),
    }
