"""Which code a stage runs: its own module and all that this one imports, found by reading them, not by importing.

Imports within functions count as those at the top do. An entry is a module, or `module:function`: then only what this
function needs of its module's imports counts, and the module itself. A name taken from a package leads to the module
that defines it (`config.parts` after `from emorec import config`, to `emorec.config.derived`), not to all that the
`__init__` imports, as a package does that is handed around as a whole. Other files in a package's folder, such as a
page's styles, belong to each of its modules. Not seen are modules that are imported by a name made at run time.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
Import = ast.Import | ast.ImportFrom
# A string, whatever is in it.
_TEXT = r"""\"{3}(?:\\.|.)*?\"{3}|'{3}(?:\\.|.)*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
Used = set[str] | None  # which attributes of a name are used; None where it is used by itself, too


def modules(*entries: str) -> list[str]:
    """The modules behind `entries`, themselves included, by name. LookupError for an entry that is none."""
    found: set[tuple[str, str]] = set()  # a module and a function of it; all of it where the latter is empty
    wanted = [(module, function) for module, _, function in (entry.partition(":") for entry in entries)]
    while wanted:
        entry = wanted.pop()
        if entry not in found and (entry[0], "") not in found:
            found.add(entry)
            wanted += [(module, "") for module in _imported(*entry)]
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
        content = _without_comments(content.decode(), _tree(path)).encode()
    return hashlib.sha256(content).hexdigest()


def _without_comments(source: str, tree: ast.Module) -> str:
    """A module's lines without comments, texts that are statements (docstrings), and empty lines."""
    lines = re.sub(rf"({_TEXT})|[ \t]*#[^\n]*", r"\1", source, flags=re.DOTALL).split("\n")
    for node in _statements([tree]):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.JoinedStr):
            lines[node.lineno - 1 : node.end_lineno] = [""] * len(lines[node.lineno - 1 : node.end_lineno])
    return re.sub(rf"({_TEXT})|\n\s*(?=\n)", r"\1", "\n".join(lines), flags=re.DOTALL).strip()


@cache
def _imported(module: str, function: str) -> set[str]:
    """The modules of the package that a module, or a function of it, imports."""
    tree = _tree(_file(module))
    nodes = _reached(tree, function) if function else [tree]
    if not nodes:
        raise LookupError(f"{module}: no function {function}")
    used = _used(nodes)
    within = [node for node in _statements(nodes) if isinstance(node, Import)]
    at_top = [node for node in tree.body if isinstance(node, Import)] if function else []
    found: set[str] = set()
    for statement in (*within, *at_top):
        for alias in statement.names:
            name = alias.asname or alias.name
            if statement in at_top and name.split(".")[0] not in used and name != "*":
                continue
            if isinstance(statement, ast.ImportFrom):
                found |= _defining(_source(module, statement), alias.name, used.get(name, set()))
            elif _is_module(alias.name):
                found.add(alias.name)
    return found


def _defining(source: str, name: str, used: Used) -> set[str]:
    """The modules behind `from source import name`."""
    whole = f"{source}.{name}"
    if not _is_module(source):
        return set()
    if _is_package(whole) and used is not None:
        return {module for attribute in used for module in _defining(whole, attribute, None)}
    if _is_module(whole):
        return {whole}
    handed_on = _handed_on(source) if _is_package(source) else {}
    return _defining(*handed_on[name], used) if name in handed_on else {source}


@cache
def _handed_on(package: str) -> dict[str, tuple[str, str]]:
    """What a package's `__init__` takes from elsewhere at its top, by the name that it has here."""
    found = {}
    for statement in _tree(_file(package)).body:
        if isinstance(statement, ast.ImportFrom) and _is_module(source := _source(package, statement)):
            found.update({alias.asname or alias.name: (source, alias.name) for alias in statement.names})
    return found


def _source(module: str, statement: ast.ImportFrom) -> str:
    """The full name of what is imported from."""
    package = module if _is_package(module) else module.rpartition(".")[0]
    return resolve_name("." * statement.level + (statement.module or ""), package)


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
    wanted = [function]
    while wanted:
        name = wanted.pop()
        if name in defined and name not in found:
            found[name] = defined[name]
            wanted += _used([defined[name]])
    return list(found.values())


def _used(nodes: Iterable[ast.AST]) -> dict[str, Used]:
    """The names that stand below `nodes`, with what is used of them."""
    found: dict[str, Used] = {}
    attributes: dict[ast.AST, str] = {}
    for node in (node for top in nodes for node in ast.walk(top)):  # an attribute comes before what it is taken of
        if isinstance(node, ast.Attribute):
            attributes[node.value] = node.attr
        elif isinstance(node, ast.Name):
            taken = found.setdefault(node.id, set())
            if node not in attributes:
                found[node.id] = None
            elif taken is not None:
                taken.add(attributes[node])
    return found


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Those below `nodes`, in whatever blocks, and `nodes` themselves."""
    wanted = list(nodes)
    while wanted:
        node = wanted.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            wanted += getattr(node, block, [])


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


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
