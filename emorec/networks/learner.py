"""A network being trained: one step of gradient descent, and its whole state as named tensors."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.sgd import sgd
from torch.optim.swa_utils import get_ema_multi_avg_fn

from emorec.config import NetworkSpec
from emorec.networks.batches import Subset, loss_weights
from emorec.networks.build import Network
from emorec.networks.cuda import Captured
from emorec.networks.device import Module, autocast, on_device


class Descent:
    """Stochastic gradient descent with Nesterov momentum over a network's trainable weights.

    A step is torch's own function: its optimiser classes import torch's compiler, which takes longer than a short
    training's epoch. Norm layers and biases are not decayed: Goyal et al. 2017 (arXiv 1706.02677), section 5.1.
    `fused`: whether a step is one kernel, as is quickest on CUDA.
    """

    def __init__(self, network: nn.Module, momentum: float, weight_decay: float, fused: bool = False) -> None:
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.momentum, self.weight_decay, self.fused = momentum, weight_decay, fused
        self.buffers: list[torch.Tensor | None] = [None] * len(self.weights)  # momentum, of each of the weights

    @torch.no_grad()
    def step(self, lr: float | torch.Tensor) -> None:
        """One step along the gradients that the weights have; weights without one stay where they are."""
        for decayed in (True, False):
            some = [i for i, p in enumerate(self.weights) if (p.ndim > 1) == decayed and p.grad is not None]
            buffers = [self.buffers[i] for i in some]
            sgd(
                [self.weights[i] for i in some],
                [self.weights[i].grad for i in some],  # type: ignore[misc]  # none of them is None
                buffers,
                weight_decay=self.weight_decay if decayed else 0.0,
                momentum=self.momentum,
                lr=lr,  # type: ignore[arg-type]  # a tensor in a captured step, which torch takes too
                dampening=0.0,
                nesterov=self.momentum > 0,
                maximize=False,
                foreach=not self.fused,
                fused=self.fused,
            )
            for i, buffer in zip(some, buffers, strict=True):
                self.buffers[i] = buffer


class Average(Generic[Module]):
    """Exponential moving average of weights (Polyak & Juditsky 1992), and of the norm layers' statistics, as in
    Tarvainen & Valpola 2017 (arXiv 1703.01780), which needs no pass over the data.

    The decay is min(decay, (1 + n) / (10 + n)) at step n, as in TensorFlow's ExponentialMovingAverage, so that the
    random initialisation is soon forgotten.
    """

    def __init__(self, network: Module, decay: float) -> None:
        self.network: Module = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step `step` (from 0, over all epochs)."""
        mine, theirs = ([*(p.detach() for p in n.parameters()), *n.buffers()] for n in (self.network, network))
        decay = min(self.decay, (1 + step) / (10 + step))
        floats = [i for i, tensor in enumerate(mine) if tensor.is_floating_point()]
        get_ema_multi_avg_fn(decay)([mine[i] for i in floats], [theirs[i] for i in floats], None)
        for own, current in zip(mine, theirs, strict=True):
            if not own.is_floating_point():  # a norm layer's count of batches
                own.copy_(current)


@contextmanager
def uphill(network: nn.Module, rho: float) -> Iterator[None]:
    """The network with its weights w at w + ρ g / ‖g‖, where its loss is nearly the worst within ρ; then at w again.

    Sharpness-aware minimisation, Foret et al. 2021 (arXiv 2010.01412), algorithm 1. g is the gradient that the weights
    have on entering. Norm layers keep no account of the batch's statistics meanwhile: their running ones are of w.
    """
    trained = [p for p in network.parameters() if p.grad is not None]
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [p.detach().clone() for p in trained]
    with torch.no_grad():
        length = torch.stack([p.grad.norm() for p in trained if p.grad is not None]).norm()
        for p in trained:
            p.add_(p.grad * (rho / (length + 1e-12)))
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
        with torch.no_grad():
            for p, own in zip(trained, before, strict=True):
                p.copy_(own)


