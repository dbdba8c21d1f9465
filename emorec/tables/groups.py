"""The tables' edge: which tables are made together, from which files of a study."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emorec import config as configs
from emorec.config import Study
from emorec.data.faces import load_faces
from emorec.data.synthetic import planted_confusion
from emorec.data.truth import load_truth
from emorec.data.twins import NEAREST
from emorec.data.votes import load_votes
from emorec.files import write_csv
from emorec.frames import read_table
from emorec.groupings.read import read_groups
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions
from emorec.tables import (
    audit,
    calibration,
    comparisons,
    ferplus,
    gates,
    groupings,
    networks,
    performance,
    representation,
    truth,
    who_errs,
)
from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.read import read_embeddings
from emorec.tables.resampled import Resampled

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Sizes:
    """How many are drawn for the numbers that rest on chance: resamples of the faces, a sample of them in projections,
    neighbours looked at for twins, faces behind the planted confusions. Tests draw fewer."""

    resamples: int = RESAMPLES
    sample: int = 1000
    twin_candidates: int = NEAREST
    planted_faces: int = 20_000


def pixels(study: Study, layout: Layout, sizes: Sizes) -> Tables:
    """What needs the faces themselves: their copies and near-copies within and across splits."""
    counts, twins = audit.audit_tables(load_faces(layout.faces), sizes.twin_candidates)
    return {"audit": counts, "twins": twins}


def embeddings(study: Study, layout: Layout, sizes: Sizes) -> Tables:
    """What needs the embeddings of the test faces, which models of a gathered study may lack: how well they part the
    emotions, and maps to the plane."""
    costs, models = networks.models_table(study, layout)
    predictions = read_predictions(layout.predictions, study.replicates)
    shown = {(model, study.seeds[0]) for model in costs.loc[costs["headline"], "model"]}
    measured, nearest, pictured, labels = {}, {}, {}, np.empty(0, int)
    paths = {replicate: layout.embeddings(*replicate) for replicate in study.replicates}
    for key, own in read_embeddings({key: path for key, path in paths.items() if path.exists()}):
        measured[key], nearest[key] = representation.measure(own.embeddings, own.label)
        labels = own.label
        if key in shown:
            pictured[key] = own
    return {
        "representation": representation.representation_table(measured),
        "purity": representation.purity_table(nearest, labels, models, sizes.resamples),
        "projections": representation.projections_table(pictured, predictions, sizes.sample),
    }


def results(study: Study, layout: Layout, sizes: Sizes) -> Tables:
    """All else: data, networks and predictions; twins are told by the table that `pixels` makes."""
    costs, models = networks.models_table(study, layout)
    histories = [layout.network(part.network, part.seed) / "history.csv" for part in configs.all_parts(study)]
    predictions = read_predictions(layout.predictions, study.replicates)
    scored = predictions[predictions["split"].isin(study.scored)]
    recall, confusion = performance.recall_table(scored), performance.confusion_table(scored)
    pairs = performance.pairs_table(scored)
    made = {
        "models": costs,
        "classes": networks.classes_table(layout.summary),
        "curves": networks.curves_table(histories),
        "scores": performance.scores_table(scored),
        "recall": recall,
        "confusion": confusion,
        "pairs": pairs,
        "spread": performance.spread_table(recall, confusion, pairs),
        "summary": performance.summary_table(scored, sizes.resamples),
    }
    if not study.has_report:
        return made
    # What is read first is named first where it is none.
    groups, methods = _groupings(study, layout, {model.grouping for model in models})
    by_model = {model.name: groups.get(model.grouping, []) for model in models}
    with made_of([layout.table("twins")]):
        twins = read_table(layout.table("twins"))[["row", "twin"]]
    votes = load_votes(layout.votes) if layout.votes.exists() else None
    drawn_from, planted = None, None
    if study.data.source == "synthetic":
        drawn_from, planted = load_truth(layout.truth), planted_confusion(count=sizes.planted_faces)
    resampled, runs = Resampled(predictions, sizes.resamples), calibration.scaled(predictions)
    gated = [model for model in models if model.gate != "uniform" and model.kind == "mixture"]
    shares = read_gates(layout.predictions, [(model.name, seed) for model in gated for seed in study.seeds])
    made |= {
        "groupings": groupings.groupings_table(predictions, groups, methods, study.reference, planted),
        "comparisons": comparisons.comparisons_table(resampled, models, groups),
        "pair_comparisons": comparisons.pair_comparisons_table(resampled, models),
        "error_flow": comparisons.error_flow_table(resampled, models),
        "group_scores": who_errs.group_scores_table(resampled, models, groups),
        "routing": who_errs.routing_table(resampled, models, groups),
        "twins_scores": audit.twins_scores_table(resampled, models, twins),
        "gate": gates.gate_table(shares, by_model),
        "gate_use": gates.gate_use_table(shares),
        "calibration": calibration.calibration_table(runs),
        "calibration_summary": calibration.calibration_summary_table(runs, resampled.weights),
        "reliability": calibration.reliability_table(runs),
    }
    if votes:
        made["ferplus"] = ferplus.ferplus_table(resampled, votes)
        made["by_majority"] = ferplus.by_majority_table(predictions, models, votes, sizes.resamples)
    if drawn_from and planted is not None:
        made["truth"] = truth.truth_table(resampled, drawn_from, study.data.synthetic.wrong_labels, planted, by_model)
        made["planted"] = truth.planted_pairs(planted)
    return made


GROUPS: dict[str, Callable[[Study, Layout, Sizes], Tables]] = {
    made.__name__: made for made in (pixels, embeddings, results)
}


def write(group: str, study: Study, layout: Layout, sizes: Sizes = Sizes()) -> None:
    """Make one group of tables and write its files."""
    for name, table in GROUPS[group](study, layout, sizes).items():
        write_csv(layout.table(name), table)


def _groupings(study: Study, layout: Layout, used: set[str]) -> tuple[dict[str, list[tuple[str, ...]]], dict[str, str]]:
    """The groups of each grouping that models use, and the method that each comes from."""
    experts = configs.spectral_groupings(study)
    found = {name: read_groups(layout.grouping(name), count) for name, count in experts.items()}
    groups: dict[str, list[tuple[str, ...]]] = {}
    methods: dict[str, str] = {}
    for name, entry in study.groupings.items():
        if name in used:
            groups[name] = configs.groups_of(study, name, found) or []
            methods[name] = "given" if isinstance(entry, list) else entry.method
    return groups, methods
