"""Stage `predictions`: from the outputs of a study's networks to the predictions and embeddings of all its models."""

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
from emorec.predictions.combine import NetworkOutputs, best_temperature, combined, has_temperature
from emorec.predictions.store import prediction_frame, save_embeddings, write_predictions

log = logging.getLogger(__name__)


def combine(study: Study, layout: Layout) -> None:
    """Write embeddings of every model and seed whose networks have features, then the one file of predictions.

    A gate's temperature is fitted on val, without faces with a twin in test where a network of the model is trained so.
    """

    @cache  # each network is part of several models
    def load(part: Part) -> tuple[NetworkOutputs, dict[str, np.ndarray]]:
        folder = layout.network(part.network, part.seed)
        kept = load_outputs(folder / "outputs.npz")
        record = read_json(folder / "network.json")
        outputs = NetworkOutputs(record, kept["logits"], kept.get("features"), kept.get("gate"))
        return outputs, {"split": kept["split"], "row": kept["row"], "label": kept["label"]}

    frames: dict[tuple[str, int], pd.DataFrame] = {}
    for name, entry in study.models.items():
        for seed in study.seeds:
            parts, (faces, *_) = zip(*(load(part) for part in configs.parts(study, name, seed)), strict=True)
            temperature = 1.0
            if has_temperature(entry):
                val = faces["split"] == SPLITS.index("val")
                if any(part.record["spec"]["training"].get("twins") == "drop" for part in parts):
                    val &= ~load_twins(layout.twins, faces["row"])
                on_val = [NetworkOutputs(part.record, part.logits[val]) for part in parts]
                temperature = best_temperature(on_val[0].logits, on_val[1:], faces["label"][val])
                log.info("%s seed %d: the gate's temperature is %.3f", name, seed, temperature)
            outputs = combined(entry, parts, temperature, faces["label"])
            frames[name, seed] = prediction_frame(outputs, **faces)
            if has_temperature(entry):
                frames[name, seed].attrs["gate_temperature"] = temperature
            if outputs.embedding is not None:
                save_embeddings(layout.embeddings(name, seed), outputs.embedding, **faces)
    write_predictions(layout.predictions, frames)
