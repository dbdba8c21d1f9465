"""From emotions to facial action units: the part of the synthetic faces whose confusions are known exactly.

Each emotion has a few variants, sets of action units (AUs) of the Facial Action Coding System, after the EMFACS table
of prototypes and major variants (Ekman, Friesen and Hager, Facial Action Coding System: Investigator's Guide, 2002).
The table gives no frequencies and hardly any intensities: weights and strengths are this module's own. A face's AUs
come about so, given its emotion:

1. one variant is chosen by its weight;
2. one intensity t in [low, high] is drawn for the whole face, a scaled Beta variable of the emotion's own shape;
3. each AU of the variant is independently missing with probability `absent`, otherwise its drive is t * its strength;
4. every AU, driven or not, gets resting tension, normal with deviation `rest`, and is censored to [0, 1].

All four steps have densities, so that the posterior of the emotion given the AUs is a sum over variants and a
one-dimensional integral over t (`posterior`), and the confusions that are planted in the faces follow from it
(`planted_confusion`). Nothing here knows about pixels: what the drawing hides comes on top.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import betaincinv, log_ndtr, softmax

from emorec import EMOTIONS

# 1, 2, 4 move the brows, 5 and 7 the lids, 6 the cheeks, 9 and 10 nose and upper lip, the others lips, chin and jaw.
NAMES = tuple(f"AU{number}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 16, 17, 20, 23, 24, 25, 26, 27))

# (weight, {AU number: strength}); weights of an emotion sum to 1. A jaw that drops parts the lips: 26 and 27 bring 25.
VARIANTS: dict[str, tuple[tuple[float, dict[int, float]], ...]] = {
    "angry": (
        (0.30, {4: 1.0, 5: 0.6, 7: 0.8, 23: 0.9}),
        (0.25, {4: 1.0, 5: 0.5, 7: 0.8, 17: 0.6, 24: 0.9}),
        (0.25, {4: 1.0, 5: 0.6, 7: 0.8, 10: 0.6, 23: 0.4, 25: 0.9, 26: 0.5}),
        (0.20, {4: 0.9, 7: 0.8, 10: 0.5, 17: 0.6}),
    ),
    "disgust": (
        (0.25, {4: 0.6, 7: 0.7, 9: 1.0, 10: 0.5, 15: 0.6}),
        (0.25, {4: 0.7, 7: 0.7, 9: 0.9, 10: 0.8, 16: 0.7, 25: 0.8}),
        (0.25, {4: 0.8, 7: 0.7, 9: 0.8, 17: 0.8}),
        (0.25, {4: 0.8, 7: 0.7, 10: 0.9, 17: 0.6}),
    ),
    "fear": (
        (0.35, {1: 0.9, 2: 0.7, 4: 0.6, 5: 0.9, 20: 0.9, 25: 0.8}),
        (0.25, {1: 0.9, 2: 0.8, 4: 0.5, 5: 0.9, 25: 0.8, 26: 0.6}),
        (0.20, {1: 0.9, 2: 0.7, 4: 0.6, 5: 0.9}),
        (0.20, {1: 0.9, 2: 0.8, 5: 0.9, 25: 0.7, 26: 0.6}),
    ),
    "happy": ((0.60, {6: 0.9, 12: 1.0, 25: 1.0}), (0.25, {6: 0.8, 12: 0.9}), (0.15, {12: 0.9})),
    "sad": (
        (0.40, {1: 1.0, 4: 0.7, 15: 0.9}),
        (0.35, {1: 0.9, 4: 0.7, 15: 0.8, 17: 0.7}),
        (0.15, {1: 0.9, 4: 0.6, 17: 0.5}),
        (0.10, {6: 0.4, 15: 1.0}),
    ),
    "surprise": (
        (0.35, {1: 1.0, 2: 1.0, 5: 0.6, 25: 0.8, 26: 0.9}),
        (0.30, {1: 1.0, 2: 1.0, 5: 0.7, 25: 0.8, 27: 0.9}),
        (0.15, {1: 1.0, 2: 1.0, 5: 0.6}),
        (0.20, {1: 0.9, 2: 0.9, 25: 0.7, 26: 0.7}),
    ),
    "neutral": ((1.0, {}),),
}

# Shapes (a, b) of the intensity's Beta distribution. Sadness is posed and felt more quietly than the others, which is
# what makes it fade into neutral; the values give about FER2013's order of the per-class recalls.
INTENSITY_SHAPES: dict[str, tuple[float, float]] = dict.fromkeys(EMOTIONS, (2.4, 1.6))
INTENSITY_SHAPES |= {"happy": (2.6, 1.4), "sad": (1.5, 1.9), "neutral": (1.0, 1.0)}

# FER2013's training shares are 13.9, 1.5, 14.3, 25.1, 16.8, 11.0 and 17.3 %. These keep about its order and imbalance,
# but disgust gets 4 %: with 1.5 % of a demo's few thousand faces its recall would rest on a handful of test faces.
SHARES: tuple[float, ...] = (0.14, 0.04, 0.14, 0.25, 0.16, 0.11, 0.16)


@dataclass(frozen=True)
class ExpressionModel:
    """The four free numbers of the way from an emotion to its AUs (see the module's docstring)."""

    low: float = 0.15
    high: float = 1.0
    rest: float = 0.09
    absent: float = 0.12


DEFAULT_MODEL = ExpressionModel()


def strengths(emotion: str) -> tuple[np.ndarray, np.ndarray]:
    """The variants of `emotion` as weights (V,) and strengths (V, U), zero where an AU has no part in the variant."""
    weights, units = zip(*VARIANTS[emotion], strict=True)
    return np.array(weights), np.array([[variant.get(int(name[2:]), 0.0) for name in NAMES] for variant in units])


def draw_labels(count: int, shares: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """`count` emotions, uint8, in random order; systematic sampling keeps every share within one face of its target."""
    edges = np.cumsum(np.asarray(shares, dtype=float) / np.sum(shares))
    places = (np.arange(count) + rng.random()) / count
    labels = np.minimum(np.searchsorted(edges, places, side="right"), len(edges) - 1).astype(np.uint8)
    return rng.permutation(labels)


def draw_action_units(labels: np.ndarray, model: ExpressionModel, rng: np.random.Generator) -> np.ndarray:
    """AUs (N, U) in [0, 1], float32, of faces with the emotions `labels` (N,).

    As many random numbers are used for a face whatever its emotion, so that at intensity 0 an emotion's AUs are those
    that neutral would have got.
    """
    count, units = len(labels), len(NAMES)
    which, level = rng.random(count), rng.random(count)
    missing = rng.random((count, units)) < model.absent
    tension = model.rest * rng.standard_normal((count, units))
    drive = np.zeros((count, units))
    for index, emotion in enumerate(EMOTIONS):
        mine = labels == index
        weights, table = strengths(emotion)
        variant = np.minimum(np.searchsorted(np.cumsum(weights), which[mine]), len(weights) - 1)
        intensity = model.low + (model.high - model.low) * betaincinv(*INTENSITY_SHAPES[emotion], level[mine])
        drive[mine] = intensity[:, None] * table[variant]
    return np.clip(np.where(missing, 0.0, drive) + tension, 0.0, 1.0).astype(np.float32)


def _log_density(activation: np.ndarray, drive: np.ndarray, rest: float) -> np.ndarray:
    """Log density of a normal variable of mean `drive` censored to [0, 1]; at both ends, the log of the point mass."""
    deviation = (activation - drive) / rest
    inside = -0.5 * deviation**2 - np.log(rest * np.sqrt(2 * np.pi))
    ends = np.where(activation <= 0, log_ndtr(-drive / rest), log_ndtr((drive - 1) / rest))
    return np.where((activation <= 0) | (activation >= 1), ends, inside)


def log_likelihood(action_units: np.ndarray, model: ExpressionModel, nodes: int = 24) -> np.ndarray:
    """Log density of AUs (N, U) under each emotion: (N, 7); the integral over intensity is a mean over quantiles.

    The reference measure has an atom at 0 and at 1 for every AU, the same for all emotions, so that ratios are proper.
    """
    units = np.asarray(action_units, dtype=float)[:, None, :]
    quiet = _log_density(units, np.zeros(1), model.rest)
    quantiles, log_absent = (np.arange(nodes) + 0.5) / nodes, np.log(max(model.absent, 1e-300))
    result = np.empty((len(units), len(EMOTIONS)))
    for index, emotion in enumerate(EMOTIONS):
        weights, table = strengths(emotion)
        if not table.any():
            result[:, index] = quiet.sum(axis=(1, 2))
            continue
        intensity = model.low + (model.high - model.low) * betaincinv(*INTENSITY_SHAPES[emotion], quantiles)
        mixed = {}  # by AU and strength, which variants share
        for unit, strength in {(u, row[u]) for row in table for u in np.flatnonzero(row)}:
            driven = _log_density(units[:, :, unit], intensity * strength, model.rest)
            mixed[unit, strength] = np.logaddexp(np.log1p(-model.absent) + driven, log_absent + quiet[:, :, unit])
        parts = []
        for weight, row in zip(weights, table, strict=True):
            active = np.flatnonzero(row)
            still = quiet.sum(axis=2) - quiet[:, :, active].sum(axis=2)
            whole = sum(mixed[unit, row[unit]] for unit in active) + still
            parts.append(np.logaddexp.reduce(whole, axis=1) - np.log(nodes) + np.log(weight))
        result[:, index] = np.logaddexp.reduce(np.stack(parts), axis=0)
    return result


def posterior(action_units: np.ndarray, model: ExpressionModel = DEFAULT_MODEL) -> np.ndarray:
    """Probability of each emotion given a face's AUs (N, U), by Bayes' rule with the generator's densities: (N, 7)."""
    blocks = np.array_split(action_units, len(action_units) // 512 + 1)  # of a size that stays in cache
    likelihood = np.concatenate([log_likelihood(block, model) for block in blocks])
    return softmax(likelihood + np.log(np.array(SHARES) / np.sum(SHARES)), axis=1)


@cache
def wrong_label_targets() -> np.ndarray:
    """Where a wrong label goes, by true emotion: (7, 7), rows sum to 1, zero diagonal.

    An annotator errs towards emotions that share AUs: the weight is the squared cosine of the mean strengths at full
    intensity plus a floor. AU25 does not count, as parted lips are no sign of any emotion. Neutral has no AUs: its
    cosine with an emotion is replaced by that emotion's share of low intensities (below a third).
    """
    means = np.stack([weights @ table for weights, table in map(strengths, EMOTIONS)])
    means[:, NAMES.index("AU25")] = 0.0
    norms = np.linalg.norm(means, axis=1)
    cosine = means @ means.T / np.maximum(np.outer(norms, norms), 1e-12)
    neutral = EMOTIONS.index("neutral")
    probe = (np.arange(200) + 0.5) / 200
    quiet = [np.mean(betaincinv(*INTENSITY_SHAPES[emotion], probe) < 1 / 3) for emotion in EMOTIONS]
    cosine[neutral, :] = cosine[:, neutral] = quiet
    weight = cosine**2 + 0.02
    np.fill_diagonal(weight, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    weight.flags.writeable = False  # one array is handed to every caller
    return weight


def draw_wrong_labels(true_labels: np.ndarray, wrong_labels: float, rng: np.random.Generator) -> np.ndarray:
    """Labels (N,) uint8: each differs from the truth with probability `wrong_labels`, by `wrong_label_targets`."""
    flip, where = rng.random(len(true_labels)), rng.random(len(true_labels))
    targets = np.cumsum(wrong_label_targets(), axis=1)[true_labels]
    others = np.minimum((where[:, None] > targets).sum(axis=1), len(EMOTIONS) - 1)
    return np.where(flip < wrong_labels, others, true_labels).astype(np.uint8)


def planted_confusion(*, count: int = 20_000, seed: int = 0, model: ExpressionModel = DEFAULT_MODEL) -> np.ndarray:
    """Confusion of the best classifier that sees the AUs themselves: (7, 7), row truth, column decision, rows sum to 1.

    The decision is the mode of the posterior. The rates are a Monte Carlo estimate from `count` faces, a seventh of
    each emotion, so that the rare one's row is as good: their standard errors are sqrt(rate * (1 - rate) * 7 / count).
    """
    each = -(-count // len(EMOTIONS))
    true = np.repeat(np.arange(len(EMOTIONS)), each)
    units = draw_action_units(true, model, np.random.default_rng(seed))
    decided = posterior(units, model).argmax(axis=1)
    return np.stack([np.bincount(own, minlength=len(EMOTIONS)) / each for own in decided.reshape(-1, each)])
