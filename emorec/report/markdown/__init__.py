"""Tables as Markdown pipe tables, to be included by the report.

Each writer returns one pipe table: a header, alignments, rows. Columns are as wide as their words (`tbl-colwidths` in
_quarto.yml); what is too wide for a printed page is set in smaller type by the page's template.
"""

from __future__ import annotations

from typing import Any

from emorec.report import experiments as x
from emorec.report import lookups
from emorec.report.markdown import appendix, experiments, performance, trust
from emorec.report.results import Results


def tables(results: Results, meta: dict[str, Any]) -> dict[str, str]:
    """Every included table by name; `tables/_<name>.md` holds it."""
    return {
        "data": appendix.data(results),
        "summary": performance.summary(results),
        "comparisons": performance.comparisons(results),
        "claims": performance.claims(results, primary=True),
        "recall": performance.recall(results, results.headline),
        "pairs": performance.pairs(results),
        "flow": performance.flow(results),
        "all_pairs": performance.all_pairs(results),
        "calibration": trust.calibration(results),
        "all_calibration": trust.all_calibration(results),
        "representation": trust.representation(results),
        "audit": trust.audit(results),
        "without_twins": trust.on_other_terms(results, "without_twins", "Without twins"),
        "models": appendix.models(results),
        "networks": appendix.networks(results),
        "scores": appendix.scores(results),
        "hyperparameters": appendix.hyperparameters(results),
        "colophon": appendix.colophon(results, meta),
        **_of_some(results),
    }


def _of_some(results: Results) -> dict[str, str]:
    """Tables that only some studies have."""
    tried = x.experiments(results)
    found = {f"experiment_{name}": experiments.experiment(results, models) for name, models in tried.items()}
    if "single" in tried:
        found["beside_singles"] = experiments.beside_singles(results, tried["single"])
    if has_gate(results):
        found["gate"] = performance.gate(results)
    if len(results["groupings"].grouping.unique()) > 1:
        found["groupings"] = experiments.groupings(results)
    if has_more_models(results):
        found |= {
            "all_claims": performance.claims(results, primary=False),
            "all_recall": performance.recall(results, lookups.ranked(results)),
        }
    if len(results.jobs):
        found["walltimes"] = appendix.wall_times(results)
    if results.has_votes:
        found |= {
            "ferplus": trust.ferplus(results),
            "by_majority": trust.on_other_terms(results, "by_majority", "By the majority"),
        }
    if results.has_truth:
        found["truth"] = trust.truth(results)
    return found


def has_gate(results: Results) -> bool:
    """Whether the study's first mixture has a gate of experts with emotions of their own."""
    return any(results.groups(results.mixture).values())


def has_more_models(results: Results) -> bool:
    """Whether there are models or claims beyond those that the main text's tables show."""
    return set(lookups.ranked(results)) != set(results.headline) or not results["claims"].primary.all()
