"""A network being trained: one step of gradient descent, and its whole state as named tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from emorec.networks.average import Average
from emorec.networks.cuda import Captured
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
    optimiser: torch.optim.SGD
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
        self.rate = torch.zeros((), device=device) if captured else None
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
        rate = lr if self.rate is None else self.rate.fill_(lr)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
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
        self.optimiser.step()
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
        self.optimiser.zero_grad()
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
        for index, state in self.optimiser.state_dict()["state"].items():
            if state.get("momentum_buffer") is not None:
                named[f"momentum.{index}"] = state["momentum_buffer"]
        return named

    def restore(self, named: dict[str, torch.Tensor]) -> None:
        """Put a `state` back; tensors under other names are left alone."""
        device = next(self.network.parameters()).device
        self.network.load_state_dict(_under("network.", named, device))
        if self.average:
            self.average.network.load_state_dict(_under("average.", named, device))
        whole = self.optimiser.state_dict()
        momentum = _under("momentum.", named, device)
        whole["state"] = {int(index): {"momentum_buffer": buffer} for index, buffer in momentum.items()}
        self.optimiser.load_state_dict(whole)
        # Kernels differ in memory layout after loading; the layout decides which convolution runs, hence bits.
        on_device(self.network, device)
        for parameter, state in self.optimiser.state.items():
            if state.get("momentum_buffer") is not None and parameter.ndim == 4:
                state["momentum_buffer"] = state["momentum_buffer"].to(memory_format=torch.channels_last)


def sgd(network: nn.Module, momentum: float, weight_decay: float, device: torch.device) -> torch.optim.SGD:
    """SGD with Nesterov momentum over the network's trainable weights; the rate is set at each step.

    Norm layers and biases are not decayed: Goyal et al. 2017 (arXiv 1706.02677), section 5.1.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim > 1]
    free = [p for p in trained if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    fused = True if device.type == "cuda" else None
    return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=momentum > 0, fused=fused)


def _under(prefix: str, named: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t.to(device) for name, t in named.items() if name.startswith(prefix)}
