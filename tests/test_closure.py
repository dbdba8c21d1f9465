"""Which modules an entry leads to: as Python itself imports them, but for what packages only hand on."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from emorec import closure
from emorec.tables.groups import GROUPS

ROOT = Path(__file__).resolve().parent.parent


def imported_by_python(module: str) -> set[str]:
    """The package's modules that importing `module` loads, imports within functions not among them."""
    code = f"import json, sys, {module}; print(json.dumps([m for m in sys.modules if m.split('.')[0] == 'emorec']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["emorec.networks.train", "emorec.data.prepare", "emorec.tables.groups"])
def test_nothing_that_python_imports_is_missed_but_what_packages_hand_on(module: str) -> None:
    found, loaded = set(closure.modules(module)), imported_by_python(module)
    packages = {name for name in loaded if closure._is_package(name)}
    # These packages' __init__ loads modules that nobody asked for.
    unasked = imported_by_python("emorec.config") | imported_by_python("emorec.data.synthetic")
    assert loaded - found - packages <= unasked
    assert {name for name in loaded if name.startswith("emorec.networks.")} <= found
    assert "emorec.cli" not in found


def test_imports_in_functions_and_names_that_packages_hand_on() -> None:
    assert "emorec.data.synthetic.drawing" in closure.modules("emorec.data.prepare")  # imported by _draw alone
    found = closure.modules("emorec.config.sections")
    assert "emorec.config.derived" not in found and "emorec.config" not in found
    assert "emorec.config.derived" in closure.modules("emorec.tables.groups")  # as configs.parts


def test_a_function_leads_to_what_it_uses_alone() -> None:
    results, pixels = (set(closure.modules(f"emorec.tables.groups:{name}")) for name in ("results", "pixels"))
    assert {"emorec.tables.groups", "emorec.tables.performance", "emorec.tables.metrics"} <= results
    assert "emorec.tables.performance" in results - pixels
    together = set().union(*(closure.modules(f"emorec.tables.groups:{name}") for name in GROUPS))
    assert together <= set(closure.modules("emorec.tables.groups"))
    with pytest.raises(LookupError, match="no function nothing"):
        closure.modules("emorec.tables.groups:nothing")
    with pytest.raises(LookupError, match="emorec.nothing: no module"):
        closure.modules("emorec.nothing")


def test_what_lies_beside_a_module_belongs_to_it() -> None:
    names = {path.name for path in closure.files("emorec.explorer.page")}
    assert {"page.py", "page.html", "explorer.js", "explorer.css"} <= names


def forget() -> None:
    """Look at the files again: a process takes it that its own code does not change."""
    for function in vars(closure).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in the place of emorec."""
    folder = tmp_path / "emorec"
    (folder / "a").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "a" / "__init__.py").write_text("from emorec.a.one import f\nfrom .two import g as h\n\nOWN = 1\n")
    (folder / "a" / "one.py").write_text("def f():\n    from ..b import x\n    return x\n")
    (folder / "a" / "two.py").write_text("import emorec.c as c\n\ng = c.y\n")
    (folder / "b.py").write_text("x = 1\n")
    (folder / "c.py").write_text("y = 2\n")
    monkeypatch.setattr(closure, "PACKAGE", folder)
    forget()
    yield folder
    forget()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from emorec.a import f", {"a.one", "b"}),
        ("from emorec.a import h", {"a.two", "c"}),
        ("from emorec import a\n\na.h()", {"a.two", "c"}),
        ("from emorec import a\n\nprint(a)", {"a", "a.one", "a.two", "b", "c"}),
        ("from emorec.a import OWN", {"a", "a.one", "a.two", "b", "c"}),
        ("from emorec.a import *", {"a", "a.one", "a.two", "b", "c"}),
        ("import emorec.a.two", {"a.two", "c"}),
        ("from . import b", {"b"}),
        (
            "def f():\n    if f:\n        try:\n            from emorec.b import x\n        finally:\n            pass",
            {"b"},
        ),
        ("import numpy.emorec", set()),
    ],
)
def test_each_form_of_import(package: Path, source: str, expected: set[str]) -> None:
    (package / "entry.py").write_text(source)
    assert set(closure.modules("emorec.entry")) == {"emorec.entry", *(f"emorec.{name}" for name in expected)}


def test_a_digest_follows_the_code(package: Path) -> None:
    def digests() -> tuple[str, str]:
        forget()
        return closure.digest("emorec.a.one"), closure.digest("emorec.a.one", comments=False)

    before = digests()
    (package / "c.py").write_text("y = 3\n")
    assert digests() == before  # of no concern
    (package / "b.py").write_text('"""Of x."""\n\nx = 1  # one\n')
    assert digests()[0] != before[0] and digests()[1] == before[1]
    (package / "b.py").write_text("x = 2\n")
    assert digests()[1] != before[1]


def tokens(source: str) -> list[str]:
    """The words of a module but for its comments and texts that are statements."""
    found: list[str] = []
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    read = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in layout]
    for before, token, after in zip([None, *read], read, [*read[1:], None], strict=False):
        starts = before is None or before.type == tokenize.NEWLINE
        if not (starts and token.type == tokenize.STRING and after and after.type == tokenize.NEWLINE):
            found += [token.string] if token.type != tokenize.NEWLINE else []
    return found


def test_only_comments_docstrings_and_empty_lines_are_left_out() -> None:
    for path in sorted((ROOT / "emorec").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        left = closure._without_comments(source, ast.parse(source))
        assert tokens(left) == tokens(source), path
        kinds = {token.type for token in tokenize.generate_tokens(io.StringIO(left).readline)}
        assert tokenize.COMMENT not in kinds and len(left) < len(source), path
    texts = "a = '''x\n\n# no comment\n'''  # comment\nb = '#'  # '\n\n\nc = f'{a}#'#\nd = '\\'#'  #\n"
    expected = "a = '''x\n\n# no comment\n'''\nb = '#'\nc = f'{a}#'\nd = '\\'#'"
    assert closure._without_comments(texts, ast.parse(texts)) == expected
