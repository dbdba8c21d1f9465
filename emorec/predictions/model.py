"""A model from its parts: which combination a kind of model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from emorec import EMOTIONS
from emorec import config as configs
from emorec.errors import EmorecError
from emorec.predictions import combine
from emorec.predictions.combine import Expert, ModelOutputs

_NEEDS_LABELS = "a mixture with the gate `oracle` goes by the labels; it cannot be used without them"


@dataclass(frozen=True)
class NetworkOutputs:
    """Of n faces: logits (n, k), features (n, d), a jointly trained mixture's gate (n, e).

    `record` is the network.json, which says what the outputs stand for.
    """

    record: dict[str, Any]
    logits: np.ndarray
    features: np.ndarray
    gate: np.ndarray | None = None


def combined(
    model: configs.Model, parts: Sequence[NetworkOutputs], temperature: float = 1.0, labels: np.ndarray | None = None
) -> ModelOutputs:
    """The parts of a model, in the order of `config.parts`, made one distribution.

    `model` is its entry in the config, `temperature` that of its gate, from `gate_temperature`. The oracle's gate goes
    by the `labels` (n,); raises EmorecError where it has none.
    """
    logits, features = [part.logits for part in parts], [part.features for part in parts]
    if model.kind == "single":
        return combine.single(logits[0], features[0])
    if model.kind == "ensemble":
        return combine.ensemble(logits, features)
    if model.kind == "mixture":
        groups = expert_groups(model, [part.record for part in parts])
        experts = {configs.expert_name(group): e for group, e in zip(groups, _experts(model, parts), strict=True)}
        if model.gate == "uniform":
            weights = combine.uniform_weights(len(logits[0]), len(experts))
        elif model.gate == "oracle":
            if labels is None:
                raise EmorecError(_NEEDS_LABELS)
            weights = combine.oracle_weights(labels, groups)
        elif model.gate == "single":
            weights = combine.single_weights(logits[0], groups)
        elif model.gate == "top-1":
            weights = combine.top_1_weights(logits[0])
        else:
            weights = combine.soft_weights(logits[0], temperature)
        return combine.mixture(weights, experts)
    gate = parts[0].gate
    if gate is None:
        name = parts[0].record["network"]
        raise EmorecError(f"{name}: its outputs lack the gate's weights; run `emorec outputs` again")
    return combine.joint(logits[0], features[0], gate, joint_experts(parts[0].record, gate.shape[1]))


def check_without_labels(model: configs.Model) -> None:
    """Raise EmorecError for a mixture whose gate goes by the labels: it is a bound, and no model to be used."""
    if model.kind == "mixture" and model.gate == "oracle":
        raise EmorecError(_NEEDS_LABELS)


def has_temperature(model: configs.Model) -> TypeGuard[configs.Mixture]:
    """Whether the model's gate has a temperature, to be fitted on val."""
    return model.kind == "mixture" and model.gate == "temperature"


def gate_temperature(model: configs.Mixture, parts: Sequence[NetworkOutputs], labels: np.ndarray) -> float:
    """The temperature of the gate that is best for faces with these labels (n,), which are to be val's."""
    return combine.best_temperature(parts[0].logits, _experts(model, parts), labels)


def expert_groups(model: configs.Mixture, records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The emotions of each expert of a mixture, from its networks' records; the generalist, a single, has them all."""
    return [record["group"] or list(EMOTIONS) for record in records[int(model.is_routed) :]]


def joint_experts(record: dict[str, Any], count: int) -> list[str]:
    """Names of a jointly trained mixture's experts: their groups', or numbers where they found their own."""
    groups = record["mixture"]["groups"]
    return [configs.expert_name(group) for group in groups] or [f"expert-{i + 1}" for i in range(count)]


def _experts(model: configs.Mixture, parts: Sequence[NetworkOutputs]) -> list[Expert]:
    return [Expert(part.record["classes"], part.logits, part.features) for part in parts[int(model.is_routed) :]]
