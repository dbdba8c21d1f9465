"""What the models cost, how training went, what they recognise, what they confuse, whom the gates ask."""

from __future__ import annotations

import pandas as pd

from emorec import EMOTIONS
from emorec.frames import each_row
from emorec.report import experiments as x
from emorec.report.lookups import (
    Tree,
    best,
    chosen_epochs,
    flow,
    gate_weights,
    hard_pairs,
    hardware,
    mean_score,
    others_hard_pairs,
    pair_rows,
    ranked,
    recalls,
    summary_row,
)
from emorec.report.results import Results
from emorec.report.wording import performance as say
from emorec.report.wording import text as w
from emorec.tables.pairs import HARD_PAIRS


def branches(results: Results) -> Tree:
    """The variables of this part, by branch."""
    return {
        "reference": _model(results, results.reference),
        "ensemble": _model(results, results.ensemble) if results.ensemble else _no_ensemble(),
        "mixture": _model(results, results.mixture) | {"grouping_sentence": _grouping(results)},
        "models": {model: _model(results, model) for model in results["models"].model},
        "summary": {"marking": _marking(results)},
        "compute": _compute(results),
        "curves": _curves(results),
        "recall": _recall(results),
        "confusion": _confusion(results),
        "gate": _gate(results),
    }


def _model(results: Results, model: str) -> Tree:
    row = results.row(model)
    accuracy, f1 = (summary_row(results, model, metric) for metric in ("accuracy", "macro_f1"))
    return {
        "name": model,
        "label": str(row.label),
        "networks": w.word(int(row.networks)),
        "parameters": w.large(row.parameters),
        "flops": w.large(row.flops),
        "train_time": w.duration(row.train_seconds),
        "accuracy": w.percent(accuracy["mean"]),
        "accuracy_interval": f"{w.interval(accuracy['low'], accuracy['high'])}{w.NBSP}%",
        "val_accuracy": w.percent(mean_score(results, model, "accuracy", "val")),
        "macro_f1": w.percent(f1["mean"]),
        "macro_f1_interval": f"{w.interval(f1['low'], f1['high'])}{w.NBSP}%",
        **{metric: w.number(mean_score(results, model, metric), 3) for metric in ("nll", "brier", "ece")},
    }


def _no_ensemble() -> Tree:
    return {"name": w.NONE, "label": "ensemble (not part of this study)"}


def _grouping(results: Results) -> str:
    row, groups = results.row(results.mixture), results.grouped(results.mixture)
    count = w.many(int(row.experts), "expert")
    about = f"The mixture that this text is about, {w.the(row.label)}, has {count}"
    others = len(results.mixtures) - 1
    told = f"{about}: {w.groups(groups)}" if groups else f"{about}, each free to become good at whatever it gets"
    if not others:
        return told
    beside = f"{w.many(others, 'other mixture')} {w.verb(others, 'stands', 'stand')} beside it"
    return f"{told}. It is the first in the config; {beside}"


def _marking(results: Results) -> str:
    if best(results):
        return "Bold marks the accuracy that is above every other model's by the tests of the comparisons"
    if len(ranked(results)) > 3:
        return (
            "No accuracy is in bold, because none was tested against every other model's; differences that were tested "
            "are in bold where they hold"
        )
    return "No accuracy is in bold, because none is above every other model's by the tests of the comparisons"


def _compute(results: Results) -> Tree:
    mixture = results.row(results.mixture)
    sentence = (
        f"The mixture holds {w.many(int(mixture.networks), 'network')} with {w.large(mixture.parameters)} parameters, "
        f"costs {w.large(mixture.flops)} operations a face and took {w.duration(mixture.train_seconds)} to "
        "train"
    )
    if results.ensemble:
        ensemble = results.row(results.ensemble)
        operations = w.number(mixture.flops / ensemble.flops, 2)
        training = w.number(mixture.train_flops / ensemble.train_flops, 2)
        speed = w.number(mixture.images_per_second / ensemble.images_per_second, 2)
        sentence += (
            f"; for a face that is {operations} times the operations of the ensemble, which holds "
            f"{w.many(int(ensemble.networks), 'network')}, and in training {training} times, and it labels {speed} "
            "times as many faces a second"
        )
    total = sum(float(n["train_seconds"]) for n in results.networks)
    return {
        "sentence": sentence,
        "total": (
            f"In all, {w.count(len(results.networks))} networks were trained, of "
            f"{w.many(len({n['network'] for n in results.networks}), 'kind')}, in {w.duration(total)} of training by "
            f"the clock, whatever else the machine did included ({hardware(results)})"
        ),
    }


def _curves(results: Results) -> Tree:
    own = [n for n in results.networks if n["network"] == results.reference]
    chosen = chosen_epochs(results, own)
    curves = results["curves"]
    all_epochs = curves[curves.network == results.reference]
    last = all_epochs[all_epochs.epoch == all_epochs.groupby("seed").epoch.transform("max")]
    train, val = chosen.train_accuracy.mean(), chosen.val_accuracy.mean()
    low, high = int(chosen.epoch.min()), int(chosen.epoch.max())
    last_epoch = int(all_epochs.epoch.max())
    epochs = f"at epoch {low} of {last_epoch}"
    if low != high:
        epochs = f"between epoch {low} and epoch {high} of {last_epoch}, depending on the seed"
    gate, experts = results.parts(results.mixture)
    parts = []
    if gate:
        right = w.percent(chosen_epochs(results, gate).val_accuracy.mean())
        parts.append(f"the gate names the right group for {right} of the validation faces")
    for name, records in experts.items():
        if records and results.groups(results.mixture)[name]:
            right = w.percent(chosen_epochs(results, records).val_accuracy.mean())
            parts.append(
                f"the expert for {w.listing(results.groups(results.mixture)[name])} faces is right for {right}"
            )
    return {
        "reference": (
            f"The single network was best on the validation faces {epochs}. "
            f"There it labels {w.percent(train)} of the augmented training faces and {w.percent(val)} of the "
            f"validation faces correctly; the two are {say.gap(train, val)}"
        ),
        "gap": (
            "The single network's training and validation accuracy at the epoch that was kept, "
            f"{w.percent(train)} and {w.percent(val)}, are {say.gap(train, val)}"
        ),
        "last": say.kept(val - last.val_accuracy.mean()),
        "parts": w.capital("; ".join(parts)) + ", each of them among faces of its own emotions" if parts else
        "Its parts were trained together and have no curves of their own",
    }  # fmt: skip


