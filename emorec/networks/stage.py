"""The networks stage's edge: a network's spec and the study's faces to its files, one network and seed at a time."""

from __future__ import annotations

from pathlib import Path

from emorec import SPLITS
from emorec.config import NetworkSpec
from emorec.data.faces import load_faces, pixel_statistics
from emorec.files import discard_partial, write_json
from emorec.gpus import own_card
from emorec.networks import train as training
from emorec.networks.device import pick_device
from emorec.networks.files import save_outputs
from emorec.networks.outputs import measured_outputs
from emorec.networks.store import load_network, load_parts, save_network
from emorec.paths import Layout


def train(spec: NetworkSpec, seed: int, layout: Layout, code: str = "", compile_cache: Path | None = None) -> None:
    """Train one network with one seed; goes on from its last checkpoint if it was stopped before.

    `code` says which code trains, `compile_cache` where what is compiled for a GPU is kept.
    """
    faces = load_faces(layout.faces)
    chosen = {split: faces.split == SPLITS.index(split) for split in ("train", "val")}
    images = {split: faces.images[rows] for split, rows in chosen.items()}
    labels = {split: faces.labels[rows] for split, rows in chosen.items()}
    mean, std = pixel_statistics(images["train"])
    folder = layout.network(spec.network, seed)
    checkpoint = folder / "checkpoint.safetensors"
    discard_partial(folder)
    starts = [layout.network(part, seed) for part in spec.mixture.parts] if spec.mixture else []
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
            code=code,
        )
    save_network(folder, spec, seed, trained, mean, std)
    checkpoint.unlink(missing_ok=True)


def outputs(spec: NetworkSpec, seed: int, layout: Layout) -> None:
    """Run a trained network over the faces of val and test; writes how fast that was, too."""
    folder = layout.network(spec.network, seed)
    loaded = load_network(folder)
    faces = load_faces(layout.faces)
    rows = faces.split != SPLITS.index("train")
    with own_card(spec.training.device):
        said, speed = measured_outputs(
            loaded.network,
            faces.images[rows],
            mean=loaded.record["pixel_mean"],
            std=loaded.record["pixel_std"],
            device=pick_device(spec.training.device),
            threads=spec.training.threads,
            views=spec.training.views,
            crop=spec.training.crop,
        )
    named = {"row": faces.row[rows], "label": faces.labels[rows], "split": faces.split[rows]}
    save_outputs(folder / "outputs.npz", {**said._asdict(), **named})
    write_json(folder / "speed.json", speed)
