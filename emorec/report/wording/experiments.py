"""Sentences on models side by side: one against another, and families of mixtures against their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emorec.report.wording.text import capital, direction, interval, listing, many, number, points, size, verb, word

_MEASURED = {"accuracy": "more accurate", "macro_f1": "better by macro-F1"}
_WORSE = {"accuracy": "less accurate", "macro_f1": "worse by macro-F1"}


def tally(what: str, total: int, ahead: Sequence[str], behind: Sequence[str], metric: str = "accuracy") -> str:
    """How a family of mixtures fares against controls of equal compute. `what` names them, in the number of `total`."""
    better, worse = _MEASURED[metric], _WORSE[metric]
    if total == 1:
        said = f"is {better} than" if ahead else f"is {worse} than" if behind else "is not told apart from"
        return f"The one {what} {said} its control of equal compute"
    left = total - len(ahead) - len(behind)
    names = f" ({listing(ahead)})" if 0 < len(ahead) <= 4 else ""
    few = "none is" if not ahead else f"{word(len(ahead))} {verb(len(ahead), 'is', 'are')}"
    text = f"Of the {word(total)} {what}, {few} {better} than the control of equal compute{names}"
    rest = []
    if behind:
        named = f" ({listing(behind)})" if len(behind) <= 3 else ""
        rest.append(f"{word(len(behind))} {verb(len(behind), 'is', 'are')} {worse}{named}")
    if left:
        rest.append(f"{word(left)} {verb(left, 'is', 'are')} not told apart from it")
    joint = ", and " if len(rest) == 1 else ", "
    return f"{text}{joint}{listing(rest)}" if rest else text


def compared(model: str, reference: str, row: Any, said: str, aside: str = "") -> str:
    """One comparison of accuracy as a sentence with its interval. `row` has difference, low and high, or is None."""
    if row is None:
        return capital(f"{model} was not compared with {reference}")
    limits = _limits(row, said)
    if said == "unclear":
        return capital(
            f"{aside}{model} is not told apart from {reference}: the difference is {points(row.difference)} {limits}"
        )
    way = "more" if said == "more" else "less"
    return capital(f"{aside}{model} is {size(row.difference)} {way} accurate than {reference} {limits}")


def compared_weighed(row: Any, said: str) -> str:
    """What a comparison by macro-F1 adds to one of accuracy, as a clause about the same two networks."""
    limits = _limits(row, said)
    if said == "unclear":
        return f"by macro-F1 it is not told apart from it either way: {points(row.difference)} {limits}"
    return f"by macro-F1 it is {size(row.difference)} {'ahead' if said == 'more' else 'behind'} {limits}"


def _limits(row: Any, said: str) -> str:
    """The interval in brackets, and why it shows nothing where it holds no zero."""
    overruled = said == "unclear" and direction(row.low, row.high) != "unclear"
    aside = ", which does not hold after Holm's correction" if overruled else ""
    return f"({interval(row.low, row.high)}{aside})"


def differing(parameters: float, flops: float, training: Mapping[str, tuple[str, str]]) -> str:
    """How another single network differs from the first: its size, as multiples, and each setting (its own, theirs)."""
    parts = []
    if round(parameters, 2) != 1 or round(flops, 2) != 1:
        parts.append(f"with {number(parameters)} times the parameters and {number(flops)} times the operations")
    for key, (own, other) in training.items():
        if key == "epochs":
            parts.append(f"trained for {own} instead of {other} epochs")
        elif key == "class_balance" and own in _BALANCED:
            parts.append(_BALANCED[own])
        else:
            name = key.replace("_", " ").replace(".", " ")
            parts.append(f"trained with {name} {own} instead of {other}")
    return listing(parts)


_BALANCED = {
    "sampling": "trained on as many faces of every emotion",
    "inverse-frequency": "trained with a loss in which every emotion weighs alike",
    "effective-number": "trained with a loss in which rare emotions weigh more",
}


def beside_single(single: str, mixtures: int, sides: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> str:
    """How the mixtures fare against another single network: by metric, labels of those ahead and of those behind."""
    parts = []
    for metric, (ahead, behind) in sides.items():
        leads, lead, trails, worse, neither = (phrase.format(single=single) for phrase in _BESIDE[metric])
        if mixtures == 1:
            text = leads if ahead else trails if behind else neither
        else:
            text = f"{word(len(ahead)) if ahead else 'none'} {leads if len(ahead) < 2 else lead}"
            text += f" ({listing(ahead)})" if 0 < len(ahead) <= 4 else ""
            text += f" and {word(len(behind))} {worse}" if behind else ""
        parts.append(text)
    return (
        f"The mixture {'; it '.join(parts)}" if mixtures == 1 else f"Of {many(mixtures, 'mixture')}, {'; '.join(parts)}"
    )


# One is ahead, several are, one is behind, how those behind are called after those ahead, and neither.
_BESIDE = {
    "accuracy": (
        "is more accurate than {single}",
        "are more accurate than {single}",
        "is less accurate than {single}",
        "less accurate",
        "is not told apart from {single} in accuracy",
    ),
    "macro_f1": (
        "is ahead of it by macro-F1",
        "are ahead of it by macro-F1",
        "is behind it by macro-F1",
        "behind it",
        "is not told apart from it by macro-F1",
    ),
    "confusion": (
        "confuses the hard pairs less often",
        "confuse the hard pairs less often",
        "confuses the hard pairs more often",
        "more often",
        "is not told apart from it in the hard pairs",
    ),
}


def gates_used(total: int, lost: Sequence[str], least: float, most: float, balance: float) -> str:
    """Whether gates have collapsed. Entropies and balance are shares of the most possible."""
    even = f"balance {number(balance, 2)}"
    if total == 1:
        opening = "The gate has collapsed in a seed at least" if lost else "The gate has not collapsed"
        return f"{opening}: its entropy for a face is {number(least, 2)} of the most possible, its {even}"
    opening = f"Of {many(total, 'gate')}, none has collapsed"
    if lost:
        have = f"{word(len(lost))} {verb(len(lost), 'has', 'have')}"
        opening = f"Of {many(total, 'gate')}, {have} collapsed in a seed at least ({listing(lost)})"
    return (
        f"{opening}; their entropy for a face lies between {number(least, 2)} and {number(most, 2)} of the most "
        f"possible, and the least even has a {even}"
    )
