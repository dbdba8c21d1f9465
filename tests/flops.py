"""Operations of a network as torch counts them, which the formulas are held to."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from emorec.networks.build import Network


def forward_flops(network: Network, side: int = 48) -> int:
    """Floating-point operations of one side×side image's forward pass, a multiply-add counted as two.

    Of a mixture in which not all experts answer for a face, only those that do are counted.
    """
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, side, side))
    return counter.get_total_flops()
