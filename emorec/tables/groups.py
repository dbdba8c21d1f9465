"""The tables' edge: which tables are made together, from which files of a study."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from emorec import config as configs
from emorec import tables
from emorec.config import Study
from emorec.data.faces import load_faces
from emorec.data.truth import load_truth
from emorec.data.votes import load_votes
from emorec.files import write_csv
from emorec.paths import Layout

Tables = dict[str, pd.DataFrame]


def costs(study: Study, layout: Layout) -> Tables:
    """What each model costs, from the networks' records."""
    return {"models": tables.models_table(_models(study, layout))}


def classes(study: Study, layout: Layout) -> Tables:
    """How many faces show each emotion, from the data's summary."""
    return {"classes": tables.classes_table(layout.summary)}


def curves(study: Study, layout: Layout) -> Tables:
    """Every epoch of every network, from the training histories."""
    histories = [layout.network(part.network, part.seed) / "history.csv" for part in configs.all_parts(study)]
    return {"curves": tables.curves_table(histories)}


def scores(study: Study, layout: Layout) -> Tables:
    """Each model by itself, from the predictions: scores, recall, confusion, pairs, gate, summary over seeds."""
    predictions = _predictions(study, layout)
    recall, confusion, pairs = (
        make(predictions) for make in (tables.recall_table, tables.confusion_table, tables.pairs_table)
    )
    return {
        "scores": tables.scores_table(predictions),
        "recall": recall,
        "confusion": confusion,
        "pairs": pairs,
        "spread": tables.spread_table(recall, confusion, pairs),
        "summary": tables.summary_table(predictions),
        "gate": tables.gate_table(predictions),
    }


def calibration(study: Study, layout: Layout) -> Tables:
    """How far each model's probabilities can be trusted on the test split, with a temperature fitted on val."""
    predictions = _predictions(study, layout)
    return {
        "calibration": tables.calibration_table(predictions),
        "reliability": tables.reliability_table(predictions),
        "risk_coverage": tables.risk_coverage_table(predictions),
    }


def comparisons(study: Study, layout: Layout) -> Tables:
    """Models against each other on the test split, from the predictions."""
    predictions, models = _predictions(study, layout), _models(study, layout)
    return {
        "comparisons": tables.comparisons_table(predictions, models),
        "pair_comparisons": tables.pair_comparisons_table(predictions, models),
    }


def audit(study: Study, layout: Layout) -> Tables:
    """Copies and near-copies of faces within and across splits, from the faces."""
    counts, twins = tables.audit_tables(load_faces(layout.faces))
    return {"audit": counts, "twins": twins}


def without_twins(study: Study, layout: Layout) -> Tables:
    """Scores and comparisons without the test faces that have a twin in training."""
    predictions, models = _predictions(study, layout), _models(study, layout)
    twins = pd.read_csv(layout.table("twins"))
    return {"without_twins": tables.without_twins_table(predictions, models, twins)}


def ferplus(study: Study, layout: Layout) -> Tables:
    """Labels and models against FER+'s votes, where the study has them."""
    predictions, votes = _predictions(study, layout), load_votes(layout.votes)
    return {
        "ferplus": tables.ferplus_table(predictions, votes),
        "by_majority": tables.by_majority_table(predictions, _models(study, layout), votes),
    }


def truth(study: Study, layout: Layout) -> Tables:
    """Models against what was planted in synthetic faces."""
    wrong_labels = study.data.synthetic.wrong_labels
    return {
        "truth": tables.truth_table(_predictions(study, layout), load_truth(layout.truth), wrong_labels),
        "planted": tables.planted_pairs(),
    }


def representation(study: Study, layout: Layout) -> Tables:
    """How well the embeddings of the test faces part the emotions, and their maps to the plane."""
    embeddings = _embeddings(study, layout)
    return {
        "representation": tables.representation_table(embeddings),
        "projections": tables.projections_table(embeddings, _predictions(study, layout)),
    }


def claims(study: Study, layout: Layout) -> Tables:
    """The study's claims with their verdicts, from predictions and embeddings."""
    predictions, embeddings = _predictions(study, layout), _embeddings(study, layout)
    return {"claims": tables.claims_table(predictions, embeddings, _models(study, layout))}


GROUPS: dict[str, Callable[[Study, Layout], Tables]] = {
    made.__name__: made
    for made in (
        costs,
        classes,
        curves,
        scores,
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


def write(group: str, study: Study, layout: Layout) -> None:
    """Make one group of tables and write its files."""
    for name, table in GROUPS[group](study, layout).items():
        write_csv(layout.table(name), table)


def _models(study: Study, layout: Layout) -> list[tables.Model]:
    def records(model: str, seed: int) -> list:
        parts = configs.parts(study, model, seed)
        return [layout.network(part.network, part.seed) / "network.json" for part in parts]

    return [
        tables.Model(
            name,
            entry.kind,
            configs.label(study, name),
            entry.grouping if entry.kind == "mixture" else "",
            {seed: records(name, seed) for seed in study.seeds},
        )
        for name, entry in study.models.items()
    ]


def _predictions(study: Study, layout: Layout) -> pd.DataFrame:
    replicates = [(model, seed) for model in study.models for seed in study.seeds]
    return tables.read_predictions({(model, seed): layout.predictions(model, seed) for model, seed in replicates})


def _embeddings(study: Study, layout: Layout) -> dict[tuple[str, int], tables.Embeddings]:
    replicates = [(model, seed) for model in study.models for seed in study.seeds]
    return tables.read_embeddings({(model, seed): layout.embeddings(model, seed) for model, seed in replicates})
