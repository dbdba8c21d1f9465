"""YAML as configs need it: plain values, each key once, and no more of it than a config can be."""

from typing import Any

import yaml
from yaml.constructor import ConstructorError

from emorec.plain import plain

LARGEST = 1_000_000  # characters
MOST_NODES = 100_000  # keys and values, aliases written out


def parse(text: str) -> Any:
    """What `text` says. Raises ValueError, one line with the place: no YAML, a key that stands twice, a tag of another
    language's objects, aliases that contain themselves or multiply to more than a config can be."""
    if len(text) > LARGEST:
        raise ValueError(f"longer than {LARGEST:,} characters, more than any config")
    try:
        return _Loader(text).get_single_data()
    except _RefusedError:
        raise
    except RecursionError:
        raise ValueError("nested deeper than any config") from None
    except yaml.MarkedYAMLError as error:
        reason = " ".join(str(error.problem or error).split())
        if reason.startswith("but "):
            reason = f"{error.context}, {reason}"
        raise ValueError(f"not valid YAML: {reason}{_place(error.problem_mark)}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # of an impossible character, say
        raise ValueError(f"not valid YAML: {plain(error)}") from None


class _RefusedError(ValueError):
    """Valid YAML that is no config."""


class _Loader(yaml.SafeLoader):  # C's is faster and gives no better messages
    """PyYAML's safe loader, which refuses a key that stands twice and aliases that multiply, and says where."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.sizes: dict[yaml.Node, int] = {}  # of nodes that have been read to their end, aliases written out

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        if node is None:
            return None
        if is_alias and node not in self.sizes:
            raise _RefusedError(f"an alias contains itself{_place(node.start_mark)}")
        if not is_alias:
            self.sizes[node] = 1 + sum(self.sizes[child] for child in _children(node))
            if self.sizes[node] > MOST_NODES:
                raise _RefusedError(f"its aliases stand for more than {MOST_NODES:,} values{_place(node.start_mark)}")
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _RefusedError(f"the key {key.value[:60]!r} stands twice{_place(key.start_mark)}; keep one")
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # of a date or number that there is not
            raise ConstructorError(None, None, plain(error), node.start_mark) from None


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _place(mark: Any) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
