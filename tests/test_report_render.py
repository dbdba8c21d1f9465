"""Both formats of the sample report, every construct of it, and that the same source gives the same bytes."""

from __future__ import annotations

import html
import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import typst

from emorec.errors import EmorecError
from emorec.report import render, source
from emorec.report.pandoc import stringify
from tests.browser import launched, opened

ROOT = Path(__file__).parent.parent
SAMPLE = Path(__file__).parent / "report_sample"


def stage(folder: Path) -> Path:
    """A copy of the sample with the report's own styles."""
    shutil.copytree(SAMPLE, folder)
    shutil.copytree(ROOT / "report" / "styles", folder / "styles")
    return folder


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(tmp_path_factory.mktemp("report") / "source")


@pytest.fixture(scope="module")
def built(staged: Path) -> tuple[str, Path]:
    """The page's text as HTML, and the PDF's path."""
    page, pdf = staged.parent / "emorec.html", staged.parent / "emorec.pdf"
    assert render.render(staged, page, pdf, renderer=render.PANDOC) == "pandoc+typst"
    return page.read_text(encoding="utf-8"), pdf


@pytest.fixture(scope="module")
def markup(staged: Path) -> str:
    """The Typst markup."""
    expanded = source.read(staged)
    tree, problems = render.parsed(expanded)
    text, more = render.to_typst(expanded, tree)
    assert problems + more == []
    return text


def visible(page: str) -> str:
    """The words of an HTML page, without its head, scripts and formulas."""
    body = page[page.index("<body") :]
    body = re.sub(r"<(script|style|math)\b.*?</\1>", " ", body, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " ").split())


def printed(markup: str) -> str:
    """The words of Typst markup, roughly."""
    text = re.sub(r"\\([^\n])", r"\1", markup.replace("~", " "))
    return " ".join(text.replace("\u00a0", " ").split())


def test_a_link_shows_what_it_leads_to(built: tuple[str, Path]) -> None:
    with launched(), opened(built[1].with_suffix(".html"), "main") as page:
        preview = page.locator("#preview")
        for kind in ("fig", "tbl", "sec", "ref"):
            link = page.locator(f'main a[href^="#{kind}-"]').first
            target = page.locator(f'[id="{link.get_attribute("href")[1:]}"]')
            caption = target.locator("figcaption, h2, h3").first if kind != "ref" else target
            assert not preview.is_visible()
            link.focus()
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Tab")  # as the keyboard reaches it
            assert preview.is_visible()
            assert caption.inner_text().strip()[:40] in preview.inner_text()
            page.keyboard.press("Escape")
            assert not preview.is_visible()
            link.blur()
        link.hover()
        assert preview.is_visible()
        page.mouse.move(0, 0)
        assert not preview.is_visible()
        assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == page.evaluate(
            "document.querySelectorAll('[id]').length"
        )


def test_the_text_stands_in_body_heading_caption_title_and_abstract(built: tuple[str, Path], markup: str) -> None:
    for text in (visible(built[0]), printed(markup)):
        assert "reaches 63.4 % and the mixture 64.1 % over 2 seeds" in text
        assert "Networks in sample" in text
        assert "Curves of sample" in text
        assert "Rendered from the study sample" in text
        assert "No difference was found: the mixture differs" in text
        assert "What sample means" in text
    assert "<em>mixture</em> with <code>gate</code>" in built[0]
    assert "#emph[mixture] with `gate`" in markup


def test_text_and_tables_are_in_both_formats(built: tuple[str, Path], markup: str) -> None:
    for text in (visible(built[0]), printed(markup)):
        assert "An included part cites" in text
        assert "resnet18" in text
        assert "63.4 % (62.2 to 64.6)" in text


