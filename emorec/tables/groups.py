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
from emorec.data.truth import Truth, load_truth
from emorec.data.twins import NEAREST
from emorec.data.votes import load_votes
from emorec.files import write_csv
from emorec.groupings.read import read_groups
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions
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


def pixels(study: Study, layout: Layout, effort: Effort) -> Tables:
    """What needs the faces themselves: their copies and near-copies within and across splits."""
    counts, twins = tables.audit_tables(load_faces(layout.faces), effort.twin_candidates)
    return {"audit": counts, "twins": twins}


def embeddings(study: Study, layout: Layout, effort: Effort) -> Tables:
    """What needs the embeddings of the test faces: how well they part the emotions, and maps to the plane."""
    costs, models = _models(study, layout)
    shown = {(model, study.seeds[0]) for model in costs.loc[costs["headline"], "model"]}
    measured, pictured = {}, {}
    for key, own in tables.read_embeddings(_replicates(study, layout.embeddings, study.models)):
        measured[key], labels = tables.measure(own.embeddings, own.label), own.label
        if key in shown:
            pictured[key] = own
    return {
        "representation": tables.representation_table(measured),
        "purity": tables.purity_table(measured, labels, models, effort.resamples),
        "projections": tables.projections_table(pictured, _predictions(study, layout), effort.sample),
    }


def results(study: Study, layout: Layout, effort: Effort) -> Tables:
    """All else: data, networks and predictions; twins are told by the table that `pixels` makes."""
    costs, models = _models(study, layout)
    histories = [layout.network(part.network, part.seed) / "history.csv" for part in configs.all_parts(study)]
    predictions = _predictions(study, layout)
    made = {
        "models": costs,
        "classes": tables.classes_table(layout.summary),
        "curves": tables.curves_table(histories),
        **_scores(predictions[predictions["split"].isin(study.scored)], effort),
    }
    if not study.has_report:
        return made
    groupings = [_grouping(study, layout, name) for name in study.groupings if name in {m.grouping for m in models}]
    by_name = {grouping.name: grouping.groups for grouping in groupings}
    synthetic = study.data.source == "synthetic"
    # What is read first is named first where it is none.
    twins = _twins(layout)
    votes = load_votes(layout.votes) if layout.votes.exists() else None
    truth = load_truth(layout.truth) if synthetic else None
    resampled = tables.Resampled(predictions, effort.resamples)
    planted = tables.planted_rates(effort.planted_faces) if synthetic else None
    made |= {
        "groupings": tables.groupings_table(predictions, groupings, study.reference, planted),
        "comparisons": tables.comparisons_table(resampled, models, by_name),
        "pair_comparisons": tables.pair_comparisons_table(resampled, models),
        "error_flow": tables.error_flow_table(resampled, models),
        "group_scores": tables.group_scores_table(resampled, models, by_name),
        "routing": tables.routing_table(resampled, models, by_name),
        "twins_scores": tables.twins_scores_table(resampled, models, twins),
        **_gates(study, layout, models),
        **_calibration(predictions, effort),
    }
    if votes:
        made |= {
            "ferplus": tables.ferplus_table(predictions, votes),
            "by_majority": tables.by_majority_table(predictions, models, votes, effort.resamples),
        }
    return made | _truth(study, truth, models, predictions, effort) if truth else made


def _scores(predictions: pd.DataFrame, effort: Effort) -> Tables:
    """Each model by itself: scores, recall, confusion, pairs, summary over seeds."""
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


def _gates(study: Study, layout: Layout, models: list[tables.Model]) -> Tables:
    """How the gates that were trained share the faces out."""
    gated = [model for model in models if model.gate != "uniform" and model.kind == "mixture"]
    found = read_gates(layout.predictions, [(model.name, seed) for model in gated for seed in study.seeds])
    return {
        "gate": tables.gate_table(found, {model.name: tables.read_groups(model) for model in gated}),
        "gate_use": tables.gate_use_table(found),
    }


def _calibration(predictions: pd.DataFrame, effort: Effort) -> Tables:
    """How far each model's probabilities can be trusted on the test split, with a temperature fitted on val."""
    runs = tables.scaled(predictions)
    return {
        "calibration": tables.calibration_table(runs),
        "calibration_summary": tables.calibration_summary_table(runs, effort.resamples),
        "reliability": tables.reliability_table(runs),
        "risk_coverage": tables.risk_coverage_table(runs),
    }


def _truth(study: Study, truth: Truth, models: list[tables.Model], predictions: pd.DataFrame, effort: Effort) -> Tables:
    """Models against what was planted in synthetic faces."""
    wrong_labels = study.data.synthetic.wrong_labels
    groups = {m.name: tables.read_groups(m) for m in models if m.kind in ("mixture", "oracle")}
    data = predictions, truth
    by_seed, summary = tables.truth_tables(*data, wrong_labels, groups, effort.planted_faces, effort.resamples)
    return {"truth": by_seed, "truth_summary": summary, "planted": tables.planted_pairs(effort.planted_faces)}


def _twins(layout: Layout) -> pd.DataFrame:
    path = layout.table("twins")
    with made_of([path]):
        twins = pd.read_csv(path)
        return twins.assign(row=twins["row"].astype("int64"), twin=twins["twin"].astype(bool))


GROUPS: dict[str, Callable[[Study, Layout, Effort], Tables]] = {
    made.__name__: made for made in (pixels, embeddings, results)
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
        before = {seed: [(p.network, p.seed) for p in configs.spent_before(study, name, seed)] for seed in study.seeds}
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
                start=separate.experts.start if separate.kind == "mixture" else "",
                length=separate.experts.length if separate.kind == "mixture" else "",
                primary=name == study.primary_mixture,
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


def _models(study: Study, layout: Layout) -> tuple[pd.DataFrame, list[tables.Model]]:
    """models.csv, and the models with the controls that it names."""
    train = tables.classes_table(layout.summary).query("split == 'train'")
    models = models_of(study, layout)
    costs = tables.models_table(models, int(train["faces"].sum()))
    return costs, tables.with_controls(models, costs)


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
    return read_predictions(layout.predictions, [(model, seed) for model in study.models for seed in study.seeds])
