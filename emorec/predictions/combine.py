"""Networks to models: how an ensemble and a mixture make one distribution over emotions out of their parts'.

Axis letters: n faces, k outputs of a network, e experts, d features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emorec import EMOTIONS


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


def mixture(gate_logits: np.ndarray, experts: dict[str, tuple[list[str], np.ndarray, np.ndarray]]) -> Combined:
    """p(y|x) = Σ_e g_e(x) p_e(y|x): the gate's softmax weighs each expert's own softmax (Jacobs et al. 1991).

    Args:
        gate_logits: (n, e), in the order of `experts`.
        experts: by name: emotions of its outputs, logits (n, k), features (n, d).

    An expert gives no probability to emotions that it does not know. What it says is a distribution before it is
    weighed, so experts trained apart are on one scale. The embedding is the experts' features side by side, each times
    its weight.
    """
    weights = softmax(gate_logits)
    probabilities = np.zeros((len(weights), len(EMOTIONS)))
    embedding, gate = [], {}
    for column, (name, (emotions, logits, features)) in enumerate(experts.items()):
        gate[name] = weights[:, column]
        known = [EMOTIONS.index(emotion) for emotion in emotions]
        probabilities[:, known] += gate[name][:, None] * softmax(logits)
        embedding.append(gate[name][:, None] * features.astype(np.float32))
    return Combined(probabilities, np.concatenate(embedding, 1), gate)
