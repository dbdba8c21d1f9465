"""Stage `tables`: every number that the report states.

One function a table; each takes predictions, embeddings or training records that `read` has validated and returns a
DataFrame with the table's columns. Only `audit` looks at an image.
"""

from emorec.tables.audit import audit_tables, without_twins_table
from emorec.tables.calibration import calibration_table, reliability_table, risk_coverage_table
from emorec.tables.claims import claims_table
from emorec.tables.comparisons import comparisons_table, pair_comparisons_table
from emorec.tables.controls import with_controls
from emorec.tables.ferplus import by_majority_table, ferplus_table
from emorec.tables.gates import gate_table, gate_use_table
from emorec.tables.groupings import Grouping, check_found, groupings_table
from emorec.tables.networks import classes_table, curves_table, models_table
from emorec.tables.performance import (
    confusion_table,
    pairs_table,
    recall_table,
    scores_table,
    spread_table,
    summary_table,
)
from emorec.tables.read import (
    Embeddings,
    Gate,
    Model,
    read_embeddings,
    read_gates,
    read_groups,
    read_predictions,
    read_record,
)
from emorec.tables.representation import projections_table, representation_table
from emorec.tables.truth import planted_pairs, planted_rates, truth_table

__all__ = [
    "Embeddings",
    "Gate",
    "Grouping",
    "Model",
    "audit_tables",
    "by_majority_table",
    "calibration_table",
    "check_found",
    "claims_table",
    "classes_table",
    "comparisons_table",
    "confusion_table",
    "curves_table",
    "ferplus_table",
    "gate_table",
    "gate_use_table",
    "groupings_table",
    "models_table",
    "pair_comparisons_table",
    "pairs_table",
    "planted_pairs",
    "planted_rates",
    "projections_table",
    "read_embeddings",
    "read_gates",
    "read_groups",
    "read_predictions",
    "read_record",
    "recall_table",
    "reliability_table",
    "representation_table",
    "risk_coverage_table",
    "scores_table",
    "spread_table",
    "summary_table",
    "truth_table",
    "with_controls",
    "without_twins_table",
]
