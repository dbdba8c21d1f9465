"""Numbers as text, and sentences chosen from numbers.

Every function here is pure and short, so that a test can hold each wording against the sign that it stands for.
Fractions come in, percents and points go out; a minus is U+2212, and a no-break space ties a number to its unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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


def spread(seeds: int) -> str:
    """What the intervals cover, said once in the methods and once under the limits."""
    if seeds == 1:
        return (
            "This study trained every network once, with one seed, so the spread over seeds is unknown: the intervals "
            "hold the trained networks fixed and speak only about other faces drawn like these"
        )
    return (
        f"This study repeats everything with {many(seeds, 'seed')}; the intervals cover the draw of the test faces and "
        "the spread between seeds, so they speak about other faces and other training runs at once"
    )


def repeated(seeds: int) -> str:
    """How often the study was done, in a few words."""
    return "Everything was trained once" if seeds == 1 else f"Everything was repeated with {many(seeds, 'seed')}"


def replicates(seeds: int) -> str:
    """What to know of the ensemble's replicates when reading its spread."""
    if seeds == 1:
        return "With one seed there is one replicate of each model, and no spread between replicates"
    return (
        "Replicates of the ensemble share some of their members, since no network is trained twice, so the spread "
        "between them understates what wholly fresh ensembles would show"
    )


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


def overall(single: str, ensemble: str | None) -> str:
    """The study's answer in one sentence, from the verdicts (supported, refuted, undecided) on whether the mixture is
    more accurate than the single network and than the ensemble of equal compute (None where there is none)."""
    if ensemble is None:
        return {
            "supported": "The mixture of emotion experts beats a single ResNet, but without a control of equal compute "
            "nothing says that the experts are why",
            "refuted": "No: the mixture of emotion experts is less accurate than a single ResNet",
            "undecided": "Undecided: these data do not show the mixture of emotion experts ahead of a single ResNet, "
            "nor behind it",
        }[single]
    return {
        ("supported", "supported"): "Yes: the mixture of emotion experts beats a single ResNet, and it beats what the "
        "same compute buys as a plain ensemble",
        (
            "supported",
            "refuted",
        ): "Not in the sense that matters: the mixture of emotion experts beats a single ResNet, "
        "but the same compute spent on a plain ensemble does better still",
        (
            "supported",
            "undecided",
        ): "Only in part: the mixture of emotion experts beats a single ResNet, but whether it "
        "beats a plain ensemble of the same compute is undecided",
        (
            "refuted",
            "supported",
        ): "No: the mixture of emotion experts is less accurate than a single ResNet, though more "
        "accurate than a plain ensemble of the same compute",
        ("refuted", "refuted"): "No: the mixture of emotion experts is less accurate than a single ResNet, and less "
        "accurate than a plain ensemble of the same compute",
        ("refuted", "undecided"): "No: the mixture of emotion experts is less accurate than a single ResNet",
        (
            "undecided",
            "supported",
        ): "Not shown: the mixture of emotion experts is more accurate than a plain ensemble of "
        "the same compute, but whether it beats a single ResNet is undecided",
        (
            "undecided",
            "refuted",
        ): "No: whether the mixture of emotion experts beats a single ResNet is undecided, and the "
        "same compute spent on a plain ensemble does better than the mixture",
        (
            "undecided",
            "undecided",
        ): "Undecided: these data do not show the mixture of emotion experts ahead of a single "
        "ResNet or of a plain ensemble of the same compute, nor behind them",
    }[single, ensemble]


def balance(accuracy: tuple[str, str | None], macro_f1: tuple[str, str | None]) -> str:
    """Whether macro-F1 gives another answer than accuracy, from each one's verdicts against the single and ensemble."""
    sides = [
        name
        for name, by_faces, by_emotions in zip(("the single ResNet", "the ensemble"), accuracy, macro_f1, strict=True)
        if by_emotions == "supported" and by_faces != "supported"
    ]
    if sides:
        return (
            f"So the answer depends on the measure: weighed by emotion instead of by face, the mixture is ahead of "
            f"{listing(sides)}, for macro-F1 counts a rare emotion like a common one and accuracy does not"
        )
    if accuracy == macro_f1:
        return "Weighed by emotion, which counts a rare one like a common one, the verdicts are the same"
    return (
        "Weighed by emotion, which counts a rare one like a common one, the mixture wins no comparison that it does "
        "not win by face"
    )


