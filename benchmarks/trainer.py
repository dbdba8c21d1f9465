"""How fast a network trains, against the loop that a user would write: `python -m benchmarks.trainer`.

JSON first, then a table. Both loops train the network of a study's first single model with its batch size, on the same
device with the same threads, turn by turn:

- ours: `emorec.networks`, faces and augmentation on the device, in the study's precision;
- a user's: PIL images, torchvision v2 transforms a sample, `DataLoader` with a worker a core, fp32.

Beside them: the share of a step outside forward, backward and optimiser, and what share the training is of the bf16
matrix rate that the machine reaches in a plain product (backward counted as twice the forward pass).
Each figure is the best of its turns (the share the median of the ratios within a turn), as other work on the machine
can only slow a turn down; `load` is how much there was before the start.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.torchvision_whole import make_importable
from emorec import config as configs
from emorec.config import Augmentation, NetworkSpec
from emorec.config.sizes import spec_size
from emorec.networks.batches import Feed, select
from emorec.networks.cuda import Captured
from emorec.networks.device import autocast, is_fast, pick_device, processor, set_determinism
from emorec.networks.learner import Learner
from emorec.networks.train import build, make_learner

FACES = 4096


def matrix_rate(device: torch.device, size: int, repeats: int = 10) -> float:
    """Operations a second of a bf16 product of square matrices; the best of `repeats`."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / min(timed(lambda: a @ b, device) for _ in range(repeats + 1))


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until the device has done the work."""
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def ours(learner: Learner, feed: Feed, steps: int) -> None:
    """`steps` steps as an epoch has them."""
    learner.network.train()
    for number, batch in enumerate(feed.epoch(steps, seed=1)):
        learner.step(batch.x, batch.targets, 0.01, number)


def bare(learner: Learner, x: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Forward, backward and optimiser alone."""
    learner.network.train()
    with autocast(x.device, learner.precision):
        logits = learner.network(x)
    loss = F.cross_entropy(logits.float(), targets, label_smoothing=learner.label_smoothing)
    learner.network.zero_grad()
    loss.backward()
    learner.descent.step(0.01)
    return (loss.detach(),)


def repeated(step: Callable[..., object], *inputs: torch.Tensor, steps: int) -> None:
    """The same step on the same batch again and again."""
    for _ in range(steps):
        step(*inputs)


