"""The networks stage's edge: a network's spec and the study's faces to its files, one network and seed at a time."""

import gc
import hashlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emorec import SPLITS, ledger
from emorec import config as configs
from emorec.config import NetworkSpec, Part, Study
from emorec.data.faces import Faces, load_faces, pixel_statistics
from emorec.data.stored import load_twins
from emorec.files import discard_partial, sha256
from emorec.gpus import own_card
from emorec.groupings.read import network_spec
from emorec.networks import train as training
from emorec.networks.device import avoid_overrun
from emorec.networks.outputs import save_outputs
from emorec.networks.pretrained import CIRCUMSTANCES, is_made_of, is_trained
from emorec.networks.store import load_network, load_parts, load_teachers, save_network
from emorec.paths import Layout


def train_all(
    study: Study,
    layout: Layout,
    parts: Sequence[Part],
    code: str,
    compile_cache: Path,
    *,
    renew: bool = False,
    until: float = math.inf,
) -> bool:
    """Train those of `parts`, in their order, that are not there, and write the outputs that are missing.

    Leaking faces and groupings are found as soon as a network waits for them; each job has its ledger. With `renew`,
    networks that are not made of this config, these faces, this `code` and the networks before them are trained anew,
    and groupings found anew that are older than the outputs they rest on. Returns whether all are there; they may not
    be where the time is over, `until` by time.monotonic.
    """
    from emorec.data import twins  # here, as they need scipy and sklearn, which one training does not
    from emorec.groupings import find

    specs = configs.networks(study)
    singles = [layout.network(study.reference, seed) / "outputs.npz" for seed in study.seeds]
    with own_card(study.training.device):  # one for all: CUDA stays on the card that it was started on
        for part in parts:
            if time.monotonic() > until:
                return False
            if specs[part.network].training.twins == "drop" and not layout.twins.exists():
                with ledger.recorded(layout.root, "twins", ("data",)):
                    twins.stage(layout)
            grouping = specs[part.network].grouping
            if grouping and not _is_found(layout.grouping(grouping), singles if renew else []):
                with ledger.recorded(layout.root, f"grouping-{grouping}", ("data", "networks")):
                    find.stage(grouping, study, layout)
            spec, folder = network_spec(study, layout, part.network), layout.network(part.network, part.seed)
            there = is_made_of(folder, made_of(spec, part.seed, layout, code)) if renew else is_trained(folder, spec)
            if there and (folder / "outputs.npz").exists():
                continue
            job = f"{'outputs' if there else 'train'}-{part.network}-{part.seed}"
            with ledger.recorded(layout.root, job, ("data", "networks", "groupings")):
                if there:
                    outputs(spec, part.seed, layout)
                else:
                    try:
                        train(spec, part.seed, layout, code, compile_cache, until)
                    except training.OutOfTime:
                        return False
                    gc.collect()  # a compiled network refers to itself, and would keep the GPU's memory
    return True


def _is_found(grouping: Path, outputs: Sequence[Path]) -> bool:
    """Whether a grouping's file is there, and none of the `outputs` that are there is younger."""
    if not grouping.exists():
        return False
    date = grouping.stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= date for path in outputs if path.exists())


def train(
    spec: NetworkSpec,
    seed: int,
    layout: Layout,
    code: str = "",
    compile_cache: Path | None = None,
    until: float = math.inf,
) -> None:
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
            until=until,
        )
        flops = sum(teacher.record["flops"] for teacher in teachers)
        save_network(folder, spec, seed, trained, mean, std, flops, made_of(spec, seed, layout, code))
        _write_outputs(spec, folder, faces)
    checkpoint.unlink(missing_ok=True)


def made_of(spec: NetworkSpec, seed: int, layout: Layout, code: str) -> str:
    """A digest of what a network is made of: its spec, the faces by their fingerprint, the code that trains, and the
    weights of the networks that it starts or learns from."""
    description = spec.to_dict(seed)
    for key in CIRCUMSTANCES:
        del description["training"][key]
    faces = layout.fingerprint.read_text(encoding="utf-8").strip() if layout.fingerprint.exists() else ""
    weights = [layout.network(part.network, part.seed) / "weights.safetensors" for part in spec.before(seed)]
    before = [sha256(path) if path.exists() else "" for path in weights]
    return hashlib.sha256(json.dumps([description, faces, code, *before], sort_keys=True).encode()).hexdigest()


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
