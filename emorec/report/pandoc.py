"""Running pandoc, and walking its JSON syntax tree.

The tree's shape is pandoc-types 1.23's: a node is `{"t": type, "c": content}`, an attribute is
`[identifier, [class, …], [[key, value], …]]`. https://hackage.haskell.org/package/pandoc-types
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pypandoc

from emorec.errors import EmorecError

Node = dict[str, Any]
Attr = list[Any]


def run(arguments: Sequence[str], text: str, folder: Path) -> tuple[str, list[str]]:
    """Pipe `text` through pandoc inside `folder`; return its output and its warnings, one line each.

    Raises EmorecError when pandoc itself fails.
    """
    command = [pypandoc.get_pandoc_path(), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", cwd=folder)
    if done.returncode:
        raise EmorecError(f"{folder}: pandoc failed: {' '.join(done.stderr.split())}")
    return done.stdout, warnings(done.stderr)


def warnings(log: str) -> list[str]:
    """The warnings in pandoc's log; a warning's indented continuation lines are joined to it."""
    found: list[str] = []
    for line in log.splitlines():
        if line.startswith("["):
            found.append(line.strip())
        elif line.strip():
            found[-1:] = [f"{found[-1]} {line.strip()}" if found else line.strip()]
    return found


def parse(text: str, metadata: dict[str, Any], folder: Path, scratch: Path) -> tuple[Node, list[str]]:
    """Parse Quarto's Markdown and the metadata (whose strings are Markdown too) into a syntax tree.

    `scratch` is a folder for the metadata file, which pandoc can read from a file only.
    """
    file = scratch / "metadata.json"
    file.write_text(json.dumps(metadata), encoding="utf-8")
    arguments = ["-f", "markdown-yaml_metadata_block", "-t", "json", "--metadata-file", str(file)]
    output, complaints = run(arguments, text, folder)
    return json.loads(output), complaints


def write(
    tree: Node, target: str, options: Sequence[str], folder: Path, bibliography: Sequence[str]
) -> tuple[str, list[str]]:
    """Write a whole document; returns it and pandoc's warnings.

    Citations are in pandoc's default style, which is Quarto's: Chicago's author and date.
    """
    arguments = ["-f", "json", "-t", target, "--standalone", "--syntax-highlighting=none", "--wrap=none", *options]
    if bibliography:
        arguments += ["--citeproc", "--metadata=link-citations"]
        arguments += [argument for path in bibliography for argument in ("--bibliography", path)]
    return run(arguments, json.dumps(tree), folder)


def attr(identifier: str = "", classes: Iterable[str] = (), **pairs: str) -> Attr:
    return [identifier, list(classes), [[key, value] for key, value in pairs.items()]]


def pairs(attributes: Attr) -> dict[str, str]:
    """The key-value pairs of an attribute."""
    return dict(attributes[2])


def text(value: str) -> Node:
    return {"t": "Str", "c": value}


SPACE: Node = {"t": "Space"}


def plain(inlines: list[Node]) -> Node:
    return {"t": "Plain", "c": inlines}


def div(attributes: Attr, blocks: list[Node]) -> Node:
    return {"t": "Div", "c": [attributes, blocks]}


def span(attributes: Attr, inlines: list[Node]) -> Node:
    return {"t": "Span", "c": [attributes, inlines]}


def raw(target: str, code: str) -> Node:
    """A raw block of the output format `target`."""
    return {"t": "RawBlock", "c": [target, code]}


def raw_inline(target: str, code: str) -> Node:
    return {"t": "RawInline", "c": [target, code]}


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
    if kind == "Quoted":
        return f"“{stringify(content[1])}”" if content[0]["t"] == "DoubleQuote" else f"‘{stringify(content[1])}’"
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
