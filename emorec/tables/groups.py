"""The tables' edge: which tables are made together, from which files of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emorec import config as configs
from emorec import tables
from emorec.config import Study
from emorec.data.faces import load_faces
from emorec.data.truth import load_truth
from emorec.data.twins import NEAREST
from emorec.data.votes import load_votes
from emorec.errors import EmorecError
from emorec.files import write_csv
from emorec.groupings.read import read_groups
from emorec.inputs import AGAIN, made_of
from emorec.paths import Layout
from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.representation import SAMPLE

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Effort:
    """How finely the numbers that rest on chance are computed; less than the default is for tests.

    resamples: of the faces; sample: test faces in the projections; twin_candidates: neighbours looked at for each face;
    planted_faces: for the Monte Carlo estimate of the planted confusions.
    """

    resamples: int = RESAMPLES
    sample: int = SAMPLE
    twin_candidates: int = NEAREST
    planted_faces: int = 20_000


def costs(study: Study, layout: Layout, effort: Effort) -> Tables:
    """What each model costs, from the networks' records."""
    train = tables.classes_table(layout.summary).query("split == 'train'")
    return {"models": tables.models_table(models_of(study, layout), int(train["faces"].sum()))}


def classes(study: Study, layout: Layout, effort: Effort) -> Tables:
    """How many faces show each emotion, from the data's summary."""
    return {"classes": tables.classes_table(layout.summary)}


