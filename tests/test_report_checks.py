"""Each way in which a report can be wrong fails the build with the file, the line and the remedy."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emorec.errors import EmorecError
from emorec.report import checks, pandoc, render

ROOT = Path(__file__).parent.parent
SAMPLE = Path(__file__).parent / "report_sample"
HEAD = "---\ntitle: A title\ndate: 2024-05-17\n---\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample's files with an empty main text."""
    staged = tmp_path / "source"
    shutil.copytree(SAMPLE, staged)
    shutil.copytree(ROOT / "report" / "styles", staged / "styles")
    return staged


@pytest.fixture
def problems(folder: Path) -> Callable[[str], str]:
    """Renders a main text of which HEAD takes lines 1 to 5; returns the error's message."""

    def run(text: str) -> str:
        (folder / "index.qmd").write_text(HEAD + text + "\n", encoding="utf-8")
        with pytest.raises(EmorecError) as caught:
            render.by_pandoc(folder)
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Value {{< var accuracy >}}.", "index.qmd:6: shortcodes are not supported; let a template fill it in"),
        ("{{< pagebreak >}}", "index.qmd:6: shortcodes are not supported; let a template fill it in"),
        ("Text.\n\nSee @fig-c.", "index.qmd:8: unresolved cross-reference @fig-c: nothing has the id fig-c"),
        ("See @sec-nowhere and @tbl-nowhere.", "index.qmd:6: unresolved cross-reference @tbl-nowhere"),
        ("# A {#sec-a}\n\nSee @sec-b.", "index.qmd:8: unresolved cross-reference @sec-b: did you mean @sec-a?"),
        ("See @lst-code.", "index.qmd:6: citation @lst-code is not in references.bib"),
        ("Cited [@nobody2020].", "index.qmd:6: citation @nobody2020 is not in references.bib"),
        ("# A {#sec-a}\n\nSee @sec-a [@he2016].", "index.qmd:8: @sec-a, @he2016: a cross-reference runs into"),
        ("![Caption.](figures/none.svg){#fig-a fig-alt=\"Alt.\"}", "index.qmd:6: image figures/none.svg is missing"),
        ("![Caption.](figures/curves.svg){#fig-a}", "index.qmd:6: image figures/curves.svg has no alternative text"),
        ("![Caption.](figures/curves.svg){fig-alt=\"Alt.\"}", "index.qmd:6: figure figures/curves.svg has a caption"),
        ("![](https://example.org/a.svg){fig-alt=\"Alt.\"}", "index.qmd:6: image https://example.org/a.svg is outside"),
        ("![C.](figures/curves.svg){#fig-a_b fig-alt=\"Alt.\"}", "index.qmd:6: id fig-a_b has an underscore"),
        ("# A {#sec-a}\n\n# B {#sec-a}", "id sec-a is given twice"),
        ("# A {#sec-a .unnumbered}", "index.qmd:6: section sec-a has no number"),
        ("::: {#tbl-a}\n\n| Head | B |\n|:--|:--|\n| | |\n\nCap.\n\n:::", "index.qmd:8: table \"Cap.\" is empty"),
        ("::: {#tbl-a}\n\nOnly words.\n\nCaption.\n\n:::", "index.qmd:6: tbl-a holds no table"),
        ("::: {#tbl-a}\n\n| A |\n|:--|\n| 1 |\n\n:::", "index.qmd:6: tbl-a has no content or no caption"),
        ("| Alpha |\n|:--|\n| |", "index.qmd:6: table \"Alpha\" is empty"),
        ("```{python}\nprint(1)\n```", "index.qmd:6: code cells are not run"),
        ("::: {layout-ncol=2}\nText.\n:::", "index.qmd:6: layouts and tabsets are not supported"),
        ("::: {.callout-hint}\nText.\n:::", "index.qmd:6: callout hint is unknown"),
        ("Text.\n\n::: {.note}\nNever closed.", "index.qmd:8: pandoc: [WARNING]"),
    ],
)  # fmt: skip
def test_a_problem_in_the_source_is_named_with_its_place(
    problems: Callable[[str], str], text: str, message: str
) -> None:
    assert message in problems(text)


