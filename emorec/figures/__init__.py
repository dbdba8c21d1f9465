"""Stage `figures`: one module a figure, each drawn from tables alone, but for those of OF_FACES.

Every module has `INPUTS` (paths within the study's folder), a pure `draw(...) -> Figure` and a thin
`make(study) -> Figure` that reads the inputs. `style.save` writes SVG and PNG.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

# Drawn from the faces; all but the mean ones show people, and stay where the reader's own data lie.
OF_FACES = ("mean-faces", "samples", "answers")
FIGURES = (
    "summary",
    "forest",
    "who-errs",
    "curves",
    "confusion",
    "confusion-difference",
    "recall",
    "pairs",
    "flow",
    "projections",
    "gate",
    "reliability",
    "twins",
    "forest-rest",
    "forest-majority",
    *OF_FACES,
)


# What one job draws: figures wait for the tables that they are drawn from, and for no others.
JOBS = {
    "faces": OF_FACES,
    "embeddings": ("projections",),
    "results": tuple(name for name in FIGURES if name not in (*OF_FACES, "projections")),
}


def available(published: Collection[str] | None, photographs: bool = True, votes: bool = True) -> tuple[str, ...]:
    """The figures of a study that has its faces; of one made from `published` files, those that need no faces or that
    were published with it. Drawn faces have no copies in training, and few photographs have people's `votes`."""
    without = {name for name, has in (("forest-rest", photographs), ("forest-majority", votes)) if not has}
    if published is not None:
        without |= {name for name in OF_FACES if f"figures/{name}.svg" not in published}
    return tuple(name for name in FIGURES if name not in without)


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
