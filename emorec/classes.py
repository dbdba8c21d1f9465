"""What people's copies call the emotions, and which numbers they give them.

Numbers carry no order of their own. What one means is taken from the first of these that there is: `data.classes` in
the config; names beside the numbers; FER2013's numbering, for tables of its own form; class counts that are exactly
those of a known data set. Else the user is asked. Whatever says it is held against the class counts.
"""

import re
from collections.abc import Mapping, Sequence

from emorec import EMOTIONS

LEFT_OUT = -1  # for a class that is none of the seven emotions
_ALIASES = {
    **dict.fromkeys(("angry", "anger"), 0),
    **dict.fromkeys(("disgust", "disgusted"), 1),
    **dict.fromkeys(("fear", "fearful", "afraid", "scared"), 2),
    **dict.fromkeys(("happy", "happiness"), 3),
    **dict.fromkeys(("sad", "sadness"), 4),
    **dict.fromkeys(("surprise", "surprised", "suprise"), 5),  # the last is how a copy of FER+ spells it
    "neutral": 6,
    # Classes of FER+, CK+ and AffectNet that FER2013 has not.
    **dict.fromkeys(("contempt", "contemptuous", "unknown", "none", "uncertain", "nf", "non-face"), LEFT_OUT),
}
# By data set, what its numbers stand for, and which is the first.
ORDERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "fer2013": (0, EMOTIONS),
    "alphabetical": (0, tuple(sorted(EMOTIONS))),
    "affectnet": (0, ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")),
    "ferplus": (0, ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")),
    "rafdb": (1, ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")),
    "ckplus": (0, ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")),
}
# Training faces and all faces by emotion, in the order of EMOTIONS, as their makers count them.
OFFICIAL: dict[str, tuple[tuple[int, ...], ...]] = {
    "FER2013": ((3995, 436, 4097, 7215, 4830, 3171, 4965), (4953, 547, 5121, 8989, 6077, 4002, 6198)),
    "RAF-DB": ((705, 717, 281, 4772, 1982, 1290, 2524), (867, 877, 355, 5957, 2460, 1619, 3204)),
}
ENOUGH = 5000  # faces from which on the shares of the emotions say something of the order
NEAR, FAR = 0.02, 0.03  # total variation: shares as good as the same; so much worse is another order


def emotion_of(name: str) -> int:
    """A class's name as an index in EMOTIONS, LEFT_OUT for a known one that is none of them. Raises KeyError."""
    return _ALIASES[name.strip().casefold()]


def parse_class(text: str) -> tuple[int | None, int | None]:
    """The number and the emotion in a class's name, such as "happy", "3" and "3_happy". Raises KeyError if unknown."""
    parts = re.fullmatch(r"([0-9]{1,2})?[\s._()-]*([a-z][a-z-]*[a-z])?[\s._()-]*([0-9]{1,2})?", text.strip().casefold())
    numbers = [part for part in (parts[1], parts[3]) if part] if parts else []
    if not parts or len(numbers) > 1 or not (numbers or parts[2]):
        raise KeyError(text)
    return int(numbers[0]) if numbers else None, emotion_of(parts[2]) if parts[2] else None


def order_of(classes: str | Sequence[str], numbers: Sequence[int] = ()) -> dict[int, int]:
    """What each number stands for, by `data.classes`: the name of a known order, or the classes' names in theirs.

    A list begins with number 0; with 1 where the `numbers` in the data have no 0 but one as large as the list is long.
    Raises KeyError for an unknown name.
    """
    if isinstance(classes, str):
        first, names = ORDERS[classes]
    else:
        first, names = int(0 not in numbers and len(classes) in numbers), tuple(classes)
    return {number: emotion_of(name) for number, name in enumerate(names, first)}


def recognised(train: Mapping[int, int], total: Mapping[int, int]) -> tuple[str, dict[int, int]] | None:
    """The data set whose official class counts these are, by number, and what its numbers stand for; None if none."""
    for name, official in OFFICIAL.items():
        for counts, known in zip((train, total), official, strict=True):
            if sorted(counts.values()) == sorted(known) and len(set(known)) == len(known):
                return name, {number: known.index(count) for number, count in counts.items()}
    return None


def contradiction(counts: Mapping[int, int], order: Mapping[int, int]) -> tuple[str, dict[int, int]] | None:
    """The data set whose shares of emotions these would be in another order, and that order; None where all is well.

    `counts` are of training faces, by number. Without an `order`, what these would be in whatever order.
    """
    seen = {number: count for number, count in counts.items() if count and order.get(number, 0) != LEFT_OUT}
    if sum(seen.values()) < ENOUGH or len(seen) != len(EMOTIONS):
        return None
    for name, (known, _) in OFFICIAL.items():
        ranked = zip(sorted(seen, key=lambda n: seen[n]), sorted(range(7), key=lambda e: known[e]), strict=True)
        best = dict(ranked)
        far = _distance(seen, known, order) if order else 1.0
        near = _distance(seen, known, best)
        if near <= NEAR and far > near + FAR:
            return name, best
    return None


def listed(order: Mapping[int, int]) -> str:
    """An order as it stands in a config: the name of a known one that it is, or begins, else a list."""
    for name in ORDERS:
        if len(order) >= len(EMOTIONS) and order.items() <= order_of(name).items():
            return name
    names = ["contempt" if order[number] == LEFT_OUT else EMOTIONS[order[number]] for number in sorted(order)]
    return f"[{', '.join(names)}]"


def _distance(counts: Mapping[int, int], known: Sequence[int], order: Mapping[int, int]) -> float:
    """Total variation between the shares of the emotions in `counts`, read in `order`, and those of a data set."""
    total = sum(counts.values())
    return sum(abs(count / total - known[order[number]] / sum(known)) for number, count in counts.items()) / 2
