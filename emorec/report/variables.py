"""Tables to the report's variables: every number and every claiming sentence of the prose, by dotted name.

`variables` is the table of contents; each part below it returns one branch of the tree. All leaves are text, formatted
as they stand in the report.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import yaml

from emorec import EMOTIONS, SPLITS
from emorec.frames import each_row, row_at
from emorec.report import experiments as x
from emorec.report import origins, walltimes
from emorec.report import wording as w
from emorec.report.results import Results
from emorec.tables.pairs import HARD_PAIRS
from emorec.tables.truth import POSTERIOR, TOP

Tree = dict[str, Any]

# Holm-corrected p-values below this count as changes.
ALPHA = 0.05


def variables(results: Results, meta: Tree) -> Tree:
    """All variables of the report as nested text.

    `meta` says what the tables cannot: study, commit, dirty, config_sha256, date, versions; a gap is called unknown.
    """
    optional = ({"ferplus": _ferplus} if results.has_votes else {}) | ({"truth": _truth} if results.has_truth else {})
    return {
        "meta": _meta(results, meta),
        "data": _data(results),
        "study": _study(results),
        "methods": _methods(results),
        "reference": _model(results, results.reference),
        "ensemble": _model(results, results.ensemble) if results.ensemble else _no_ensemble(),
        "mixture": _model(results, results.mixture) | {"grouping_sentence": _grouping(results)},
        "models": {model: _model(results, model) for model in results["models"].model},
        "claims": _claims(results),
        "answer": _answer(results),
        "discussion": _discussion(results),
        "experiments": x.sentences(results),
        "groupings": {"inside": x.inside(results)},
        "others": _others(results),
        "control": {"matched": x.matched(results)},
        "limits": {"forms": w.forms(len(results.mixtures)), "power": w.power(_half_width(results))},
        "figures": origins.origins(meta),
        "summary": {"marking": _marking(results)},
        "compute": _compute(results),
        "curves": _curves(results),
        "recall": _recall(results),
        "confusion": _confusion(results),
        "gate": _gate(results),
        "calibration": _calibration(results),
        "representation": _representation(results),
        "twins": _twins(results),
        "walltimes": {"sentence": walltimes.sentence(results.jobs)},
        **{name: branch(results) for name, branch in optional.items()},
    }


def to_yaml(tree: Tree) -> str:
    """The tree as YAML in which every leaf is quoted, so that no reader takes a commit for a number."""
    return yaml.dump(tree, Dumper=_Quoted, sort_keys=False, allow_unicode=True, width=10**9)


class _Quoted(yaml.SafeDumper):
    """Plain keys, double-quoted values."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        for _, value in node.value:
            if isinstance(value, yaml.ScalarNode):
                value.style = '"'
        return node


def _meta(results: Results, meta: Tree) -> Tree:
    commit = str(meta.get("commit") or "")
    dirty = bool(meta.get("dirty"))
    versions = {**results.networks[0].get("versions", {}), **(meta.get("versions") or {})}
    return {
        "study": str(meta.get("study") or "unnamed"),
        "commit": commit[:12] or "unknown",
        "commit_full": commit or "unknown",
        "tree": "with changes that were not committed" if dirty else "clean" if commit else "unknown",
        "config_sha256": str(meta.get("config_sha256") or "unknown"),
        "date": str(meta.get("date") or "undated"),
        "versions": w.listing([f"{name} {version}" for name, version in versions.items()]) or "unknown",
        "hardware": w.listing(sorted({str(n.get("hardware") or "unknown") for n in results.networks})),
    }


