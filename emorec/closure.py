"""Which code a stage runs: its own module and all that this one imports, found by reading them, not by importing.

Imports within functions count as those at the top do. An entry is a module, or `module:function`: then only what this
function needs of its module's imports counts, and the module itself. A package's `__init__` often hands on what other
modules define, and importing one name runs all of it. So a name taken from a package leads to the module that defines
it: `from emorec.config import parts`, or `config.parts` after `from emorec import config`, to
`emorec.config.derived`. Only what an `__init__` defines itself, or a package that is handed around as a whole,
leads to the `__init__` and all that it imports. Other files in a package's folder, such as a page's styles, belong to
each of its modules.

Not seen: modules that are imported by a name made at run time. Whoever does that names the entry (as for a figure).
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
Import = ast.Import | ast.ImportFrom
Entry = tuple[str, str]  # a module and a function of it; all of it where the latter is empty


def modules(*entries: str) -> list[str]:
    """The modules behind `entries`, themselves included, by name. LookupError for an entry that is none."""
    found: set[Entry] = set()
    wanted = [(module, function) for module, _, function in (entry.partition(":") for entry in entries)]
    while wanted:
        entry = wanted.pop()
        if entry not in found and (entry[0], "") not in found:
            found.add(entry)
            wanted += _imported(*entry)
    return sorted({module for module, _ in found})


def files(*entries: str) -> list[Path]:
    """The files of those modules, and what else lies in their folders."""
    own = [_file(module) for module in modules(*entries)]
    beside = {path for folder in {path.parent for path in own} for path in _beside(folder)}
    return sorted({*own, *beside})


@cache
def digest(*entries: str, comments: bool = True) -> str:
    """SHA-256 over the names and contents of `files`; without `comments` and docstrings, those of code are left out."""
    whole = hashlib.sha256()
    for path in files(*entries):
        name = path.relative_to(PACKAGE).as_posix()
        whole.update(f"{_content(path, comments)}  {name}\n".encode())
    return whole.hexdigest()


@cache
def _content(path: Path, comments: bool) -> str:
    content = path.read_bytes()
    if path.suffix == ".py" and not comments:
        content = b"\n".join(_without_comments(content, _parsed(path)))
    return hashlib.sha256(content).hexdigest()


def _without_comments(source: bytes, tree: ast.Module) -> Iterator[bytes]:
    """A module's lines without comments, texts that are statements (docstrings), and empty lines.

    A comment begins at a # outside all texts. One between two texts that Python joins is taken for a part of them.
    """
    lines = source.splitlines()
    texts: dict[int, list[tuple[int, int]]] = {}  # by line: from which byte to which there is text
    unfinished: set[int] = set()  # lines that end within a text
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            lines[node.lineno - 1 : node.end_lineno] = [b""] * (_last(node) - node.lineno + 1)
        elif isinstance(node, ast.expr) and _is_text(node):
            for number in range(node.lineno, _last(node) + 1):
                start = node.col_offset if number == node.lineno else 0
                end = node.end_col_offset or 0 if number == _last(node) else len(lines[number - 1])
                texts.setdefault(number, []).append((start, end))
            unfinished.update(range(node.lineno, _last(node)))
    for number, line in enumerate(lines, 1):
        place = line.find(b"#")
        while any(start <= place < end for start, end in texts.get(number, [])):
            place = line.find(b"#", place + 1)
        code = line if place < 0 else line[:place]
        if number in unfinished:
            yield code
        elif code.strip():
            yield code.rstrip()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _last(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


@cache
def _imported(module: str, function: str) -> tuple[Entry, ...]:
    """What a module, or a function of it, takes from the package."""
    tree = _tree(module)
    if not function:
        return tuple(_targets(module, _import_statements([tree]), [tree]))
    nodes = _reached(tree, function)
    if not nodes:
        raise LookupError(f"{module}: no function {function}")
    at_top = (statement for statement in tree.body if isinstance(statement, Import))
    own = _targets(module, _import_statements(nodes), nodes)
    return (*own, *_targets(module, at_top, nodes, _names(nodes)))


def _targets(
    module: str, statements: Iterable[Import], nodes: Sequence[ast.AST], names: set[str] | None = None
) -> Iterator[Entry]:
    """What import statements of a module lead to, as `nodes` use it; with `names`, only those that bind one of them."""
    for statement in statements:
        for alias in statement.names:
            bound = alias.asname or alias.name
            if isinstance(statement, ast.Import):
                if _is_module(alias.name) and (names is None or bound.split(".")[0] in names):
                    yield alias.name, ""
            elif names is None or bound in names or alias.name == "*":
                taken = partial(_attributes, nodes, bound)
                yield from _defining(_source(module, statement), alias.name, taken)


def _defining(source: str, name: str, attributes: Callable[[], set[str] | None]) -> Iterator[Entry]:
    """The modules behind `from source import name`; `attributes`: what is taken of it, None where it goes elsewhere."""
    whole = f"{source}.{name}"
    if not _is_module(source):
        return
    if _is_package(whole) and (taken := attributes()) is not None:
        for attribute in taken:
            yield from _defining(whole, attribute, lambda: None)
    elif _is_module(whole):
        yield whole, ""
    elif _is_package(source) and name in _handed_on(source):
        yield from _defining(*_handed_on(source)[name], attributes)
    else:
        yield source, ""


@cache
def _handed_on(package: str) -> dict[str, tuple[str, str]]:
    """What a package's `__init__` takes from elsewhere at its top, by the name that it has here."""
    found = {}
    for statement in _tree(package).body:
        if isinstance(statement, ast.ImportFrom):
            source = _source(package, statement)
            if _is_module(source):
                found.update({alias.asname or alias.name: (source, alias.name) for alias in statement.names})
    return found


def _source(module: str, statement: ast.ImportFrom) -> str:
    """The full name of what is imported from."""
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - statement.level + _is_package(module)]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def _reached(tree: ast.Module, function: str) -> list[ast.AST]:
    """A function and the other definitions of its module that it uses, directly or not."""
    defined: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                defined.update({n.id: node for n in ast.walk(target) if isinstance(n, ast.Name)})
    found: dict[str, ast.AST] = {}
    wanted = [function] if function in defined else []
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = defined[name]
            wanted += [used for used in _names([defined[name]]) if used in defined]
    return list(found.values())


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {node.id for top in nodes for node in ast.walk(top) if isinstance(node, ast.Name)}


def _import_statements(nodes: Iterable[ast.AST]) -> Iterator[Import]:
    """Those below `nodes`, in whatever blocks. Only statements are looked at: an expression holds none."""
    wanted = list(nodes)
    while wanted:
        node = wanted.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, None)
            wanted += inner if isinstance(inner, list) else []


def _attributes(nodes: Iterable[ast.AST], name: str) -> set[str] | None:
    """The attributes that are taken of `name`; None where it is used otherwise than for one."""
    taken: set[str] = set()
    plain = 0
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
                taken.add(node.attr)
                plain -= 1
            elif isinstance(node, ast.Name) and node.id == name:
                plain += 1
    return taken if plain == 0 else None


@cache
def _beside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc")]


def _is_package(name: str) -> bool:
    return _is_module(name) and _file(name).name == "__init__.py"


@cache
def _is_module(name: str) -> bool:
    try:
        return _file(name).is_file()
    except LookupError:
        return False


@cache
def _file(name: str) -> Path:
    first, *parts = name.split(".")
    if first == PACKAGE.name:
        place = PACKAGE.joinpath(*parts)
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
    raise LookupError(f"{name}: no module of {PACKAGE}")


def _tree(module: str) -> ast.Module:
    return _parsed(_file(module))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
