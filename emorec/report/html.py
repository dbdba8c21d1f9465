"""The HTML report: one self-contained file from a resolved syntax tree, through pandoc and `styles/pandoc.html`."""

from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from emorec.report import pandoc
from emorec.report.crossref import KINDS
from emorec.report.pandoc import SPACE, Node, attr, new, pairs, transform
from emorec.report.typography import NBSP

raw = partial(new, "RawBlock", "html")


def write(tree: Node, folder: Path, bibliography: list[str], toc_depth: int | None) -> tuple[str, list[str]]:
    """A resolved `tree` as one HTML page, with pandoc's warnings; `folder` holds the figures and `styles/`.

    `toc_depth` is None for a page without contents.
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
        table = new("Table", attr(content[0][0]), *content[1:])
        return [raw('<div class="table-scroll" tabindex="0">'), table, raw("</div>")]
    if node["t"] == "Div" and "float" in content[0][1]:
        return _float(content)
    if node["t"] == "Div" and "callout" in content[0][1]:
        return [_callout(content)]
    if node["t"] == "Span" and "equation" in content[0][1]:
        number = new("Span", attr("", ["equation-number"]), [new("Str", f"({pairs(content[0])['number']})")])
        body = new("Span", attr("", ["equation-body"]), content[1])
        return [new("Span", attr(content[0][0], ["equation"]), [body, number])]
    return None


def _header(content: list[Any]) -> Node:
    level, (identifier, classes, keys), inlines = content
    number = dict(keys).get("number")
    if number:
        label = new("Span", attr("", ["header-section-number"]), [new("Str", number)])
        inlines = [label, SPACE, *transform(inlines, _lower)]
    # The page's title is its only h1.
    return new("Header", level + 1, [identifier, classes, []], inlines)


def _float(content: list[Any]) -> list[Node]:
    (identifier, classes, keys), blocks = content
    kind, number = dict(keys)["kind"], dict(keys)["number"]
    *body, caption = blocks
    body = [block if block["t"] != "Plain" else _zoomable(block) for block in transform(body, _lower)]
    label = new("Span", attr("", ["float-label"]), [new("Str", f"{KINDS[kind]}{NBSP}{number}:")])
    inlines = [label, SPACE, *caption["c"][1][0]["c"]]
    legend = [raw("<figcaption>"), new("Plain", transform(inlines, _lower)), raw("</figcaption>")]
    own = " ".join([f"float-{kind}", *(name for name in classes if name != "float")])
    parts = [*legend, *body] if kind == "tbl" else [*body, *legend]
    opening = raw(f'<figure id="{escape(identifier)}" class="{escape(own)}">')
    return [opening, *parts, raw("</figure>")]


def _zoomable(block: Node) -> Node:
    """Wrap images in buttons that open them at full size; without script they do nothing."""
    opening = new("RawInline", "html", '<button type="button" class="zoom" title="Enlarge">')
    closing = new("RawInline", "html", "</button>")
    wrapped = [[opening, each, closing] if each["t"] == "Image" else [each] for each in block["c"]]
    return new("Plain", [inline for part in wrapped for inline in part])


def _callout(content: list[Any]) -> Node:
    (identifier, classes, _), (title, *body) = content
    heading = new("Div", attr("", ["callout-title"]), [new("Para", transform(title["c"], _lower))])
    attributes = [identifier, classes, [["role", "note"]]]
    return new("Div", attributes, [heading, new("Div", attr("", ["callout-body"]), transform(body, _lower))])