def _data(results: Results) -> Tree:
    data = results.data
    synthetic = bool(data["synthetic"])
    classes = results["classes"]
    train, test = (classes[classes.split == s].set_index("emotion") for s in ("train", "test"))
    most, least = str(train.faces.idxmax()), str(train.faces.idxmin())
    times = w.number(train.faces[most] / max(train.faces[least], 1))
    accuracy = _mean(results, results.reference, "accuracy")
    faces = int(test.faces.sum())
    error = (accuracy * (1 - accuracy) / faces) ** 0.5
    sizes = {split: w.count(classes.loc[classes.split == split, "faces"].sum()) for split in SPLITS}
    return {
        "name": "synthetic faces" if synthetic else "FER2013",
        "phrase": "synthetic faces, which a program draws from facial action units" if synthetic else "FER2013",
        "kind": "synthetic" if synthetic else "FER2013",
        "source": str(data["source"]),
        "note": _sentence(data.get("note") or "The splits are the ones that the data come with"),
        "sha256": str(data["sha256"]),
        "faces": w.count(data["faces"]),
        **sizes,
        "pixel_mean": w.number(data["mean"], 3),
        "pixel_std": w.number(data["std"], 3),
        "balance": (
            f"The most frequent emotion among the {sizes['train']} training faces is {most} "
            f"({w.percent(train.share[most])}), the rarest {least} ({w.percent(train.share[least])}), "
            f"of which there are {times} times fewer; always answering {most} would be right for "
            f"{w.percent(test.share[most])} of the test faces"
        ),
        "error_sentence": (
            f"With {w.count(faces)} test faces, the standard error of one accuracy of {w.percent(accuracy)} is "
            f"{w.size(error, 2)} from the draw of the faces alone"
        ),
        "duplicates": _duplicates(data["duplicates"]),
    }


def _duplicates(audit: Tree) -> str:
    names = {"train": "training", "val": "validation", "test": "test"}
    within = [f"{w.count(audit['exact_within'][s])} among the {names[s]} faces" for s in SPLITS]
    across = [
        f"{w.count(value)} between {names[a]} and {names[b]} faces"
        for (a, b), value in ((key.split("-"), value) for key, value in audit["exact_across"].items())
    ]
    if not any(audit["exact_within"].values()) and not any(audit["exact_across"].values()):
        return "No face has an exact copy, pixel by pixel, in its own split or in another"
    return (
        f"Counting faces that are an exact copy, pixel by pixel, of another one, there are {w.listing(within)}; copies "
        f"that reach across splits number {w.listing(across)}"
    )


def _study(results: Results) -> Tree:
    networks = {n["network"] for n in results.networks}
    return {
        "seeds": w.word(results.seeds),
        "seeds_phrase": w.many(results.seeds, "seed"),
        "models": w.word(len(results["models"])),
        "networks": w.word(len(networks)),
        "trainings": w.count(len(results.networks)),
        "repeated": w.repeated(results.seeds),
        "replicates": w.replicates(results.seeds),
        "spread_sentence": w.spread(results.seeds),
    }


def reference_record(results: Results) -> Tree:
    """The network.json of the reference single (its first seed); of any classifier where names differ."""
    own = [n for n in results.networks if n["network"] == results.reference]
    return (own or [n for n in results.networks if n["role"] == "classifier"] or results.networks)[0]


def _methods(results: Results) -> Tree:
    spec = reference_record(results)["spec"]
    architecture = spec.get("architecture", spec)
    training = spec.get("training", spec)
    return {
        "architecture": w.architecture(architecture, reference_record(results)["parameters"]),
        "training": w.training(training),
        "augmentation": w.augmentation(training.get("augmentation") or {}),
        "hard_pairs": w.listing([w.pair(*pair) for pair in HARD_PAIRS]),
    }


def _mean(results: Results, model: str, metric: str, split: str = "test") -> float:
    return float(summary_row(results, model, metric, split)["mean"])


def summary_row(results: Results, model: str, metric: str, split: str = "test") -> pd.Series:
    table = results["summary"]
    rows = table[(table.model == model) & (table.metric == metric) & (table.split == split)]
    return rows.iloc[0] if len(rows) else pd.Series({"mean": float("nan"), "low": float("nan"), "high": float("nan")})


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
        "val_accuracy": w.percent(_mean(results, model, "accuracy", "val")),
        "macro_f1": w.percent(f1["mean"]),
        "macro_f1_interval": f"{w.interval(f1['low'], f1['high'])}{w.NBSP}%",
        **{metric: w.number(_mean(results, model, metric), 3) for metric in ("nll", "brier", "ece")},
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


