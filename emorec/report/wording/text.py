"""Numbers as text, and the words that join them.

Fractions come in, percents and points go out; a minus is U+2212, and a no-break space ties a number to its unit.
"""

from __future__ import annotations

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
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def with_deviation(value: float, deviation: float, digits: int = 1) -> str:
    """`71.2 ± 0.8`; the number alone where there is no deviation, as with one seed."""
    text = number(value, digits)
    return f"{text} ± {number(deviation, digits)}" if math.isfinite(deviation) else text


def signed(value: float, digits: int = 1) -> str:
    """A decimal that always shows its sign; a zero shows none."""
    text = number(value, digits)
    return f"+{text}" if text not in (NONE,) and not text.startswith(MINUS) and float(text) != 0 else text


def percent(fraction: float, digits: int = 1) -> str:
    """0.7123 to `71.2 %`."""
    text = number(100 * fraction, digits)
    return text if text == NONE else f"{text}{NBSP}%"


def points(fraction: float, digits: int = 1) -> str:
    """A difference of two fractions, 0.0123 to `+1.2 points`."""
    text = signed(100 * fraction, digits)
    return text if text == NONE else f"{text}{NBSP}{'point' if text[1:] == '1.0' else 'points'}"


def size(fraction: float, digits: int = 1) -> str:
    """The size of a difference without its sign, 0.0123 to `1.2 points`."""
    text = number(abs(100 * fraction), digits)
    return f"{text}{NBSP}{'point' if text == '1.0' else 'points'}"


def interval(low: float, high: float, digits: int = 1, *, scale: float = 100) -> str:
    """Two fractions to `−2.1 to 0.4`, in percent or points."""
    return f"{number(scale * low, digits)} to {number(scale * high, digits)}"


def count(value: float) -> str:
    """3589 to `3,589`."""
    return f"{round(value):,}"


def word(value: int) -> str:
    """A small count in words, a large one in figures."""
    return _SMALL[value] if 0 <= value < len(_SMALL) else count(value)


def many(value: int, singular: str, plural: str | None = None) -> str:
    """`one seed`, `two seeds`, `12 seeds`."""
    return f"{word(value)} {singular if value == 1 else plural or singular + 's'}"


def verb(value: int, singular: str, plural: str) -> str:
    """The verb's form that fits a count."""
    return singular if value == 1 else plural


def capital(sentence: str) -> str:
    """First letter in upper case, the rest untouched."""
    return sentence[:1].upper() + sentence[1:]


def listing(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def large(value: float) -> str:
    """Parameters or operations with a decimal prefix in words: 11168193 to `11.2 million`."""
    for limit, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if value >= limit:
            return f"{value / limit:.{1 if value / limit < 100 else 0}f}{NBSP}{name}"
    return f"{value:.0f}"


def short(value: float) -> str:
    """Parameters or operations in a table: 11168193 to `11.2 M`."""
    for limit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.{1 if value / limit < 100 else 0}f}{NBSP}{name}"
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """Seconds to the unit that a person would say it in."""
    if not math.isfinite(seconds):
        return NONE
    for limit, length, name in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h"), (math.inf, 86400, "days")):
        if seconds < limit:
            value = seconds / length
            return f"{value:.{0 if value >= 10 else 1}f}{NBSP}{name}"
    return NONE


def clause(sentence: str) -> str:
    """A sentence of a table as it goes on within another: without its full stop, percents tied to their numbers."""
    return str(sentence).strip().removesuffix(".").replace(" %", f"{NBSP}%")


def pair(first: str, second: str) -> str:
    """Two confused emotions, `fear–sad`."""
    return f"{first}\N{EN DASH}{second}"


def direction(low: float, high: float) -> str:
    """What a 95 % interval of a difference says: `more`, `less`, or `unclear` where it holds zero."""
    return "more" if low > 0 else "less" if high < 0 else "unclear"


def the(label: str) -> str:
    """A label within a sentence: `Mixture of experts` to `the mixture of experts`; `ResNet` keeps its letter."""
    label = label.removeprefix("The ").removeprefix("the ")
    first = label.split(" ")[0]
    return "the " + (label[:1].lower() + label[1:] if first.isalpha() and first[1:].islower() else label)


def fraction(part: int, whole: int) -> str:
    """`four of six`, `none of six`, `all six`; `neither`, `one of two`, `both`."""
    if whole == 2 and part != 1:
        return "both" if part else "neither"
    if part == whole:
        return f"all {word(whole)}"
    return f"{'none' if part == 0 else word(part)} of {word(whole)}"


def groups(of: Iterable[Sequence[str]]) -> str:
    """Groups of emotions, `happy with neutral; angry with disgust and sad`."""
    return "; ".join(f"{group[0]} with {listing(group[1:])}" if len(group) > 1 else group[0] for group in of)


def plain(value: Any) -> str:
    """A setting's value as a person would write it: 0.0005, yes, one-cycle."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return NONE
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".").replace("-", MINUS)
    return str(value)


# What a network is, rather than how it is built and trained; the table of networks says it.
_IDENTITY = {"network", "role", "classes", "emotions", "seed", "group", "grouping"}
_IDENTITY |= {"mixture.experts", "mixture.groups", "mixture.parts"}


def flatten(spec: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested spec as dotted keys and text, without what names the network itself."""
    flat: dict[str, str] = {}
    for key, value in spec.items():
        if f"{prefix}{key}" in _IDENTITY or (key == "mixture" and not prefix and value is None):
            continue
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            flat[f"{prefix}{key}"] = listing([plain(x) for x in value]) or NONE
        else:
            flat[f"{prefix}{key}"] = plain(value)
    return flat
