"""No way from an input to code: nothing is unpickled or evaluated, no shell string is built, what a user writes is
shown as written."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

import pytest

from emorec import config as configs
from emorec.errors import EmorecError
from emorec.report import context, pandoc, render, source, templates
from emorec.report.results import escaped

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "emorec").rglob("*.py"))
FUNCTIONS = {"eval", "exec", "compile", "__import__"}
METHODS = {"system", "popen", "getoutput", "unsafe_load", "full_load", "import_string", "read_pickle", "to_pickle"}
LOADERS = {("torch", "load"), ("yaml", "load"), ("np", "load"), ("numpy", "load")}  # archives by emorec/npz.py alone
NASTY = [
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "{{< include /etc/passwd >}}",
    "{{< var meta.study >}}",
    "[click](javascript:alert(1))",
    "![x](https://example.org/pixel.png)",
    "$\\evil$ and `code`{=html}",
    "*bold* _it_ ~~gone~~ ^up^ | cell | cell",
    "@fig-curves [@nobody] #read(\"/etc/passwd\")",
    "a &lt;b&gt; & c",
    "\\input{x} \"quoted\" ::: {.x}",
]  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
    taken = {(n.module, alias.name) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names}
    assert not taken & LOADERS and not {name for _, name in taken} & METHODS
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS - own
            assert not isinstance(node.func, ast.Attribute) or node.func.attr not in METHODS
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            for unsafe in ("shell", "allow_pickle"):
                value = keywords.get(unsafe)
                assert value is None or (isinstance(value, ast.Constant) and value.value is False)
            if isinstance(node.func, ast.Attribute):
                if node.func.attr in ("eval", "query"):  # of a table; a network's has nothing to evaluate
                    assert all(isinstance(argument, ast.Constant) for argument in node.args)
                if isinstance(node.func.value, ast.Name):
                    assert (node.func.value.id, node.func.attr) not in LOADERS
                    if node.func.value.id == "subprocess":  # a list of words: no shell reads it
                        assert isinstance(node.args[0], ast.List | ast.Name), ast.unparse(node)


def test_shell_strings_quote_what_they_are_given() -> None:
    """Every value in a rule's command is quoted by Snakemake, or is a seed, which is digits by its constraint."""
    commands = 0
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        for _, command in re.findall(r"^( +)shell:\n((?:\1    .*\n)+)", text, flags=re.MULTILINE):
            commands += 1
            for value in re.findall(r"\{([^{}]+)\}", command):
                assert value.endswith(":q") or value == "wildcards.seed", f"{path}: {value}"
        assert not re.search(r"shell=True|\b(eval|exec|os\.system|os\.popen)\(|^ +run:", text, flags=re.MULTILINE), path
    assert commands >= 15
    assert re.search(r'seed=r"\\d\+"', (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8"))


@pytest.mark.parametrize("label", NASTY)
def test_a_label_cannot_hold_commands(label: str) -> None:
    content = {"study": "x", "models": {"a": {"kind": "single", "label": label}}}
    with pytest.raises(EmorecError, match=r"^c\.yaml: models\.a\.label: ") as caught:
        configs.validate(content, "c.yaml")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("label", ["single ResNet-18", "2 × ResNet (α = 0.5)", "Größe: 10 % & mehr", "expert's, top-1"])
def test_a_label_can_hold_what_people_write(label: str) -> None:
    content = {"study": "x", "models": {"a": {"kind": "single", "label": label}}}
    study = configs.validate(content, "c.yaml")
    assert configs.label(study, "a") == label


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A page and Typst markup with every nasty label in a table and in the running text."""
    folder = tmp_path_factory.mktemp("nasty")
    (folder / "styles").symlink_to(ROOT / "report" / "styles")
    (folder / "part.qmd").write_text(
        "{% for label in labels %}\nModel {{ label }} end.\n\n{% endfor %}\n| Model | n |\n|:--|--:|\n"
        "{% for label in labels %}\n| {{ label }} | 1 |\n{% endfor %}\n"
    )
    text = templates.render(folder, "part.qmd", {"labels": [escaped(label) for label in NASTY]}, context.filters())
    head = "---\ntitle: Labels\ndate: 2026-01-01\nauthor: Nobody\nabstract: None.\n---\n\n"
    (folder / "index.qmd").write_text(head + text, encoding="utf-8")
    expanded = source.read(folder)
    parsed, problems = render.parsed(expanded)
    page, in_page = render.to_html(expanded, parsed)
    markup, in_print = render.to_typst(expanded, parsed)
    assert problems + in_page + in_print == []
    return page, markup


@pytest.mark.parametrize("label", NASTY)
def test_an_edited_label_is_shown_as_it_is_written(built: tuple[str, str], label: str) -> None:
    page, markup = built
    body = page[page.index("<body") :]
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())
    straight = words.replace("“", '"').replace("”", '"').replace("’", "'").replace("…", "...")
    assert straight.count(label) == 2, label  # in the text and in the table
    assert "<script>alert" not in body and "onerror=alert(1)>" not in re.sub(r"&[a-z]+;", "", body)
    assert not re.search(r"(href|src)=\"(javascript|https://example)", body)
    assert "#read(" not in markup.replace("\\#read(", "") and "/etc/passwd" in markup


def test_pandoc_reads_an_escaped_label_as_text() -> None:
    for label in NASTY:
        node = pandoc.run(["-f", "markdown", "-t", "plain", "--wrap=none"], escaped(label), ROOT)[0]
        assert " ".join(node.split()).replace("“", '"').replace("”", '"').replace("’", "'") == label
