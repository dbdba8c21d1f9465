"""Sentences that answer the paper's question, chosen by verdicts and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from emorec.report.wording.text import capital, fraction, listing, many, size, verb, word


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
    if "refuted" in macro_f1 and any(
        by_emotions == "refuted" != by_faces for by_faces, by_emotions in zip(accuracy, macro_f1, strict=True)
    ):
        return (
            "So the answer depends on the measure: weighed by emotion instead of by face, the mixture is behind where "
            "by accuracy it is not"
        )
    return (
        "Weighed by emotion, which counts a rare one like a common one, the mixture wins no comparison that it does "
        "not win by face, and one that accuracy decides is undecided"
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


_GAINS = {
    "accuracy": "more accurate than the single ResNet",
    "macro_f1": "ahead of the single ResNet by macro-F1",
    "confusion": "less prone than the single ResNet to confuse the hard pairs, with no loss of accuracy shown",
}


def gains(found: Mapping[str, int], kept: Mapping[str, Sequence[tuple[str, int]]], singles: int) -> str:
    """What the mixtures' gains over the first single network hold against.

    Args:
        found: how many mixtures are ahead of it, by measure (accuracy, macro_f1, confusion).
        kept: by measure, how many of these are ahead on other terms, too, each of which is named ("by the majority").
        singles: how many other single networks the study has.
    """
    said = []
    for measure, total in found.items():
        if total:
            opening = capital(f"{many(total, 'mixture')} {verb(total, 'is', 'are')} {_GAINS[measure]}")
            said.append(f"{opening}; that is {_shown(kept[measure], total)}" if kept[measure] else opening)
    if said and not singles:
        said.append(
            "No other single network was trained to ask whether more parameters, more steps or a balanced sample would "
            "do the same"
        )
    none = [_GAINS[measure] for measure, total in found.items() if not total]
    if none:
        said.append(f"No mixture is {listing(none, 'or')}, so that there is no such gain to explain")
    return ". ".join(said)


def _shown(kept: Sequence[tuple[str, int]], total: int) -> str:
    """For how many of `total` models something is shown, on each of several terms."""
    if total == 1:
        return listing([f"{'shown' if still else 'not shown'} {terms}" for terms, still in kept])
    return "shown " + listing([f"for {fraction(still, total)} {terms}" for terms, still in kept])


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
        + (f"; {word(behind)} {verb(behind, 'does', 'do')} worse" if behind else "")
    )


def others_weighed(
    total: int,
    ahead: Sequence[str],
    behind: int,
    pairs: tuple[int, int, int],
    kept: Sequence[tuple[str, int]] = (),
) -> str:
    """The other mixtures against their controls, weighed by emotion and by the hard pairs.

    Args:
        ahead: labels of those that are ahead by macro-F1; `behind`: how many are behind.
        pairs: how many confuse the hard pairs less often, how many more, and how many of the former are less accurate.
        kept: how many of those ahead by macro-F1 are so on other terms, too, each of which is named.
    """
    control = "the control of equal compute"
    fewer, more, costly = pairs
    labels = listing(ahead) if len(ahead) <= 4 else ""
    still = _shown(kept, len(ahead)) if ahead and kept else ""
    named = f" ({'; '.join(filter(None, [labels, still]))})" if labels or still else ""
    if total == 1:
        said = "ahead of" if ahead else "behind" if behind else "not told apart from"
        doing = "confuses" if fewer or more else "is not told apart from it in"
        often = " less often" if fewer else " more often" if more else ""
        cost = ", at a loss of accuracy" if costly else ""
        under = f" ({still})" if still else ""
        return f"By macro-F1, the other mixture is {said} {control}{under}; it {doing} the hard pairs{often}{cost}"
    better = f"{word(len(ahead))} of the other mixtures {verb(len(ahead), 'is', 'are')} ahead of {control}{named}"
    if not ahead:
        better = f"none of the other mixtures is ahead of {control}"
    if behind:
        better += f" and {word(behind)} {verb(behind, 'is', 'are')} behind it"
    less = f"{word(fewer)} {verb(fewer, 'confuses', 'confuse')}" if fewer else "none confuses"
    text = f"By macro-F1, {better}; {less} the hard pairs less often than it"
    if costly:
        text += f" ({word(costly)} of them at a loss of accuracy)"
    if more:
        text += f" and {word(more)} more often"
    return text


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
        "correction: a true difference of that size would be seen about half of the time, and less often after the "
        "correction. An undecided claim rules out only what lies outside its interval"
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
            "The gain over a single network is real, but an ensemble's is not told apart from it, so that compute may "
            "explain it as well as expertise"
        )
    return (
        "Neither comparison shows the experts to be worth their compute; a difference smaller than the intervals is "
        "not ruled out"
    )
