"""Torchvision's residual block, importable beside a CPU build of torch as well.

PyPI's torchvision wheel is compiled against CUDA. Beside a CPU-only torch its operator library cannot be loaded, and
`import torchvision` then fails while it registers fake kernels for operators that nobody declared. Declaring their
schemas is all that is missing; the operators themselves (detection's non-maximum suppression) are not used here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_declared: list[torch.library.Library] = []  # a library's declarations live as long as its object


def _declare_missing_operators() -> None:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return  # the import below says so in its own words
    try:
        for library in Path(spec.origin).parent.glob("_C*"):
            torch.ops.load_library(library)
    except OSError:
        fragment = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            fragment.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(fragment)


_declare_missing_operators()

from torchvision.models import resnet18  # noqa: E402
from torchvision.models.resnet import BasicBlock  # noqa: E402

__all__ = ["BasicBlock", "resnet18"]