def untangled(single: str, ensemble: str | None, costly: Sequence[str] = ()) -> str:
    """Does the mixture untangle the hard pairs? From the verdicts on whether it confuses them less often than the
    single network and than the ensemble (None where there is none); `costly` are the networks against which it does so
    at a loss of accuracy."""
    price = f", at a loss of accuracy against the {listing(costly)}" if costly else ""
    opening = {
        "supported": "The mixture confuses the hard pairs of emotions less often than the single ResNet",
        "refuted": "The mixture confuses the hard pairs of emotions more often than the single ResNet",
        "undecided": "Whether the mixture confuses the hard pairs of emotions less often than the single ResNet is "
        "undecided",
    }[single]
    if ensemble is None:
        return opening + price
    closing = {
        ("supported", "supported"): ", and less often than the ensemble",
        ("supported", "refuted"): ", but more often than the ensemble",
        ("supported", "undecided"): ", but whether less often than the ensemble is undecided",
        ("refuted", "supported"): ", though less often than the ensemble",
        ("refuted", "refuted"): ", and more often than the ensemble",
        ("refuted", "undecided"): "; whether less often than the ensemble is undecided",
        ("undecided", "supported"): ", but it confuses them less often than the ensemble",
        ("undecided", "refuted"): ", and it confuses them more often than the ensemble",
        ("undecided", "undecided"): ", and so is whether less often than the ensemble",
    }
    return opening + closing[single, ensemble] + price


def the(label: str) -> str:
    """A label within a sentence: `Mixture of experts` to `the mixture of experts`; `ResNet` keeps its letter."""
    label = label.removeprefix("The ").removeprefix("the ")
    first = label.split(" ")[0]
    return "the " + (label[:1].lower() + label[1:] if first.isalpha() and first[1:].islower() else label)


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
    limits = f"({interval(row.low, row.high)})"
    if said == "unclear":
        return capital(
            f"{aside}{model} is not told apart from {reference}: the difference is {points(row.difference)} {limits}"
        )
    way = "more" if said == "more" else "less"
    return capital(f"{aside}{model} is {size(row.difference)} {way} accurate than {reference} {limits}")


def compared_weighed(row: Any, said: str) -> str:
    """What a comparison by macro-F1 adds to one of accuracy, as a clause about the same two networks."""
    limits = f"({interval(row.low, row.high)})"
    if said == "unclear":
        return f"by macro-F1 it is not told apart from it either way: {points(row.difference)} {limits}"
    return f"by macro-F1 it is {size(row.difference)} {'ahead' if said == 'more' else 'behind'} {limits}"


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


def gains_kept(measure: str, total: int, kept: Sequence[tuple[str, int]]) -> str:
    """How many of the `total` mixtures that are ahead of the first single network in a measure (macro_f1, confusion)
    are ahead of each other single network, too; `kept` has each one's label with that count."""
    gain = {
        "macro_f1": "ahead of the single ResNet by macro-F1",
        "confusion": "less prone than the single ResNet to confuse the hard pairs, with no loss of accuracy shown",
    }[measure]
    if not total:
        return f"No mixture is {gain}, so that there is no such gain to explain"
    opening = capital(f"{many(total, 'mixture')} {verb(total, 'is', 'are')} {gain}")
    if not kept:
        return (
            f"{opening}, but no other single network was trained to ask whether more parameters, more steps or a "
            "balanced sample would do the same"
        )
    said = [
        f"against {the(label)} that is "
        + (f"shown for {fraction(shown, total)}" if total > 1 else "shown, too" if shown else "not shown")
        for label, shown in kept
    ]
    return f"{opening}; {listing(said)}"


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


