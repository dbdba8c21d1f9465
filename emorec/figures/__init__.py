"""Stage `figures`: one module a figure, each drawn from tables alone (`samples` also from the faces).

Every module has `INPUTS` (paths within the study's folder), a pure `draw(...) -> Figure` and a thin
`make(study) -> Figure` that reads the inputs. `style.save` writes SVG and PNG.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

FIGURES = (
    "summary",
    "forest",
    "curves",
    "confusion",
    "confusion-difference",
    "recall",
    "pairs",
    "projections",
    "gate",
    "gate-use",
    "reliability",
    "risk-coverage",
    "twins",
    "classes",
    "samples",
)


def module_name(figure: str) -> str:
    """`confusion-difference` to `emorec.figures.confusion_difference`; KeyError for what is no figure."""
    if figure not in FIGURES:
        raise KeyError(figure)
    return f"{__name__}.{figure.replace('-', '_')}"


def source(figure: str) -> Path:
    """The file with the code of `figure`."""
    spec = find_spec(module_name(figure))
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)


def inputs(figure: str) -> tuple[str, ...]:
    """The `INPUTS` of `figure`, relative to the study's folder.

    Read from the source rather than imported: the workflow asks for them each time that it is parsed, and
    importing matplotlib and seaborn for that would cost every job two seconds.
    """
    for node in ast.parse(source(figure).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "INPUTS":
            return tuple(ast.literal_eval(node.value))
    raise LookupError(f"{source(figure)}: no INPUTS")


def load(figure: str) -> ModuleType:
    """The module that draws `figure`."""
    return import_module(module_name(figure))
