"""Sentences on what the models get right and wrong, chosen by numbers."""

from __future__ import annotations

import math
from typing import Any

from emorec.report.wording.text import count, many, percent, points, size, verb, word


def gap(train: float, val: float) -> str:
    """How training and validation accuracy at the chosen epoch relate. Within half a point they count as level."""
    difference = train - val
    if abs(difference) < 0.005:
        return f"level, within {size(difference)}: there is no sign of overfitting at that epoch"
    if difference > 0:
        return (
            f"apart by {size(difference)} in favour of the training faces, which is how much the network fits what it "
            "has seen better than what it has not"
        )
    return (
        f"apart by {size(difference)} in favour of the validation faces, as happens when augmentation makes the "
        "training faces harder than the untouched validation faces"
    )


def error_flow(confused: float, to_right: float, to_other: float, from_right: float, from_other: float) -> str:
    """Where the faces of hard pairs that one model confuses go under another; counts of faces, means over seeds."""
    if not confused:
        return "The single ResNet confuses no test face of a hard pair"
    # Rounded first, so that the sums hold in the text.
    before, right, third, fresh, moved = map(round, (confused, to_right, to_other, from_right, from_other))
    kept = before - right - third
    return (
        f"Of the {count(before)} test faces that the single ResNet confuses within a hard pair, the mixture names "
        f"{count(right)} rightly, takes {count(third)} for an emotion outside that pair, and confuses {count(kept)} "
        f"likewise. In exchange it confuses {count(fresh)} faces of these pairs that the single ResNet names rightly "
        f"and {count(moved)} that it takes for an emotion outside the pair, which makes {count(kept + fresh + moved)}; "
        "a face that moves from one hard pair to another counts as leaving the one and entering the other"
    )


def others_untangle(total: int, fewer: int, more: int, costly: int = 0) -> str:
    """How the other mixtures do in the hard pairs, each against its control of equal compute; `costly` of the `fewer`
    are less accurate than it."""
    if not total:
        return "No other mixture was compared by its confusion of the hard pairs"
    less = "none confuses" if not fewer else f"{word(fewer)} {verb(fewer, 'confuses', 'confuse')}"
    opening = "The one other mixture" if total == 1 else f"Of the {word(total)} other mixtures"
    if total == 1:
        said = (
            "confuses the hard pairs less often than"
            if fewer
            else "confuses the hard pairs more often than"
            if more
            else ("is not told apart in the hard pairs from")
        )
        return f"{opening} {said} its control of equal compute" + (", at a loss of accuracy" if costly else "")
    text = f"{opening}, {less} the hard pairs less often than the control of equal compute"
    if costly:
        text += f" ({word(costly)} of them at a loss of accuracy)"
    return f"{text}, and {word(more)} more often" if more else text


def pairs_changed(other: str, total: int, rarer: int, more: int) -> str:
    """How many confused pairs a model changed beyond chance, after Holm's correction."""
    if total == 0:
        return f"no pair of emotions was compared with {other}"
    opening = f"compared with {other}, "
    if rarer == more == 0:
        return f"{opening}none of {many(total, 'pair')} of emotions is confused more or less often beyond chance"
    return (
        f"{opening}{'none' if rarer == 0 else word(rarer)} of {many(total, 'pair')} of emotions "
        f"{verb(max(rarer, 1), 'is', 'are')} confused less often beyond chance, and "
        f"{'none' if more == 0 else word(more)} more often"
    )


def kept(difference: float) -> str:
    """What keeping the best epoch instead of the last one was worth on the validation faces (a fraction, from 0)."""
    if abs(difference) < 0.0005:
        return "The last epoch was as good on the validation faces, so that choosing the epoch hardly mattered"
    return (
        f"Keeping that epoch instead of the last one was worth {size(difference)} of validation accuracy, part of "
        "which is the luck of the best of many looks and does not carry over to other faces"
    )


def recall_change(change: Any) -> str:
    """The largest gain and loss in recall of the mixture over the single ResNet. `change`: a Series by emotion."""
    up, down = int((change > 0).sum()), int((change < 0).sum())
    if up == down == 0:
        return "The mixture's recall is the single ResNet's for every emotion"
    gain = f"most for {change.idxmax()} ({points(change.max())})"
    loss = f"most for {change.idxmin()} ({points(change.min())})"
    opening = "Against the single ResNet, the mixture's recall"
    if not down:
        return f"{opening} falls for no emotion and rises for {many(up, 'emotion')}, {gain}"
    if not up:
        return f"{opening} rises for no emotion and falls for {many(down, 'emotion')}, {loss}"
    return f"{opening} rises for {many(up, 'emotion')}, {gain}, and falls for {many(down, 'emotion')}, {loss}"


def where_changed(inside: float, inside_now: float, across: float, across_now: float) -> str:
    """Mean mutual confusion of pairs inside a group and across groups, under the single ResNet and the mixture."""

    def changed(before: float, now: float) -> str:
        return f"from {percent(before)} to {percent(now)}"

    parts = []
    if math.isfinite(inside):
        parts.append(f"pairs inside one group {changed(inside, inside_now)}")
    if math.isfinite(across):
        parts.append(f"pairs that lie across groups {changed(across, across_now)}")
    if not parts:
        return "No pair was compared"
    return f"From the single ResNet to the mixture, the mean mutual confusion goes, for {', and for '.join(parts)}"


def routing(own: float, uniform: float) -> str:
    """Whether the gate routes, from its mean weight on experts that know the emotion and that of equal weights."""
    if own - uniform > 0.5 * (1 - uniform):
        return "The gate routes: most of what it could do better than equal weights, it does"
    if own - uniform > 0.01:
        return "The gate routes only in part, and much of each answer comes from experts that do not know the emotion"
    return "The gate does not route, and the mixture is little else than an average of its experts"