def curves(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Every epoch of every network, from the training histories."""
    histories = [layout.network(part.network, part.seed) / "history.csv" for part in configs.all_parts(study)]
    return {"curves": tables.curves_table(histories)}


def scores(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Each model by itself, from the predictions: scores, recall, confusion, pairs, summary over seeds."""
    predictions = _predictions(study, layout)
    predictions = predictions[predictions["split"].isin(study.scored)]
    recall, confusion, pairs = (
        make(predictions) for make in (tables.recall_table, tables.confusion_table, tables.pairs_table)
    )
    return {
        "scores": tables.scores_table(predictions),
        "recall": recall,
        "confusion": confusion,
        "pairs": pairs,
        "spread": tables.spread_table(recall, confusion, pairs),
        "summary": tables.summary_table(predictions, effort.resamples),
    }


def gates(study: Study, layout: Layout, effort: Effort) -> Tables:
    """How the gates that were trained share the faces out, from predictions and networks' records."""
    models = [model for model in models_of(study, layout) if model.gate != "uniform" and model.kind == "mixture"]
    found = tables.read_gates(_replicates(study, layout.predictions, [model.name for model in models]))
    return {
        "gate": tables.gate_table(found, {model.name: tables.read_groups(model) for model in models}),
        "gate_use": tables.gate_use_table(found),
    }


def groupings(study: Study, layout: Layout, effort: Effort) -> Tables:
    """The groupings that the study's models use, and the single's confusions within their groups."""
    used = {model.grouping for model in models_of(study, layout)}
    found = [_grouping(study, layout, name) for name in study.groupings if name in used]
    planted = tables.planted_rates(effort.planted_faces) if study.data.source == "synthetic" else None
    predictions = tables.read_predictions(_replicates(study, layout.predictions, [study.reference]))
    return {"groupings": tables.groupings_table(predictions, found, study.reference, planted)}


def calibration(study: Study, layout: Layout, effort: Effort) -> Tables:
    """How far each model's probabilities can be trusted on the test split, with a temperature fitted on val."""
    runs = tables.scaled(_predictions(study, layout))
    return {
        "calibration": tables.calibration_table(runs),
        "calibration_summary": tables.calibration_summary_table(runs, effort.resamples),
        "reliability": tables.reliability_table(runs),
        "risk_coverage": tables.risk_coverage_table(runs),
    }


def comparisons(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Models against each other on the test split, from the predictions."""
    resampled, models = tables.Resampled(_predictions(study, layout), effort.resamples), _compared(study, layout)
    return {
        "comparisons": tables.comparisons_table(resampled, models),
        "pair_comparisons": tables.pair_comparisons_table(resampled, models),
        "error_flow": tables.error_flow_table(resampled, models),
        "other_singles": tables.other_singles_table(resampled, models),
        "oracle": tables.oracle_table(resampled, models),
    }


def audit(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Copies and near-copies of faces within and across splits, from the faces."""
    counts, twins = tables.audit_tables(load_faces(layout.faces), effort.twin_candidates)
    return {"audit": counts, "twins": twins}


def without_twins(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Scores and comparisons without the test faces that have a twin in training."""
    predictions, models = _predictions(study, layout), _compared(study, layout)
    path = layout.table("twins")
    with made_of([path]):
        twins = pd.read_csv(path)
        twins = twins.assign(row=twins["row"].astype("int64"), twin=twins["twin"].astype(bool))
    return {"without_twins": tables.without_twins_table(predictions, models, twins, effort.resamples)}


def ferplus(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Labels and models against FER+'s votes, where the study has them."""
    predictions, votes = _predictions(study, layout), load_votes(layout.votes)
    return {
        "ferplus": tables.ferplus_table(predictions, votes),
        "by_majority": tables.by_majority_table(predictions, _compared(study, layout), votes, effort.resamples),
    }


def truth(study: Study, layout: Layout, effort: Effort) -> Tables:
    """Models against what was planted in synthetic faces."""
    wrong_labels = study.data.synthetic.wrong_labels
    groups = {m.name: tables.read_groups(m) for m in models_of(study, layout) if m.kind in ("mixture", "oracle")}
    data = _predictions(study, layout), load_truth(layout.truth)
    by_seed, summary = tables.truth_tables(*data, wrong_labels, groups, effort.planted_faces, effort.resamples)
    return {"truth": by_seed, "truth_summary": summary, "planted": tables.planted_pairs(effort.planted_faces)}


def representation(study: Study, layout: Layout, effort: Effort) -> Tables:
    """How well the embeddings of the test faces part the emotions, and maps of the headline's models to the plane."""
    models = _models_table(study, layout, "headline")
    shown = {(model, study.seeds[0]) for model in models.loc[models["headline"], "model"]}
    measured, pictured = {}, {}
    for key, own in tables.read_embeddings(_replicates(study, layout.embeddings, study.models)):
        measured[key], labels = tables.measure(own.embeddings, own.label), own.label
        if key in shown:
            pictured[key] = own
    return {
        "representation": tables.representation_table(measured),
        "purity": tables.purity_table(measured, labels, _compared(study, layout), effort.resamples),
        "projections": tables.projections_table(pictured, _predictions(study, layout), effort.sample),
    }


def claims(study: Study, layout: Layout, effort: Effort) -> Tables:
    """The study's claims with their verdicts, from predictions and from the tables on other terms."""
    resampled, models = tables.Resampled(_predictions(study, layout), effort.resamples), _compared(study, layout)
    names = ["purity", "without_twins", *(["by_majority"] if layout.votes.exists() else [])]
    paths = [layout.table(name) for name in names]
    with made_of(paths):
        read = [pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in paths]
        return {"claims": tables.claims_table(resampled, models, dict(zip(names, read, strict=True)))}


GROUPS: dict[str, Callable[[Study, Layout, Effort], Tables]] = {
    made.__name__: made
    for made in (
        costs,
        classes,
        curves,
        scores,
        gates,
        groupings,
        calibration,
        comparisons,
        audit,
        without_twins,
        ferplus,
        truth,
        representation,
        claims,
    )
}


def write(group: str, study: Study, layout: Layout, effort: Effort = Effort()) -> None:
    """Make one group of tables and write its files."""
    for name, table in GROUPS[group](study, layout, effort).items():
        write_csv(layout.table(name), table)


def models_of(study: Study, layout: Layout) -> list[tables.Model]:
    """The study's models as the tables know them, without their controls, which models.csv has."""

    def records(parts: list[tuple[str, int]]) -> list[Path]:
        return [layout.network(network, seed) / "network.json" for network, seed in parts]

    found = []
    for name, entry in study.models.items():
        separate = study.models[entry.of] if entry.kind == "fine-tuned" else entry
        own = {seed: [(p.network, p.seed) for p in configs.parts(study, name, seed)] for seed in study.seeds}
        before = {seed: [(n, seed) for n in configs.starting_points(study, name)] for seed in study.seeds}
        found.append(
            tables.Model(
                name,
                _kind(entry),
                configs.label(study, name),
                separate.grouping if separate.kind == "mixture" else "",
                {seed: records(parts) for seed, parts in own.items()},
                family=entry.kind,
                gate=_gate(entry),
                foreign=separate.foreign if separate.kind == "mixture" else "",
                experts=_experts(study, separate),
                of=_bounded(study, entry),
                before={seed: records(parts) for seed, parts in before.items()},
            )
        )
    return found


def _kind(entry: configs.Model) -> str:
    if entry.kind == "mixture":
        return "oracle" if entry.gate == "oracle" else "mixture"
    return entry.kind if entry.kind in ("single", "ensemble") else "mixture"


def _gate(entry: configs.Model) -> str:
    if entry.kind == "joint":
        return f"top-{entry.top}" if entry.top else "soft"
    if entry.kind == "mixture":
        return entry.gate
    return "soft" if entry.kind == "fine-tuned" else ""


def _experts(study: Study, entry: configs.Model) -> int:
    if entry.kind == "mixture":
        return len(configs.expert_networks(study, entry))
    return entry.experts if entry.kind == "joint" else 0


def _bounded(study: Study, entry: configs.Model) -> str:
    """The mixture that an oracle is the bound of: of the same experts, with a soft gate if the study has it."""
    if entry.kind != "mixture" or entry.gate != "oracle":
        return ""
    same = {
        name: other
        for name, other in study.models.items()
        if other.kind == "mixture"
        and other.gate != "oracle"
        and configs.expert_networks(study, other) == configs.expert_networks(study, entry)
    }
    return next((name for name, other in same.items() if other.gate == "soft"), next(iter(same), ""))


def _compared(study: Study, layout: Layout) -> list[tables.Model]:
    """The study's models with their controls, from models.csv."""
    return tables.with_controls(models_of(study, layout), _models_table(study, layout, "control"))


def _models_table(study: Study, layout: Layout, column: str) -> pd.DataFrame:
    """A column of models.csv by model. EmorecError where it is not whole."""
    path = layout.table("models")
    with made_of([path]):
        table = pd.read_csv(path)[["model", column]]
    missing = [model for model in study.models if model not in set(table["model"])]
    if missing:
        raise EmorecError(f"{path}: lacks {', '.join(missing)}; {AGAIN}")
    return table


def _grouping(study: Study, layout: Layout, name: str) -> tables.Grouping:
    entry = study.groupings[name]
    experts = configs.spectral_groupings(study).get(name)
    found = {name: read_groups(layout.grouping(name), experts)} if experts else None
    method = "given" if isinstance(entry, list) else entry.method
    return tables.Grouping(name, method, configs.groups_of(study, name, found) or [])


def _replicates(study: Study, path: Callable[[str, int], Path], models: Iterable[str]) -> dict[tuple[str, int], Path]:
    """The file at `path` of each replicate of the models."""
    return {(model, seed): path(model, seed) for model in models for seed in study.seeds}


def _predictions(study: Study, layout: Layout) -> pd.DataFrame:
    return tables.read_predictions(_replicates(study, layout.predictions, study.models))
