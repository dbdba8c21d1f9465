"""The HTML report: one self-contained file from a resolved syntax tree, through pandoc and `styles/pandoc.html`."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from emorec.report import pandoc
from emorec.report.crossref import KINDS, NBSP
from emorec.report.pandoc import SPACE, Node, attr, div, pairs, plain, raw, raw_inline, span, text, transform


def write(tree: Node, folder: Path, bibliography: list[str], toc_depth: int | None) -> tuple[str, list[str]]:
    """Write a resolved `tree` as one HTML page; `folder` holds the figures and `styles/`.

    Returns the page and pandoc's warnings. `toc_depth` is the contents' depth, None for a page without contents.
    """
    options = ["--template", "styles/pandoc.html", "--css", "styles/paper.css", "--mathml", "--embed-resources"]
    # One more, because the headings are: the page's title is the only h1.
    options += ["--section-divs", *(["--toc", f"--toc-depth={toc_depth + 1}"] if toc_depth else [])]
    return pandoc.write(transform(tree, _lower), "html5", options, folder, bibliography)


def _lower(node: Node) -> list[Node] | None:
    """A numbered float, equation, callout or heading as HTML's own elements."""
    content: Any = node.get("c")
    if node["t"] == "Header":
        return [_header(content)]
    if node["t"] == "Table":
        table = {"t": "Table", "c": [attr(content[0][0]), *content[1:]]}
        return [raw("html", '<div class="table-scroll" tabindex="0">'), table, raw("html", "</div>")]
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


def _float(content: list[Any]) -> list[Node]:
    (identifier, classes, keys), blocks = content
    kind, number = dict(keys)["kind"], dict(keys)["number"]
    *body, caption = blocks
    body = [block if block["t"] != "Plain" else _zoomable(block) for block in transform(body, _lower)]
    label = span(attr("", ["float-label"]), [text(f"{KINDS[kind]}{NBSP}{number}:")])
    inlines = [label, SPACE, *caption["c"][1][0]["c"]]
    legend = [raw("html", "<figcaption>"), plain(transform(inlines, _lower)), raw("html", "</figcaption>")]
    own = " ".join([f"float-{kind}", *(name for name in classes if name != "float")])
    parts = [*legend, *body] if kind == "tbl" else [*body, *legend]
    opening = raw("html", f'<figure id="{escape(identifier)}" class="{escape(own)}">')
    return [opening, *parts, raw("html", "</figure>")]


def _zoomable(block: Node) -> Node:
    """Wrap images in buttons that open them at full size; without script they do nothing."""
    opening = raw_inline("html", '<button type="button" class="zoom" title="Enlarge">')
    closing = raw_inline("html", "</button>")
    wrapped = [[opening, each, closing] if each["t"] == "Image" else [each] for each in block["c"]]
    return plain([inline for part in wrapped for inline in part])


def _callout(content: list[Any]) -> Node:
    (identifier, classes, _), (title, *body) = content
    heading = div(attr("", ["callout-title"]), [{"t": "Para", "c": transform(title["c"], _lower)}])
    attributes = [identifier, classes, [["role", "note"]]]
    return div(attributes, [heading, div(attr("", ["callout-body"]), transform(body, _lower))])
