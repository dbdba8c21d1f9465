"""From the classes of the user's data to the seven emotions: which number is which, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emorec.classes import LEFT_OUT, ORDERS, contradiction, listed, order_of, recognised
from emorec.data.malformed import malformed

Classes = str | Sequence[str]  # data.classes: the name of a known order, or names in the numbers' order


def find_order(
    path: Path,
    numbers: np.ndarray,
    training: np.ndarray,
    classes: Classes | None,
    beside: Mapping[int, int] | None = None,
    default: str | None = None,
) -> tuple[dict[int, int], str]:
    """Which emotion each number stands for, LEFT_OUT for none, and a sentence on how that is known.

    Args:
        path: for messages. numbers: (n,) of the faces. training: (n,) which of them the source has for training.
        classes: as in the config; goes before all else.
        beside: what names say that stand beside the numbers. default: the order where nothing says another.

    Raises:
        EmorecError: nothing says what the numbers mean, or what says it is contradicted by names or by class counts.
    """
    found = sorted(set(numbers.tolist()))
    train, total = Counter(numbers[training].tolist()), Counter(numbers.tolist())
    known = recognised(train, total)
    assumed = classes is None and beside is None and default is not None
    if classes is not None:
        order, why = order_of(classes, found), "as data.classes says"
        clash = [number for number, emotion in (beside or {}).items() if order.get(number, emotion) != emotion]
        if clash:
            raise malformed(path, f"data.classes contradicts the name beside {clash[0]}; mend it, or leave it out")
    elif beside is not None:
        order, why = dict(beside), "as the names beside them say"
    elif default is not None:
        order, why = order_of(default), "as in every table of FER2013's form; data.classes names another order"
    elif known:
        order, why = known[1], f"as the class counts are those of {known[0]}"
    else:
        near = contradiction(train, {})
        hint = f" (the shares of the classes are {near[0]}'s in the order {listed(near[1])})" if near else ""
        hint = " (RAF-DB's begin with 1: rafdb)" if found[:1] == [1] and not near else hint
        raise malformed(
            path,
            f"its classes are the numbers {', '.join(map(str, found[:12]))}, and nothing says which emotion each is; "
            f"set data.classes to {', '.join(ORDERS)} or a list of names in their order{hint}",
        )
    strange = [number for number in found if number not in order]
    if strange:
        raise malformed(path, f"no emotion is known for the class {strange[0]}; list all in data.classes")
    near = contradiction(train, order)
    exact = known if known and any(order[number] != emotion for number, emotion in known[1].items()) else None
    other = exact or (near if assumed else None)
    if other:
        name, right = other
        raise malformed(
            path,
            f"the class counts are {name}'s, but not in the order {listed(order)}; set data.classes: {listed(right)}",
        )
    if assumed and known:
        return order, ""  # FER2013 itself
    doubt = f"; but the shares of the classes are {near[0]}'s in the order {_plain(near[1])}" if near else ""
    return order, f"Labels are numbers in the order {_plain(order)}, {why}{doubt}"


def _plain(order: Mapping[int, int]) -> str:
    return listed(order).strip("[]")  # which the report would take for markup


def to_emotions(numbers: np.ndarray, order: Mapping[int, int]) -> np.ndarray:
    """(n,) int16: indices in EMOTIONS, or LEFT_OUT."""
    return np.array([order[number] for number in numbers.tolist()], np.int16)


def left_out(emotions: np.ndarray) -> str:
    """A sentence on the faces that show none of the seven emotions; empty where all do."""
    count = int((emotions == LEFT_OUT).sum())
    return f"{count:,} faces of none of the seven emotions, such as contempt, are left out" if count else ""
