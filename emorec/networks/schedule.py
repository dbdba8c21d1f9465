"""The learning rate as a pure function of progress."""

from __future__ import annotations

import math


def rate(step: int, steps: int, *, peak: float, schedule: str, warmup: float) -> float:
    """Learning rate at `step` of `steps`.

    Both schedules rise linearly to `peak` over the first `warmup` share of the steps. Then "cosine" falls along half a
    cosine (Loshchilov & Hutter 2017, arXiv 1608.03983), "one-cycle" in a straight line (Smith & Topin 2018, arXiv
    1708.07120, with linear annealing); both end at zero after the last step.
    """
    rise = warmup * steps
    if step < rise:
        return peak * (step + 1) / (rise + 1)
    done = (step - rise) / (steps - rise)
    if schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    return peak * (1 - done)
