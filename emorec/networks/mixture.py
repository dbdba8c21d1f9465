"""A gate and experts as one network, trained together: p(y|x) = Σ_e g_e(x) p_e(y|x) (Jacobs et al. 1991).

The loss is the mixture's negative log-likelihood (Jordan & Jacobs 1994), so that an expert learns from a face as much
as it is held responsible for it. All sums are of logarithms, in float32.

Axis letters: b batch, e experts, k outputs of an expert, s faces that an expert sees, c channels, h height, w width,
d features.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import nn

from emorec import EMOTIONS
from emorec.config import MixtureSpec, own_outputs
from emorec.networks.resnet import Constant, Output, ResNet, Stages

# Logarithm of what should be zero: an emotion that an expert does not know, an expert that is not selected. Its
# exponential is exactly 0, while its product with a smoothed label's small share stays finite.
NEVER = -1e4
ALIKE = -math.log(len(EMOTIONS))  # of an emotion that is as likely as any other

# Slots of an expert in training, in its share of an evenly spread batch: Fedus et al. 2021, equation 3, take 1 to 2.
CAPACITY = 1.25


class Mixture(nn.Module):
    """The network of a MixtureSpec, its gate and each expert a ResNet with the keywords `architecture`.

    What an expert says of an output for several emotions ("other") is left out of the sum, and p normalised over the
    seven. With a shared trunk the gate is a linear layer on the trunk's averaged maps.

    With `top` k the gate is sparse, the softmax over its k largest logits (Shazeer et al. 2017, arXiv 1701.06538,
    equations 3 and 5, without their noise), and only those experts are computed. In training, as in the Switch
    Transformer (Fedus et al. 2021, arXiv 2101.03961, equation 3), each expert has CAPACITY · k b / e slots, so that
    shapes are fixed and nothing waits for the device. Slots go to the faces that are the surest of the expert (Riquelme
    et al. 2021, arXiv 2106.05974); those left over go to the next surest, with weight zero, so that a norm layer sees
    real faces. A face without a slot loses that expert; one that loses all of them has no part in the step.
    """

    def __init__(self, mixture: MixtureSpec, architecture: dict[str, Any]) -> None:
        super().__init__()
        experts, trunk = mixture.experts, mixture.trunk
        self.top, self.shared = mixture.top, trunk > 0
        self.compute_all = False  # whether each expert runs on all faces: slower, but of fixed shapes, as ONNX needs
        self.columns = [own_outputs(classes) for classes in experts]
        self.trunk: Stages | nn.Identity
        self.gate: nn.Linear | ResNet
        made: list[ResNet | Constant]
        if self.shared:
            self.trunk = Stages(last=trunk, **{k: v for k, v in architecture.items() if k != "dropout"})
            self.gate = nn.Linear(self.trunk.channels, len(experts))
            branch = architecture | {"width": mixture.branch_width, "first": trunk + 1, "channels": self.trunk.channels}
            branches = [ResNet(len(classes), **branch) for classes in experts]
            for part in (self.trunk, *branches):
                part.initialise()
            made = [*branches]
        else:
            self.trunk = nn.Identity()
            self.gate = ResNet(len(experts), **architecture)
            made = [ResNet(len(c), **architecture) if len(c) > 1 else Constant() for c in experts]
        self.experts = nn.ModuleList(made)

    def start_from(self, parts: Sequence[dict[str, torch.Tensor]]) -> None:
        """Take the weights of trained networks, the gate's first. Raises RuntimeError where one does not fit."""
        for network, weights in zip((self.gate, *self.experts), parts, strict=True):
            network.load_state_dict(weights)

    def forward(self, x: torch.Tensor) -> Output[torch.Tensor]:
        """Images (b, 1, h, w) to log p (b, 7), normalised, representation, gate and, in training, balance.

        The representation is the experts' side by side, (b, e d); that of an expert that does not answer is zero. For a
        face that no expert answers for, emotions are equally likely and the weights equal, without a gradient.
        """
        maps = self.trunk(x)
        logits = self.gate(maps.mean((2, 3)) if self.shared else maps)
        log_gate = log_weights = logits.float().log_softmax(1)
        selected, answered, rows = self._route(log_gate)
        features, log_p = self._run_experts(maps, rows)
        if self.top is not None:
            log_weights = log_gate.masked_fill(~answered, NEVER).log_softmax(1)
            features = [h * answered[:, e, None] for e, h in enumerate(features)]
            log_p = [p.masked_fill(~answered[:, e, None], ALIKE) for e, p in enumerate(log_p)]
        mixed = torch.stack([log_weights[:, e, None] + p for e, p in enumerate(log_p)], 1).logsumexp(1).log_softmax(1)
        balance = balance_loss(log_gate, selected, self.top or 1) if self.training else None
        return Output(mixed, torch.cat(features, 1), log_weights.exp(), balance)

    def output(self, x: torch.Tensor) -> Output[torch.Tensor]:
        """What `forward` gives, by the name that all networks have for it."""
        return self(x)

    def _route(self, log_gate: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor | None]]:
        """Which experts a face selects (b, e), which of these answer (b, e), each expert's rows (s,), None for all."""
        best = log_gate.topk(self.top or 1, 1).indices
        selected = torch.zeros_like(log_gate, dtype=torch.bool).scatter(1, best, True)
        if self.top is None or self.compute_all:
            return selected, selected, [None] * len(self.experts)
        if not self.training:
            return selected, selected, [column.nonzero().squeeze(1) for column in selected.unbind(1)]
        slots = capacity(len(selected), len(self.experts), self.top)
        with torch.no_grad():
            surest = (selected + log_gate.exp()).topk(slots, 0).indices  # faces that select it come before others
        has_slot = torch.zeros_like(selected).scatter(0, surest, True)
        return selected, selected & has_slot, list(surest.unbind(1))

    def _run_experts(
        self, maps: torch.Tensor, rows: list[torch.Tensor | None]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Each expert's representations (b, d) and log p (b, 7); zero and ALIKE for faces that it does not see."""
        features, log_p = [], []
        experts = cast("Iterable[ResNet | Constant]", self.experts)
        for expert, columns, own in zip(experts, self.columns, rows, strict=True):
            seen = maps if own is None else maps.index_select(0, own).to(memory_format=torch.channels_last)
            h = expert.embed(seen)
            shares = expert.head(h).float().log_softmax(1)
            unknown = shares.new_full(shares.shape[:1], NEVER)
            known = torch.stack([unknown if k is None else shares[:, k] for k in columns], 1)
            features.append(_placed(h, own, maps.shape[0], 0.0))
            log_p.append(_placed(known, own, maps.shape[0], ALIKE))
        return features, log_p


def capacity(batch: int, experts: int, top: int) -> int:
    """Slots of an expert in training; two at least, as a norm layer cannot do with one."""
    return min(batch, max(2, math.ceil(CAPACITY * top * batch / experts)))


def balance_loss(log_gate: torch.Tensor, selected: torch.Tensor, top: int) -> torch.Tensor:
    """E Σ_i f_i P_i, equations 4 to 6 of Fedus et al. 2021: 1 where the faces are spread evenly, E where all go to one.

    f_i is the share of the faces' `top` choices, `selected` (b, e), that go to expert i; P_i its mean weight.
    """
    choices = selected.float().mean(0) / top
    return log_gate.shape[1] * (choices * log_gate.exp().mean(0)).sum()


def _placed(values: torch.Tensor, rows: torch.Tensor | None, batch: int, fill: float) -> torch.Tensor:
    """`values` (s, n) put at `rows` of a (batch, n) tensor of `fill`; themselves where rows is None."""
    if rows is None:
        return values
    return values.new_full((batch, values.shape[1]), fill).index_copy(0, rows, values)
