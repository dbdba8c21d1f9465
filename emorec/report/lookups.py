"""Rows and values of a study's tables that sentences and printed tables both need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from emorec import EMOTIONS
from emorec.frames import each_row
from emorec.report import experiments as x
from emorec.report.results import Results
from emorec.report.wording import text as w
from emorec.tables.pairs import HARD_PAIRS

Tree = dict[str, Any]


def hardware(results: Results) -> str:
    """What the study's networks were trained on."""
    return w.listing(sorted({str(n.get("hardware") or "unknown") for n in results.networks}))


def reference_record(results: Results) -> Tree:
    """The network.json of the reference single (its first seed); of any classifier where names differ."""
    own = [n for n in results.networks if n["network"] == results.reference]
    return (own or [n for n in results.networks if n["role"] == "classifier"] or results.networks)[0]


def mean_score(results: Results, model: str, metric: str, split: str = "test") -> float:
    """A score of summary.csv, mean over seeds; NaN where there is none."""
    return float(summary_row(results, model, metric, split)["mean"])


def summary_row(results: Results, model: str, metric: str, split: str = "test") -> pd.Series:
    """A row of summary.csv; mean, low and high are NaN where there is none."""
    table = results["summary"]
    rows = table[(table.model == model) & (table.metric == metric) & (table.split == split)]
    return rows.iloc[0] if len(rows) else pd.Series({"mean": float("nan"), "low": float("nan"), "high": float("nan")})


def claim(results: Results, name: str) -> pd.Series | None:
    """The row of claims.csv, or None."""
    table = results["claims"]
    rows = table[table.claim == name]
    return rows.iloc[0] if len(rows) else None


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
        return x.verdict(row) == ("more" if sign == 1 else "less")

    models = ranked(results)
    return [m for m in models if len(models) > 1 and all(above(m, other) for other in models if other != m)]


def chosen_epochs(results: Results, records: list[Tree]) -> pd.DataFrame:
    """The rows of curves.csv at the chosen epochs of some networks."""
    curves = results["curves"]
    names = {n["network"] for n in records}
    return curves[curves.network.isin(names) & curves.best]


def recalls(results: Results, model: str) -> pd.Series:
    """A model's recall on the test faces by emotion, mean over seeds."""
    table = results["recall"]
    rows = table[(table.model == model) & (table.split == "test")]
    return rows.groupby("emotion").recall.mean().reindex(list(EMOTIONS))


def pair_rows(results: Results, model: str, reference: str | None) -> pd.DataFrame:
    """The rows of pair_comparisons.csv for one comparison, most confused by the reference first."""
    table = results["pair_comparisons"]
    rows = table[(table.model == model) & (table.reference == reference)]
    return rows.sort_values("reference_rate", ascending=False, kind="stable")


def hard_pairs(results: Results, model: str) -> float:
    """A model's mutual confusion on the test faces, mean over the six hard pairs and over seeds."""
    table = results["pairs"]
    rows = table[(table.model == model) & (table.split == "test")]
    hard = [pair in HARD_PAIRS for pair in zip(rows["first"], rows["second"], strict=True)]
    return float(rows.rate[hard].mean())


def flow(results: Results, model: str, reference: str | None) -> pd.DataFrame:
    """The rows of error_flow.csv for one comparison."""
    table = results["error_flow"]
    return table[(table.model == model) & (table.reference == reference)]


def others_hard_pairs(results: Results) -> tuple[int, int, int]:
    """How many of the other mixtures confuse the hard pairs less than their controls, how many more, and how many of
    the former are less accurate, by the claims."""
    claims = results["claims"]
    others = results.mixtures[1:]
    rows = claims[(claims.measure == "confusion") & claims.model.isin(others)]
    own = [row for row in each_row(rows) if row.reference == results.control(row.model)]
    said = [row.verdict for row in own]
    costly = sum(row.verdict == "supported" and row.less_accurate for row in own)
    return said.count("supported"), said.count("refuted"), costly


def gate_weights(results: Results, mixture: str) -> pd.DataFrame:
    """Mean gate weight on the test faces: experts × emotions, mean over seeds."""
    gate = results["gate"]
    rows = gate[(gate.model == mixture) & (gate.split == "test")]
    table = rows.pivot_table(index="expert", columns="emotion", values="weight", aggfunc="mean")
    return table.reindex(index=list(results.groups(mixture)), columns=list(EMOTIONS))


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


def measure(results: Results, model: str | None, name: str) -> float:
    """A measure of representation.csv, mean over seeds; NaN where the model has none."""
    table = results["representation"]
    return float(table.loc[(table.model == model) & (table.measure == name), "value"].mean())


def still_ahead(results: Results, against: Mapping[str, str | None], metric: str) -> list[tuple[str, int]]:
    """On other terms (without twins, by the taggers' majority), each as a phrase: how many models are ahead of
    what each is held against by the metric there."""
    terms = {}
    if not results.data["synthetic"]:
        terms["without_twins"] = "without the test faces that have a twin in training"
    if results.has_votes:
        terms["by_majority"] = "by the taggers' majority"
    return [(phrase, len(x.apart(results, against, metric, name)[0])) for name, phrase in terms.items()]


def agreements(results: Results, model: str) -> pd.DataFrame:
    """A model's rows of ferplus.csv, mean over seeds, by agreement; of the labels where `model` is empty."""
    table = results["ferplus"]
    numbers = table[table.model == model].drop(columns=["model", "seed"])
    return numbers.groupby("agreement", sort=False).mean()


def truths(results: Results, model: str) -> pd.Series:
    """A model's measures of truth.csv, mean over seeds; those of the posterior under its own name."""
    table = results["truth"]
    return table[table.model == model].groupby("measure").value.mean()


def true_interval(results: Results, model: str) -> str:
    """Accuracy by the true emotion with its interval, from truth_summary.csv."""
    table = results["truth_summary"]
    (row,) = each_row(table[(table.model == model) & (table.measure == "accuracy_true")])
    return f"{w.percent(row.mean)} ({w.interval(row.low, row.high)})"
