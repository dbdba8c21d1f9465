"""Torchvision's ResNet module, imported without the rest of torchvision.

`import torchvision` takes as long again as torch itself, in every job of the workflow, and fails beside a CPU-only
torch, because PyPI's wheel is compiled against CUDA (`benchmarks/torchvision_whole.py`).
"""

import importlib
import importlib.metadata
import sys
from types import ModuleType


def _resnets() -> ModuleType:
    """The module torchvision.models.resnet, below packages that are empty while it is imported."""
    if "torchvision" in sys.modules:
        return importlib.import_module("torchvision.models.resnet")
    folder = importlib.metadata.distribution("torchvision").locate_file("torchvision")
    for name, path in (("torchvision", folder), ("torchvision.models", folder / "models")):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(path)]
    try:
        return importlib.import_module("torchvision.models.resnet")
    finally:
        # A later `import torchvision` gets it whole.
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]


_module = _resnets()
BasicBlock = _module.BasicBlock
resnet18 = _module.resnet18
