"""How far a model's probabilities can be trusted: temperature scaling, reliability, and errors where it is sure.

Every model gets the same treatment: one scalar a seed, fitted on `val`, by which the logarithms of its probabilities
are divided (Guo et al. 2017, arXiv 1706.04599). Mixtures and ensembles have no logits of their own; for a single
network the logarithms are its logits but for a constant, which the softmax forgets. Accuracy does not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from emorec.tables.metrics import BINS, FLOOR, METRICS, bins, probability_scores
from emorec.tables.read import by_model
from emorec.tables.resampled import drawn

# Far outside what trained networks need; a fit that ends here says that confidence tells nothing (or everything).
TEMPERATURES = (0.05, 20.0)


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the log-probabilities (N, 7) by `temperature` and normalise again: above 1 softens, below 1 sharpens."""
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature, within TEMPERATURES, with the least mean log loss of labels (N,) under probabilities (N, 7)."""
    logits = np.log(np.maximum(probabilities, FLOOR))
    truth = logits[np.arange(labels.size), labels.astype(int)]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float((logsumexp(inverse * logits, axis=1) - inverse * truth).mean())

    bounds = tuple(np.log(TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def area_under_risk_coverage(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """AURC (Geifman & El-Yaniv 2017, arXiv 1705.08500): share of errors among the k surest faces, mean over all k.

    Faces of the same probability share their errors evenly.
    """
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    order = np.argsort(-confidence, kind="stable")
    _, tie = np.unique(-confidence[order], return_inverse=True)
    rate = np.bincount(tie, weights=wrong[order]) / np.bincount(tie)
    return float((np.cumsum(rate[tie]) / np.arange(1, labels.size + 1)).mean())


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Faces, mean top probability and accuracy in each of the equal-width bins of ECE; NaN in an empty bin."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = bins(confidence)
    faces = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=values, minlength=BINS) / faces for values in (confidence, right)]
    edges = np.arange(BINS + 1) / BINS
    columns = {"bin": np.arange(BINS), "low": edges[:-1], "high": edges[1:], "faces": faces}
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
    """Fit each model's temperature on `val` and apply it to `test`, seed by seed. EmorecError where one is missing."""
    found = []
    fitted_on = by_model(predictions, "val")
    for model, runs in by_model(predictions, "test").items():
        val = fitted_on[model]
        for seed, mine, others in zip(runs.seeds, runs.probabilities, val.probabilities, strict=True):
            temperature = fit_temperature(val.labels, others)
            found.append(Scaled(model, seed, runs.labels, mine, temper(mine, temperature), temperature))
    return found


def calibration_table(runs: Sequence[Scaled]) -> pd.DataFrame:
    """calibration.csv: nll, brier, ece and aurc on `test` before and after the temperature that `val` chose."""
    rows = []
    for run in runs:
        before, after = (
            probability_scores(run.labels, p) | {"aurc": [area_under_risk_coverage(run.labels, p)]}
            for p in (run.before, run.after)
        )
        rows += [(run.model, run.seed, run.temperature, name, before[name][0], after[name][0]) for name in before]
    return pd.DataFrame(rows, columns=["model", "seed", "temperature", "metric", "before", "after"])


def calibration_summary_table(runs: Sequence[Scaled], weights: np.ndarray) -> pd.DataFrame:
    """calibration_summary.csv: mean over seeds of nll, brier and ece, before scaling, after it, and of what it changes
    (`change`, after less before), each with its 95 % interval over faces and seeds, the temperature held, from
    resamples `weights` (B, N)."""
    rows = []
    for model in dict.fromkeys(run.model for run in runs):
        own = [run for run in runs if run.model == model]
        before, after = (
            drawn([partial(probability_scores, run.labels, getattr(run, state)) for run in own], weights)
            for state in ("before", "after")
        )
        for metric in before:
            most, change = METRICS[metric], after[metric].minus(before[metric])
            for state, value in {"before": before[metric], "after": after[metric], "change": change}.items():
                found = value.estimate(-most if state == "change" else 0, most)
                rows.append({"model": model, "metric": metric, "state": state} | found.columns("mean"))
    return pd.DataFrame(rows).drop(columns="p")


def reliability_table(runs: Sequence[Scaled]) -> pd.DataFrame:
    """reliability.csv: the bins of `reliability` on `test`, before and after scaling."""
    tables = {
        (run.model, run.seed, is_scaled): reliability(run.labels, p)
        for run in runs
        for is_scaled, p in ((False, run.before), (True, run.after))
    }
    return pd.concat(tables, names=["model", "seed", "scaled"]).reset_index(level=[0, 1, 2])