class Learner:
    """A network with its optimiser and, where wanted, the weights' moving average.

    It learns from the faces of `subset` or, in their labels' place and without label smoothing, from the mean
    probabilities of its `teachers`. `captured`: whether steps are queued as one CUDA graph.
    """

    def __init__(
        self, network: Network, spec: NetworkSpec, subset: Subset, teachers: Sequence[Network], captured: bool = False
    ) -> None:
        how, self.device = spec.training, subset.images.device
        self.network, self.teachers, self.precision, self.sam = network, teachers, how.precision, how.sam
        self.descent = Descent(network, how.momentum, how.weight_decay, fused=self.device.type == "cuda")
        self.average = Average(network, how.ema) if how.ema else None
        self.label_smoothing = 0.0 if teachers else how.label_smoothing
        self.class_weights = loss_weights(subset.targets, how.class_balance, subset.importance)
        self.importance = subset.importance
        self.balance = spec.mixture.balance if spec.mixture else 0.0
        # A graph has the numbers of its capture for good: what changes from step to step must be a tensor.
        self.rate: float | torch.Tensor = torch.zeros((), device=self.device) if captured else 0.0
        self.descend: Callable[..., tuple[torch.Tensor, ...]] = Captured(self._descend) if captured else self._descend

    @property
    def evaluated(self) -> Network:
        """The network that is evaluated, selected and kept: the average where there is one."""
        return self.average.network if self.average else self.network

    def step(
        self, x: torch.Tensor, targets: torch.Tensor, lr: float, number: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | int]:
        """Step `number` (from 0, over all epochs) on faces (b, 1, h, w), targets (b, k); nothing waits for the device.

        Returns the batch's mean loss before the step, without the load-balancing one, how many faces it names right,
        and out of how many, each face by its importance. A hit counts by its share of the face relative to the largest:
        as one where groups overlap, as less for the lesser part of a mixed face.
        """
        self.rate = self.rate.fill_(lr) if isinstance(self.rate, torch.Tensor) else lr
        loss, hits, *counts = self.descend(x, targets)
        if self.average:
            self.average.update(self.network, number)
        return loss, hits, counts[0] if counts else len(x)

    def _descend(self, x: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = x.to(memory_format=torch.channels_last)
        wanted = self._soft_targets(x) if self.teachers else targets
        loss, logits = self._differentiate(x, targets, wanted)
        if self.sam:
            with uphill(self.network, self.sam):
                self._differentiate(x, targets, wanted)
        self.descent.step(self.rate)
        with torch.no_grad():
            named = targets.gather(1, logits.argmax(1, keepdim=True)).squeeze(1)
            hits = named / targets.amax(1)
            if self.importance is None:
                return loss.detach(), hits.sum()
            counts = targets @ self.importance
            return loss.detach(), (hits * counts).sum(), counts.sum()

    @torch.no_grad()
    def _soft_targets(self, x: torch.Tensor) -> torch.Tensor:
        """(b, k): the teachers' mean probabilities of the very faces that the network sees, changed and mixed."""
        with autocast(x.device, self.precision):
            logits = [teacher.output(x).logits for teacher in self.teachers]
        return torch.stack([each.float().softmax(1) for each in logits]).mean(0)

    def _differentiate(
        self, x: torch.Tensor, targets: torch.Tensor, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss and the logits of a batch; the weights have the loss's gradient then."""
        with autocast(x.device, self.precision):
            output = self.network.output(x)
        logits = output.logits.float()
        loss = self._loss(logits, targets, wanted)
        self.network.zero_grad()
        if self.balance and output.balance is not None:
            (loss + self.balance * output.balance).backward()
        else:
            loss.backward()
        return loss, logits

    def _loss(self, logits: torch.Tensor, targets: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if self.class_weights is None:
            return F.cross_entropy(logits, wanted, label_smoothing=self.label_smoothing)
        each = F.cross_entropy(logits, wanted, label_smoothing=self.label_smoothing, reduction="none")
        return (each * (targets @ self.class_weights)).mean()

    def state(self) -> dict[str, torch.Tensor]:
        """All that the next step depends on, but for random streams: weights, momentum, average."""
        momentum = {str(index): buffer for index, buffer in enumerate(self.descent.buffers) if buffer is not None}
        parts = {"network": self.network.state_dict(), "momentum": momentum}
        if self.average:
            parts["average"] = self.average.network.state_dict()
        return {f"{part}.{name}": tensor for part, own in parts.items() for name, tensor in own.items()}

    def restore(self, named: dict[str, torch.Tensor]) -> None:
        """Put a `state` back."""
        self.network.load_state_dict(with_prefix("network.", named, self.device))
        if self.average:
            self.average.network.load_state_dict(with_prefix("average.", named, self.device))
        # Kernels differ in memory layout after loading; the layout decides which convolution runs, hence bits.
        on_device(self.network, self.device)
        for index, buffer in with_prefix("momentum.", named, self.device).items():
            layout = torch.channels_last if buffer.ndim == 4 else torch.preserve_format
            self.descent.buffers[int(index)] = buffer.to(memory_format=layout)


def with_prefix(prefix: str, named: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix`, without it, on the device."""
    return {name.removeprefix(prefix): t.to(device) for name, t in named.items() if name.startswith(prefix)}