def _claims(results: Results) -> Tree:
    return {
        str(row.claim): {
            "question": str(row.question),
            "verdict": str(row.verdict),
            "sentence": _sentence(row.sentence),
        }
        for row in each_row(results["claims"])
    }


def claim(results: Results, name: str) -> pd.Series | None:
    """The row of claims.csv, or None."""
    table = results["claims"]
    rows = table[table.claim == name]
    return rows.iloc[0] if len(rows) else None


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
    return otherwise if row is None else _sentence(row.sentence)


def _sentence(text: str) -> str:
    return str(text).strip().removesuffix(".").replace(" %", f"{w.NBSP}%")


def _answer(results: Results) -> Tree:
    confusion = _verdicts(results, "reduces-confusion", "reduces-confusion-vs-ensemble")
    sentence, untangle = w.overall(*_accuracy_verdicts(results)), w.untangled(*confusion, _costly(results))
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
    ahead, behind = x.apart(results, results.mixtures[1:], "macro_f1")
    total, *untangle = _others_untangle(results)
    return w.others_weighed(total, ahead, len(behind), *untangle)


def _half_width(results: Results) -> float:
    row = x.comparison(results, results.mixture, results.control(results.mixture))
    return float("nan") if row is None else (row.high - row.low) / 2


def _balance(results: Results) -> str:
    """What macro-F1 says, which weighs every emotion alike, and whether that agrees with accuracy."""
    stated = _stated(results, "raises-macro-f1", "Macro-F1, which weighs every emotion alike, was not compared")
    if results.ensemble:
        stated += f". {_stated(results, 'raises-macro-f1-vs-ensemble', 'It was not compared with the ensemble')}"
    verdicts = _verdicts(results, "raises-macro-f1", "raises-macro-f1-vs-ensemble")
    return f"{stated}. {w.balance(_accuracy_verdicts(results), verdicts)}"


def _numbers(results: Results) -> str:
    models = [(results.mixture, "the mixture"), (results.reference, "the single ResNet")]
    if results.ensemble:
        models.append((results.ensemble, "the ensemble"))
    parts = [f"{name} labels {w.percent(_mean(results, model, 'accuracy'))}" for model, name in models[:1]]
    parts += [f"{name} {w.percent(_mean(results, model, 'accuracy'))}" for model, name in models[1:]]
    faces = results["classes"].loc[results["classes"].split == "test", "faces"].sum()
    listed = w.listing(parts)
    seeds = "one seed" if results.seeds == 1 else f"mean over {w.many(results.seeds, 'seed')}"
    return f"Of the {w.count(faces)} test faces, {listed} as their label says ({seeds})"


def _discussion(results: Results) -> Tree:
    others = results.mixtures[1:]
    said = [x.verdict(x.comparison(results, model, results.control(model))) for model in others]
    return {
        "meaning": w.meaning(*_accuracy_verdicts(results)),
        "others": w.others_mean(len(others), said.count("more"), said.count("less")),
        "singles": _singles(results),
        "curves": _bound(results),
    }


def _singles(results: Results) -> str:
    """Of the mixtures that are ahead of the first single network, how many are ahead of each other one, too."""
    claims = results["claims"]
    won = claims[(claims.verdict == "supported") & (claims.reference == results.reference)]
    parts = []
    for measure in ("macro_f1", "confusion"):
        ahead = list(won.loc[won.measure == measure, "model"])
        kept = [
            (results.label(single), sum(_keeps(results, model, single, measure) for model in ahead))
            for single in x.experiments(results).get("single", [])
        ]
        parts.append(w.gains_kept(measure, len(ahead), kept))
    return ". ".join(parts)


