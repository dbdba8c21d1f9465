"""The answer: the claims about the first mixture, how the others fare, and what that means."""

from __future__ import annotations

from emorec.frames import each_row
from emorec.report import experiments as x
from emorec.report.lookups import Tree, chosen_epochs, claim, mean_score, others_hard_pairs, still_ahead
from emorec.report.results import Results
from emorec.report.wording import answer as say
from emorec.report.wording import text as w
from emorec.tables.comparisons import STATISTICS


def branches(results: Results) -> Tree:
    """The variables of this part, by branch."""
    return {
        "claims": _claims(results),
        "answer": _answer(results),
        "discussion": _discussion(results),
        "others": _others(results),
        "limits": {"forms": say.forms(len(results.mixtures)), "power": say.power(_half_width(results))},
    }


def _claims(results: Results) -> Tree:
    return {
        str(row.claim): {
            "question": str(row.question),
            "verdict": str(row.verdict),
            "sentence": w.clause(row.sentence),
        }
        for row in each_row(results["claims"])
    }


def _verdicts(results: Results, single: str, ensemble: str) -> tuple[str, str | None]:
    """The verdicts of two claims about the main mixture: against the single network and against the ensemble."""
    first, second = (claim(results, f"{results.mixture}-{name}") for name in (single, ensemble))
    verdict = None if second is None or results.ensemble is None else str(second.verdict)
    return ("undecided" if first is None else str(first.verdict)), verdict


def _accuracy_verdicts(results: Results) -> tuple[str, str | None]:
    return _verdicts(results, "beats-single", "beats-ensemble")


def _costly(results: Results) -> list[str]:
    """Against what the main mixture confuses the hard pairs less often, but is less accurate."""
    found = {
        name: claim(results, f"{results.mixture}-{claimed}")
        for name, claimed in (
            ("single ResNet", "reduces-confusion"),
            ("ensemble", "reduces-confusion-vs-ensemble"),
        )
    }
    return [name for name, row in found.items() if row is not None and row.verdict == "supported" and row.less_accurate]


def _stated(results: Results, name: str, otherwise: str) -> str:
    """The sentence of a claim about the main mixture, without its full stop."""
    row = claim(results, f"{results.mixture}-{name}")
    return otherwise if row is None else w.clause(row.sentence)


def _answer(results: Results) -> Tree:
    confusion = _verdicts(results, "reduces-confusion", "reduces-confusion-vs-ensemble")
    sentence, untangle = say.overall(*_accuracy_verdicts(results)), say.untangled(*confusion, _costly(results))
    others = [_others(results)["sentence"]] if len(results.mixtures) > 1 else []
    return {
        "sentence": sentence,
        "untangle": untangle,
        "opening": ". ".join([sentence, *others, untangle]),
        "numbers": _numbers(results),
        "single": _stated(results, "beats-single", "The mixture was not compared with the single ResNet"),
        "ensemble": _stated(
            results, "beats-ensemble", "There is no ensemble in this study to compare the mixture with"
        ),
        "balance": _balance(results),
        "weighed": ". ".join([_balance(results), *([_others_weighed(results)] if len(results.mixtures) > 1 else [])]),
        "confusion": _stated(results, "reduces-confusion", "The confusion of the hard pairs was not compared"),
        "confusion_ensemble": _stated(
            results, "reduces-confusion-vs-ensemble", "It was not compared with an ensemble's confusion of them"
        ),
        "representation": _stated(
            results, "separates-representation", "Whether its representation separates emotions better was not tested"
        ),
        "representation_ensemble": _stated(
            results,
            "separates-representation-vs-ensemble",
            "There is no ensemble whose representation it was held against",
        ),
    }


def _others(results: Results) -> Tree:
    """How the mixtures other than the paper's first one fare against their controls."""
    others = results.mixtures[1:]
    if not others:
        only = "This mixture is the only one of the study, so that the picture of all differences has one row"
        return {"sentence": only, "macro_f1": "What holds of macro-F1 was said above"}
    what = "other mixture" if len(others) == 1 else "other mixtures"
    return {
        "sentence": x.tally(results, others, what),
        "macro_f1": x.tally(results, others, what, "macro_f1"),
    }


