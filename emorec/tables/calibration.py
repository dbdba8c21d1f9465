"""How far a model's probabilities can be trusted: temperature scaling, reliability, and answering only when sure.

Every model gets the same treatment: one scalar a seed, fitted on `val`, by which the logarithms of its probabilities
are divided (Guo et al. 2017, arXiv 1706.04599). Mixtures and ensembles have no logits of their own; for a single
network the logarithms are its logits but for a constant, which the softmax forgets. Accuracy does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, estimate, face_weights
from emorec.tables.metrics import BINS, FLOOR, probability_scores
from emorec.tables.read import by_model

# Far outside what trained networks need; a fit that ends here says that confidence tells nothing (or everything).
TEMPERATURES = (0.05, 20.0)
COVERAGES = np.arange(1, 101) / 100

CALIBRATION_COLUMNS = ["model", "seed", "temperature", "metric", "before", "after"]
SUMMARY_COLUMNS = ["model", "metric", "state", "mean", "low", "high", "seeds"]
SUMMARISED = {"nll": np.inf, "brier": 2.0, "ece": 1.0}  # with the largest value possible
RELIABILITY_COLUMNS = ["model", "seed", "scaled", "bin", "low", "high", "faces", "confidence", "accuracy"]
RISK_COLUMNS = ["model", "seed", "coverage", "faces", "risk"]


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the log-probabilities (N, 7) by `temperature` and normalise again: above 1 softens, below 1 sharpens."""
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature, within TEMPERATURES, with the least mean log loss of labels (N,) under probabilities (N, 7).

    The loss is convex in the inverse temperature, so that the bounded search can't end in a side valley.
    """
    logits = np.log(np.maximum(probabilities, FLOOR))
    truth = logits[np.arange(labels.size), labels.astype(int)]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float((logsumexp(inverse * logits, axis=1) - inverse * truth).mean())

    bounds = tuple(np.log(TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def risk_coverage(labels: np.ndarray, probabilities: np.ndarray, coverages: np.ndarray = COVERAGES) -> np.ndarray:
    """Share of errors among the ceil(c N) faces with the largest top probability, for each coverage c: (C,).

    Faces of one and the same probability share their errors evenly, so that the order of the file does not matter.
    """
    risk = _expected_errors(labels, probabilities) / np.arange(1, labels.size + 1)
    return risk[answered(coverages, labels.size) - 1]


def area_under_risk_coverage(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """AURC (Geifman & El-Yaniv 2017, arXiv 1705.08500): mean over all N coverages of the share of errors."""
    return float((_expected_errors(labels, probabilities) / np.arange(1, labels.size + 1)).mean())


def answered(coverages: np.ndarray, faces: int) -> np.ndarray:
    """How many of N faces are answered at each coverage, at least one: (C,) int."""
    return np.clip(np.ceil(coverages * faces - 1e-9).astype(int), 1, faces)


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Faces, mean top probability and accuracy in each of the equal-width bins of ECE; NaN in an empty bin."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    faces = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=values, minlength=bins) / faces for values in (confidence, right)]
    edges = np.arange(bins + 1) / bins
    columns = {"bin": np.arange(bins), "low": edges[:-1], "high": edges[1:], "faces": faces}
    return pd.DataFrame(columns | {"confidence": means[0], "accuracy": means[1]})


@dataclass(frozen=True)
class Scaled:
    """One model and seed on `test`: labels (N,), probabilities (N, 7) as they are and after scaling, temperature."""

    model: str
    seed: int
    labels: np.ndarray
    before: np.ndarray
    after: np.ndarray
    temperature: float


def scaled(predictions: pd.DataFrame) -> list[Scaled]:
    """Fit each model's temperature on `val` and apply it to `test`, seed by seed. EmorecError where a split is missing.

    `predictions` is what `read_predictions` returns.
    """
    found = []
    fitted_on, applied_to = by_model(predictions, "val"), by_model(predictions, "test")
    for model, runs in applied_to.items():
        val = fitted_on.get(model)
        if val is None or val.seeds != runs.seeds:
            raise EmorecError(f"model {model}: no predictions on val for every seed; run the predictions stage again")
        for seed, mine, others in zip(runs.seeds, runs.probabilities, val.probabilities, strict=True):
            temperature = fit_temperature(val.labels, others)
            found.append(Scaled(model, seed, runs.labels, mine, temper(mine, temperature), temperature))
    return found


def calibration_table(runs: Sequence[Scaled]) -> pd.DataFrame:
    """calibration.csv: nll, brier, ece and aurc on `test` before and after the temperature that `val` chose."""
    rows = []
    for run in runs:
        measured = []
        for p in (run.before, run.after):
            values = {name: float(value[0]) for name, value in probability_scores(run.labels, p).items()}
            measured.append(values | {"aurc": area_under_risk_coverage(run.labels, p)})
        for metric in ("nll", "brier", "ece", "aurc"):
            rows.append((run.model, run.seed, run.temperature, metric, *(values[metric] for values in measured)))
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)


def calibration_summary_table(runs: Sequence[Scaled], resamples: int = RESAMPLES) -> pd.DataFrame:
    """calibration_summary.csv: mean over seeds of nll, brier and ece, before scaling, after it, and of what it changes
    (`change`, after less before), each with its 95 % interval over faces and seeds.

    The temperature is held: an interval says what the test faces and the seeds leave open, not what val's would.
    """
    rows = []
    weights = face_weights(runs[0].labels.size, resamples) if runs else None
    for model in dict.fromkeys(run.model for run in runs):
        own = [run for run in runs if run.model == model]
        points, draws = {}, {}
        for state in ("before", "after"):
            measured = [
                [probability_scores(run.labels, getattr(run, state), w) for run in own] for w in (None, weights)
            ]
            points[state], draws[state] = (
                {name: np.stack([seed[name] for seed in seeds], axis=1) for name in SUMMARISED} for seeds in measured
            )
        for metric, most in SUMMARISED.items():
            before, after = points["before"][metric][0], points["after"][metric][0]
            b_draws, a_draws = draws["before"][metric], draws["after"][metric]
            for name, values, drawn, bounds in (
                ("before", before, b_draws, (0, most)),
                ("after", after, a_draws, (0, most)),
                ("change", after - before, a_draws - b_draws, (-most, most)),
            ):
                found = estimate(values, drawn, bounds=bounds)
                rows.append((model, metric, name, found.value, found.low, found.high, found.seeds))
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def reliability_table(runs: Sequence[Scaled]) -> pd.DataFrame:
    """reliability.csv: the bins of `reliability` on `test`, before and after scaling."""
    tables = [
        reliability(run.labels, p).assign(model=run.model, seed=run.seed, scaled=is_scaled)
        for run in runs
        for is_scaled, p in ((False, run.before), (True, run.after))
    ]
    return pd.concat(tables, ignore_index=True)[RELIABILITY_COLUMNS]


def risk_coverage_table(runs: Sequence[Scaled]) -> pd.DataFrame:
    """risk_coverage.csv: share of errors among the surest faces of `test`, by the scaled probabilities."""
    rows = []
    for run in runs:
        faces = answered(COVERAGES, run.labels.size)
        risks = risk_coverage(run.labels, run.after)
        rows += [(run.model, run.seed, *found) for found in zip(COVERAGES, faces, risks, strict=True)]
    return pd.DataFrame(rows, columns=RISK_COLUMNS)


def _expected_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Errors among the k surest faces, for k = 1 … N, expected over the order of equally sure ones: (N,)."""
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    order = np.argsort(-confidence, kind="stable")
    _, tie = np.unique(-confidence[order], return_inverse=True)
    rate = np.bincount(tie, weights=wrong[order]) / np.bincount(tie)
    return np.cumsum(rate[tie])
