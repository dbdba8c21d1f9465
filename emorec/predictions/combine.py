"""Networks to models: how an ensemble and a mixture make one distribution over emotions out of their parts'.

Axis letters: n faces, k outputs of a network, e experts, d features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from emorec import EMOTIONS
from emorec.config import own_outputs


@dataclass(frozen=True)
class ModelOutputs:
    """Of n faces: probabilities (n, 7), embedding (n, d), and a mixture's gate weights by expert, each (n,)."""

    probabilities: np.ndarray
    embedding: np.ndarray
    gate: dict[str, np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def single(logits: np.ndarray, features: np.ndarray) -> ModelOutputs:
    """One network by itself."""
    return ModelOutputs(softmax(logits), features, {})


def ensemble(logits: list[np.ndarray], features: list[np.ndarray]) -> ModelOutputs:
    """The members' mean probabilities (Lakshminarayanan et al. 2017, arXiv 1612.01474); features side by side."""
    return ModelOutputs(np.mean([softmax(z) for z in logits], axis=0), np.concatenate(features, 1), {})


@dataclass(frozen=True)
class Expert:
    """An expert's outputs: the emotions that each of its k logits (n, k) stands for, and features (n, d)."""

    classes: list[list[str]]
    logits: np.ndarray
    features: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(n, 7): its softmax."""
        return softmax(self.logits) @ places(self.classes)


def places(classes: Sequence[Sequence[str]]) -> np.ndarray:
    """(k, 7): 1 where an output is the emotion's; an output for several, of others' faces, is nobody's."""
    place = np.zeros((len(classes), len(EMOTIONS)))
    for emotion, output in enumerate(own_outputs(classes)):
        if output is not None:
            place[output, emotion] = 1
    return place


def membership(groups: Sequence[Sequence[str]]) -> np.ndarray:
    """(7, e): 1 where an emotion is in an expert's group."""
    return np.array([[emotion in group for group in groups] for emotion in EMOTIONS], float)


def soft_weights(gate_logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The gate's softmax (n, e), its logits divided by a temperature."""
    return softmax(gate_logits / temperature)


def top_1_weights(gate_logits: np.ndarray) -> np.ndarray:
    """(n, e): all weight to the gate's favourite."""
    return np.eye(gate_logits.shape[1])[gate_logits.argmax(axis=1)]


def single_weights(logits: np.ndarray, groups: list[list[str]]) -> np.ndarray:
    """(n, e): the probability that a single network, logits (n, 7), gives to each group; no two share an emotion."""
    return softmax(logits) @ membership(groups)


def uniform_weights(faces: int, experts: int) -> np.ndarray:
    """(n, e): the same weight for every expert."""
    return np.full((faces, experts), 1 / experts)


def oracle_weights(labels: np.ndarray, groups: list[list[str]]) -> np.ndarray:
    """(n, e): all weight to the expert whose group the label (n,) is in, shared where it is in several."""
    member = membership(groups)
    return (member / member.sum(axis=1, keepdims=True))[labels]


def best_temperature(gate_logits: np.ndarray, experts: list[Expert], labels: np.ndarray) -> float:
    """The gate's temperature, from 1/20 to 20, at which the mixture's likelihood of the labels (n,) is highest."""
    shares = np.stack([expert.probabilities for expert in experts], axis=1)

    def loss(logarithm: float) -> float:
        p = mix(soft_weights(gate_logits, np.exp(logarithm)), shares)[np.arange(len(labels)), labels]
        return -np.log(np.maximum(p, np.finfo(float).tiny)).mean()

    found = minimize_scalar(loss, bounds=(-np.log(20), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def mixture(weights: np.ndarray, experts: dict[str, Expert]) -> ModelOutputs:
    """p(y|x) ∝ Σ_e g_e(x) p_e(y|x): weights (n, e), in the order of `experts`, by name (Jacobs et al. 1991).

    An expert gives no probability to emotions that it does not know. Its outputs are a distribution before they are
    weighed, so experts trained apart are on one scale. Where experts can say that a face is another's, what they keep
    for themselves does not add up to 1, hence the proportion. The embedding is the experts' features side by side, as
    an ensemble's are its members': times their weights they would show the gate rather than what experts see.
    """
    shares = np.stack([expert.probabilities for expert in experts.values()], axis=1)
    embedding = np.concatenate([expert.features for expert in experts.values()], 1)
    gate = dict(zip(experts, weights.T, strict=True))
    return ModelOutputs(mix(weights, shares), embedding, gate)


def joint(logits: np.ndarray, features: np.ndarray, gate: np.ndarray, names: list[str]) -> ModelOutputs:
    """A mixture that is one network: its own answer, with the weights (n, e) of its experts by name."""
    return ModelOutputs(softmax(logits), features, dict(zip(names, gate.T, strict=True)))


def mix(weights: Any, shares: Any, tiny: float = np.finfo(float).tiny) -> Any:
    """(n, 7) out of weights (n, e) and each expert's probabilities (n, e, 7), arrays or tensors whose least is tiny."""
    mixed = (weights[:, :, None] * shares).sum(1)
    return mixed / mixed.sum(1)[:, None].clip(tiny)
