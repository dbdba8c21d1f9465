"""Torchvision's residual block, imported without the rest of torchvision.

`import torchvision` imports detection operators, which import torch's compiler, and data sets: as much again as torch
itself, in every job of the workflow. It also fails beside a CPU-only torch, because PyPI's wheel is compiled against
CUDA: its operator library cannot be loaded, and fake kernels are registered for operators that nobody declared. The
ResNets' module needs neither, so it is imported by itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch

_declared: list[torch.library.Library] = []  # a library's declarations live as long as its object


def _resnets() -> ModuleType:
    """The module torchvision.models.resnet, below packages that are empty while it is imported."""
    if "torchvision" in sys.modules:  # somebody needed all of it
        return importlib.import_module("torchvision.models.resnet")
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("torchvision is not installed", name="torchvision")
    folder = Path(spec.origin).parent
    for name, path in (("torchvision", folder), ("torchvision.models", folder / "models")):
        empty = ModuleType(name)
        empty.__path__ = [str(path)]
        sys.modules[name] = empty
    try:
        return importlib.import_module("torchvision.models.resnet")
    finally:
        # A later `import torchvision` gets it whole.
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]


def make_importable() -> None:
    """Make `import torchvision` succeed beside a CPU build of torch: declare the operators that did not load.

    The schemas are all that is missing; the operators themselves (non-maximum suppression) cannot be used then.
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


_module = _resnets()
BasicBlock = _module.BasicBlock
resnet18 = _module.resnet18

__all__ = ["BasicBlock", "make_importable", "resnet18"]
