"""The predictions stage's edge: networks' outputs to a model's predictions and embeddings."""

from __future__ import annotations

import logging

from emorec import SPLITS
from emorec import config as configs
from emorec.config import Study
from emorec.networks.files import load_outputs, read_record
from emorec.paths import Layout
from emorec.predictions.model import Said, combined, gate_temperature, has_temperature
from emorec.predictions.store import prediction_frame, save_embeddings, save_predictions

log = logging.getLogger(__name__)


def combine(study: Study, layout: Layout, model: str, seed: int) -> None:
    """Combine networks' outputs to a model's predictions and embeddings."""
    entry = study.models[model]
    folders = [layout.network(part.network, part.seed) for part in configs.parts(study, model, seed)]
    found = [load_outputs(folder / "outputs.npz") for folder in folders]
    split, row, label = found[0]["split"], found[0]["row"], found[0]["label"]
    said = [
        Said(read_record(folder), outputs["logits"], outputs["features"], outputs["gate"])
        for folder, outputs in zip(folders, found, strict=True)
    ]
    temperature = 1.0
    if has_temperature(entry):
        val = split == SPLITS.index("val")
        chosen = [Said(part.record, part.logits[val], part.features[val]) for part in said]
        temperature = gate_temperature(entry, chosen, label[val])
    result = combined(entry, said, temperature, label)
    frame = prediction_frame(result, split, row, label)
    if has_temperature(entry):
        frame.attrs["gate_temperature"] = temperature
        log.info("%s seed %d: the gate's temperature is %.3f", model, seed, temperature)
    save_predictions(layout.predictions(model, seed), frame)
    save_embeddings(layout.embeddings(model, seed), result, split, row, label)