def _keeps(results: Results, model: str, single: str, measure: str) -> bool:
    row = x.beside_singles(results, model, single).get(measure)
    return x.verdict(row) == ("less" if measure == "confusion" else "more")


def ranked(results: Results) -> list[str]:
    """All models but bounds, in the config's order."""
    models = results["models"]
    return list(models.loc[models.kind != "oracle", "model"])


def best(results: Results) -> list[str]:
    """The model, if any, whose accuracy is above every other model's by interval and by Holm's p-value.

    Only comparisons that were made count: of many models, few are compared with each other, and none is the best then.
    """

    def above(model: str, other: str) -> bool:
        row, sign = x.comparison(results, model, other), 1
        if row is None:
            row, sign = x.comparison(results, other, model), -1
        if row is None or not row.p_holm < ALPHA:
            return False
        return w.direction(row.low, row.high) == ("more" if sign == 1 else "less")

    models = ranked(results)
    return [m for m in models if len(models) > 1 and all(above(m, other) for other in models if other != m)]


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
        f"costs {w.large(mixture.flops)} operations a face and took {w.duration(mixture.train_seconds)} to train"
    )
    if results.ensemble:
        ensemble = results.row(results.ensemble)
        operations = w.number(mixture.flops / ensemble.flops, 2)
        time = w.number(mixture.train_seconds / ensemble.train_seconds, 2)
        speed = w.number(mixture.images_per_second / ensemble.images_per_second, 2)
        sentence += (
            f"; that is {operations} times the operations and {time} times the training time of the ensemble, which "
            f"holds {w.many(int(ensemble.networks), 'network')}, and it labels {speed} times as many faces a second"
        )
    total = sum(float(n["train_seconds"]) for n in results.networks)
    return {
        "sentence": sentence,
        "total": (
            f"In all, {w.count(len(results.networks))} networks were trained, of "
            f"{w.many(len({n['network'] for n in results.networks}), 'kind')}, in {w.duration(total)} of training time "
            f"({_meta(results, {})['hardware']})"
        ),
    }


def _chosen(results: Results, records: list[Tree]) -> pd.DataFrame:
    """The rows of curves.csv at the chosen epochs of some networks."""
    curves = results["curves"]
    names = {n["network"] for n in records}
    return curves[curves.network.isin(names) & curves.best]


def _curves(results: Results) -> Tree:
    own = [n for n in results.networks if n["network"] == results.reference]
    chosen = _chosen(results, own)
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
        right = w.percent(_chosen(results, gate).val_accuracy.mean())
        parts.append(f"the gate names the right group for {right} of the validation faces")
    for name, records in experts.items():
        if records and results.groups(results.mixture)[name]:
            right = w.percent(_chosen(results, records).val_accuracy.mean())
            parts.append(
                f"the expert for {w.listing(results.groups(results.mixture)[name])} faces is right for {right}"
            )
    return {
        "reference": (
            f"The single network was best on the validation faces {epochs}. "
            f"There it labels {w.percent(train)} of the augmented training faces and {w.percent(val)} of the "
            f"validation faces correctly; the two are {w.gap(train, val)}"
        ),
        "gap": (
            "The single network's training and validation accuracy at the epoch that was kept, "
            f"{w.percent(train)} and {w.percent(val)}, are {w.gap(train, val)}"
        ),
        "last": w.kept(val - last.val_accuracy.mean()),
        "parts": w.capital("; ".join(parts)) + ", each of them among faces of its own emotions" if parts else
        "Its parts were trained together and have no curves of their own",
    }  # fmt: skip


def _bound(results: Results) -> str:
    gate, _ = results.parts(results.mixture)
    groups = list(results.groups(results.mixture).values())
    chosen = _chosen(results, gate)
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
        "choice could be right no more often than that"
    )


def recalls(results: Results, model: str) -> pd.Series:
    table = results["recall"]
    rows = table[(table.model == model) & (table.split == "test")]
    return rows.groupby("emotion").recall.mean().reindex(list(EMOTIONS))


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
        "change": w.recall_change(change),
        "caution": (
            f"These are observed means, not tests: {rare}, the rarest emotion, has {w.count(support.min())} test "
            f"faces, so that a single face moves its recall by {w.size(1 / support.min())}"
        ),
    }