def _others_weighed(results: Results) -> str:
    """The other mixtures by macro-F1 and by their confusion of the hard pairs, after their accuracy was told."""
    others = results.mixtures[1:]
    ahead, behind = x.apart(results, results.controls(others), "macro_f1")
    kept = still_ahead(results, results.controls(ahead), "macro_f1")
    labels = [results.label(model) for model in ahead]
    return say.others_weighed(len(others), labels, len(behind), others_hard_pairs(results), kept)


def _half_width(results: Results) -> float:
    row = x.comparison(results, results.mixture, results.control(results.mixture))
    return float("nan") if row is None else (row.high - row.low) / 2


def _balance(results: Results) -> str:
    """What macro-F1 says, which weighs every emotion alike, and whether that agrees with accuracy."""
    stated = _stated(results, "raises-macro-f1", "Macro-F1, which weighs every emotion alike, was not compared")
    if results.ensemble:
        stated += f". {_stated(results, 'raises-macro-f1-vs-ensemble', 'It was not compared with the ensemble')}"
    verdicts = _verdicts(results, "raises-macro-f1", "raises-macro-f1-vs-ensemble")
    return f"{stated}. {say.balance(_accuracy_verdicts(results), verdicts)}"


def _numbers(results: Results) -> str:
    models = [(results.mixture, "the mixture"), (results.reference, "the single ResNet")]
    if results.ensemble:
        models.append((results.ensemble, "the ensemble"))
    parts = [f"{name} labels {w.percent(mean_score(results, model, 'accuracy'))}" for model, name in models[:1]]
    parts += [f"{name} {w.percent(mean_score(results, model, 'accuracy'))}" for model, name in models[1:]]
    faces = results["classes"].loc[results["classes"].split == "test", "faces"].sum()
    listed = w.listing(parts)
    seeds = "one seed" if results.seeds == 1 else f"mean over {w.many(results.seeds, 'seed')}"
    return f"Of the {w.count(faces)} test faces, {listed} as their label says ({seeds})"


def _discussion(results: Results) -> Tree:
    others = results.mixtures[1:]
    ahead, behind = x.apart(results, results.controls(others), "accuracy")
    return {
        "meaning": say.meaning(*_accuracy_verdicts(results)),
        "others": say.others_mean(len(others), len(ahead), len(behind)),
        "gains": _gains(results),
        "curves": _bound(results),
    }


def _gains(results: Results) -> str:
    """The mixtures that are ahead of the first single network, and how many of them are so on other terms, too."""
    claims = results["claims"]
    won = claims[(claims.verdict == "supported") & (claims.reference == results.reference)]
    won = won[won.model.isin(results.mixtures) & ~won.less_accurate.astype(bool)]
    ahead = {measure: list(won.loc[won.measure == measure, "model"]) for measure in STATISTICS}
    kept, singles = {}, x.experiments(results).get("single", [])
    for measure, models in ahead.items():
        kept[measure] = [
            (
                f"against {w.the(results.label(single))}",
                len(x.apart(results, dict.fromkeys(models, single), measure, "other_singles")[0]),
            )
            for single in singles
        ]
        if measure != "confusion":
            kept[measure] += still_ahead(results, dict.fromkeys(models, results.reference), measure)
    return say.gains({measure: len(models) for measure, models in ahead.items()}, kept, len(singles))


def _bound(results: Results) -> str:
    gate, _ = results.parts(results.mixture)
    groups = list(results.groups(results.mixture).values())
    chosen = chosen_epochs(results, gate)
    if chosen.empty:
        return "The mixture's gate was not trained for itself, so that it has no accuracy of its own"
    right = w.percent(chosen.val_accuracy.mean())
    if sum(map(len, groups)) > len({e for group in groups for e in group}):
        return (
            f"The gate names a right group for {right} of the validation faces; groups that share emotions soften its "
            "errors"
        )
    return (
        f"The gate names the right group for {right} of the validation faces, and a mixture that followed its first "
        "choice could be right of these no more often than that"
    )
