"""Networks to models: how an ensemble and a mixture make one distribution over emotions out of their parts'.

Axis letters: n faces, k outputs of a network, e experts, d features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from emorec import EMOTIONS
from emorec import config as configs
from emorec.errors import EmorecError


@dataclass(frozen=True)
class NetworkOutputs:
    """Of n faces: logits (n, k), features (n, d) where they were kept, a joint mixture's gate (n, e).

    `record` is the network.json.
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
    """The parts of a model, in the order of `config.parts`, made one distribution; `model` is its entry in the config.

    `temperature` is its gate's. Raises EmorecError for an oracle, whose gate goes by the `labels` (n,), without them.
    """
    if labels is None:
        check_without_labels(model)
    if model.kind == "mixture":
        groups = expert_groups(model, [part.record for part in parts])
        experts = dict(zip(map(configs.expert_name, groups), parts[int(model.is_routed) :], strict=True))
        return mixture(gate_weights(model.gate, parts[0].logits, groups, temperature, labels), experts)
    whole = ensemble([part.logits for part in parts], [part.features for part in parts])
    if model.kind in ("single", "ensemble"):
        return whole
    record, gate = parts[0].record, parts[0].gate
    if gate is None:
        raise EmorecError(f"{record['network']}: its outputs lack the gate's weights; run `emorec outputs` again")
    return replace(whole, gate=dict(zip(joint_experts(record, gate.shape[1]), gate.T, strict=True)))


def check_without_labels(model: configs.Model) -> None:
    """Raise EmorecError for a mixture whose gate goes by the labels: it is a bound, and no model to be used."""
    if model.kind == "mixture" and model.gate == "oracle":
        raise EmorecError("a mixture with the gate `oracle` goes by the labels; it cannot be used without them")


def has_temperature(model: configs.Model) -> bool:
    """Whether the model's gate has a temperature, to be fitted on val."""
    return model.kind == "mixture" and model.gate == "temperature"


def expert_groups(model: configs.Mixture, records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The emotions of each expert of a mixture, from its networks' records; the generalist, a single, has them all."""
    return [record["group"] or list(EMOTIONS) for record in records[int(model.is_routed) :]]


def joint_experts(record: dict[str, Any], count: int) -> list[str]:
    """Names of a jointly trained mixture's experts: their groups', or numbers where they found their own."""
    groups = record["mixture"]["groups"]
    return [configs.expert_name(group) for group in groups] or [f"expert-{i + 1}" for i in range(count)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


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
    """Which emotions each of e groups holds: (e, 7) bools."""
    return np.array([[emotion in group for emotion in EMOTIONS] for group in groups])


def gate_weights(
    gate: str,
    logits: np.ndarray,
    groups: Sequence[Sequence[str]],
    temperature: float = 1.0,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """The weights (n, e) of a mixture's experts, who know these `groups`, by the kind of its `gate`.

    logits: the gate's (n, e), or (n, 7) of the single that routes; labels: (n,), which the oracle alone goes by.
    """
    if gate == "uniform":
        return np.full((len(logits), len(groups)), 1 / len(groups))
    if gate == "oracle":  # shared where a label is in several groups
        member = membership(groups).T
        return (member / member.sum(axis=1, keepdims=True))[labels]
    if gate == "single":
        return softmax(logits) @ membership(groups).T
    if gate == "top-1":
        return np.eye(len(groups))[logits.argmax(axis=1)]
    return softmax(logits / temperature)


def best_temperature(gate_logits: np.ndarray, experts: Sequence[NetworkOutputs], labels: np.ndarray) -> float:
    """The gate's temperature, from 1/20 to 20, at which the mixture's likelihood of the labels (n,) is highest."""
    shares = np.stack([expert.probabilities for expert in experts], axis=1)

    def loss(logarithm: float) -> float:
        p = mix(softmax(gate_logits / np.exp(logarithm)), shares)[np.arange(len(labels)), labels]
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


def mix(weights: Any, shares: Any, tiny: float = np.finfo(float).tiny) -> Any:
    """(n, 7) out of weights (n, e) and each expert's probabilities (n, e, 7), arrays or tensors whose least is tiny."""
    mixed = (weights[:, :, None] * shares).sum(1)
    return mixed / mixed.sum(1)[:, None].clip(tiny)