def others_mean(total: int, ahead: int, behind: int) -> str:
    """For the discussion: what the mixtures other than the first one add to the answer."""
    if total == 0:
        return "It is the only mixture of this study, so that another grouping or another training might do otherwise"
    if ahead == 0:
        text = (
            f"None of the {word(total)} other mixtures was shown to be worth more than the same compute spent on equal"
        )
        return f"{text} networks" + (f"; {word(behind)} {verb(behind, 'is', 'are')} worth less" if behind else "")
    if ahead == total:
        return "All other mixtures do better than the same compute spent on equal networks"
    return (
        f"It depends on the form: {word(ahead)} of the {word(total)} other mixtures {verb(ahead, 'does', 'do')} better "
        "than the same compute spent on equal networks, and of the rest that was not shown"
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
        f"{count(right)} rightly, takes {count(third)} for a third emotion, and confuses {count(kept)} likewise. In "
        f"exchange it confuses {count(fresh)} faces of these pairs that the single ResNet names rightly and "
        f"{count(moved)} that it takes for a third emotion, which makes {count(kept + fresh + moved)}"
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


def others_weighed(total: int, ahead: Sequence[str], behind: int, fewer: int, more: int, costly: int) -> str:
    """The other mixtures against their controls by macro-F1 (labels of those ahead, and how many are behind) and by
    the hard pairs (how many confuse them less often, how many more, and how many of the former are less accurate)."""
    control = "the control of equal compute"
    named = f" ({listing(ahead)})" if 0 < len(ahead) <= 4 else ""
    if total == 1:
        said = "ahead of" if ahead else "behind" if behind else "not told apart from"
        doing = "confuses" if fewer or more else "is not told apart from it in"
        often = " less often" if fewer else " more often" if more else ""
        cost = ", at a loss of accuracy" if costly else ""
        return f"By macro-F1, the other mixture is {said} {control}; it {doing} the hard pairs{often}{cost}"
    better = f"{word(len(ahead))} of the other mixtures {verb(len(ahead), 'is', 'are')} ahead of {control}{named}"
    if not ahead:
        better = f"none of the other mixtures is ahead of {control}"
    if behind:
        better += f" and {word(behind)} {verb(behind, 'is', 'are')} behind it"
    less = f"{word(fewer)} {verb(fewer, 'confuses', 'confuse')}" if fewer else "none confuses"
    pairs = f"{less} the hard pairs less often than it"
    if costly:
        pairs += f" ({word(costly)} of them at a loss of accuracy)"
    if more:
        pairs += f" and {word(more)} more often"
    return f"By macro-F1, {better}; {pairs}"


def forms(mixtures: int) -> str:
    """The limit on what was tried, by the number of mixtures."""
    if mixtures == 1:
        return (
            "The experts' emotions are given, not learned, gate and experts are trained apart, and only one grouping "
            "was tried. Another grouping or joint training might do otherwise"
        )
    return (
        f"{capital(word(mixtures))} mixtures were tried, each with one setting: the number of experts, the weight of "
        "the balancing loss, and the length and rate of fine-tuning were not searched, no more than its control's "
        "settings were. A form of specialisation that is not here may do otherwise"
    )


def power(half: float) -> str:
    """What size of a difference the study can see, from half the width of an interval (a fraction)."""
    if not math.isfinite(half):
        return "There is no comparison with a control whose interval could say how small a difference would be seen"
    return (
        f"The interval of the mixture's accuracy against its control reaches {size(half)} to either side, before any "
        "correction: a difference much smaller than that would not be seen, and an undecided claim rules out none of "
        "that size"
    )


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


def meaning(single: str, ensemble: str | None) -> str:
    """What the two verdicts on accuracy mean together for the question of the paper."""
    if ensemble is None:
        return "Without an ensemble of equal compute, whatever the mixture gains can't be credited to its experts"
    if ensemble == "supported":
        gain = "Dividing the emotions among experts is worth more here than the same compute spent on equal networks"
        return f"{gain}, but neither is worth its cost beside one network" if single == "refuted" else gain
    if ensemble == "refuted":
        if single == "supported":
            return (
                "The gain over a single network is real, but it is a gain that several networks bring, not one that "
                "experts bring: dividing the emotions among them gave part of it away"
            )
        return "Compute is better spent on networks that all learn all emotions than on experts that learn some"
    if single == "supported":
        return (
            "The gain over a single network is real, but an ensemble's is not told apart from it, so that it is "
            "explained by compute as well as by expertise"
        )
    return (
        "Neither comparison shows the experts to be worth their compute; a difference smaller than the intervals is "
        "not ruled out"
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


def same_order(score: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Whether scaling changes the order of the models by a score. `before`, `after`: their names, the best first."""
    if list(before) == list(after):
        return f"By the {score} the order, the best first, is {listing(before)}, before scaling as after"
    return (
        f"By the {score} the order, the best first, is {listing(before)} before scaling, and {listing(after)} after: "
        "a comparison by the raw score would have been one of how sure the models are of themselves"
    )


def twins_found(faces: int, twins: int, exact: int, synthetic: bool) -> str:
    """How many test faces have a twin in training; `exact` of them to the last pixel."""
    if not twins:
        return f"None of the {count(faces)} test faces has a twin among the training faces"
    copies = "none of them" if not exact else "all of them" if exact == twins else f"{count(exact)} of them"
    have = f"{count(twins)} ({percent(twins / faces)}) {verb(twins, 'has', 'have')}"
    found = f"Of the {count(faces)} test faces, {have} a twin among the training faces, {copies} to the last pixel"
    if synthetic:
        return f"{found}; since every face was drawn anew, that is how often the threshold errs on such drawings"
    return f"{found}; faces that differ much in scale are missed, so that there may be more"


def twins_caveat(twins: int, total: int, changed: Sequence[tuple[str, str, str, str]], synthetic: bool) -> str:
    """For the abstract: what the comparisons say without the test faces that have a twin in training."""
    if synthetic:
        return "Every face was drawn anew, so that no test face is known from training"
    if twins == 0:
        return "No test face has a near-copy among the training faces"
    faces = "face that has a near-copy" if twins == 1 else "faces that have a near-copy"
    terms = f"without the {count(twins)} test {faces} among the training faces"
    return changed_comparisons(terms, total, changed, " of the mixture")


def twins_labels(twins: int, same: float) -> str:
    """How often twins carry the same label: what the labels of one photograph, given twice, agree on."""
    if not twins:
        return "So there is nothing to leave out"
    return (
        f"The label of the test face and that of its twin agree for {percent(same)} of them: no more than that could "
        "be known of a label from another label of one and the same photograph"
    )


def changed_comparisons(terms: str, total: int, changed: Sequence[tuple[str, str, str, str]], of: str = "") -> str:
    """What is left of the comparisons (`of` says whose) on other terms, which `terms` names ("without them").

    `changed`: (metric, model, reference, direction) of those that say something else than over all test faces.
    """
    if not total:
        return "With one model there is no comparison to make again"
    if not changed:
        return f"Of {many(total, 'comparison')}{of} in accuracy and macro-F1, none comes out on another side {terms}"
    says = {
        "more": "in {}, {} is then ahead of {}",
        "less": "in {}, {} is then behind {}",
        "unclear": "in {}, {} and {} are then not told apart",
    }
    parts = [says[direction].format(metric, model, reference) for metric, model, reference, direction in changed[:6]]
    parts += [f"and {word(len(changed) - 6)} more"] if len(changed) > 6 else []
    come = f"{word(len(changed))} {verb(len(changed), 'comes', 'come')} out differently {terms}"
    return f"Of {many(total, 'comparison')}{of} in accuracy and macro-F1, {come}: {'; '.join(parts)}"


def planted_inside(share: float | None, chance: float | None) -> str:
    """How much of the planted confusion the mixture's groups hold, against groupings of the same sizes at random."""
    if share is None or chance is None:
        return "The mixture's experts have no groups of emotions that could be held against the planted confusions"
    more = "more than" if share - chance > 0.005 else "less than" if chance - share > 0.005 else "just as much as"
    return (
        f"Of the planted mutual confusion, {percent(share)} lies inside the mixture's groups, {more} the "
        f"{percent(chance)} that groups of these sizes would hold on average if they were drawn at random"
    )


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


def fraction(part: int, whole: int) -> str:
    """`four of six`, `none of six`, `all six`."""
    if part == whole:
        return f"all {word(whole)}"
    return f"{'none' if part == 0 else word(part)} of {word(whole)}"


def groups(of: Iterable[Sequence[str]]) -> str:
    """Groups of emotions, `happy with neutral; angry with disgust and sad`."""
    return "; ".join(f"{group[0]} with {listing(group[1:])}" if len(group) > 1 else group[0] for group in of)


_STEMS = {
    "full": "a 3×3 first convolution of stride 1 without pooling, which keeps every pixel of the small image",
    "stride2": "a 3×3 first convolution of stride 2 without pooling",
    "imagenet": "the 7×7 first convolution of stride 2 and the pooling that are usual for ImageNet",
}


def architecture(how: dict[str, Any], parameters: int) -> str:
    """The single network in one sentence; what `how` does not say is left out."""
    text = f"The single network is a residual network of {how['depth']} layers" if "depth" in how else "It is residual"
    if "width" in how:
        text += f", {how['width']} channels wide in its first stage"
    if "stem" in how:
        text += f", with {_STEMS.get(how['stem'], how['stem'])}"
    return f"{text}: {large(parameters)} parameters."


def training(how: dict[str, Any]) -> str:
    """How the networks are trained, in one sentence; what `how` does not say is left out."""
    parts = []
    if "momentum" in how:
        parts.append(f"by stochastic gradient descent with Nesterov momentum of {plain(how['momentum'])}")
    if "epochs" in how:
        parts.append(f"for {many(int(how['epochs']), 'epoch')}")
    if "batch" in how:
        parts.append(f"in batches of {how['batch']} faces")
    if "lr" in how:
        schedule = {"one-cycle": "falls to zero in a straight line", "cosine": "falls to zero along half a cosine"}
        rise = f"rises over the first {percent(how['warmup'], 0)} of the steps and " if how.get("warmup") else ""
        course = f" that {rise}{schedule[how['schedule']]}" if how.get("schedule") in schedule else ""
        parts.append(f"at a learning rate of at most {plain(how['lr'])}{course}")
    if how.get("weight_decay"):
        parts.append(f"with weight decay of {plain(how['weight_decay'])}")
    if how.get("label_smoothing"):
        parts.append(f"with labels smoothed by {plain(how['label_smoothing'])}")
    return f"It is trained {', '.join(parts)}." if parts else "How it is trained is in the table."


def augmentation(how: dict[str, Any]) -> str:
    """The random changes to training faces, in one sentence; strengths of zero are left out."""
    parts = []
    if how.get("flip"):
        parts.append("mirrored half of the time")
    if how.get("rotation"):
        parts.append(f"turned by up to {plain(how['rotation'])}°")
    if how.get("shift"):
        parts.append(f"shifted by up to {percent(how['shift'], 0)} of the side")
    if how.get("scale"):
        parts.append(f"scaled by up to {percent(how['scale'], 0)}")
    if how.get("brightness") or how.get("contrast"):
        parts.append("changed in brightness and contrast")
    if how.get("erasing"):
        parts.append(f"with a random rectangle blanked in {percent(how['erasing'], 0)} of the cases")
    return f"Training faces are {listing(parts)}, anew each time." if parts else "Training faces are not augmented."


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
