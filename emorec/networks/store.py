"""The files of a trained network: weights, history, record and outputs; written here and read here only."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from emorec.config import Architecture, NetworkSpec, Training
from emorec.errors import EmorecError
from emorec.files import atomic, write_csv, write_json
from emorec.networks.resnet import ResNet
from emorec.networks.train import Trained, build


def save_network(folder: Path, spec: NetworkSpec, seed: int, trained: Trained, mean: float, std: float) -> None:
    """Write weights.safetensors, history.csv and network.json into `folder`."""
    network = build(spec)
    record = {
        "seed": seed,
        **{key: value for key, value in spec.to_dict().items() if key not in ("architecture", "training")},
        "parameters": sum(p.numel() for p in network.parameters()),
        "flops": forward_flops(network, spec.training.crop),
        "best_epoch": trained.best_epoch,
        "val_accuracy": trained.history[trained.best_epoch - 1]["val_accuracy"],
        "train_seconds": round(trained.seconds, 2),
        "pixel_mean": mean,
        "pixel_std": std,
        "deterministic": trained.deterministic,
        "spec": {"architecture": spec.architecture.model_dump(), "training": spec.training.model_dump()},
        "hardware": f"{trained.device}; {processor()}",
        "versions": {name: importlib.metadata.version(name) for name in ("emorec", "torch", "torchvision", "numpy")},
    }
    weights = {name: tensor.contiguous().cpu() for name, tensor in trained.weights.items()}
    with atomic(folder / "weights.safetensors") as temporary:
        save_file(weights, temporary)
    write_csv(folder / "history.csv", pd.DataFrame(trained.history))
    write_json(folder / "network.json", record)


@dataclass(frozen=True)
class Loaded:
    """A trained network ready for use, with what its inputs are normalised by and what its outputs stand for."""

    network: ResNet
    record: dict[str, Any]


def load_network(folder: Path) -> Loaded:
    """Read a trained network. Raises EmorecError naming the file that is missing, damaged or does not fit."""
    record = read_record(folder)
    weights = folder / "weights.safetensors"
    try:
        spec = NetworkSpec(
            network=record["network"],
            role=record["role"],
            classes=tuple(tuple(group) for group in record["classes"]),
            architecture=Architecture(**record["spec"]["architecture"]),
            training=Training(**record["spec"]["training"]),
        )
        network = build(spec)
        network.load_state_dict(load_file(weights))
    except (SafetensorError, RuntimeError, OSError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise EmorecError(f"{weights}: cannot be loaded ({reason}); delete {folder} and train it again") from None
    return Loaded(network.eval(), record)


def read_record(folder: Path) -> dict[str, Any]:
    """network.json of a trained network. Raises EmorecError if it is missing or damaged."""
    path = folder / "network.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmorecError(f"{path}: cannot be read ({error}); train the network first") from None


def save_outputs(path: Path, outputs: dict[str, np.ndarray]) -> None:
    """Write what a network says about every face of val and test."""
    with atomic(path) as temporary:
        np.savez(temporary, **outputs)


def load_outputs(path: Path) -> dict[str, np.ndarray]:
    """Arrays: logits (n, k) float32, features (n, d) float16, row (n,), label (n,), split (n,); val then test."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("logits", "features", "row", "label", "split")}
    except Exception as error:  # numpy's readers raise a dozen kinds on damaged archives
        reason = " ".join(str(error).split())[:200]
        raise EmorecError(f"{path}: not a readable outputs file ({reason}); delete it and run again") from None


def forward_flops(network: ResNet, side: int = 48) -> int:
    """Floating-point operations of one side×side view's forward pass, a multiply-add counted as two."""
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, side, side))
    return counter.get_total_flops()


def processor() -> str:
    """The processor's name for people."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()
