"""The study's models sorted by what they try out, so that each experiment has a section, a table and a sentence.

A mixture differs from the study's first one in its grouping, its gate, what its experts are taught about faces of
others' emotions, or its form: the first of these in which it differs is the experiment that it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from emorec.frames import each_row
from emorec.report.results import Results
from emorec.report.wording import experiments as say
from emorec.report.wording import text as w
from emorec.tables.comparisons import STATISTICS

NAMES = ("single", "groupings", "gates", "foreign", "form")
ALPHA = 0.05


def experiments(results: Results) -> dict[str, list[str]]:
    """The models of each experiment that the study has, without the reference and the first mixture."""
    first = results.row(results.mixture)
    found: dict[str, list[str]] = {name: [] for name in NAMES}
    for row in each_row(results["models"]):
        if row.kind == "single" and row.model != results.reference:
            found["single"].append(row.model)
        elif row.kind == "oracle":
            found["gates"].append(row.model)
        elif row.kind == "mixture" and row.model != first.model:
            found[_experiment(row, first)].append(row.model)
    return {name: models for name, models in found.items() if models}


def _experiment(row: Any, first: Any) -> str:
    if row.family != "mixture":
        return "form"
    if row.grouping != first.grouping:
        return "groupings"
    if row.gate != first.gate:
        return "gates"
    return "foreign" if row.foreign != first.foreign else "groupings"


def comparison(
    results: Results, model: str, reference: str | None, metric: str = "accuracy", table: str = "comparisons"
) -> Any:
    """A row of comparisons.csv, or of another `table` of comparisons, or None. Without a reference, a score."""
    found = results[table]
    rows = found[(found.model == model) & (found.reference == reference) & (found.metric == metric)]
    return next(each_row(rows), None)


def verdict(row: Any) -> str:
    """What a comparison says: more, less, or unclear unless its interval and its Holm-corrected p-value agree."""
    return "unclear" if row is None or not row.p_holm <= ALPHA else w.direction(row.low, row.high)


def tally(results: Results, models: list[str], what: str, metric: str = "accuracy") -> str:
    """How many of these mixtures are ahead of their control, how many behind, how many neither; who is ahead."""
    return say.tally(what, len(models), *labelled(results, apart(results, results.controls(models), metric)), metric)


def labelled(results: Results, sides: tuple[list[str], list[str]]) -> tuple[list[str], list[str]]:
    """Two lists of models by their labels."""
    first, second = ([results.label(model) for model in models] for models in sides)
    return first, second


def apart(
    results: Results, against: Mapping[str, str | None], metric: str, table: str = "comparisons"
) -> tuple[list[str], list[str]]:
    """The models that are ahead of what each is held against, and those behind it, as a table of comparisons says."""
    better, worse = ("less", "more") if metric == "confusion" else ("more", "less")
    verdicts = {model: verdict(comparison(results, model, other, metric, table)) for model, other in against.items()}
    ahead, behind = ([m for m, said in verdicts.items() if said == which] for which in (better, worse))
    return ahead, behind


def bounds(results: Results) -> pd.DataFrame:
    """oracle.csv: accuracy, low, high, and gap to the mixture that it bounds."""
    return results["oracle"]


def sentences(results: Results) -> dict[str, str]:
    """A finding for each experiment that the study has."""
    found = experiments(results)
    texts: dict[str, str] = {}
    if "single" in found:
        texts["single"] = ". ".join(_other_single(results, model) for model in found["single"])
        texts["beside_singles"] = ". ".join(_beside(results, model) for model in found["single"])
    kinds = {
        "groupings": "mixture with another grouping",
        "gates": "mixture with another gate on the same networks",
        "foreign": "mixture whose experts were taught otherwise of foreign faces",
        "form": "mixture that was trained together",
    }
    plurals = {
        "groupings": "mixtures with another grouping",
        "gates": "mixtures with other gates on the same networks",
        "foreign": "mixtures whose experts were taught otherwise of foreign faces",
        "form": "mixtures that were trained together",
    }
    for name, what in kinds.items():
        ranked = [model for model in found.get(name, []) if results.row(model).kind != "oracle"]
        if ranked:
            texts[name] = tally(results, ranked, what if len(ranked) == 1 else plurals[name])
        elif name in found:
            texts[name] = "No other gate was tried on the same networks"
    return texts


def _other_single(results: Results, model: str) -> str:
    """Another single network against the reference: what parameters, steps or a balanced sample buy alone."""
    own, reference = results.row(model), results.row(results.reference)
    theirs, its = (_training(results, name) for name in (results.reference, model))
    changed = {key: (value, theirs[key]) for key, value in its.items() if value != theirs.get(key)}
    aside = say.differing(own.parameters / reference.parameters, own.flops / reference.flops, changed)
    row, weighed = (comparison(results, model, results.reference, metric) for metric in ("accuracy", "macro_f1"))
    text = say.compared(w.the(own.label), "the single ResNet", row, verdict(row), f"{aside}, " if aside else "")
    return text if weighed is None else f"{text}; {say.compared_weighed(weighed, verdict(weighed))}"


def _training(results: Results, network: str) -> dict[str, str]:
    """How a network was trained, by its record."""
    records = (record for record in results.networks if record["network"] == network)
    return w.flatten(next(records)["spec"]["training"])


def _beside(results: Results, single: str) -> str:
    """How many mixtures are ahead of another single, and how many behind it, in each metric."""
    against = dict.fromkeys(results.mixtures, single)
    sides = {m: labelled(results, apart(results, against, m, "other_singles")) for m in STATISTICS}
    return say.beside_single(w.the(results.label(single)), len(results.mixtures), sides)


def bound(results: Results) -> str:
    """What gates that know the label would reach."""
    parts = []
    for row in each_row(bounds(results)):
        reached = f"{w.percent(row.accuracy)} ({w.interval(row.low, row.high)})"
        if row.mixture:
            more = f"{w.size(row.gap)} ({w.interval(row.gap_low, row.gap_high)})"
            parts.append(f"{w.the(results.label(row.mixture))} would reach {reached}, {more} more than it does")
        else:
            parts.append(f"{w.the(results.label(row.model))} reaches {reached}")
    if not parts:
        return "No bound by a gate that knows the label was computed"
    return f"If its gate knew the label, {'; '.join(parts)}"


def inside(results: Results) -> str:
    """How much of the single's confusions on val each grouping keeps within its groups."""
    table = results["groupings"].drop_duplicates("grouping")
    parts = [f"{w.percent(row.inside)} in `{row.grouping}`" for row in each_row(table)]
    text = (
        "Of the single ResNet's mutual confusions on the validation faces, the share that falls inside a group, and "
        f"hence to one expert, is {w.listing(parts)}"
    )
    found = table[table.method == "spectral"]
    if len(found) and results.has_truth:
        planted = [f"{w.percent(row.inside_planted)} for `{row.grouping}`" for row in each_row(found)]
        first = table[table.grouping == results.row(results.mixture).grouping]
        text += f"; of the confusions that were planted, the groupings found hold {w.listing(planted)}"
        if len(first):
            name = results.row(results.mixture).grouping
            text += f", and `{name}` holds {w.percent(float(first.inside_planted.iloc[0]))}"
    return text


