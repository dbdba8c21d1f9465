"""Compiled code for training on CUDA: of the convolutional stages alone, so that all networks of a study share it.

A whole network's graph ends in its head, and an expert's head is not a gate's: compiled whole, each would cost half a
minute again. Their stages are the same code on tensors of the same shapes, whose weights are inputs of the graph; so
they are compiled once in a process, and found in `cache` by the next one.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from emorec.networks.resnet import Branch, ResNet, Trunk

# How many shapes and kinds of stages one process compiles before torch gives up and runs the rest uncompiled.
VARIANTS = 64


def compile_for_training(network: nn.Module, cache: Path | None) -> None:
    """Have the network's stages run compiled code while it is in training mode, in place; evaluation is left alone.

    cache: folder for compiled code; None for torch's own.
    """
    if cache is not None:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache.resolve()))
    torch._dynamo.config.recompile_limit = VARIANTS
    for module in network.modules():
        if isinstance(module, ResNet | Branch):
            _compile(module, "embed")
        elif isinstance(module, Trunk):
            _compile(module, "maps")


def _compile(module: nn.Module, method: str) -> None:
    eager = getattr(module, method)
    fast = torch.compile(eager, dynamic=False)
    setattr(module, method, lambda x: (fast if module.training else eager)(x))
