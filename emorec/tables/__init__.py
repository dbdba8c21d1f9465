"""Stage `tables`: every number that the report states.

One function a table, or two that are made together; each takes predictions, embeddings or training records that `read`
has validated and returns a DataFrame with the table's columns. Only `audit` looks at an image.
"""

from emorec.tables.audit import audit_tables, twins_scores_table
from emorec.tables.calibration import (
    calibration_summary_table,
    calibration_table,
    reliability_table,
    risk_coverage_table,
    scaled,
)
from emorec.tables.comparisons import comparisons_table, error_flow_table, pair_comparisons_table
from emorec.tables.controls import with_controls
from emorec.tables.ferplus import by_majority_table, ferplus_table
from emorec.tables.gates import gate_table, gate_use_table
from emorec.tables.groupings import Grouping, groupings_table
from emorec.tables.networks import classes_table, curves_table, models_table
from emorec.tables.performance import (
    confusion_table,
    pairs_table,
    recall_table,
    scores_table,
    spread_table,
    summary_table,
)
from emorec.tables.read import Embeddings, Model, read_embeddings, read_groups
from emorec.tables.representation import measure, projections_table, purity_table, representation_table
from emorec.tables.resampled import Resampled
from emorec.tables.truth import planted_pairs, planted_rates, truth_tables
from emorec.tables.who_errs import group_scores_table, routing_table

__all__ = [
    "Embeddings",
    "Grouping",
    "Model",
    "Resampled",
    "audit_tables",
    "by_majority_table",
    "calibration_summary_table",
    "calibration_table",
    "classes_table",
    "comparisons_table",
    "confusion_table",
    "curves_table",
    "error_flow_table",
    "ferplus_table",
    "gate_table",
    "gate_use_table",
    "group_scores_table",
    "groupings_table",
    "measure",
    "models_table",
    "pair_comparisons_table",
    "pairs_table",
    "planted_pairs",
    "planted_rates",
    "projections_table",
    "purity_table",
    "read_embeddings",
    "read_groups",
    "recall_table",
    "reliability_table",
    "representation_table",
    "risk_coverage_table",
    "routing_table",
    "scaled",
    "scores_table",
    "spread_table",
    "summary_table",
    "truth_tables",
    "twins_scores_table",
    "with_controls",
]
