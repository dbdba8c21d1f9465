"""Networks to models: how an ensemble and a mixture make one distribution over emotions out of their parts'.

Axis letters: n faces, k outputs of a network, e experts, d features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from scipy.optimize import minimize_scalar

from emorec import EMOTIONS
from emorec import config as configs
from emorec.errors import EmorecError

_NEEDS_LABELS = "a mixture with the gate `oracle` goes by the labels; it cannot be used without them"


@dataclass(frozen=True)
class NetworkOutputs:
    """Of n faces: logits (n, k), features (n, d) where they were kept, a jointly trained mixture's gate (n, e).

    `record` is the network.json, which says what the outputs stand for.
    """

    record: dict[str, Any]
    logits: np.ndarray
    features: np.ndarray | None = None
    gate: np.ndarray | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """(n, 7): the softmax of an expert, or of any classifier."""
        return softmax(self.logits) @ places(self.record["classes"])


@dataclass(frozen=True)
class ModelOutputs:
    """Of n faces: probabilities (n, 7), embedding (n, d) where all features are known, and a mixture's gate weights by
    expert, each (n,)."""

    probabilities: np.ndarray
    embedding: np.ndarray | None
    gate: dict[str, np.ndarray]


def combined(
    model: configs.Model, parts: Sequence[NetworkOutputs], temperature: float = 1.0, labels: np.ndarray | None = None
) -> ModelOutputs:
    """The parts of a model, in the order of `config.parts`, made one distribution.

    `model` is its entry in the config, `temperature` that of its gate, from `gate_temperature`. The oracle's gate goes
    by the `labels` (n,); raises EmorecError where it has none.
    """
    logits, features = [part.logits for part in parts], [part.features for part in parts]
    if model.kind == "single":
        return single(logits[0], features[0])
    if model.kind == "ensemble":
        return ensemble(logits, features)
    if model.kind == "mixture":
        groups = expert_groups(model, [part.record for part in parts])
        experts = {configs.expert_name(group): e for group, e in zip(groups, _experts(model, parts), strict=True)}
        if model.gate == "uniform":
            weights = uniform_weights(len(logits[0]), len(experts))
        elif model.gate == "oracle":
            if labels is None:
                raise EmorecError(_NEEDS_LABELS)
            weights = oracle_weights(labels, groups)
        elif model.gate == "single":
            weights = single_weights(logits[0], groups)
        elif model.gate == "top-1":
            weights = top_1_weights(logits[0])
        else:
            weights = soft_weights(logits[0], temperature)
        return mixture(weights, experts)
    gate = parts[0].gate
    if gate is None:
        name = parts[0].record["network"]
        raise EmorecError(f"{name}: its outputs lack the gate's weights; run `emorec outputs` again")
    return joint(logits[0], features[0], gate, joint_experts(parts[0].record, gate.shape[1]))


def check_without_labels(model: configs.Model) -> None:
    """Raise EmorecError for a mixture whose gate goes by the labels: it is a bound, and no model to be used."""
    if model.kind == "mixture" and model.gate == "oracle":
        raise EmorecError(_NEEDS_LABELS)


def has_temperature(model: configs.Model) -> TypeGuard[configs.Mixture]:
    """Whether the model's gate has a temperature, to be fitted on val."""
    return model.kind == "mixture" and model.gate == "temperature"


def gate_temperature(model: configs.Mixture, parts: Sequence[NetworkOutputs], labels: np.ndarray) -> float:
    """The temperature of the gate that is best for faces with these labels (n,), which are to be val's."""
    return best_temperature(parts[0].logits, _experts(model, parts), labels)


def expert_groups(model: configs.Mixture, records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The emotions of each expert of a mixture, from its networks' records; the generalist, a single, has them all."""
    return [record["group"] or list(EMOTIONS) for record in records[int(model.is_routed) :]]


def joint_experts(record: dict[str, Any], count: int) -> list[str]:
    """Names of a jointly trained mixture's experts: their groups', or numbers where they found their own."""
    groups = record["mixture"]["groups"]
    return [configs.expert_name(group) for group in groups] or [f"expert-{i + 1}" for i in range(count)]


def _experts(model: configs.Mixture, parts: Sequence[NetworkOutputs]) -> Sequence[NetworkOutputs]:
    return parts[int(model.is_routed) :]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def single(logits: np.ndarray, features: np.ndarray | None) -> ModelOutputs:
    """One network by itself."""
    return ModelOutputs(softmax(logits), features, {})


def ensemble(logits: list[np.ndarray], features: list[np.ndarray | None]) -> ModelOutputs:
    """The members' mean probabilities (Lakshminarayanan et al. 2017, arXiv 1612.01474); features side by side."""
    return ModelOutputs(np.mean([softmax(z) for z in logits], axis=0), _side_by_side(features), {})


def _side_by_side(features: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [own for own in features if own is not None]
    return np.concatenate(known, 1) if len(known) == len(features) else None


def places(classes: Sequence[Sequence[str]]) -> np.ndarray:
    """(k, 7): 1 where an output is the emotion's; an output for several, of others' faces, is nobody's."""
    place = np.zeros((len(classes), len(EMOTIONS)))
    for emotion, output in enumerate(configs.own_outputs(classes)):
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


def best_temperature(gate_logits: np.ndarray, experts: Sequence[NetworkOutputs], labels: np.ndarray) -> float:
    """The gate's temperature, from 1/20 to 20, at which the mixture's likelihood of the labels (n,) is highest."""
    shares = np.stack([expert.probabilities for expert in experts], axis=1)

    def loss(logarithm: float) -> float:
        p = mix(soft_weights(gate_logits, np.exp(logarithm)), shares)[np.arange(len(labels)), labels]
        return -np.log(np.maximum(p, np.finfo(float).tiny)).mean()

    found = minimize_scalar(loss, bounds=(-np.log(20), np.log(20)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def mixture(weights: np.ndarray, experts: dict[str, NetworkOutputs]) -> ModelOutputs:
    """p(y|x) ∝ Σ_e g_e(x) p_e(y|x): weights (n, e), in the order of `experts`, by name (Jacobs et al. 1991).

    An expert gives no probability to emotions that it does not know. Its outputs are a distribution before they are
    weighed, so experts trained apart are on one scale. Where experts can say that a face is another's, what they keep
    for themselves does not add up to 1, hence the proportion. The embedding is the experts' features side by side, as
    an ensemble's are its members': times their weights they would show the gate rather than what experts see.
    """
    shares = np.stack([expert.probabilities for expert in experts.values()], axis=1)
    embedding = _side_by_side([expert.features for expert in experts.values()])
    gate = dict(zip(experts, weights.T, strict=True))
    return ModelOutputs(mix(weights, shares), embedding, gate)


def joint(logits: np.ndarray, features: np.ndarray | None, gate: np.ndarray, names: list[str]) -> ModelOutputs:
    """A mixture that is one network: its own answer, with the weights (n, e) of its experts by name."""
    return ModelOutputs(softmax(logits), features, dict(zip(names, gate.T, strict=True)))


def mix(weights: Any, shares: Any, tiny: float = np.finfo(float).tiny) -> Any:
    """(n, 7) out of weights (n, e) and each expert's probabilities (n, e, 7), arrays or tensors whose least is tiny."""
    mixed = (weights[:, :, None] * shares).sum(1)
    return mixed / mixed.sum(1)[:, None].clip(tiny)