def test_problems_come_all_at_once_one_line_each(problems: Callable[[str], str]) -> None:
    lines = problems("See @fig-a.\n\nSee @tbl-b.\n\n![](figures/curves.svg)").splitlines()
    assert [line.split(": ")[0] for line in lines] == ["index.qmd:10", "index.qmd:6", "index.qmd:8"]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("title: A\ndate: today\n", "date is 'today'"),
        ("title: A\n", "date is None"),
        ("date: 2024-05-17\n", "no title"),
        ("title: A\ndate: 2024-05-17\nbibliography: none.bib\n", "bibliography none.bib is missing"),
        ("title: A\n  date: [\n", "index.qmd:3: not valid YAML"),
    ],
)  # fmt: skip
def test_metadata_problems(folder: Path, head: str, message: str) -> None:
    (folder / "index.qmd").write_text(f"---\n{head}---\n\nText.\n", encoding="utf-8")
    with pytest.raises(EmorecError, match=re.escape(message)):
        render.by_pandoc(folder)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<p>?@fig-x</p>", "unresolved cross-reference ?@fig-x"),
        ("<a href='../data/faces.npz'>A</a>", "link to ../data/faces.npz is dead where the page is copied to"),
        ("<p>{{&lt; var a >}}</p>", "unexpanded shortcode {{<"),
        ("<p>@tbl-scores</p>", "unresolved cross-reference @tbl-scores"),
        ("<p>$$ x $$ {#eq-x}</p>", "id that was not understood {#eq-x"),
        ("<p>A text that a fence ran into. ::: {.note} More.</p>", "stray fence of a div :::"),
        ("<img src='data:image/png;base64,AA'>", "image without alternative text"),
        ("<img src='figures/a.png' alt='A'>", "img loads figures/a.png"),
        ("<script src='https://example.org/a.js'></script>", "script loads https://example.org/a.js"),
        ("<link rel='stylesheet' href='a.css'>", "link loads a.css"),
        ("<style>@import 'a.css';</style>", "style loads a.css"),
        ("<style>p { background: url(a.png) }</style>", "style loads a.png"),
        ("<p style='background: url(\"a.png\")'>A</p>", "style loads a.png"),
        ("<table><tr><th>A</th></tr></table>", "a table is empty"),
        ("<a href='#gone'>A</a>", "link to #gone leads nowhere"),
        ("<p id='a'>A</p><p id='a'>B</p>", "id a is given twice"),
    ],
)
def test_what_the_page_must_not_hold(body: str, message: str) -> None:
    assert any(message in line for line in checks.check_html(f"<html><body>{body}</body></html>", "a.html"))


def test_a_clean_page_passes() -> None:
    page = (
        "<html><head><style>p { background: url(data:image/png;base64,AA) }</style></head><body><p id='a'>"
        "<a href='https://example.org'>A link</a> to b@example.org, <a href='#a'>here</a>.</p>"
        "<script>const a = '{{<';</script><img src='data:image/png;base64,AA' alt='A'>"
        "<table><tr><td>1</td></tr></table></body></html>"
    )
    assert checks.check_html(page, "a.html") == []
    # As Quarto links its style for the light and for the dark.
    style = '<link rel="stylesheet" id="quarto-bootstrap" href="data:text/css,a">'
    assert checks.check_html(page.replace("<head>", f"<head>{style * 2}"), "a.html") == []


def test_typst_and_pdf_checks() -> None:
    assert checks.check_typst('#figure(image("a.svg", alt: "A (b)"))', "a.typ") == []
    assert "has no alternative text" in checks.check_typst('#image("a.svg", width: 50%)', "a.typ")[0]
    assert "unresolved" in checks.check_typst(r"See ?\@fig-x.", "a.typ")[0]
    assert checks.check_pdf(b"%PDF-1.7\n...\n%%EOF\n", "a.pdf") == []
    assert checks.check_pdf(b"%PDF-1.7\n", "a.pdf") == ["a.pdf: not a whole PDF; render again"]


def test_warnings_of_quarto_are_found_in_its_log() -> None:
    assert checks.check_log("\x1b[33mWARN: a\x1b[39m\nOutput created: index.html\n") == ["quarto: WARN: a"]
    # As Quarto 1.9 and 1.10 write it.
    line = "WARNING (/opt/quarto/share/filters/main.lua/refs.lua:128) Unable to resolve crossref @fig-nope"
    assert checks.check_log(f"pandoc \n{line}\n") == [f"quarto: {line}"]


def test_the_line_under_a_figure_survives_quarto_s_typst() -> None:
    """Pandoc's Typst writer drops a span's class; the paper's filter, which Quarto runs, keeps it on its own line."""
    command = ["-f", "markdown", "-t", "typst", "--lua-filter", "made.lua"]
    written, complaints = pandoc.run(command, "Text. [Code: [a](a.py).]{.made}", ROOT / "report" / "styles")
    assert '#linebreak()#text(size: 8pt)[Code: #link("a.py")[a].]' in written and not complaints