def pair_rows(results: Results, model: str, reference: str | None) -> pd.DataFrame:
    """The rows of pair_comparisons.csv for one comparison, most confused by the reference first."""
    table = results["pair_comparisons"]
    rows = table[(table.model == model) & (table.reference == reference)]
    return rows.sort_values("reference_rate", ascending=False, kind="stable")


def _pair_changes(results: Results, reference: str | None) -> tuple[int, int, int] | None:
    """Of the pairs compared with a reference: how many, how many rarer and how many commoner beyond chance."""
    rows = pair_rows(results, results.mixture, reference)
    if reference is None or rows.empty:
        return None
    sure = rows.p_holm < ALPHA
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
    return {
        "reference": f"The single ResNet's most confused pairs are {w.listing(top)}" if top else "No pair was compared",
        "versus_single": w.capital(w.pairs_changed("the single ResNet", *changes)),
        "versus_ensemble": (
            w.capital(w.pairs_changed("the ensemble", *ensemble))
            if ensemble
            else "There is no ensemble in this study to compare the pairs with"
        ),
        "groups": w.where_changed(*_rates(rows[inside]), *_rates(rows[~inside])),
        "flow": _flow(results),
        "others": w.others_untangle(*_others_untangle(results)),
    }


def flow(results: Results, model: str, reference: str | None) -> pd.DataFrame:
    """The rows of error_flow.csv for one comparison."""
    table = results["error_flow"]
    return table[(table.model == model) & (table.reference == reference)]


def _flow(results: Results) -> str:
    """Where the errors within the hard pairs went, from the single ResNet to the mixture."""
    rows = flow(results, results.mixture, results.reference)
    hard = {frozenset(pair) for pair in HARD_PAIRS}
    rows = rows[pd.Series([frozenset((r.first, r.second)) in hard for r in each_row(rows)], rows.index, dtype=bool)]
    columns = ("confused", "to_right", "to_other", "from_right", "from_other")
    return w.error_flow(*(float(rows[column].sum()) for column in columns))


def _others_untangle(results: Results) -> tuple[int, int, int, int]:
    """How many other mixtures there are, how many confuse the hard pairs less than their controls, how many more, and
    how many of the former are less accurate, by the claims."""
    claims = results["claims"]
    others = results.mixtures[1:]
    rows = claims[(claims.measure == "confusion") & claims.model.isin(others)]
    own = [row for row in each_row(rows) if row.reference == results.control(row.model)]
    said = [row.verdict for row in own]
    costly = sum(row.verdict == "supported" and row.less_accurate for row in own)
    return len(said), said.count("supported"), said.count("refuted"), costly


def _rates(rows: pd.DataFrame) -> tuple[float, float]:
    return float(rows.reference_rate.mean()), float(rows.rate.mean())


def gate_weights(results: Results, mixture: str) -> pd.DataFrame:
    """Mean gate weight on the test faces: experts × emotions, mean over seeds."""
    gate = results["gate"]
    rows = gate[(gate.model == mixture) & (gate.split == "test")]
    table = rows.pivot_table(index="expert", columns="emotion", values="weight", aggfunc="mean")
    return table.reindex(index=list(results.groups(mixture)), columns=list(EMOTIONS))


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
        "meaning": w.routing(average, chance),
    }


def calibrated(results: Results, model: str) -> pd.DataFrame:
    """A model's scores on the test faces before and after scaling, mean over seeds: by metric, with the temperature."""
    table = results["calibration"]
    return table[table.model == model].groupby("metric")[["before", "after", "temperature"]].mean()


