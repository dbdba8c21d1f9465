"""Numbers as text: the filters of the paper's templates.

Fractions come in, percents and points go out; a minus is U+2212, and a no-break space ties a number to its unit.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
NONE = "\N{EN DASH}"
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(value: float, digits: int = 1) -> str:
    """A decimal with a true minus; an en dash where there is no value. Never a negative zero."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:z.{digits}f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A decimal that always shows its sign; a zero shows none."""
    text = number(value)
    return text if text == NONE or text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def percent(fraction: float, digits: int = 1) -> str:
    """0.7123 to `71.2 %`."""
    text = number(100 * float(fraction), digits)
    return text if text == NONE else f"{text}{NBSP}%"


def point(fraction: float) -> str:
    """The size of a difference without its sign, −0.0123 to `1.2 points`."""
    text = number(abs(100 * float(fraction)))
    return text if text == NONE else f"{text}{NBSP}{'point' if text == '1.0' else 'points'}"


def probability(p: float) -> str:
    """A p-value in a table."""
    return NONE if not math.isfinite(p) else "< 0.001" if p < 0.001 else number(p, 3)


def count(value: float) -> str:
    """3589 to `3,589`."""
    return f"{round(value):,}" if math.isfinite(value) else NONE


def word(value: int) -> str:
    """A small count in words, a large one in figures."""
    return _SMALL[value] if 0 <= value < len(_SMALL) else count(value)


def many(value: int, singular: str) -> str:
    """`one seed`, `two seeds`, `12 seeds`."""
    return f"{word(value)} {singular}{'' if value == 1 else 's'}"


def capital(sentence: str) -> str:
    """First letter in upper case, the rest untouched."""
    return sentence[:1].upper() + sentence[1:]


def listing(items: Iterable[Any]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = [str(item) for item in items] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def large(value: float) -> str:
    """Parameters or operations with a decimal prefix in words: 11168193 to `11.2 million`."""
    return _scaled(value, ("trillion", "billion", "million", "thousand"))


def short(value: float) -> str:
    """Parameters or operations in a table: 11168193 to `11.2 M`."""
    return _scaled(value, ("T", "G", "M", "k"))


def _scaled(value: float, names: Sequence[str]) -> str:
    for limit, name in zip((1e12, 1e9, 1e6, 1e3), names, strict=True):
        if value >= limit:
            return f"{value / limit:.{1 if value / limit < 100 else 0}f}{NBSP}{name}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """Seconds to the unit that a person would say it in."""
    for limit, length, name in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h"), (math.inf, 86400, "days")):
        if seconds < limit:
            value = seconds / length
            return f"{value:.{0 if value >= 10 else 1}f}{NBSP}{name}"
    return NONE  # not a number


def pair(first: str, second: str) -> str:
    """Two confused emotions, `fear–sad`."""
    return f"{first}\N{EN DASH}{second}"


def the(label: str) -> str:
    """A label within a sentence: `Mixture of experts` to `the mixture of experts`; `ResNet` keeps its letter."""
    label = label.removeprefix("The ").removeprefix("the ")
    first = label.split(" ")[0]
    return "the " + (label[:1].lower() + label[1:] if first.isalpha() and first[1:].islower() else label)


def groups(of: Iterable[Sequence[str]]) -> str:
    """Groups of emotions, `{happy, neutral}, {fear, surprise} and {angry, disgust, sad}`."""
    return listing(rf"\{{{', '.join(group)}\}}" for group in of)


def plain(value: Any) -> str:
    """A setting's value as a person would write it: 0.0005, yes, one-cycle."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return NONE
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".").replace("-", MINUS)
    if isinstance(value, list | tuple):
        return listing([plain(each) for each in value]) or NONE
    return str(value)