def test_figures_have_number_caption_and_alternative_text(built: tuple[str, Path], markup: str) -> None:
    page = built[0]
    figure = re.search(r'<figure id="fig-curves".*?</figure>', page, re.DOTALL)
    assert figure
    assert visible("<body>" + figure[0]).startswith("Figure 1: Curves of sample.")
    assert 'alt="Two rising lines, the dashed one below the other."' in figure[0]
    assert 'src="data:image/svg+xml;base64,' in figure[0]
    assert 'image("figures/curves.svg", alt: "Two rising lines, the dashed one below the other.")' in markup
    assert 'image("figures/points.png", width: 50%, alt: "A cloud of points.")' in markup
    assert 'kind: "quarto-float-fig", supplement: "Figure") <fig-curves>' in markup


def test_the_line_of_origin_has_links_in_both_formats(built: tuple[str, Path], markup: str) -> None:
    line = re.search(r'<figcaption>(?:(?!</figcaption>).)*<span class="made">(.*?)</span>', built[0], re.DOTALL)
    assert line and visible("<body>" + line[0]).startswith("Figure 2: Points, as a raster image, at half the width.")
    assert re.findall(r'href="([^"]+)"', line[1]) == ["https://example.org/points.py", "https://example.org/points.csv"]
    printed_line = markup[markup.index("#made[") :][:200]
    assert (
        '#link("https://example.org/points.py")' in printed_line
        and '#link("https://example.org/points.csv")' in printed_line
    )


def test_figures_open_in_a_dialog_by_mouse_and_keyboard(built: tuple[str, Path]) -> None:
    page = built[0]
    for figure in re.findall(r'<figure id="fig-.*?</figure>', page, re.DOTALL):
        assert re.search(r'<button type="button" class="zoom"[^>]*>\s*<img', figure)
    dialog = page[page.index("<dialog") :]
    assert '<form method="dialog">' in dialog and 'tabindex="0"' in dialog and "keydown" in dialog


def test_tables_of_every_spelling_are_numbered_in_order(built: tuple[str, Path], markup: str) -> None:
    page = visible(built[0])
    captions = ["Scores of the models", "Two columns of given width", "A table with Quarto’s short caption"]
    positions = [page.index(f"Table {number}: {caption}") for number, caption in enumerate(captions, 1)]
    assert positions == sorted(positions)
    labels = re.findall(r'kind: "quarto-float-tbl", supplement: "Table"\) <([\w-]+)>', markup)
    assert labels == ["tbl-scores", "tbl-wide", "tbl-short"]
    # Only the table that asks for widths has them; the others are as wide as what is in them.
    assert built[0].count("<colgroup>") == 1
    assert "columns: (40%, 60%)" in markup


def test_references_are_links_with_quarto_s_words(built: tuple[str, Path], markup: str) -> None:
    expected = {
        "fig-curves": "Figure 1", "fig-points": "Figure 2", "tbl-scores": "Table 1", "tbl-wide": "Table 2",
        "tbl-short": "Table 3", "sec-methods": "Section 2", "eq-mixture": "Equation 1",
    }  # fmt: skip
    for identifier, words in expected.items():
        assert f'<a href="#{identifier}" class="quarto-xref">{words.replace(" ", chr(160))}</a>' in built[0]
        assert f"#link(<{identifier}>)[{words}]" in printed(markup)
        assert f'id="{identifier}"' in built[0]
        assert f"<{identifier}>" in markup
    text = visible(built[0])
    assert "see also 2 and Sect. 2.1 ." in text or "see also 2 and Sect. 2.1." in text
    assert "Figure 1 , Figure 2 both" in text


def test_typst_counts_as_the_page_does(staged: Path, markup: str) -> None:
    """The numbers in the PDF's captions are Typst's own; those in its references come from the shared resolver."""
    labels = ["fig-curves", "fig-points", "tbl-scores", "tbl-wide", "tbl-short"]
    counted = "".join(
        f'#context [#metadata(counter(figure.where(kind: "quarto-float-{label.split("-")[0]}"))'
        f".at(<{label}>).first()) <count>]\n"
        for label in labels
    )
    counted += "".join(
        f'#context [#metadata(counter(heading).at(<{label}>).map(str).join(".")) <count>]\n'
        for label in ("sec-introduction", "sec-methods", "sec-details")
    )
    counted += "#context [#metadata(counter(math.equation).at(<eq-mixture>).first()) <count>]\n"
    found = typst.query((markup + "\n" + counted).encode(), "<count>", field="value", root=str(staged),
                        ignore_system_fonts=True)  # fmt: skip
    assert json.loads(found) == [1, 2, 1, 2, 3, "1", "2", "2.1", 1]


