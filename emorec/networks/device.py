"""Where a network is trained and how exactly: device, determinism, precision, compilation."""

import os
import platform
import re
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from emorec.config import Training
from emorec.errors import EmorecError

Module = TypeVar("Module", bound=nn.Module)


def pick_device(wish: str) -> torch.device:
    """`auto` is CUDA where there is one. Raises EmorecError if CUDA is asked for and missing."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise EmorecError("training.device: cuda, but torch sees no CUDA device; set it to auto or cpu")
    return torch.device("cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu")


def processor() -> str:
    """The processor's name for people."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


# What oneDNN chooses its kernels by, from the most to the least, as torch names it: x86's, then Arm's.
_LEVELS = (
    *("amx_fp16", "amx_bf16", "amx_int8", "avx10_2", "avx10_1", "avx512_fp16", "avx512_bf16", "avx512_vnni"),
    *("avx512_f", "avx_vnni", "avx2", "avx", "sse4_1", "sve2", "sve", "bf16", "neon"),
)


def instruction_set() -> str:
    """The instructions that ATen's and oneDNN's kernels are chosen by, and the environment's limit: others sum in
    another order."""
    has = torch.cpu.get_capabilities()
    highest = next((level for level in _LEVELS if has.get(level)), "unknown")
    limits = [os.environ.get(name) for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")]
    limit = next((f" limited to {limit.upper()}" for limit in limits if limit), "")
    return f"ATen {torch.backends.cpu.get_cpu_capability()}, oneDNN {highest.upper().replace('_', '-')}{limit}"


def is_deterministic(device: torch.device, wanted: bool) -> bool:
    """Whether two runs on the same hardware give the same bits: on CPU always, on CUDA where it is wanted."""
    return device.type == "cpu" or wanted


def is_fast(device: torch.device, how: Training) -> bool:
    """Whether training is compiled, and its steps are captured as graphs."""
    return device.type == "cuda" and how.compile and not how.deterministic


def set_determinism(device: torch.device, wanted: bool, threads: int) -> None:
    """Set torch's global switches for a run. On CUDA, an operation without a deterministic kernel stops one that is."""
    torch.set_num_threads(threads)
    exact = is_deterministic(device, wanted)
    if device.type == "cuda":
        if exact:
            # Read when cuBLAS starts: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = not exact
        torch.backends.cudnn.deterministic = exact
    # What use_deterministic_algorithms sets, without the compiler that it imports for two seconds.
    torch.set_deterministic_debug_mode("default" if not exact else "warn" if device.type == "cpu" else "error")
    # Deterministic mode also fills fresh memory with NaN, to show up reads of it: a cost in each step, no other effect.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by its module


def on_device(network: Module, device: torch.device) -> Module:
    """The network itself, moved to `device`, its filters laid out for images whose channels come last."""
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch documents it


def computes_in(device: torch.device, precision: str) -> str:
    """The precision that a network is trained in: bf16 where it is asked for and the device computes it.

    A processor without AVX512 only imitates bf16, at an eighth of the speed of fp32 (one thread, the demo's network).
    """
    imitates = device.type == "cpu" and not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return "fp32" if imitates else precision


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 where that is what the device computes in; otherwise without effect."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_in(device, precision) == "bf16")


def avoid_overrun(narrowest: int, precision: str) -> None:
    """Turn oneDNN off for a network whose fp32 training it would crash, and on for all others.

    On processors with AVX2 alone, oneDNN of torch 2.13 writes past its memory in the backward pass of a 1×1 convolution
    of stride 2 with fewer than eight input channels, of which the network has no fewer than `narrowest`.
    """
    crashes = torch.backends.cpu.get_cpu_capability() == "AVX2" and narrowest < 8 and precision == "fp32"
    torch.backends.mkldnn.set_flags(not crashes)
