"""Running pandoc, and walking its JSON syntax tree.

The tree's shape is pandoc-types 1.23's: a node is `{"t": type, "c": content}`, an attribute is
`[identifier, [class, …], [[key, value], …]]`. https://hackage.haskell.org/package/pandoc-types
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pypandoc

from emorec.errors import EmorecError

Node = dict[str, Any]


def run(arguments: Sequence[str], text: str, folder: Path) -> tuple[str, list[str]]:
    """Pipe `text` through pandoc inside `folder`; return its output and its warnings, one line each."""
    command = [pypandoc.get_pandoc_path(), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", cwd=folder)
    if done.returncode:
        raise EmorecError(f"{folder}: pandoc failed: {' '.join(done.stderr.split())}")
    # A warning begins with its level in brackets and may go on in further lines.
    complaints = re.split(r"\n(?=\[)", done.stderr)
    return done.stdout, [" ".join(each.split()) for each in complaints if each.strip()]


def parse(text: str, metadata: dict[str, Any], folder: Path) -> tuple[Node, list[str]]:
    """The syntax tree of Quarto's Markdown with metadata, whose strings are Markdown too, and pandoc's warnings."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        json.dump(metadata, file)
        file.flush()
        arguments = ["-f", "markdown-yaml_metadata_block", "-t", "json", "--metadata-file", file.name]
        output, complaints = run(arguments, text, folder)
    return json.loads(output), complaints


def write(
    tree: Node, target: str, options: Sequence[str], folder: Path, bibliography: Sequence[str]
) -> tuple[str, list[str]]:
    """Write a whole document; returns it and pandoc's warnings."""
    # Citations are in pandoc's default style, which is Quarto's: Chicago's author and date.
    arguments = ["-f", "json", "-t", target, "--standalone", "--syntax-highlighting=none", "--wrap=none", *options]
    if bibliography:
        arguments += ["--citeproc", "--metadata=link-citations"]
        arguments += [argument for path in bibliography for argument in ("--bibliography", path)]
    return run(arguments, json.dumps(tree), folder)


def attr(identifier: str = "", classes: Iterable[str] = (), **pairs: str) -> list[Any]:
    return [identifier, list(classes), [list(pair) for pair in pairs.items()]]


def pairs(attributes: list[Any]) -> dict[str, str]:
    """The key-value pairs of an attribute."""
    return dict(attributes[2])


def new(kind: str, *content: Any) -> Node:
    """A node as pandoc-types has it: `new("Str", "x")`, `new("Div", attributes, blocks)`."""
    return {"t": kind, "c": content[0] if len(content) == 1 else list(content)}


SPACE: Node = {"t": "Space"}


def stringify(tree: Any) -> str:
    """The plain text of a node or a list of nodes."""
    if isinstance(tree, list):
        return "".join(map(stringify, tree))
    if not isinstance(tree, dict):
        return ""
    kind, content = tree.get("t"), tree.get("c")
    if kind == "Str":
        return str(content)
    if kind in ("Space", "SoftBreak", "LineBreak"):
        return " "
    if kind in ("RawInline", "RawBlock", "Note") or content is None:
        return ""
    if kind in ("Code", "CodeBlock", "Math"):
        return str(content[1])
    return stringify(content)


def transform(tree: Any, change: Callable[[Node], list[Node] | None]) -> Any:
    """A copy of `tree` in which `change` has replaced nodes by lists of nodes, parents before children.

    `change` returns None to keep a node (its children are visited then); what it returns instead is not visited again.
    """
    if isinstance(tree, dict):
        return {key: transform(value, change) for key, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    result: list[Any] = []
    for item in tree:
        replaced = change(item) if isinstance(item, dict) and "t" in item else None
        result += [transform(item, change)] if replaced is None else replaced
    return result


def find(tree: Any, kind: str) -> list[Node]:
    """All nodes of type `kind` in `tree`, in order; what is inside one of them is not searched."""
    if isinstance(tree, list):
        return [found for item in tree for found in find(item, kind)]
    if isinstance(tree, dict):
        return [tree] if tree.get("t") == kind else find(list(tree.values()), kind)
    return []
