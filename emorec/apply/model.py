"""A study's trained model on any faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emorec import config as configs
from emorec.networks.store import Loaded, load_network
from emorec.paths import Layout
from emorec.predictions.combine import ModelOutputs, NetworkOutputs, combined, has_temperature
from emorec.predictions.store import read_temperature


def load_parts(study: configs.Study, layout: Layout, model: str, seed: int) -> list[Loaded]:
    """The trained networks of a model's replicate. Raises EmorecError naming the first that is missing or damaged."""
    loaded = []
    for part in configs.parts(study, model, seed):
        need = f"model {model} with seed {seed} needs it; train the study {study.study} first"
        loaded.append(load_network(layout.network(part.network, part.seed), need))
    return loaded


def use_temperature(study: configs.Study, layout: Layout, model: str, seed: int) -> float:
    """The temperature of a mixture's gate that was fitted on val, from the predictions' file; 1 where it has none.

    Raises EmorecError where the file is missing or does not say.
    """
    if not has_temperature(study.models[model]):
        return 1.0
    return read_temperature(layout.predictions, model, seed)


def model_outputs(
    entry: configs.Model, networks: Sequence[Loaded], images: np.ndarray, temperature: float = 1.0, device: str = "auto"
) -> ModelOutputs:
    """A model's outputs for grey faces, (n, 48, 48) uint8. Raises EmorecError where its gate goes by the labels.

    `entry` is the model's in the config, `networks` its parts, from `load_parts`, each for the views that it was
    trained for; `temperature` is from `use_temperature`, `device` as in the config.
    """
    parts = []
    for loaded in networks:
        output = loaded.outputs(images, device)
        parts.append(NetworkOutputs(loaded.record, output.logits, output.features, output.gate))
    return combined(entry, parts, temperature)
