"""The networks stage's edge: a network's spec and the study's faces to its files, one network and seed at a time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from emorec import SPLITS
from emorec.config import NetworkSpec
from emorec.data.faces import Faces, load_faces, pixel_statistics
from emorec.data.stored import load_twins
from emorec.files import discard_partial
from emorec.gpus import own_card
from emorec.networks import train as training
from emorec.networks.device import avoid_overrun
from emorec.networks.outputs import save_outputs
from emorec.networks.pretrained import CIRCUMSTANCES
from emorec.networks.store import load_network, load_parts, load_teachers, save_network
from emorec.paths import Layout


def train(spec: NetworkSpec, seed: int, layout: Layout, code: str = "", compile_cache: Path | None = None) -> None:
    """Train one network with one seed and write its outputs for val and test.

    It goes on from its last checkpoint if it was stopped before; that stays until all files are whole. `code` says
    which code trains, `compile_cache` where what is compiled for a GPU is kept.
    """
    faces = load_faces(layout.faces)
    chosen = {split: faces.split == SPLITS.index(split) for split in ("train", "val")}
    images = {split: faces.images[rows] for split, rows in chosen.items()}
    labels = {split: faces.labels[rows] for split, rows in chosen.items()}
    twins = load_twins(layout.twins, faces.row) if spec.training.twins == "drop" else np.zeros(len(faces), bool)
    left_out = {split: twins[rows] for split, rows in chosen.items()}
    mean, std = pixel_statistics(images["train"][~left_out["train"]])
    folder = layout.network(spec.network, seed)
    checkpoint = folder / "checkpoint.safetensors"
    discard_partial(folder)
    starts, teaching = ([layout.network(p.network, p.seed) for p in of(seed)] for of in (spec.starts, spec.teachers))
    teachers = load_teachers(spec, teaching)
    with own_card(spec.training.device):
        trained = training.train(
            spec,
            seed,
            images,
            labels,
            mean=mean,
            std=std,
            checkpoint_path=checkpoint,
            compile_cache=compile_cache,
            parts=load_parts(spec, starts),
            teachers=[teacher.network for teacher in teachers],
            left_out=left_out,
            code=code,
        )
        flops = sum(teacher.record["flops"] for teacher in teachers)
        save_network(folder, spec, seed, trained, mean, std, flops, made_of(spec, seed, layout, code))
        _write_outputs(spec, folder, faces)
    checkpoint.unlink(missing_ok=True)


def made_of(spec: NetworkSpec, seed: int, layout: Layout, code: str) -> str:
    """A digest of what a network is made of: its spec, the faces by their fingerprint, and the code that trains."""
    description = spec.to_dict(seed)
    for key in CIRCUMSTANCES:
        del description["training"][key]
    faces = layout.fingerprint.read_text(encoding="utf-8").strip() if layout.fingerprint.exists() else ""
    return hashlib.sha256(json.dumps([description, faces, code], sort_keys=True).encode()).hexdigest()


def outputs(spec: NetworkSpec, seed: int, layout: Layout) -> None:
    """Write the outputs for val and test of a network that was trained elsewhere."""
    with own_card(spec.training.device):
        _write_outputs(spec, layout.network(spec.network, seed), load_faces(layout.faces))


def _write_outputs(spec: NetworkSpec, folder: Path, faces: Faces) -> None:
    avoid_overrun(8, "fp32")  # which is one of training alone: outputs are oneDNN's, whatever was trained before
    rows = faces.split != SPLITS.index("train")
    given = load_network(folder).outputs(faces.images[rows], spec.training.device, spec.training.threads)
    arrays = {"logits": given.logits, "features": given.features, "gate": given.gate}
    named = {"row": faces.row[rows], "label": faces.labels[rows], "split": faces.split[rows]}
    save_outputs(folder / "outputs.npz", arrays | named)
