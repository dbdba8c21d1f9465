"""The report's source folder → one HTML page and a PDF a paper size, by Quarto or else by pandoc and Typst.

Both ways end in the same checks, which fail the build with all problems at once.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emorec.errors import EmorecError
from emorec.files import atomic, write_text
from emorec.paths import Layout
from emorec.report import checks, crossref, html, pandoc, pdf, quarto
from emorec.report.pandoc import Node
from emorec.report.source import NAME, Source, listed, read

QUARTO = "quarto"
PANDOC = "pandoc+typst"
LETTER = "us-letter"

log = logging.getLogger(__name__)


def report(layout: Layout, renderer: str) -> None:
    """Render a study's laid-out report to HTML and PDF (A4 and letter), with Quarto where it is installed."""
    page, a4, letter = (layout.report / f"emorec{suffix}" for suffix in (".html", ".pdf", "-letter.pdf"))
    used = render(layout.report / "source", page, a4, renderer, letter)
    log.info("rendered by %s: %s, %s, %s", used, page, a4, letter)


def render(folder: Path, page: Path, document: Path, renderer: str = "auto", letter: Path | None = None) -> str:
    """Render the Quarto project `folder` to the HTML file `page` and the PDF `document`; returns the renderer used.

    `renderer` is `quarto`, `pandoc+typst` or `auto`; `letter` is a second PDF, on the paper of North America.

    Raises:
        EmorecError: A line for each problem, with its file and line; no file is written.
    """
    program = None if renderer == PANDOC else quarto.find()
    if renderer == QUARTO and program is None:
        raise EmorecError(f"quarto {quarto.OLDEST} or later is not on the PATH; install it or render with {PANDOC}")
    papers = {document: None} | ({letter: LETTER} if letter else {})
    if program:
        timestamp = read(folder).timestamp
        markup, documents, problems = quarto.render(program, folder, timestamp, list(papers.values()))
    else:
        markup, documents, problems = by_pandoc(folder, list(papers.values()))
    problems += checks.check_html(markup, page.name)
    for path, content in zip(papers, documents, strict=True):
        problems += checks.check_pdf(content, path.name)
    checks.demand(problems)
    write_text(page, markup)
    for path, content in zip(papers, documents, strict=True):
        with atomic(path) as temporary:
            temporary.write_bytes(content)
    return QUARTO if program else PANDOC


def by_pandoc(folder: Path, papers: Sequence[str | None] = (None,)) -> tuple[str, list[bytes], list[str]]:
    """Render without Quarto; returns the HTML page, a PDF for each paper, and Typst's complaints (one line each).

    A paper is a name of Typst's, or None for the source's own.
    """
    source = read(folder)
    tree, problems = parsed(source)
    page, in_page = to_html(source, tree)
    # Both formats share nearly all problems: there's no need to print the second one to find them.
    checks.demand([*problems, *in_page])
    markup, in_print = to_typst(source, tree)
    checks.demand(in_print or checks.check_typst(markup, "index.typ"))
    printed = [pdf.compile(markup, folder, source.timestamp, paper) for paper in papers]
    return page, [document for document, _ in printed], [complaint for _, found in printed for complaint in found]


def parsed(source: Source) -> tuple[Node, list[str]]:
    """The syntax tree of a source, references unresolved, and the problems that pandoc found in it."""
    tree, complaints = pandoc.parse(source.text, _metadata(source), source.folder)
    return tree, _located(source, complaints)


def to_html(source: Source, tree: Node) -> tuple[str, list[str]]:
    """The HTML page of a parsed source, and its problems."""
    tree, problems = resolved(source, tree, "html")
    depth = int(source.option("html", "toc-depth", 3)) if source.option("html", "toc", False) else None
    page, complaints = html.write(tree, source.folder, source.bibliography, depth)
    return page, [*problems, *_located(source, complaints)]


def to_typst(source: Source, tree: Node) -> tuple[str, list[str]]:
    """The Typst markup of a parsed source, and its problems."""
    tree, problems = resolved(source, tree, "typst")
    settings = {"papersize": "a4", "toc-depth": "3", "toc-title": "Contents"}
    settings = {name: str(source.option("typst", name, usual)) for name, usual in settings.items()}
    if source.option("typst", "number-sections", False):
        settings["section-numbering"] = str(source.option("typst", "section-numbering", "1.1.1"))
    tree["meta"] |= {name: {"t": "MetaString", "c": value} for name, value in settings.items()}
    tree["meta"]["toc"] = {"t": "MetaBool", "c": bool(source.option("typst", "toc", False))}
    markup, complaints = pdf.write(tree, source.folder, source.bibliography)
    return markup, [*problems, *_located(source, complaints)]


def resolved(source: Source, tree: Node, target: str) -> tuple[Node, list[str]]:
    """The syntax tree for `target` (html or typst) with numbers and links, and the problems found."""
    return crossref.resolve(tree, source, target, bool(source.option(target, "number-sections", False)))


def _metadata(source: Source) -> dict[str, Any]:
    """What the templates of both formats read, in Quarto's form. Strings are Markdown still."""
    given = source.metadata
    if not given.get("title"):
        raise EmorecError(f"{NAME}: no title; add one to its head")
    names = ("title", "subtitle", "abstract", "keywords", "nocite")
    fields: dict[str, Any] = {name: given[name] for name in names if given.get(name)}
    if "abstract" in fields:
        # The newline makes pandoc read paragraphs rather than a line.
        fields["abstract"] = f"{fields['abstract'].strip()}\n"
    authors = [_author(entry) for entry in listed(given.get("author") or [])]
    return fields | {
        "lang": given.get("lang", "en"),
        "by-author": authors,
        "author-meta": [author["name"]["literal"] for author in authors],
        "date": f"{source.date.day} {source.date:%B %Y}",
        "date-meta": source.date.isoformat(),
        "description-meta": str(given.get("description", "")),
        "labels": {"abstract": given.get("abstract-title", "Abstract")},
    }


def _author(entry: Any) -> dict[str, Any]:
    """An author, written as a name or as a mapping of name, affiliation and email, as in Quarto's `by-author`."""
    fields = entry if isinstance(entry, dict) else {"name": entry}
    affiliations = [{"name": str(place)} for place in listed(fields.get("affiliation", []))]
    email = {"email": str(fields["email"])} if fields.get("email") else {}
    return {"name": {"literal": str(fields.get("name", ""))}, "affiliations": affiliations} | email


def _located(source: Source, complaints: list[str]) -> list[str]:
    """Pandoc's warnings with the place in the source that they are about."""
    found = []
    for complaint in complaints:
        if citation := re.search(r"[Cc]itation (\S+) not found", complaint):
            place, files = source.where(rf"@{re.escape(citation[1])}(?![\w-])"), " or ".join(source.bibliography)
            found.append(f"{place}: citation @{citation[1]} is not in {files}; add it or correct the key")
        else:
            line = re.search(r"\bline (\d+)", complaint)
            place = f"{NAME}:{min(int(line[1]), len(source.lines))}" if line else NAME
            found.append(f"{place}: pandoc: {complaint}")
    return found
