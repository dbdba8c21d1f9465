"""A study's trained model on any faces."""

from collections.abc import Sequence

import numpy as np

from emorec import config as configs
from emorec.networks.store import Loaded, load_network
from emorec.paths import Layout
from emorec.predictions.combine import ModelOutputs, NetworkOutputs, combined, has_temperature
from emorec.predictions.store import read_temperature


def load_parts(study: configs.Study, layout: Layout, model: str, seed: int) -> list[Loaded]:
    """The trained networks of a model's replicate. Raises EmorecError naming the first that is missing or damaged."""
    need = f"model {model} with seed {seed} needs it; train the study {study.study} first"
    parts = configs.parts(study, model, seed)
    return [load_network(layout.network(part.network, part.seed), need) for part in parts]


def use_temperature(study: configs.Study, layout: Layout, model: str, seed: int) -> float:
    """The temperature of a mixture's gate that was fitted on val; 1 where it has none. Errors as `read_temperature`."""
    return read_temperature(layout.predictions, model, seed) if has_temperature(study.models[model]) else 1.0


def model_outputs(
    entry: configs.Model, networks: Sequence[Loaded], images: np.ndarray, temperature: float = 1.0, device: str = "auto"
) -> ModelOutputs:
    """A model's outputs for grey faces, (n, 48, 48) uint8. Raises EmorecError where its gate goes by the labels.

    `entry` and `device` are as in the config, `networks` from `load_parts`, `temperature` from `use_temperature`.
    """
    outputs = [loaded.outputs(images, device) for loaded in networks]
    pairs = zip(networks, outputs, strict=True)
    parts = [NetworkOutputs(loaded.record, own.logits, own.features, own.gate) for loaded, own in pairs]
    return combined(entry, parts, temperature)
