"""What makes training fast on CUDA: compiled stages, shared by a study's networks, and steps queued as one graph.

A whole network's graph ends in its head, and an expert's head is not a gate's: compiled whole, each would cost half a
minute again. Their stages are the same code on tensors of the same shapes, whose weights are inputs of the graph; so
they are compiled once in a process, and found in a folder by the next one.

A processor takes longer to queue a step's three hundred kernels than a GPU to run them (benchmarks/README.md); as a
CUDA graph they are queued at once.
"""

import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from emorec.errors import EmorecError
from emorec.networks.resnet import ResNet, Stages
from emorec.plain import plain

# How many shapes and kinds of stages one process compiles before torch gives up and runs the rest uncompiled.
VARIANTS = 64
# Calls that run as they are before a function is captured: the first ones compile and choose kernels.
WARM_UPS = 3

Tensors = tuple[torch.Tensor, ...]


def compile_for_training(network: nn.Module, cache: Path | None) -> None:
    """Have the network's stages run compiled code in training mode, kept in the folder `cache` (None: torch's own)."""
    if cache is not None:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache.resolve()))
    torch._dynamo.config.recompile_limit = VARIANTS
    for module in network.modules():
        if isinstance(module, Stages):
            _compile(module, "embed" if isinstance(module, ResNet) else "maps")


def _compile(module: nn.Module, method: str) -> None:
    eager = getattr(module, method)
    fast = torch.compile(eager, dynamic=False)
    setattr(module, method, lambda x: (fast if module.training else eager)(x))


class Captured:
    """A function of CUDA tensors, which after WARM_UPS calls is captured and from then on queued as one CUDA graph.

    Shapes are the same in each call. The function asks the device for no value, and what it changes besides (weights,
    momentum) stays where it lies. `generator`: of its random numbers that are not from torch's own.

    A call raises EmorecError where the function cannot be captured.
    """

    def __init__(self, function: Callable[..., Tensors], generator: torch.Generator | None = None) -> None:
        self.function, self.generator = function, generator
        self.stream = torch.cuda.Stream()  # never the default one: that cannot be captured
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: Tensors = ()
        self.outputs: Tensors = ()

    def __call__(self, *inputs: torch.Tensor) -> Tensors:
        self.calls += 1
        if self.calls <= WARM_UPS:
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                outputs = self.function(*inputs)
            torch.cuda.current_stream().wait_stream(self.stream)
            return outputs
        if self.graph is None:
            self.graph = self._capture(inputs)
        for held, given in zip(self.inputs, inputs, strict=True):
            held.copy_(given)
        self.graph.replay()
        return tuple(output.clone() for output in self.outputs)  # the next call writes into the same memory

    def _capture(self, inputs: Tensors) -> torch.cuda.CUDAGraph:
        self.inputs = tuple(given.clone() for given in inputs)
        graph = torch.cuda.CUDAGraph()
        if self.generator is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from torch 2.12 on it is not needed any more, and says so
                graph.register_generator_state(self.generator)
        gc.collect()  # a graph that is thrown away while another one is captured would break that off
        try:
            with torch.cuda.graph(graph, stream=self.stream):
                self.outputs = self.function(*self.inputs)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise EmorecError(
                f"a step cannot be queued as a CUDA graph ({plain(error)}); set training.compile: false"
            ) from error
        return graph