def test_citations_and_their_list(built: tuple[str, Path], markup: str) -> None:
    for text in (visible(built[0]), re.sub(r"#link\(<[^>]+>\)\[([^\]]*)\]", r"\1", printed(markup))):
        text = text.replace(" )", ")").replace("( ", "(").replace(" ;", ";")
        assert "(He et al. 2016) are the reference" in text
        assert "(see He et al. 2016, 771–73; Jacobs et al. 1991)" in text
        assert "Jacobs et al. (1991) proposed mixtures" in text
        assert "Deep Residual Learning for Image Recognition" in text
    assert 'id="ref-he2016"' in built[0]
    assert "<ref-he2016>" in markup


def test_callouts_equation_footnote_and_code(built: tuple[str, Path], markup: str) -> None:
    page = built[0]
    assert re.search(r'class="callout callout-note".{0,99}What sample means', re.sub(r"<(?!div)[^>]+>|\n", "", page))
    assert "callout-warning" in page and ">Warning<" in page
    assert '#paper-callout("note", [' in markup and '#paper-callout("warning", [' in markup
    numbered = r'id="eq-mixture" class="equation">.*?</math></span><span class="equation-number">\(1\)</span>'
    assert re.search(numbered, page, re.DOTALL)
    equation = r'#math\.equation\(block: true, numbering: "\(1\)", \[ \$.*?\$ \]\)<eq-mixture>'
    assert re.search(equation, markup, re.DOTALL)
    assert 'role="doc-endnotes"' in page and "#footnote[A footnote with a reference to" in markup
    assert "snakemake --cores all" in page and "\nsnakemake --cores all" in markup
    # A callout's title is no section.
    assert "What sample means" not in page[page.index('id="TOC"') : page.index("</nav>")]


def test_sections_are_numbered_and_listed(built: tuple[str, Path], markup: str) -> None:
    page = built[0]
    contents = visible("<body>" + page[page.index('<nav id="TOC"') : page.index("</nav>")])
    assert contents == (
        "Contents 1 Introduction 2 Methods 2.1 Networks in sample 2.1.1 A third level 2.2 Conditional content "
        "3 Results Appendix References"
    )
    assert 'sectionnumbering: "1.1.1"' in markup and "toc: true" in markup and "toc_depth: 2" in markup


def test_conditional_content_shows_in_its_format_only(built: tuple[str, Path], markup: str) -> None:
    assert "Only the page says this." in built[0] and "Only the print says this." not in built[0]
    assert "Only the print says this." in markup and "Only the page says this." not in markup


