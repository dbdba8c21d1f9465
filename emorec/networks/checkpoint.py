"""Checkpoints of a run in progress: safetensors for tensors, JSON in its metadata for the rest, no pickle.

All random streams of a run are functions of (seed, epoch), so that weights, momentum, the weights' average and the
epoch are its whole state.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as to_bytes

from emorec.files import atomic
from emorec.plain import plain

log = logging.getLogger(__name__)


@dataclass
class Checkpoint:
    """State after `epoch` epochs; `fingerprint` says which run it belongs to."""

    epoch: int
    tensors: dict[str, torch.Tensor]
    history: list[dict[str, Any]]
    fingerprint: str


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically: a run killed meanwhile keeps the checkpoint before."""
    history = json.dumps(checkpoint.history)
    meta = {"epoch": str(checkpoint.epoch), "history": history, "fingerprint": checkpoint.fingerprint}
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in checkpoint.tensors.items()}
    with atomic(path) as temporary:
        temporary.write_bytes(to_bytes(tensors, meta))


def load(path: Path, fingerprint: str) -> Checkpoint | None:
    """The checkpoint at `path`, or None if there is none to go on from.

    One that is damaged or of another run is renamed aside, with a warning: it is neither used nor lost.
    """
    if not path.exists():
        return None
    try:
        # Read once: header and tensors are those of one file, though another process may replace it meanwhile.
        content = path.read_bytes()
        tensors = load_tensors(content)
        meta = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        checkpoint = Checkpoint(int(meta["epoch"]), tensors, json.loads(meta["history"]), meta["fingerprint"])
        reason = "it belongs to a run with another spec, seed or data, or to other code"
        if checkpoint.fingerprint == fingerprint:
            return checkpoint
    except (SafetensorError, KeyError, ValueError, OSError, RecursionError) as error:
        reason = f"it is damaged ({plain(error)})"
    aside = path.with_name(path.name + ".set-aside")
    path.replace(aside)
    log.warning("%s: not resumed from, %s; kept as %s, training starts anew", path, reason, aside.name)
    return None
