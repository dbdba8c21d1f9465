"""Stage `predictions`: from what the networks of a study say to the predictions and embeddings of all its models."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import pandas as pd

from emorec import SPLITS
from emorec import config as configs
from emorec.config import Part, Study
from emorec.data.stored import load_twins
from emorec.inputs import read_json
from emorec.networks.outputs import load_outputs
from emorec.paths import Layout
from emorec.predictions.model import Said, combined, gate_temperature, has_temperature
from emorec.predictions.store import prediction_frame, save_embeddings, write_predictions

log = logging.getLogger(__name__)


def combine(study: Study, layout: Layout) -> None:
    """Write embeddings of every model and seed, and, when they are all there, the one file of predictions.

    A gate's temperature, where a model has one, is fitted on val, without the faces with a twin in test where a network
    of the model is trained without twins. EmorecError where a network's outputs are missing.
    """

    @cache  # each network is part of several models
    def heard(part: Part) -> tuple[Said, dict[str, np.ndarray]]:
        folder = layout.network(part.network, part.seed)
        outputs = load_outputs(folder / "outputs.npz")
        said = Said(read_json(folder / "network.json"), outputs["logits"], outputs["features"], outputs.get("gate"))
        return said, {"split": outputs["split"], "row": outputs["row"], "label": outputs["label"]}

    frames: dict[tuple[str, int], pd.DataFrame] = {}
    for name, entry in study.models.items():
        for seed in study.seeds:
            parts = [heard(part) for part in configs.parts(study, name, seed)]
            said, faces = [part for part, _ in parts], parts[0][1]
            temperature = 1.0
            if has_temperature(entry):
                val = faces["split"] == SPLITS.index("val")
                if any(part.record["spec"]["training"].get("twins") == "drop" for part in said):
                    val &= ~load_twins(layout.twins, faces["row"])
                chosen = [Said(part.record, part.logits[val], part.features[val]) for part in said]
                temperature = gate_temperature(entry, chosen, faces["label"][val])
                log.info("%s seed %d: the gate's temperature is %.3f", name, seed, temperature)
            result = combined(entry, said, temperature, faces["label"])
            frame = prediction_frame(result, faces["split"], faces["row"], faces["label"])
            if has_temperature(entry):
                frame.attrs["gate_temperature"] = temperature
            frames[name, seed] = frame
            save_embeddings(layout.embeddings(name, seed), result, faces["split"], faces["row"], faces["label"])
    write_predictions(layout.predictions, frames)