def test_both_formats_hold_the_same_text(staged: Path) -> None:
    expanded = source.read(staged)
    trees = [render.resolved(expanded, render.parsed(expanded)[0], target)[0] for target in ("html", "typst")]
    texts = [stringify(tree["blocks"]).split("Only the p")[:1] for tree in trees]
    assert texts[0] == texts[1]
    rest = [re.sub(r"Only the (page|print) says this\.", "", stringify(tree["blocks"])) for tree in trees]
    assert rest[0] == rest[1] and len(rest[0]) > 1500
    assert stringify(list(trees[0]["meta"]["abstract"]["c"])) == stringify(list(trees[1]["meta"]["abstract"]["c"]))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_pdf_says_what_the_page_says(built: tuple[str, Path]) -> None:
    done = subprocess.run(["pdftotext", "-layout", built[1], "-"], capture_output=True, text=True, check=True)
    text = " ".join(done.stdout.replace("\u00a0", " ").split())
    for words in ("Figure 1: Curves of sample", "Table 1: Scores of the models", "Section 2 says how", "2.1 Networks",
                  "(see He et al. 2016, 771–73; Jacobs et al. 1991)", "see also 2 and Sect. 2.1", "17 May 2024",
                  "A sample paper with every construct", "Equation 1 is linear"):  # fmt: skip
        assert words in text
        if words != "2.1 Networks":
            assert words.replace(" ;", ";")[:12] in visible(built[0])


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
@pytest.mark.parametrize("words", [2, 30])
def test_a_table_longer_than_a_page_loses_no_row(words: int, tmp_path: Path) -> None:
    folder = stage(tmp_path / "source")
    rows = "\n".join(f"| row {number} | {'word ' * words}|" for number in range(100))
    table = f"| {'Name':30} | {'Text':60} |\n|:{'-' * 30}|:{'-' * 60}|\n{rows}\n"
    (folder / "index.qmd").write_text(
        f"---\ntitle: Long\ndate: 2024-05-17\n---\n\n# First {{#sec-a}}\n\n::: {{#tbl-long}}\n\n{table}\n"
        "A long table.\n\n:::\n\nSee @tbl-long.\n"
    )
    (document,) = render.by_pandoc(folder)[1]
    (tmp_path / "long.pdf").write_bytes(document)
    done = subprocess.run(["pdftotext", "-layout", tmp_path / "long.pdf", "-"], capture_output=True, text=True)
    pages = [page for page in done.stdout.split("\f") if "row" in page]
    assert re.findall(r"row (\d+)", done.stdout) == [str(number) for number in range(100)]
    assert len(pages) > 1 and all(re.search(r"Name\s+Text", page) for page in pages)


def test_page_is_self_contained_and_has_its_metadata(built: tuple[str, Path]) -> None:
    page = built[0]
    assert '<html lang="en-GB">' in page
    assert "<title>A sample paper with every construct</title>" in page
    assert "Ada Example</strong>, Institute of Samples" in page
    assert 'datetime="2024-05-17">17 May 2024<' in page
    assert not re.search(r'(?:src|srcset)="(?!data:)|<link\b[^>]*href="(?!data:)|url\((?!["\']?data:)|@import', page)
    assert "prefers-color-scheme: dark" in page


def test_two_builds_are_byte_identical(built: tuple[str, Path], tmp_path: Path) -> None:
    other = stage(tmp_path / "elsewhere")
    page, pdf = tmp_path / "again.html", tmp_path / "again.pdf"
    render.render(other, page, pdf, renderer=render.PANDOC)
    assert page.read_text(encoding="utf-8") == built[0]
    assert pdf.read_bytes() == built[1].read_bytes()


def test_letter_is_a_second_pdf_of_the_same_text(staged: Path, tmp_path: Path) -> None:
    _, documents, complaints = render.by_pandoc(staged, [None, render.LETTER])
    assert complaints == []
    assert [page_size(document) for document in documents] == [(595, 842), (612, 792)]


