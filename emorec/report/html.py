"""The HTML report: one self-contained file from a resolved syntax tree, through pandoc and `styles/pandoc.html`."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from emorec.report import pandoc
from emorec.report.pandoc import SPACE, Node, attr, div, pairs, plain, raw, raw_inline, span, text, transform

KINDS = {"fig": "Figure", "tbl": "Table"}


def lower(tree: Node) -> Node:
    """Turn numbered floats, equations, callouts and headings into HTML's own elements."""
    return {**tree, "blocks": transform(tree["blocks"], _lower), "meta": transform(tree["meta"], _lower)}


def write(tree: Node, folder: Path, bibliography: list[str], depth: int, toc: bool) -> tuple[str, list[str]]:
    """Write the lowered `tree` as one HTML page; `folder` holds the figures and `styles/`.

    Returns the page and pandoc's warnings.
    """
    arguments = ["-f", "json", "-t", "html5", "--standalone", "--template", "styles/pandoc.html",
                 "--css", "styles/paper.css", "--mathml", "--embed-resources", "--syntax-highlighting=none",
                 "--section-divs", "--wrap=none", *pandoc.citations(bibliography)]  # fmt: skip
    if toc:
        # One more, because the headings are: the page's title is the only h1.
        arguments += ["--toc", f"--toc-depth={depth + 1}"]
    return pandoc.run(arguments, json.dumps(tree), folder)


def _lower(node: Node) -> list[Node] | None:
    content: Any = node.get("c")
    if node["t"] == "Header":
        return [_header(content)]
    if node["t"] == "Table":
        return [raw("html", '<div class="table-scroll" tabindex="0">'), _table(node), raw("html", "</div>")]
    if node["t"] == "Div" and "float" in content[0][1]:
        return _float(content)
    if node["t"] == "Div" and "callout" in content[0][1]:
        return [_callout(content)]
    if node["t"] == "Span" and "equation" in content[0][1]:
        number = span(attr("", ["equation-number"]), [text(f"({pairs(content[0])['number']})")])
        return [span(attr(content[0][0], ["equation"]), [span(attr("", ["equation-body"]), content[1]), number])]
    return None


def _header(content: list[Any]) -> Node:
    level, (identifier, classes, keys), inlines = content
    number = dict(keys).get("number")
    if number:
        inlines = [span(attr("", ["header-section-number"]), [text(number)]), SPACE, *transform(inlines, _lower)]
    # The page's title is its only h1.
    return {"t": "Header", "c": [level + 1, [identifier, classes, []], inlines]}


def _table(table: Node) -> Node:
    attributes, *rest = table["c"]
    return {"t": "Table", "c": [attr(attributes[0]), *rest]}


def _float(content: list[Any]) -> list[Node]:
    (identifier, classes, keys), blocks = content
    kind, number = dict(keys)["kind"], dict(keys)["number"]
    *body, caption = blocks
    body = [block if block["t"] != "Plain" else _zoomable(block) for block in transform(body, _lower)]
    label = span(attr("", ["float-label"]), [text(f"{KINDS[kind]}\u00a0{number}:")])
    inlines = [label, SPACE, *caption["c"][1][0]["c"]]
    legend = [raw("html", "<figcaption>"), plain(transform(inlines, _lower)), raw("html", "</figcaption>")]
    own = " ".join([f"float-{kind}", *(name for name in classes if name != "float")])
    parts = [*legend, *body] if kind == "tbl" else [*body, *legend]
    opening = raw("html", f'<figure id="{escape(identifier)}" class="{escape(own)}">')
    return [opening, *parts, raw("html", "</figure>")]


def _zoomable(block: Node) -> Node:
    """Wrap images in buttons that open them at full size; without script they do nothing."""
    opening = '<button type="button" class="zoom" title="Enlarge">'
    inlines: list[Node] = []
    for inline in block["c"]:
        image = inline["t"] == "Image"
        inlines += [raw_inline("html", opening), inline, raw_inline("html", "</button>")] if image else [inline]
    return plain(inlines)


def _callout(content: list[Any]) -> Node:
    (identifier, classes, _), (title, *body) = content
    heading = div(attr("", ["callout-title"]), [{"t": "Para", "c": transform(title["c"], _lower)}])
    attributes = [identifier, classes, [["role", "note"]]]
    return div(attributes, [heading, div(attr("", ["callout-body"]), transform(body, _lower))])
