"""The PDF report: a resolved syntax tree through pandoc to Typst, and Typst to PDF.

Both renderers use the same Typst styles, which are Quarto template partials; `styles/pandoc.typ` puts them together as
Quarto's own main template does. Floats are of Quarto's kinds (`quarto-float-fig`), so that one set of show rules fits.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import typst

from emorec.errors import EmorecError
from emorec.report import pandoc
from emorec.report.crossref import KINDS
from emorec.report.pandoc import Node, new, pairs, transform

POSITIONS = {"fig": "bottom", "tbl": "top"}
raw, inline = partial(new, "RawBlock", "typst"), partial(new, "RawInline", "typst")


def write(tree: Node, folder: Path, bibliography: list[str]) -> tuple[str, list[str]]:
    """Write a resolved `tree` as Typst markup; returns it and pandoc's warnings."""
    options = ["--template", "styles/pandoc.typ"]
    return pandoc.write(transform(tree, _lower), "typst-citations-smart", options, folder, bibliography)


def compile(markup: str, folder: Path, timestamp: int, paper: str | None = None) -> tuple[bytes, list[str]]:
    """Compile Typst markup to PDF with the fonts that come with Typst; returns the file and Typst's warnings.

    `timestamp` (seconds since 1970) is the document's date: the clock would make two builds differ. `paper` is a name
    of Typst's, in place of the markup's own (styles/typst-show.typ).
    """
    how: dict[str, Any] = {"ignore_system_fonts": True, "format": "pdf", "timestamp": timestamp}
    try:
        pdf, complaints = typst.compile_with_warnings(
            markup.encode(), root=str(folder), sys_inputs={"paper": paper} if paper else {}, **how
        )
    except typst.TypstError as error:
        raise EmorecError(f"{folder}: typst failed: {' '.join(str(error).split())}") from None
    return pdf, [f"typst: {' '.join(str(complaint).split())}" for complaint in complaints]


def _lower(node: Node) -> list[Node] | None:
    """A numbered float, equation or callout as Typst's own elements."""
    content: Any = node.get("c")
    if node["t"] == "Image":
        return [inline(f"#{_image(content)}")]
    if node["t"] == "Div" and "float" in content[0][1]:
        return _float(content)
    if node["t"] == "Div" and "callout" in content[0][1]:
        return _callout(content)
    if node["t"] == "Span" and "made" in content[0][1]:
        return [inline("#made["), *transform(content[1], _lower), inline("]")]
    if node["t"] == "Span" and "equation" in content[0][1]:
        opening = inline('#math.equation(block: true, numbering: "(1)", [ ')
        return [opening, *content[1], inline(f" ])<{content[0][0]}>")]
    return None


def _image(content: list[Any]) -> str:
    """A call of Typst's `image` with alternative text, which pandoc's writer leaves out."""
    attributes, _, (path, _) = content
    keys = pairs(attributes)
    arguments = [json.dumps(path, ensure_ascii=False)]
    arguments += [f"{name}: {keys[name]}" for name in ("width", "height") if name in keys]
    arguments.append(f"alt: {json.dumps(keys.get('alt', ''), ensure_ascii=False)}")
    return f"image({', '.join(arguments)})"


def _float(content: list[Any]) -> list[Node]:
    (identifier, _, keys), blocks = content
    kind = dict(keys)["kind"]
    *body, caption = blocks
    closing = f']), kind: "quarto-float-{kind}", supplement: "{KINDS[kind]}")'
    return [
        raw("#figure(["),
        *transform(body, _lower),
        raw(f"], caption: figure.caption(position: {POSITIONS[kind]}, ["),
        new("Plain", transform(caption["c"][1][0]["c"], _lower)),
        raw(f"{closing} <{identifier}>" if identifier else closing),
    ]


def _callout(content: list[Any]) -> list[Node]:
    (_, classes, _), (title, *body) = content
    kind = next(name for name in classes if name.startswith("callout-")).removeprefix("callout-")
    return [
        raw(f'#paper-callout("{kind}", ['),
        new("Plain", transform(title["c"], _lower)),
        raw("], ["),
        *transform(body, _lower),
        raw("])"),
    ]
