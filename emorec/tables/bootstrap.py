"""Intervals and p-values over test faces and seeds together.

A study has two sources of chance: which faces are in the test split, and each training run's seed. Faces are resampled
with replacement, the same draw for every model and seed, so that differences are paired by face.

Seeds are not resampled beside them. With crossed faces and seeds, resampling both (the "pigeonhole" bootstrap, Owen
2007, doi 10.1214/07-AOAS122) counts the chance of a single run on a single face up to three times: its 95 % intervals
covered 99 % of the truths in our simulations. Instead the spread between seeds is split, as in a random-effects
analysis: what the same resamples of faces show to be the finite test split's doing is in the face draws already (nearly
all of it, for image classifiers: Jordan 2023, arXiv 2304.01910), and only the excess is the seeds' own. The variances
of both are added, and how well so few seeds tell the sum is counted in degrees of freedom (Satterthwaite 1946, doi
10.2307/3002019): near S - 1 where the seeds make up most of it, many where the faces do.

Differences are taken seed by seed, since two models may share networks of a seed (an ensemble contains the single
ResNet). Replicates of an ensemble share members with one another, so that the seeds' part is understated where an
ensemble stands in a difference; the faces' part, which is most, is not. With one seed the draws cover faces only.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES = 2000
STATE = 2013


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, the two-sided p-value of `value == 0`, and the number of seeds behind them."""

    value: float
    low: float
    high: float
    p: float
    seeds: int

    def columns(self, name: str) -> dict[str, float]:
        """As a table's columns, the value under `name`."""
        return {name: self.value, "low": self.low, "high": self.high, "p": self.p, "seeds": self.seeds}


def face_weights(faces: int, resamples: int = RESAMPLES, state: int = STATE) -> np.ndarray:
    """How often each of N faces is drawn in each of B resamples with replacement: (B, N) float32, rows sum to N."""
    rng = np.random.default_rng(state)
    weights = np.empty((resamples, faces), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, faces, faces), minlength=faces)
    return weights


def estimate(values: np.ndarray, draws: np.ndarray, least: float = -np.inf, most: float = np.inf) -> Estimate:
    """Estimate the mean over seeds of a statistic, with chance from faces and from seeds.

    `values` (S,) is the statistic of each seed on all faces; `draws` (B, S) the same on B resamples of the faces, one
    draw for all seeds. The p-value is Student's, since shares of draws would need millions of them for Holm's
    correction. The interval has the shape of the draws about the estimate, its ends moved outwards to the same error
    and degrees of freedom: a bootstrap of ECE is biased, and its plain percentiles may not even contain the estimate.
    Ends are cut at `least` and `most`.
    """
    seeds = values.size
    value = float(values.mean())
    draws = draws[np.isfinite(draws).all(axis=1)]  # a resample may lack both emotions of a rare pair
    if not np.isfinite(value) or len(draws) == 0:
        return Estimate(np.nan, np.nan, np.nan, 1.0, seeds)
    faces = draws.mean(axis=1, dtype=np.float64)
    faces -= faces.mean()
    by_faces = float(faces.var())
    variance, freedom = total_variance(by_faces, *spread(values, draws), seeds)
    error, reach = float(np.sqrt(variance)), float(stats.t.ppf(0.975, freedom))
    if by_faces > 0:
        widened = error / np.sqrt(by_faces) * reach / stats.norm.ppf(0.975)
        low, high = value + widened * np.quantile(faces, [0.025, 0.975])
    else:
        low, high = value - reach * error, value + reach * error
    p = float(2 * stats.t.sf(abs(value) / max(error, np.finfo(float).tiny), freedom))
    low, high = np.clip([low, high], least, most)
    return Estimate(value, float(low), float(high), p, seeds)


def spread(values: np.ndarray, draws: np.ndarray) -> tuple[float, float]:
    """The variance between seeds, and how much of it a finite set of faces explains; 0 and 0 for one seed.

    The latter is the mean variance, between seeds, of how far each of the `draws` (B, S) is from its seed's value.
    """
    if values.size < 2:
        return 0.0, 0.0
    explained = np.var(draws - values, axis=1, ddof=1).mean(dtype=np.float64)
    return float(np.var(values, ddof=1)), float(explained)


def total_variance(
    by_faces: float | np.ndarray, between: float | np.ndarray, explained: float | np.ndarray, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Variance of a mean over seeds, and its degrees of freedom (Satterthwaite's), for numbers or arrays of them.

    `by_faces` is the variance of the mean over resamples of the faces; the others are what `spread` gives. Only
    `between` rests on few observations, with S - 1 degrees of freedom.
    """
    variance = by_faces + np.maximum(0.0, np.subtract(between, explained)) / seeds
    known = np.equal(between, 0)  # one seed, or seeds that are all alike
    share = np.minimum(1.0, between / np.maximum(seeds * variance, np.finfo(float).tiny))
    return variance, np.where(known, np.inf, (seeds - 1) / np.where(known, 1.0, share) ** 2)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (Holm 1979, Scand. J. Statist. 6:65) of a family (M,), in its own order."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted
