"""YAML as configs need it: plain values, each key once, and no more of it than a config can be."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.reader import ReaderError

from emorec.plain import plain

LARGEST = 1_000_000  # bytes
MOST_NODES = 100_000  # keys and values, aliases written out
DEEPEST = 50  # levels
_VALUES = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp")  # what looks like one need not be one


def parse(text: str) -> Any:
    """What `text` says. Raises ValueError, one line with the place: no YAML, a key that stands twice, a tag of another
    language's objects, aliases that contain themselves or multiply to more than a config can be."""
    if len(text) > LARGEST:
        raise ValueError(f"longer than {LARGEST:,} characters, more than any config")
    try:
        loader = yaml.SafeLoader(text)  # C's is faster and gives no better messages
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check(node, {}, ())
            _check_scalars(loader, node, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        if isinstance(error, ReaderError):
            before = text[: error.position]
            place = f" (line {before.count(chr(10)) + 1}, column {error.position - before.rfind(chr(10))})"
            raise ValueError(
                f"not valid YAML: the character U+{error.character:04X} may not stand there{place}"
            ) from None
        mark = getattr(error, "problem_mark", None)
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        if reason.startswith("but "):
            reason = f"{getattr(error, 'context', '')}, {reason}"
        raise ValueError(f"not valid YAML: {reason}{_place(mark)}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from None
    except (ValueError, OverflowError) as error:  # PyYAML lets those of an impossible date or number through
        if isinstance(error, _RefusedError):
            raise ValueError(str(error)) from None
        raise ValueError(f"not valid YAML: {plain(error)}") from None


class _RefusedError(ValueError):
    pass


def _check(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """The nodes below `node`, aliases written out. `sizes` remembers those of nodes seen, `above` the way here."""
    if id(node) in above:
        raise _RefusedError(f"an alias contains itself{_place(node.start_mark)}")
    if id(node) in sizes:
        return sizes[id(node)]
    if len(above) > DEEPEST:
        raise _RefusedError(f"nested deeper than {DEEPEST} levels{_place(node.start_mark)}")
    size, way = 1, (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise _RefusedError(f"the key {key.value[:60]!r} stands twice{_place(key.start_mark)}; keep one")
                keys.add(key.value)
            size += _check(key, sizes, way) + _check(value, sizes, way)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_check(item, sizes, way) for item in node.value)
    if size > MOST_NODES:
        raise _RefusedError(f"its aliases stand for more than {MOST_NODES:,} values{_place(node.start_mark)}")
    sizes[id(node)] = size
    return size


def _check_scalars(loader: yaml.SafeLoader, node: yaml.Node, seen: set[int]) -> None:
    """Name the place of a date or number that there is not; PyYAML's own error does not."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and node.tag in _VALUES:
        try:
            loader.construct_object(node)
        except (ValueError, OverflowError) as error:
            raise _RefusedError(f"not valid YAML: {plain(error)}{_place(node.start_mark)}") from None
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_scalars(loader, item, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _check_scalars(loader, key, seen)
            _check_scalars(loader, value, seen)


def _place(mark: Any) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