def use(results: Results) -> str:
    """Whether gates have collapsed, and how sure and how even they are."""
    table = results["gate_use"]
    test = table[table.split == "test"]
    if test.empty:
        return "No mixture of this study has a gate"
    gates = test.groupby("model", sort=False)[["entropy", "balance"]].mean()
    lost = [results.label(model) for model in gates.index if test[test.model == model].collapsed.astype(bool).any()]
    return say.gates_used(len(gates), lost, gates.entropy.min(), gates.entropy.max(), gates.balance.min())


def matched(results: Results) -> str:
    """How near the controls come to their mixtures in operations a face."""
    table = results["models"].set_index("model")
    controls = {m: c for m in results.mixtures if (c := results.control(m))}
    ratios = {m: table.flops[c] / table.flops[m] for m, c in controls.items()}
    if not ratios:
        return "This study has no control of equal compute"
    worst = max(ratios, key=lambda model: abs(ratios[model] - 1))
    apart = abs(ratios[worst] - 1)
    kinds = w.listing(sorted({w.the(results.label(c)) for c in controls.values()}))
    return (
        f"The controls of this study are {kinds}; their operations differ from their mixtures' by at most "
        f"{w.percent(apart)}" + (f" (for {w.the(results.label(worst))})" if apart > 0.005 else "")
    )
