"""A gate and experts as one network, trained together: p(y|x) = Σ_e g_e(x) p_e(y|x) (Jacobs et al. 1991).

The loss is the mixture's negative log-likelihood (Jordan & Jacobs 1994), so that an expert learns from a face as much
as it is held responsible for it. All sums are of logarithms, in float32.

Axis letters: b batch, e experts, k outputs of an expert, s slots of an expert, c channels, h height, w width,
d features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from emorec import EMOTIONS
from emorec.config import own_outputs
from emorec.networks.constant import Constant
from emorec.networks.resnet import Answer, Branch, ResNet, Trunk, initialise

# Logarithm of what should be zero: an emotion that an expert does not know, an expert that is not asked. Its
# exponential is exactly 0, while its product with a smoothed label's small share stays finite.
NEVER = -1e4

# Slots of an expert in training, in its share of an evenly spread batch: Fedus et al. 2021, equation 3, take 1 to 2.
CAPACITY = 1.25


class Mixed(NamedTuple):
    """logits: (b, 7), log p, normalised; gate: (b, e), summing to 1; balance: the load-balancing loss."""

    logits: torch.Tensor
    gate: torch.Tensor
    balance: torch.Tensor


class Mixture(nn.Module):
    """A mixture of experts of faces.

    Args:
        experts: the classes of each expert's outputs, each one emotion or ("other") several. What an expert says of the
            latter is left out of the sum, and p normalised over the seven emotions.
        architecture: ResNet's keywords, of the gate and of each expert.
        top: how many experts answer for a face; None for all.
        trunk: how many stages the experts share. The gate then is a linear layer on the trunk's averaged maps.
        branch_width: width of the stages after the trunk.

    With `top` k the gate is sparse, the softmax over its k largest logits (Shazeer et al. 2017, arXiv 1701.06538,
    equations 3 and 5, without their noise), and only those experts are computed: when the network is used, exactly
    those for each face, whatever the other faces of the batch; in training, as in the Switch Transformer (Fedus et al.
    2021, arXiv 2101.03961, equation 3), each expert has CAPACITY · k b / e slots, so that shapes are fixed and nothing
    waits for the device. A face that finds an expert's slots taken loses that expert, and one that loses all is told
    nothing and teaches nothing. Slots go to the faces that are the surest of the expert (Riquelme et al. 2021, arXiv
    2106.05974); those left over to the next surest of all others, with weight zero, so that a norm layer
    has real faces to see.
    """

    def __init__(
        self,
        experts: Sequence[Sequence[Sequence[str]]],
        architecture: dict[str, Any],
        *,
        top: int | None = None,
        trunk: int = 0,
        branch_width: int = 0,
    ) -> None:
        super().__init__()
        self.top, self.shared = top, trunk > 0
        # Whether experts look at faces that do not ask them, too: slower, but of fixed shapes, as ONNX needs.
        self.everyone = False
        self.columns = [own_outputs(classes) for classes in experts]
        self.trunk: Trunk | nn.Identity
        self.gate: nn.Linear | ResNet
        made: list[Branch | ResNet | Constant]
        if self.shared:
            stem = {k: v for k, v in architecture.items() if k != "dropout"}
            branch = {k: v for k, v in architecture.items() if k not in ("stem", "whitening")} | {"width": branch_width}
            self.trunk = Trunk(trunk, **stem)
            self.gate = nn.Linear(self.trunk.channels, len(experts))
            made = [Branch(len(classes), self.trunk.channels, trunk + 1, **branch) for classes in experts]
            for module in (self.trunk, *made):
                initialise(module)
        else:
            self.trunk = nn.Identity()
            self.gate = ResNet(len(experts), **architecture)
            made = [ResNet(len(c), **architecture) if len(c) > 1 else Constant() for c in experts]
        self.experts = nn.ModuleList(made)

    def _each(self) -> Iterable[Branch | ResNet | Constant]:
        """The experts; a list of modules does not say of which."""
        return cast("Iterable[Branch | ResNet | Constant]", self.experts)

    def start_from(self, parts: Sequence[dict[str, torch.Tensor]]) -> None:
        """Take the weights of trained networks, the gate's first. Raises RuntimeError where one does not fit."""
        for network, weights in zip((self.gate, *self.experts), parts, strict=True):
            network.load_state_dict(weights)

    def forward(self, x: torch.Tensor) -> Mixed:
        """Images (b, 1, h, w) to emotions' log-probabilities, the gate's weights and the load-balancing loss."""
        log_gate, asked, told = self._told(x)
        log_weights, heard = self._weigh(log_gate, asked, told)
        balance = balance_loss(log_gate, asked, self.top or 1)
        return Mixed(self._mix(log_weights, heard, told), log_weights.exp(), balance)

    def answer(self, x: torch.Tensor) -> Answer:
        """All that is kept of what the network says; its representation is the experts' side by side, (b, e d), as
        where networks that were trained apart are combined. That of an expert that a face does not ask is zero."""
        log_gate, asked, told = self._told(x)
        log_weights, heard = self._weigh(log_gate, asked, told)
        weights = log_weights.exp()
        features = [
            _placed(t.features, t.rows, x.shape[0], expert.features, 0.0, weights)
            for t, expert in zip(told, self._each(), strict=True)
        ]
        if heard is not None:  # where everyone looks at every face
            features = [h * heard[:, i, None] for i, h in enumerate(features)]
        return Answer(self._mix(log_weights, heard, told), torch.cat(features, 1), weights)

    def _told(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[_Told]]:
        """The gate's log softmax over all experts (b, e), whom each face asks (b, e), and what each expert says."""
        maps = self.trunk(x)
        logits = self.gate(maps.mean((2, 3)) if self.shared else maps)
        log_gate = logits.float().log_softmax(1)
        best = log_gate.topk(self.top or 1, 1).indices
        asked = torch.zeros_like(log_gate, dtype=torch.bool).scatter(1, best, True)
        told = []
        for expert, rows in zip(self._each(), self._rows(log_gate, asked), strict=True):
            if rows is not None and rows.numel() == 0:
                told.append(_Told(rows, None, None))
                continue
            seen = maps if rows is None else maps.index_select(0, rows).to(memory_format=torch.channels_last)
            h = expert.embed(seen)
            told.append(_Told(rows, h, expert.head(h).float().log_softmax(1)))
        return log_gate, asked, told

    def _rows(self, log_gate: torch.Tensor, asked: torch.Tensor) -> list[torch.Tensor | None]:
        """The faces that each expert looks at: all (None), those that ask it, or in training those that have slots."""
        if self.top is None or self.everyone:
            return [None] * len(self.experts)
        if not self.training:
            return [asked[:, expert].nonzero().squeeze(1) for expert in range(len(self.experts))]
        slots = capacity(len(asked), len(self.experts), self.top)
        with torch.no_grad():
            surest = (asked + log_gate.exp()).topk(slots, 0).indices  # who asks comes before who does not
        return list(surest.unbind(1))

    def _weigh(
        self, log_gate: torch.Tensor, asked: torch.Tensor, told: list[_Told]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logarithms of the experts' weights (b, e), and which experts each face hears (b, e), None being all.

        A face that hears nobody has equal weights, without a gradient.
        """
        if self.top is None:
            return log_gate, None
        heard = asked
        looked = [t.rows for t in told if t.rows is not None]
        if looked:
            answered = [torch.zeros_like(asked[:, 0]).index_fill(0, rows, True) for rows in looked]
            heard = asked & torch.stack(answered, 1)
        return log_gate.masked_fill(~heard, NEVER).log_softmax(1), heard

    def _mix(self, log_weights: torch.Tensor, heard: torch.Tensor | None, told: list[_Told]) -> torch.Tensor:
        """log p (b, 7), normalised. To a face that hears nobody, any emotion is as likely as any other."""
        alike = -math.log(len(EMOTIONS))
        each = []
        for i, (t, columns) in enumerate(zip(told, self.columns, strict=True)):
            known = None
            if t.log_shares is not None:
                unknown = t.log_shares.new_full(t.log_shares.shape[:1], NEVER)
                known = torch.stack([unknown if k is None else t.log_shares[:, k] for k in columns], 1)
            said = _placed(known, t.rows, log_weights.shape[0], len(EMOTIONS), alike, log_weights)
            if heard is not None:
                said = said.masked_fill(~heard[:, i, None], alike)
            each.append(log_weights[:, i, None] + said)
        return torch.stack(each, 1).logsumexp(1).log_softmax(1)


class _Told(NamedTuple):
    """What an expert says: of which faces (None: of all), their representation, the logarithms of its softmax."""

    rows: torch.Tensor | None
    features: torch.Tensor | None
    log_shares: torch.Tensor | None


def capacity(batch: int, experts: int, top: int) -> int:
    """Slots of an expert in training; two at least, as a norm layer cannot do with one."""
    return min(batch, max(2, math.ceil(CAPACITY * top * batch / experts)))


def balance_loss(log_gate: torch.Tensor, asked: torch.Tensor, top: int) -> torch.Tensor:
    """E Σ_i f_i P_i, equations 4 to 6 of Fedus et al. 2021: 1 where the faces are spread evenly, E where all go to one.

    f_i is the share of the faces' `top` questions that go to expert i, `asked` (b, e); P_i its mean weight in the
    softmax over all experts, whose logarithm is `log_gate` (b, e). Only the latter has a gradient.
    """
    questions = asked.float().mean(0) / top
    return log_gate.shape[1] * (questions * log_gate.exp().mean(0)).sum()


def logits_of(said: torch.Tensor | Mixed) -> torch.Tensor:
    """The logits in what any network's forward pass gives."""
    return said.logits if isinstance(said, Mixed) else said


def _placed(
    values: torch.Tensor | None, rows: torch.Tensor | None, batch: int, width: int, fill: float, like: torch.Tensor
) -> torch.Tensor:
    """`values` (s, width) put at `rows` of a (batch, width) tensor of `fill`; themselves where rows is None."""
    if values is None:
        return like.new_full((batch, width), fill)
    if rows is None:
        return values
    return like.new_full((batch, width), fill).index_copy(0, rows, values)
