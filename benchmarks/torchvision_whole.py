"""All of torchvision beside a CPU build of torch, for what is compared with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch

_declared: list[torch.library.Library] = []  # a library's declarations live as long as its object


def make_importable() -> None:
    """Make `import torchvision` succeed: declare the operators that did not load.

    PyPI's wheel is compiled against CUDA: its operator library cannot be loaded, and fake kernels are registered for
    operators that nobody declared. Their schemas are all that is missing; the operators themselves (non-maximum
    suppression) cannot be used then.
    """
    spec = importlib.util.find_spec("torchvision")
    if _declared or "torchvision" in sys.modules or spec is None or spec.origin is None:
        return
    try:
        for library in Path(spec.origin).parent.glob("_C*"):
            torch.ops.load_library(library)
    except OSError:
        fragment = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            fragment.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(fragment)
