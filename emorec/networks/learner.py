"""A network being trained: one step of gradient descent, and its whole state as named tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from emorec.networks.average import Average
from emorec.networks.cuda import Captured
from emorec.networks.descent import Descent
from emorec.networks.device import autocast, on_device
from emorec.networks.mixture import Mixed, logits_of
from emorec.networks.sam import uphill


@dataclass
class Learner:
    """Network, optimiser and, where wanted, the weights' moving average.

    class_weights: (k,) weights of a balanced loss, or None; importance: (k,) weights in accuracy, or None; balance:
    weight of a mixture's load-balancing loss; sam: how far uphill each step looks, 0 for not; teachers: networks whose
    mean probabilities are learned in the labels' place; captured: whether steps are queued as one CUDA graph.
    """

    network: nn.Module
    descent: Descent
    average: Average | None
    precision: str
    label_smoothing: float
    class_weights: torch.Tensor | None = None
    importance: torch.Tensor | None = None
    balance: float = 0.0
    sam: float = 0.0
    teachers: Sequence[nn.Module] = ()
    captured: InitVar[bool] = False

    def __post_init__(self, captured: bool) -> None:
        device = next(self.network.parameters()).device
        # A graph has the numbers of its capture for good: what changes from step to step must be a tensor.
        self.rate: float | torch.Tensor = torch.zeros((), device=device) if captured else 0.0
        self.descend: Callable[..., tuple[torch.Tensor, ...]] = Captured(self._descend) if captured else self._descend

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated, selected and kept: the average where there is one."""
        return self.average.network if self.average else self.network

    def step(
        self, x: torch.Tensor, targets: torch.Tensor, lr: float, number: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | int]:
        """Step `number` (from 0, over all epochs) on faces (b, 1, h, w), targets (b, k); nothing waits for the device.

        Returns the batch's mean loss at the weights before the step, without the load-balancing one, how many faces it
        names right, and out of how many, all but the last on the device. A hit counts by its share of the face relative
        to the largest: as one where groups overlap, as less for the lesser part of a mixed face. Where faces differ in
        importance, they count by that.
        """
        self.rate = self.rate.fill_(lr) if isinstance(self.rate, torch.Tensor) else lr
        loss, hits, *counts = self.descend(x, targets)
        if self.average:
            self.average.update(self.network, number)
        return loss, hits, counts[0] if counts else len(x)

    def _descend(self, x: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = x.to(memory_format=torch.channels_last)
        wanted = self._taught(x) if self.teachers else targets
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

    def _differentiate(
        self, x: torch.Tensor, targets: torch.Tensor, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss and the logits of a batch; the weights have the loss's gradient then."""
        with autocast(x.device, self.precision):
            said = self.network(x)
        logits = logits_of(said).float()
        loss = self._loss(logits, targets, wanted)
        self.network.zero_grad()
        (loss + self.balance * said.balance if isinstance(said, Mixed) and self.balance else loss).backward()
        return loss, logits

    @torch.no_grad()
    def _taught(self, x: torch.Tensor) -> torch.Tensor:
        """(b, k): the teachers' mean probabilities of the very faces that the network sees, changed and mixed."""
        with autocast(x.device, self.precision):
            said = [logits_of(teacher(x)) for teacher in self.teachers]
        return torch.stack([logits.float().softmax(1) for logits in said]).mean(0)

    def _loss(self, logits: torch.Tensor, targets: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if self.class_weights is None:
            return F.cross_entropy(logits, wanted, label_smoothing=self.label_smoothing)
        each = F.cross_entropy(logits, wanted, label_smoothing=self.label_smoothing, reduction="none")
        return (each * (targets @ self.class_weights)).mean()

    def state(self) -> dict[str, torch.Tensor]:
        """All that the next step depends on, but for random streams: weights, momentum, average."""
        named = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        if self.average:
            named |= {f"average.{name}": tensor for name, tensor in self.average.network.state_dict().items()}
        buffers = enumerate(self.descent.buffers)
        return named | {f"momentum.{index}": buffer for index, buffer in buffers if buffer is not None}

    def restore(self, named: dict[str, torch.Tensor]) -> None:
        """Put a `state` back; tensors under other names are left alone."""
        device = next(self.network.parameters()).device
        self.network.load_state_dict(_under("network.", named, device))
        if self.average:
            self.average.network.load_state_dict(_under("average.", named, device))
        # Kernels differ in memory layout after loading; the layout decides which convolution runs, hence bits.
        on_device(self.network, device)
        for index, buffer in _under("momentum.", named, device).items():
            layout = torch.channels_last if buffer.ndim == 4 else torch.preserve_format
            self.descent.buffers[int(index)] = buffer.to(memory_format=layout)


def _under(prefix: str, named: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t.to(device) for name, t in named.items() if name.startswith(prefix)}
