"""Trained networks: their files (weights, history and record), and what they give for faces.

What others read of the files, without torch, is in `outputs`.
"""

import dataclasses
import importlib.metadata
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from emorec.checkout import checkout
from emorec.config import SEVEN, Architecture, MixtureSpec, NetworkSpec, Training
from emorec.config.sizes import spec_size
from emorec.errors import EmorecError
from emorec.files import atomic, write_csv, write_json
from emorec.inputs import read_json
from emorec.networks.augment import normalise, views_of
from emorec.networks.build import Network, Weights, build
from emorec.networks.device import instruction_set, on_device, pick_device, processor
from emorec.networks.resnet import Output
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

    A training's operations are those of its passes, forward and twice as many backward, for every face of every step,
    and of its teachers' answers, at `teacher_flops` a face. `made_of`: a digest of all that decides the network.
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
    """A trained network ready for use, with its record."""

    network: Network
    record: dict[str, Any]

    @property
    def classes(self) -> tuple[tuple[str, ...], ...]:
        """The emotions that each output stands for."""
        return tuple(tuple(group) for group in self.record["classes"])

    def outputs(self, images: np.ndarray, device: str, threads: int | None = None) -> Output[np.ndarray]:
        """What the network gives for uint8 images (n, 48, 48), in the views, and by default the threads, of its
        training."""
        record, how = self.record, Training(**self.record["spec"]["training"])
        seen = {"mean": record["pixel_mean"], "std": record["pixel_std"], "views": how.views, "crop": how.crop}
        return network_outputs(self.network, images, device=pick_device(device), threads=threads or how.threads, **seen)


def load_network(folder: Path, need: str = "") -> Loaded:
    """Read a trained network; `need` says for whom and what to do where there is none.

    Raises EmorecError naming the file that is missing, damaged or does not fit.
    """
    weights = folder / "weights.safetensors"
    again = f"delete {folder} and train it again"
    if need and not weights.exists():
        raise EmorecError(f"{weights}: missing, and {need}")
    record = read_json(folder / "network.json")
    try:
        spec = NetworkSpec(
            network=record["network"],
            role=record["role"],
            classes=tuple(tuple(group) for group in record["classes"]),
            architecture=Architecture(**record["spec"]["architecture"]),
            training=Training(**record["spec"]["training"]),
            mixture=MixtureSpec.from_dict(record["mixture"]) if record.get("mixture") else None,
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

    Raises EmorecError where one is missing or damaged, or has other outputs than the network is built for.
    """
    mixture = spec.mixture
    outputs = (mixture.groups, *mixture.experts) if mixture and mixture.parts else (SEVEN,) if spec.start else ()
    pairs = zip(folders, outputs, strict=True)
    return [_load(folder, classes, f"{spec.network} starts from it").network.state_dict() for folder, classes in pairs]


def load_teachers(spec: NetworkSpec, folders: Sequence[Path]) -> list[Loaded]:
    """The trained networks that a network learns from; `folders` in the order of `spec.teachers`.

    Raises EmorecError where one is missing or damaged, or does not tell all emotions apart.
    """
    return [_load(folder, spec.classes, f"{spec.network} learns from it") for folder in folders]


def _load(folder: Path, classes: Sequence[Sequence[str]], use: str) -> Loaded:
    loaded = load_network(folder, f"{use}; train it first")
    if loaded.classes != classes:
        named = "; ".join(", ".join(group) for group in loaded.classes)
        raise EmorecError(f"{folder}: {use}, but it was trained on other groups ({named}); train it again")
    return loaded


@torch.no_grad()
def network_outputs(
    network: Network,
    images: np.ndarray,
    *,
    mean: float,
    std: float,
    device: torch.device,
    threads: int,
    views: str = "flip",
    crop: int = 48,
    batch: int = 256,
) -> Output[np.ndarray]:
    """Logits (n, k) float32, representation (n, d) float16, gate weights (n, e) float32 for uint8 images (n, 48, 48).

    All are means over the face's `views` ("none", "flip" or "ten-crop" of side `crop`); in fp32, whatever the network
    was trained in (on CUDA with convolutions in TF32, as torch has it). Logits being log p but for a constant, their
    softmax is the normalised geometric mean over the views.
    """
    torch.set_num_threads(threads)
    network = on_device(network, device).eval()
    logits, features, gate = [], [], []
    for chunk in torch.from_numpy(images).split(batch):
        seen = views_of(normalise(chunk.to(device), mean, std), views, crop)
        outputs = [network.output(x.contiguous(memory_format=torch.channels_last)) for x in seen]
        logits.append(_mean([output.logits for output in outputs]))
        features.append(_mean([output.features for output in outputs]).half())
        if weights := [output.gate for output in outputs if output.gate is not None]:
            gate.append(_mean(weights))
    return Output(torch.cat(logits).numpy(), torch.cat(features).numpy(), torch.cat(gate).numpy() if gate else None)


def _mean(of_views: list[torch.Tensor]) -> torch.Tensor:
    return (cast(torch.Tensor, sum(of_views)) / len(of_views)).cpu()