class Pictures(Dataset):
    """Faces as PIL images, changed one by one."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, how: Augmentation) -> None:
        make_importable()
        from torchvision.transforms import v2

        self.pictures = [Image.fromarray(image) for image in images]
        self.labels = labels.astype(int).tolist()
        self.change = v2.Compose(
            [
                v2.RandomHorizontalFlip(0.5 if how.flip else 0),
                v2.RandomAffine(how.rotation, (how.shift, how.shift), (1 - how.scale, 1 + how.scale)),
                v2.ColorJitter(how.brightness, how.contrast),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5], [0.25]),
                v2.RandomErasing(how.erasing),
            ]
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.change(self.pictures[index]), self.labels[index]


def users(network: nn.Module, optimiser: torch.optim.Optimizer, loader: DataLoader, device: torch.device) -> None:
    """The loop that a user would write."""
    network.train()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    running = 0.0
    for x, y in loader:
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        optimiser.zero_grad()
        loss = criterion(network(x), y)
        loss.backward()
        optimiser.step()
        running += loss.item()


def measure(spec: NetworkSpec, device: torch.device, *, threads: int, steps: int, turns: int) -> dict[str, float]:
    """All figures of one network."""
    how = spec.training
    set_determinism(device, how.deterministic, threads)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (FACES, 48, 48), np.uint8)
    labels = random.integers(0, 7, FACES, np.uint8)
    part = select(images, labels, spec, device)
    fast = is_fast(device, how)
    learner = make_learner(spec, part, 0.5, 0.25, 0, None)
    feed = Feed(part, how, 0.5, 0.25, captured=fast)
    batch = next(feed.epoch(1, seed=0))
    x = batch.x.to(memory_format=torch.channels_last)
    alone = Captured(partial(bare, learner)) if fast else partial(bare, learner)

    chosen = random.integers(0, FACES, steps * how.batch)
    pictures = Pictures(images[chosen], labels[chosen], how.augmentation)
    on_cuda = device.type == "cuda"
    loader = DataLoader(
        pictures, how.batch, shuffle=True, num_workers=threads, persistent_workers=True, pin_memory=on_cuda
    )
    theirs = build(spec).to(device)
    optimiser = torch.optim.SGD(theirs.parameters(), 0.01, how.momentum, weight_decay=how.weight_decay, nesterov=True)

    work = {
        "ours": lambda: ours(learner, feed, steps),
        "bare": lambda: repeated(alone, x, batch.targets, steps=steps),
        "users": lambda: users(theirs, optimiser, loader, device),
    }
    for warm in work.values():
        warm()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(turns):
        for name, run in work.items():
            seconds[name].append(timed(run, device))
    best = {name: min(taken) / steps for name, taken in seconds.items()}
    # A ratio within each turn: the machine's speed drifts from turn to turn by more than this share.
    bare_share = float(np.median(np.divide(seconds["bare"], seconds["ours"])))
    rate = matrix_rate(device, 8192 if on_cuda else 2048)
    flops = 3 * spec_size(spec).flops
    per_second = {name: how.batch / step for name, step in best.items()}
    return {
        "images_per_second": per_second["ours"],
        "users_images_per_second": per_second["users"],
        "times_faster": per_second["ours"] / per_second["users"],
        "milliseconds_per_step": 1e3 * best["ours"],
        "share_outside_forward_backward_optimiser": 1 - bare_share,
        "gflops_per_image": flops / 1e9,
        "matrix_tflops_per_second": rate / 1e12,
        "share_of_matrix_rate": flops * per_second["ours"] / rate,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="the study (default: fer2013 on CUDA, fer2013-quick on CPU)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each loop (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="of a turn (default: 100 on CUDA, 12 on CPU)")
    parser.add_argument("--turns", type=int, default=12, help="default: %(default)s")
    args = parser.parse_args()
    device = pick_device(args.device)
    on_cuda = device.type == "cuda"
    config = args.config or Path("config/fer2013.yaml" if on_cuda else "config/fer2013-quick.yaml")
    study = configs.load(config)
    spec = configs.networks(study)[study.reference]
    load = os.getloadavg()[0]
    found = measure(spec, device, threads=args.threads, steps=args.steps or (100 if on_cuda else 12), turns=args.turns)
    name = torch.cuda.get_device_name(device) if on_cuda else processor()
    about = {
        "benchmark": "trainer",
        "config": str(config),
        "hardware": f"{name}, {args.threads} thread(s)",
        "load": load,
        "torch": torch.__version__,
        "architecture": spec.architecture.model_dump(),
        "batch": spec.training.batch,
        "precision": spec.training.precision,
    }
    print(json.dumps(about | found))
    print(f"\n{about['hardware']}; load before the start {load:.1f}; {config}, batch {spec.training.batch}")
    for key, text in ROWS.items():
        print(f"{text:<52}{found[key] * (100 if key.startswith('share') else 1):>12,.2f}")


ROWS = {
    "images_per_second": "images a second",
    "users_images_per_second": "images a second, the loop that a user would write",
    "times_faster": "times faster",
    "milliseconds_per_step": "milliseconds a step",
    "share_outside_forward_backward_optimiser": "outside forward, backward and optimiser, %",
    "gflops_per_image": "GFLOPs an image, forward and backward",
    "matrix_tflops_per_second": "matrix rate of the machine, bf16, TFLOP/s",
    "share_of_matrix_rate": "share of it, %",
}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
