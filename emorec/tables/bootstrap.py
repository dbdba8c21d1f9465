"""Intervals and p-values over test faces and seeds together.

A study has two sources of chance: which faces are in the test split, and each training run's seed. Faces are resampled
with replacement, the same draw for every model and seed, so that differences are paired by face.

Seeds are not resampled beside them. With crossed faces and seeds, resampling both (the "pigeonhole" bootstrap, Owen
2007, doi 10.1214/07-AOAS122) counts the chance of a single run on a single face up to three times: its 95 % intervals
covered 99 % of the truths in our simulations. Instead the spread between seeds is split, as in a random-effects
analysis: what the same resamples of faces show to be the finite test split's doing is in the face draws already (nearly
all of it, for image classifiers: Jordan 2023, arXiv 2304.01910), and only the excess is the seeds' own. That excess
enters each draw times a Student t deviate with (seeds - 1) degrees of freedom, since two to five seeds tell a standard
deviation only roughly. `tests/test_tables_bootstrap.py` holds the coverage to 93 to 97 %.

Differences are taken seed by seed. Where two models share networks of a seed (an ensemble contains the single ResNet),
nothing else is right; where they share none, pairing costs degrees of freedom and nothing more.

With one seed the draws cover faces only: intervals then say nothing about another training run, and tables say `seeds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.special import stdtr, stdtrit

RESAMPLES = 2000
STATE = 2013


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, the two-sided p-value of `value == null`, and the number of seeds behind them."""

    value: float
    low: float
    high: float
    p: float
    seeds: int


def face_weights(faces: int, resamples: int = RESAMPLES, state: int = STATE) -> np.ndarray:
    """How often each of N faces is drawn in each of B resamples with replacement: (B, N) float32, rows sum to N."""
    rng = np.random.default_rng(state)
    weights = np.empty((resamples, faces), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, faces, faces), minlength=faces)
    return weights


def estimate(
    values: np.ndarray,
    draws: np.ndarray,
    null: float = 0.0,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    state: int = STATE,
) -> Estimate:
    """Estimate the mean over seeds of a statistic, with chance from faces and from seeds.

    `values` (S,) is the statistic of each seed on all faces; `draws` (B, S) the same on B resamples of the faces, one
    draw for all seeds. Percentile interval of the draws, first shifted to have the estimate as their mean: a bootstrap
    of ECE is biased upwards, and its plain percentiles may not even contain the estimate. A p-value is twice the
    share of draws beyond `null`; where fewer than ten are, too few to tell, a normal tail with the draws' standard
    error takes over, because Holm's correction of a large family needs p-values below 1 / B. Ends are cut at `bounds`.
    """
    seeds = values.size
    value = float(values.mean())
    draws = draws[np.isfinite(draws).all(axis=1)]  # a resample may lack both emotions of a rare pair
    if not np.isfinite(value) or len(draws) == 0:
        return Estimate(np.nan, np.nan, np.nan, 1.0, seeds)
    faces = draws.mean(axis=1, dtype=np.float64)
    faces += value - faces.mean()
    scale = seed_scale(values, draws)
    if scale > 0:
        low, high = np.quantile(faces + scale * _deviates(seeds - 1, len(faces), state), [0.025, 0.975])
        above = float(stdtr(seeds - 1, (faces - null) / scale).mean())
        p = 2 * min(above, 1 - above)
    else:
        low, high = np.quantile(faces, [0.025, 0.975])
        p = _tail(faces, value, null)
    low, high = np.clip([low, high], *bounds)
    return Estimate(value, float(low), float(high), min(1.0, p), seeds)


@lru_cache(maxsize=64)
def _deviates(freedom: int, count: int, state: int) -> np.ndarray:
    """`count` Student t deviates, in random order: (count,).

    Evenly spaced quantiles: the same law as random deviates with less noise of their own.
    """
    deviates = stdtrit(freedom, (np.random.default_rng(state).permutation(count) + 0.5) / count)
    deviates.flags.writeable = False  # one array is handed to every caller
    return deviates


def seed_scale(values: np.ndarray, draws: np.ndarray) -> float:
    """Standard error of the mean over seeds that is the seeds' own: 0 for one seed, or where faces explain all spread.

    The variance between `values` (S,) is that of the seeds plus that of single runs on a finite set of faces; the
    latter is the mean variance, between seeds, of how far each of the `draws` (B, S) is from its seed's value.
    """
    seeds = values.size
    if seeds < 2:
        return 0.0
    between = np.var(values, ddof=1)
    by_faces = np.var(draws - values, axis=1, ddof=1).mean(dtype=np.float64)
    return float(np.sqrt(max(0.0, between - by_faces) / seeds))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (Holm 1979, Scand. J. Statist. 6:65) of a family (M,), in its own order."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted


def mcnemar(correct: np.ndarray, reference_correct: np.ndarray) -> float:
    """Exact two-sided McNemar p-value (binomial on the faces that one model alone gets right) from two (N,) bools."""
    won = int((correct & ~reference_correct).sum())
    lost = int((~correct & reference_correct).sum())
    return float(stats.binomtest(won, won + lost).pvalue) if won + lost else 1.0


def _tail(faces: np.ndarray, value: float, null: float) -> float:
    beyond = min((faces <= null).sum(), (faces >= null).sum())
    p = 2 * (beyond + 1) / (faces.size + 1)
    error = faces.std(ddof=1)
    if beyond < 10 and error > 0:
        p = min(p, 2 * stats.norm.sf(abs(value - null) / error))
    return float(p)
