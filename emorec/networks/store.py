"""The files of a trained network: weights, history and record. What others read of them is in `files`."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from emorec.checkout import checkout
from emorec.config import SEVEN, Architecture, MixtureSpec, NetworkSpec, Training
from emorec.config.sizes import spec_size
from emorec.errors import EmorecError
from emorec.files import atomic, write_csv, write_json
from emorec.networks.build import Network, build
from emorec.networks.device import instruction_set, processor
from emorec.networks.files import read_record
from emorec.networks.start import Weights
from emorec.networks.train import Trained
from emorec.paths import HISTORY
from emorec.plain import plain


def save_network(
    folder: Path,
    spec: NetworkSpec,
    seed: int,
    trained: Trained,
    mean: float,
    std: float,
    teacher_flops: int = 0,
    made_of: str = "",
) -> None:
    """Write weights.safetensors, history.csv and network.json into `folder`.

    A training's operations are those of its passes through the network, forward, and twice as many backward, for every
    face of every step, and of its teachers' answers, at `teacher_flops` a face. `made_of` is a digest of all that
    decides the network.
    """
    import pandas as pd  # here alone: who only loads a network starts sooner

    size, passes = spec_size(spec), 2 if spec.training.sam else 1
    record = {
        "seed": seed,
        **{key: value for key, value in spec.to_dict(seed).items() if key not in ("architecture", "training")},
        "parameters": size.parameters,
        "flops": size.flops,
        "best_epoch": trained.best_epoch,
        "val_accuracy": trained.val_accuracy,
        "steps": trained.steps,
        "no_better_than": trained.no_better_than,
        "train_flops": trained.steps * spec.training.batch * (3 * passes * size.flops + teacher_flops),
        "faces": trained.faces,
        "left_out": trained.left_out,
        "train_seconds": round(trained.seconds, 2),
        "pixel_mean": mean,
        "pixel_std": std,
        "deterministic": trained.deterministic,
        "precision": trained.precision,
        "made_of": made_of,
        "spec": {"architecture": spec.architecture.model_dump(), "training": spec.training.model_dump()},
        "hardware": f"{trained.device}; {processor()}, {instruction_set()}",
        "versions": {name: importlib.metadata.version(name) for name in ("emorec", "torch", "torchvision", "numpy")},
        **dataclasses.asdict(checkout()),
    }
    weights = {name: tensor.contiguous().cpu() for name, tensor in trained.weights.items()}
    with atomic(folder / "weights.safetensors") as temporary:
        temporary.write_bytes(to_bytes(weights))
    write_csv(folder / "history.csv", pd.DataFrame(trained.history, columns=list(HISTORY)))
    write_json(folder / "network.json", record)


@dataclass(frozen=True)
class Loaded:
    """A trained network ready for use, with what its inputs are normalised by and what its outputs stand for."""

    network: Network
    record: dict[str, Any]


def load_network(folder: Path) -> Loaded:
    """Read a trained network. Raises EmorecError naming the file that is missing, damaged or does not fit."""
    record = read_record(folder)
    weights = folder / "weights.safetensors"
    again = f"delete {folder} and train it again"
    try:
        spec = NetworkSpec(
            network=record["network"],
            role=record["role"],
            classes=tuple(tuple(group) for group in record["classes"]),
            architecture=Architecture(**record["spec"]["architecture"]),
            training=Training(**record["spec"]["training"]),
            group=tuple(record.get("group", ())),
            foreign_weight=record.get("foreign_weight", 1.0),
            mixture=MixtureSpec.from_dict(record["mixture"]) if record.get("mixture") else None,
            start=record.get("start"),
            length=record.get("length", "steps"),
        )
        if not all(math.isfinite(record[name]) for name in ("pixel_mean", "pixel_std")) or record["pixel_std"] <= 0:
            raise ValueError("pixel_mean or pixel_std is no number that faces can be scaled by")
    except (KeyError, TypeError, ValueError) as error:
        raise EmorecError(f"{folder / 'network.json'}: no network's record ({plain(error)}); {again}") from None
    try:
        network = build(spec)
        network.load_state_dict(load_file(weights))
        broken = [name for name, tensor in network.state_dict().items() if not torch.isfinite(tensor).all()]
        if broken:
            raise ValueError(f"{broken[0]} is not all finite")
    except (SafetensorError, RuntimeError, OSError, KeyError, TypeError, ValueError) as error:
        raise EmorecError(f"{weights}: cannot be loaded ({plain(error)}); {again}") from None
    return Loaded(network.eval(), record)


def load_parts(spec: NetworkSpec, folders: Sequence[Path]) -> list[Weights]:
    """The weights of the trained networks that a network starts from; `folders` in the order of `spec.starts`.

    None where it starts from scratch. Raises EmorecError where one is missing or damaged, or has other outputs than the
    network is built for.
    """
    mixture = spec.mixture
    outputs = (mixture.groups, *mixture.experts) if mixture and mixture.parts else (SEVEN,) if spec.start else ()
    weights = []
    for part, classes, folder in zip(spec.starts(0), outputs, folders, strict=True):
        path = folder / "weights.safetensors"
        if not path.exists():
            raise EmorecError(f"{path}: missing; {spec.network} starts from it, train {part.network} first")
        loaded = load_network(folder)
        found = tuple(tuple(group) for group in loaded.record["classes"])
        if found != classes:
            named = "; ".join(", ".join(group) for group in found)
            raise EmorecError(f"{folder}: {part.network} was trained on other groups ({named}); train it again")
        weights.append(loaded.network.state_dict())
    return weights


def load_teachers(spec: NetworkSpec, folders: Sequence[Path]) -> list[Loaded]:
    """The trained networks that a network learns from; `folders` in the order of `spec.teachers`.

    Raises EmorecError where one is missing or damaged, or does not tell all emotions apart.
    """
    found = []
    for folder in folders:
        path = folder / "weights.safetensors"
        if not path.exists():
            raise EmorecError(f"{path}: missing; {spec.network} learns from it, train it first")
        loaded = load_network(folder)
        if tuple(map(tuple, loaded.record["classes"])) != spec.classes:
            raise EmorecError(f"{folder}: does not say which of all emotions a face shows; train it again")
        found.append(loaded)
    return found