def calibration_interval(results: Results, model: str, metric: str, state: str) -> tuple[float, float, float]:
    """Mean, low and high of calibration_summary.csv; `state` is before, after or change."""
    table = results["calibration_summary"]
    rows = table[(table.model == model) & (table.metric == metric) & (table.state == state)]
    return tuple(rows[["mean", "low", "high"]].iloc[0]) if len(rows) else (float("nan"),) * 3


def risk(results: Results, model: str, coverage: float) -> float:
    """Share of errors among the surest faces at one coverage of risk_coverage.csv, mean over seeds."""
    table = results["risk_coverage"]
    return float(table.loc[(table.model == model) & ((table.coverage - coverage).abs() < 1e-6), "risk"].mean())


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
        "order": w.same_order("negative log-likelihood", order("before"), order("after")),
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


def measure(results: Results, model: str | None, name: str) -> float:
    """A measure of representation.csv, mean over seeds; NaN where the model has none."""
    table = results["representation"]
    return float(table.loc[(table.model == model) & (table.measure == name), "value"].mean())


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


def on_other_terms(results: Results, name: str, model: str, reference: str, metric: str) -> pd.Series | None:
    """A row of without_twins.csv or of by_majority.csv, or None; an empty reference stands for a score."""
    table = results[name]
    rows = table[(table.model == model) & (table.reference == reference) & (table.metric == metric)]
    return rows.iloc[0] if len(rows) else None


def _twins(results: Results) -> Tree:
    audit = results["audit"].set_index(["split", "other"])
    test = row_at(audit, ("test", "train"))
    faces, twins = int(test.faces), int(test.twins)
    left = int(results["without_twins"].faces.iloc[0])

    def both(model: str) -> str:
        row = on_other_terms(results, "without_twins", model, "", "accuracy")
        fewer = float("nan") if row is None else row.estimate
        return f"from {w.percent(_mean(results, model, 'accuracy'))} to {w.percent(fewer)}"

    compared = changed_comparisons(results, "without_twins")
    of_mixture = changed_comparisons(results, "without_twins", results.mixture)
    moves = w.listing([f"that of {name} goes {both(model)}" for model, name in _headline(results).items()])
    return {
        "found": w.twins_found(faces, twins, int(test.exact), bool(results.data["synthetic"])),
        "labels": w.twins_labels(twins, float(test.same_label)),
        "scores": (
            f"Without them {w.count(left)} test faces are left. Of the accuracies, {moves}"
            if twins
            else "The results without twins are those over all test faces"
        ),
        "comparisons": w.changed_comparisons("without them", *compared),
        "caveat": w.twins_caveat(twins, *of_mixture, bool(results.data["synthetic"])),
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
        after = _said(row)
        if before is not None and after != _said(before):
            labels = w.the(results.label(row.model)), w.the(results.label(row.reference))
            changed.append(({"macro_f1": "macro-F1"}.get(row.metric, row.metric), *labels, after))
    return len(table), changed


def _said(row: Any) -> str:
    return x.verdict(row)


def agreements(results: Results, model: str) -> pd.DataFrame:
    """A model's rows of ferplus.csv, mean over seeds, by agreement; of the labels where `model` is empty."""
    table = results["ferplus"]
    numbers = table[table.model == model].drop(columns=["model", "seed"])
    return numbers.groupby("agreement", sort=False).mean()


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
        "comparisons": w.changed_comparisons(
            "when the majority is the judge", *changed_comparisons(results, "by_majority")
        ),
    }


def truths(results: Results, model: str) -> pd.Series:
    """A model's measures of truth.csv, mean over seeds; those of the posterior under its own name."""
    table = results["truth"]
    return table[table.model == model].groupby("measure").value.mean()


def true_interval(results: Results, model: str) -> str:
    """Accuracy by the true emotion with its interval, from truth_summary.csv."""
    table = results["truth_summary"]
    (row,) = each_row(table[(table.model == model) & (table.measure == "accuracy_true")])
    return f"{w.percent(row.mean)} ({w.interval(row.low, row.high)})"


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
        "groups": w.planted_inside(mixture.get("inside"), mixture.get("inside_chance")),
    }
