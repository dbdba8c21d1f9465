"""The report's source folder → one HTML page and a PDF a paper size, by Quarto or else by pandoc and Typst.

Both ways end in the same checks: a warning, an unresolved reference, an unset variable, a missing image or one without
alternative text, an empty table or a page that loads something from elsewhere fails the build, all problems at once.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emorec.errors import EmorecError
from emorec.files import atomic, write_text
from emorec.report import checks, crossref, html, metadata, pandoc, pdf, quarto
from emorec.report import source as sources
from emorec.report.pandoc import Node, attr, div, text

QUARTO = "quarto"
PANDOC = "pandoc+typst"
LETTER = "us-letter"


def render(source: Path, html: Path, pdf: Path, renderer: str = "auto", letter: Path | None = None) -> str:
    """Render the Quarto project folder `source` to the files `html` and `pdf`; returns the renderer used.

    `renderer` is `quarto`, `pandoc+typst` or `auto` (Quarto 1.7 or later where it is on the PATH). `letter` is a second
    PDF, on the paper of North America. No file is written unless all pass the checks. Raises EmorecError, one line for
    each problem with its file and line.
    """
    source = Path(source)
    program = None if renderer == PANDOC else quarto.find()
    if renderer == QUARTO and program is None:
        raise EmorecError(f"quarto {'.'.join(map(str, quarto.OLDEST))} or later is not on the PATH; install it or "
                          f"render with {PANDOC}")  # fmt: skip
    if renderer not in ("auto", QUARTO, PANDOC):
        raise EmorecError(f"renderer {renderer} is unknown; use auto, {QUARTO} or {PANDOC}")
    files = [pdf, *([letter] if letter else [])]
    papers = [None, *([LETTER] if letter else [])]
    if program:
        expanded = sources.read(source)
        page, documents, problems = quarto.render(program, source, _timestamp(expanded), papers)
    else:
        page, documents, problems = by_pandoc(source, papers)
    problems += checks.check_html(page, html.name)
    for path, document in zip(files, documents, strict=True):
        problems += checks.check_pdf(document, path.name)
    checks.demand(problems)
    write_text(html, page)
    for path, document in zip(files, documents, strict=True):
        with atomic(path) as temporary:
            temporary.write_bytes(document)
    return QUARTO if program else PANDOC


def by_pandoc(source: Path, papers: Sequence[str | None] = (None,)) -> tuple[str, list[bytes], list[str]]:
    """Render without Quarto; returns the HTML page, a PDF for each paper, and Typst's complaints (one line each).

    A paper is a name of Typst's, or None for the source's own. Raises EmorecError for problems in the source itself,
    before a PDF is compiled.
    """
    expanded = sources.read(source)
    tree, problems = parsed(expanded)
    page, in_page = to_html(expanded, tree)
    # Both formats share nearly all problems: there's no need to print the second one to find them.
    checks.demand([*problems, *in_page])
    documents: list[bytes] = []
    complaints: list[str] = []
    for paper in papers:
        markup, in_print = to_typst(expanded, tree, paper)
        checks.demand(in_print or checks.check_typst(markup, "index.typ"))
        document, found = pdf.compile(markup, source, _timestamp(expanded))
        documents.append(document)
        complaints += found
    return page, documents, complaints


def parsed(source: sources.Source) -> tuple[Node, list[str]]:
    """The syntax tree of an expanded source, references unresolved, and the problems that pandoc found in it."""
    fields = metadata.for_pandoc(source.metadata)
    with tempfile.TemporaryDirectory(prefix="emorec-report-") as scratch:
        tree, complaints = pandoc.parse(source.text, fields, source.folder, Path(scratch))
    return tree, _located(source, complaints)


def to_html(source: sources.Source, tree: Node) -> tuple[str, list[str]]:
    """The HTML page of a parsed source, and its problems."""
    tree, problems = resolved(source, tree, "html")
    depth = metadata.toc_depth(source.metadata, "html")
    toc = bool(metadata.option(source.metadata, "html", "toc", False))
    page, complaints = html.write(html.lower(tree), source.folder, _bibliography(source), depth, toc)
    return page, [*problems, *_located(source, complaints)]


def to_typst(source: sources.Source, tree: Node, paper: str | None = None) -> tuple[str, list[str]]:
    """The Typst markup of a parsed source, for its own paper size or another, and its problems."""
    tree, problems = resolved(source, tree, "typst")
    fields = metadata.for_typst(source.metadata) | ({"papersize": paper} if paper else {})
    tree["meta"] |= {key: pandoc.meta(value) for key, value in fields.items()}
    markup, complaints = pdf.write(pdf.lower(tree), source.folder, _bibliography(source))
    return markup, [*problems, *_located(source, complaints)]


def resolved(source: sources.Source, tree: Node, target: str) -> tuple[Node, list[str]]:
    """The syntax tree for `target` (html or typst) with numbers and links, and the problems found."""
    numbered = bool(metadata.option(source.metadata, target, "number-sections", False))
    result = crossref.resolve(tree, source, target, numbered)
    if _bibliography(source) and pandoc.find([result.tree["blocks"], result.tree["meta"]], "Cite"):
        result.tree["blocks"] = _with_references(result.tree["blocks"])
    return result.tree, result.problems


def _with_references(blocks: list[Node]) -> list[Node]:
    """Add the list of references at the end, under its heading, unless the source says where it goes."""
    if any(block["t"] == "Div" and block["c"][0][0] == "refs" for block in blocks):
        return blocks
    heading = {"t": "Header", "c": [1, attr("references", ["unnumbered"]), [text("References")]]}
    return [*blocks, heading, div(attr("refs"), [])]


def _bibliography(source: sources.Source) -> list[str]:
    files = metadata.bibliography(source.metadata)
    for file in files:
        if not (source.folder / file).is_file():
            raise EmorecError(f"{source.where('bibliography')}: bibliography {file} is missing; add it")
    return files


def _timestamp(source: sources.Source) -> int:
    return metadata.timestamp(metadata.date(source.metadata))


def _located(source: sources.Source, complaints: list[str]) -> list[str]:
    """Pandoc's warnings with the place in the source that they are about."""
    return [_locate(source, complaint) for complaint in complaints]


def _locate(source: sources.Source, complaint: str) -> str:
    citation = re.search(r"[Cc]itation (\S+) not found", complaint)
    if citation:
        files = " or ".join(metadata.bibliography(source.metadata))
        place = source.where(rf"@{re.escape(citation[1])}(?![\w-])")
        return f"{place}: citation @{citation[1]} is not in {files}; add it or correct the key"
    line: Any = re.search(r"\bline (\d+)", complaint)
    return f"{source.at(int(line[1])) if line else source.name}: pandoc: {complaint}"
