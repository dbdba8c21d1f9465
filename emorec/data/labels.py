"""From the classes of the user's data to the seven emotions: which number is which, and what is left out."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emorec.classes import LEFT_OUT, ORDERS, contradiction, listed, order_of, recognised
from emorec.data.malformed import malformed
from emorec.data.splits import TRAIN

Classes = str | Sequence[str]  # data.classes: the name of a known order, or names in the numbers' order
UNNUMBERED, UNNAMED = -1, -2  # of a class that is a name alone, and of one that is a number alone


@dataclass(frozen=True, eq=False)
class RawFaces:
    """The n faces of a source in its order, before it is known which emotions they show."""

    picture: Callable[[int], np.ndarray]  # reads the picture (48, 48) uint8 of a row
    split: np.ndarray  # (n,) uint8, indices in SPLITS
    present: set[int]  # the splits that the source has of its own, even empty ones
    numbers: np.ndarray  # (n,) of their classes, UNNUMBERED where there are none
    emotions: np.ndarray  # (n,) int16, what their classes' names say, UNNAMED where there are none
    beside: Mapping[int, int] | None = None  # what names say that stand beside the numbers
    default: str | None = None  # the order of numbers where nothing says another
    subjects: np.ndarray | None = None  # (n,) whose face each is, where no person may be in two splits
    note: str = ""  # how splits are made, where more is to be said of it than `complete` does


def find_order(
    path: Path,
    numbers: np.ndarray,
    training: np.ndarray,
    classes: Classes | None,
    beside: Mapping[int, int] | None = None,
    default: str | None = None,
) -> tuple[dict[int, int], str]:
    """Which emotion each number stands for, LEFT_OUT for none, and a sentence on how that is known.

    `numbers` (n,) are of the faces, `training` (n,) which of these the source has for training; `classes`, as in the
    config, go before all else; `beside` and `default` are as in `RawFaces`. Raises EmorecError where nothing says what
    the numbers mean, or what says it is contradicted by names or by class counts.
    """
    found = sorted(set(numbers.tolist()))
    train, total = Counter(numbers[training].tolist()), Counter(numbers.tolist())
    known = recognised(train, total)
    assumed = classes is None and beside is None and default is not None
    if classes is not None:
        order, why = order_of(classes, found), "as data.classes says"
        for number, emotion in (beside or {}).items():
            if order.get(number, emotion) != emotion:
                raise malformed(path, f"data.classes contradicts the name beside {number}; mend it, or leave it out")
    elif beside is not None:
        order, why = dict(beside), "as the names beside them say"
    elif default is not None:
        order, why = order_of(default), "as in every table of FER2013's form; data.classes names another order"
    elif known:
        order, why = known[1], f"as the class counts are those of {known[0]}"
    else:
        near = contradiction(train, {})
        hint = f" (the shares of the classes are {near[0]}'s in the order {listed(near[1])})" if near else ""
        what = f"its classes are the numbers {', '.join(map(str, found[:12]))}, and nothing says which emotion each is"
        remedy = f"set data.classes to {', '.join(ORDERS)} or a list of names in their order{hint}"
        raise malformed(path, f"{what}; {remedy}")
    strange = [number for number in found if number not in order]
    if strange:
        raise malformed(path, f"no emotion is known for the class {strange[0]}; list all in data.classes")
    near = contradiction(train, order)
    exact = known if known and any(order[number] != emotion for number, emotion in known[1].items()) else None
    if other := exact or (near if assumed else None):
        what = f"the class counts are {other[0]}'s, but not in the order {listed(order)}"
        raise malformed(path, f"{what}; set data.classes: {listed(other[1])}")
    if assumed and known:
        return order, ""  # FER2013 itself
    doubt = f"; but the shares of the classes are {near[0]}'s in the order {listed(near[1])}" if near else ""
    sentence = f"Labels are numbers in the order {listed(order)}, {why}{doubt}"
    return order, re.sub(r"[][]", "", sentence)  # brackets, which the report would take for markup


def emotions_of(path: Path, raw: RawFaces, classes: Classes | None) -> tuple[np.ndarray, str]:
    """The emotion of each face, (n,) int16, LEFT_OUT for none of the seven, and a sentence on how it is known."""
    emotions, said = raw.emotions.copy(), []
    if (emotions == UNNAMED).any() or (classes is not None and raw.beside):
        numbered = raw.numbers != UNNUMBERED
        numbers, training = raw.numbers[numbered], raw.split[numbered] == TRAIN
        order, sentence = find_order(path, numbers, training, classes, raw.beside, raw.default)
        emotions[numbered] = [order[number] for number in numbers.tolist()]
        said.append(sentence)
    if count := int((emotions == LEFT_OUT).sum()):
        said.append(f"{count:,} faces of none of the seven emotions, such as contempt, are left out")
    return emotions, "; ".join(filter(None, said))