def _recall(results: Results) -> Tree:
    reference, mixture = (recalls(results, model) for model in (results.reference, results.mixture))
    change = mixture - reference
    table = results["recall"]
    support = table[(table.model == results.reference) & (table.split == "test")].groupby("emotion").support.first()
    rare = support.idxmin()
    return {
        "reference": (
            f"The single ResNet recognises {reference.idxmax()} most often, {w.percent(reference.max())} of its test "
            f"faces, and {reference.idxmin()} least often, {w.percent(reference.min())}"
        ),
        "change": say.recall_change(change),
        "caution": (
            f"These are observed means, not tests: {rare}, the rarest emotion, has {w.count(support.min())} test "
            f"faces, so that a single face moves its recall by {w.size(1 / support.min())}"
        ),
    }


def _pair_changes(results: Results, reference: str | None) -> tuple[int, int, int] | None:
    """Of the pairs compared with a reference: how many, how many rarer and how many commoner beyond chance."""
    rows = pair_rows(results, results.mixture, reference)
    if reference is None or rows.empty:
        return None
    sure = rows.p_holm <= x.ALPHA
    return len(rows), int((sure & (rows.difference < 0)).sum()), int((sure & (rows.difference > 0)).sum())


def _confusion(results: Results) -> Tree:
    rows = pair_rows(results, results.mixture, results.reference)
    top = [f"{w.pair(r.first, r.second)} ({w.percent(r.reference_rate)})" for r in each_row(rows.head(3))]
    changes = _pair_changes(results, results.reference) or (0, 0, 0)
    ensemble = _pair_changes(results, results.ensemble)
    groups = [set(group) for group in results.groups(results.mixture).values()]
    inside = pd.Series(
        [any({r.first, r.second} <= g for g in groups) for r in each_row(rows)], index=rows.index, dtype=bool
    )
    models = {"the single ResNet": results.reference, "the mixture": results.mixture, "the ensemble": results.ensemble}
    levels = [f"{w.percent(hard_pairs(results, model))} for {name}" for name, model in models.items() if model]
    return {
        "level": f"The mean over the six hard pairs is {w.listing(levels)}",
        "reference": f"The single ResNet's most confused pairs are {w.listing(top)}" if top else "No pair was compared",
        "versus_single": w.capital(say.pairs_changed("the single ResNet", *changes)),
        "versus_ensemble": (
            w.capital(say.pairs_changed("the ensemble", *ensemble))
            if ensemble
            else "There is no ensemble in this study to compare the pairs with"
        ),
        "groups": say.where_changed(*_rates(rows[inside]), *_rates(rows[~inside])),
        "flow": _flow(results),
        "others": say.others_untangle(len(results.mixtures) - 1, *others_hard_pairs(results)),
    }


def _flow(results: Results) -> str:
    """Where the errors within the hard pairs went, from the single ResNet to the mixture."""
    rows = flow(results, results.mixture, results.reference)
    hard = {frozenset(pair) for pair in HARD_PAIRS}
    rows = rows[pd.Series([frozenset((r.first, r.second)) in hard for r in each_row(rows)], rows.index, dtype=bool)]
    columns = ("confused", "to_right", "to_other", "from_right", "from_other")
    return say.error_flow(*(float(rows[column].sum()) for column in columns))


def _rates(rows: pd.DataFrame) -> tuple[float, float]:
    return float(rows.reference_rate.mean()), float(rows.rate.mean())


def _gate(results: Results) -> Tree:
    """What the first mixture's gate does with its experts; how all gates use theirs."""
    used = {"use": x.use(results), "bound": x.bound(results)}
    groups = results.groups(results.mixture)
    if not any(groups.values()):
        free = "The experts of this mixture are free, so that none of them has emotions of its own to be asked about"
        return used | {"sentence": free, "meaning": "What it does with them shows in how it shares the faces out"}
    weights = gate_weights(results, results.mixture)
    own = pd.Series({e: sum(weights[e][name] for name, group in groups.items() if e in group) for e in EMOTIONS})
    classes = results["classes"]
    faces = classes[classes.split == "test"].set_index("emotion").faces.reindex(list(EMOTIONS))
    uniform = pd.Series({e: sum(e in group for group in groups.values()) / len(groups) for e in EMOTIONS})
    average = float((own * faces).sum() / faces.sum())
    chance = float((uniform * faces).sum() / faces.sum())
    return used | {
        "sentence": (
            f"Over all test faces, the gate gives {w.percent(average)} of its weight to experts that know the face's "
            f"emotion, where equal weights would give {w.percent(chance)}; it is surest about {own.idxmax()} "
            f"({w.percent(own.max())}) and least sure about {own.idxmin()} ({w.percent(own.min())})"
        ),
        "meaning": say.routing(average, chance),
    }