def page_size(pdf: bytes) -> tuple[int, int]:
    """Of the first page whose dictionary is not compressed, in points."""
    box = re.search(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", pdf)
    assert box
    return round(float(box[1])), round(float(box[2]))


def test_quarto_prints_letter_from_a_copy(staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_quarto(tmp_path / "bin", paper="grep papersize _quarto.yml >> index.pdf; echo '%%EOF' >> index.pdf;")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    names = [tmp_path / name for name in ("a.html", "a.pdf", "b.pdf")]
    assert render.render(staged, *names[:2], letter=names[2]) == "quarto"
    assert b"papersize: a4" in names[1].read_bytes() and b"papersize: us-letter" in names[2].read_bytes()
    assert "papersize: a4" in (staged / "_quarto.yml").read_text()


def test_document_that_starts_at_level_two_numbers_from_one(tmp_path: Path) -> None:
    folder = stage(tmp_path / "source")
    (folder / "index.qmd").write_text(
        "---\ntitle: Two\ndate: 2024-05-17\n---\n\n## First {#sec-a}\n\n### Inner {#sec-b}\n\nSee @sec-b.\n",
        encoding="utf-8",
    )
    expanded = source.read(folder)
    tree, problems = render.resolved(expanded, render.parsed(expanded)[0], "html")
    assert problems == []
    assert "See Section\u00a01.1." in stringify(tree["blocks"])


def test_nothing_is_written_when_a_check_fails(tmp_path: Path) -> None:
    folder = stage(tmp_path / "source")
    with (folder / "index.qmd").open("a", encoding="utf-8") as file:
        file.write("\nSee @fig-nowhere.\n")
    page, pdf = tmp_path / "out" / "a.html", tmp_path / "out" / "a.pdf"
    with pytest.raises(EmorecError):
        render.render(folder, page, pdf, renderer=render.PANDOC)
    assert not page.exists() and not pdf.exists()


def fake_quarto(
    folder: Path, version: str = "1.9.38", log: str = "", body: str = "<p>Text.</p>", paper: str = ""
) -> None:
    """A program `quarto` in `folder` that knows --version and render, and writes what it is told to."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "quarto"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --version ]; then echo {version}; exit 0; fi\n'
        'test "$1" = render || exit 9\n'
        f"echo '{log}' >&2\n"
        "case $4 in\n"
        f"html) mkdir -p _site; echo '<html><body>{body}</body></html>' > _site/index.html;;\n"
        "typst) printf '%%PDF-1.7\\n%s\\n%%%%EOF\\n' $SOURCE_DATE_EPOCH > index.pdf; "
        f"{paper} ;;\n"
        "esac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_quarto_is_used_where_it_is_installed(staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_quarto(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    before = sorted(staged.rglob("*"))
    page, pdf = tmp_path / "a.html", tmp_path / "a.pdf"
    assert render.render(staged, page, pdf) == "quarto"
    assert "<p>Text.</p>" in page.read_text()
    # The date is the report's, in seconds: 2024-05-17.
    assert b"1715904000" in pdf.read_bytes()
    assert sorted(staged.rglob("*")) == before


@pytest.mark.parametrize(
    ("log", "body", "message"),
    [
        ("WARN: Unable to resolve crossref @fig-x", "<p>Text.</p>", "quarto: WARN: Unable to resolve crossref @fig-x"),
        ("[WARNING] Citeproc: citation a1 not found", "<p>Text.</p>", "quarto: [WARNING] Citeproc: citation a1"),
        ("", "<p>See <strong>?@fig-x</strong>.</p>", "a.html: unresolved cross-reference ?@fig-x"),
        ("", "<p>It is {{&lt; var a.b >}}.</p>", "a.html: unexpanded shortcode {{<"),
        ("", "<img src=\"https://example.org/a.png\" alt=\"A\">", "the page has to be self-contained"),
        ("", "<table><tr><td></td></tr></table>", "a.html: a table is empty"),
    ],
)  # fmt: skip
def test_the_checks_hold_for_quarto_too(
    staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, body: str, message: str
) -> None:
    fake_quarto(tmp_path / "bin", log=log, body=body)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(EmorecError, match=re.escape(message)):
        render.render(staged, tmp_path / "a.html", tmp_path / "a.pdf")
    assert not (tmp_path / "a.html").exists()


def test_what_is_wrong_with_the_page_is_told_where_the_pdf_fails(
    staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_quarto(tmp_path / "bin", log="WARN: a", body="<p>?@fig-x</p>", paper="echo ERROR: no font >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(EmorecError) as caught:
        render.render(staged, tmp_path / "a.html", tmp_path / "a.pdf")
    lines = str(caught.value).splitlines()
    assert lines[0] == "quarto: WARN: a" and "unresolved cross-reference ?@fig-x" in lines[1]
    assert lines[-1].startswith("quarto render --to typst failed: ") and "no font" in lines[-1]


def test_an_old_quarto_is_passed_over_and_told_of(
    staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_quarto(tmp_path / "bin", version="1.8.27")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(EmorecError, match="1.9 or later is not on the PATH"):
        render.render(staged, tmp_path / "a.html", tmp_path / "a.pdf", renderer="quarto")
    assert render.render(staged, tmp_path / "a.html", tmp_path / "a.pdf") == "pandoc+typst"
    assert "is version 1.8.27 and left aside; version 1.9 or later is used" in caplog.text
