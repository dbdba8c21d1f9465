"""Networks to models: how an ensemble and a mixture make one distribution over emotions out of their parts'.

Axis letters: n faces, k outputs of a network, e experts, d features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from emorec import EMOTIONS
from emorec.config import own_outputs


@dataclass(frozen=True)
class Combined:
    """What a model says: probabilities (n, 7), embedding (n, d), gate's weights by expert, each (n,)."""

    probabilities: np.ndarray
    embedding: np.ndarray
    gate: dict[str, np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def single(logits: np.ndarray, features: np.ndarray) -> Combined:
    """One network by itself."""
    return Combined(softmax(logits), features, {})


def ensemble(logits: list[np.ndarray], features: list[np.ndarray]) -> Combined:
    """The members' mean probabilities (Lakshminarayanan et al. 2017, arXiv 1612.01474); features side by side."""
    return Combined(np.mean([softmax(z) for z in logits], axis=0), np.concatenate(features, 1), {})


@dataclass(frozen=True)
class Expert:
    """What an expert says: the emotions that each of its k outputs stands for, logits (n, k), features (n, d)."""

    classes: list[list[str]]
    logits: np.ndarray
    features: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(n, 7): its softmax. An output for several emotions, of others' faces, speaks for none of them."""
        own = softmax(self.logits)
        seven = np.zeros((len(own), len(EMOTIONS)))
        for emotion, output in enumerate(own_outputs(self.classes)):
            if output is not None:
                seven[:, emotion] = own[:, output]
        return seven


def soft_weights(gate_logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The gate's softmax (n, e), its logits divided by a temperature."""
    return softmax(gate_logits / temperature)


def top_1_weights(gate_logits: np.ndarray) -> np.ndarray:
    """(n, e): all weight to the gate's favourite."""
    return np.eye(gate_logits.shape[1])[gate_logits.argmax(axis=1)]


def single_weights(logits: np.ndarray, groups: list[list[str]]) -> np.ndarray:
    """(n, e): the probability that a single network, logits (n, 7), gives to each group; no two share an emotion."""
    member = np.array([[emotion in group for group in groups] for emotion in EMOTIONS], float)
    return softmax(logits) @ member


def uniform_weights(faces: int, experts: int) -> np.ndarray:
    """(n, e): every expert heard alike."""
    return np.full((faces, experts), 1 / experts)


def oracle_weights(labels: np.ndarray, groups: list[list[str]]) -> np.ndarray:
    """(n, e): all weight to the expert whose group the label (n,) is in, shared where it is in several."""
    knows = np.array([[emotion in group for group in groups] for emotion in EMOTIONS], float)
    return (knows / knows.sum(axis=1, keepdims=True))[labels]


def best_temperature(gate_logits: np.ndarray, experts: list[Expert], labels: np.ndarray) -> float:
    """The gate's temperature, from 1/20 to 20, at which the mixture's likelihood of the labels (n,) is highest."""
    spoken = np.stack([expert.probabilities for expert in experts], axis=1)

    def loss(logarithm: float) -> float:
        p = _mix(soft_weights(gate_logits, np.exp(logarithm)), spoken)[np.arange(len(labels)), labels]
        return -np.log(np.maximum(p, np.finfo(float).tiny)).mean()

    found = minimize_scalar(loss, bounds=(-np.log(20), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def mixture(weights: np.ndarray, experts: dict[str, Expert]) -> Combined:
    """p(y|x) ∝ Σ_e g_e(x) p_e(y|x): weights (n, e), in the order of `experts`, by name (Jacobs et al. 1991).

    An expert gives no probability to emotions that it does not know. What it says is a distribution before it is
    weighed, so experts trained apart are on one scale. Where experts can say that a face is another's, what they keep
    for themselves does not add up to 1, hence the proportion. The embedding is the experts' features side by side, as
    an ensemble's are its members': times their weights they would show the gate rather than what experts see.
    """
    spoken = np.stack([expert.probabilities for expert in experts.values()], axis=1)
    embedding = np.concatenate([expert.features for expert in experts.values()], 1)
    gate = dict(zip(experts, weights.T, strict=True))
    return Combined(_mix(weights, spoken), embedding, gate)


def joint(logits: np.ndarray, features: np.ndarray, gate: np.ndarray, names: list[str]) -> Combined:
    """A mixture that is one network: its own answer, with the weights (n, e) of its experts by name."""
    return Combined(softmax(logits), features, dict(zip(names, gate.T, strict=True)))


def _mix(weights: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """(n, 7) out of weights (n, e) and what each expert says (n, e, 7)."""
    mixed = np.einsum("ne,neb->nb", weights, spoken)
    return mixed / np.maximum(mixed.sum(axis=1, keepdims=True), np.finfo(float).tiny)
