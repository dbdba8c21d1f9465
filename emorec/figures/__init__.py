"""Stage `figures`: one module a figure, drawn from tables alone, but for those of OF_FACES.

The `draw` of a module takes the tables of its `INPUTS` in their order and reads no file. Modules of OF_FACES have a
`make`, which takes the inputs' paths, too.
"""

from collections.abc import Collection
from importlib import import_module
from types import ModuleType


def _tables(*names: str) -> tuple[str, ...]:
    return tuple(f"tables/{name}.csv" for name in names)


# By figure: what it is drawn from, relative to the study's folder.
INPUTS: dict[str, tuple[str, ...]] = {
    "summary": _tables("models", "summary", "comparisons"),
    "forest": _tables("models", "comparisons"),
    "who-errs": _tables("models", "group_scores", "routing"),
    "curves": _tables("models", "curves"),
    "confusion": _tables("models", "confusion"),
    "confusion-difference": _tables("models", "confusion"),
    "recall": _tables("models", "recall"),
    "pairs": _tables("models", "pairs", "pair_comparisons"),
    "flow": _tables("models", "error_flow"),
    "projections": _tables("models", "projections"),
    "gate": _tables("models", "gate"),
    "reliability": _tables("models", "reliability", "calibration"),
    "twins": _tables("models", "twins_scores", "twins"),
    "forest-rest": _tables("models", "twins_scores"),
    "forest-majority": _tables("models", "by_majority"),
    "mean-faces": ("data/faces.npz", "data/summary.json"),
    "samples": ("data/faces.npz", "data/summary.json"),
}
FIGURES = tuple(INPUTS)
# Drawn from the faces; the samples show people, and stay where the reader's own data lie.
OF_FACES = ("mean-faces", "samples")
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
    module = "forest" if figure.startswith("forest") else figure.replace("-", "_")
    return f"{__name__}.{module}"


def source(figure: str) -> str:
    """The file with the code of `figure`, as the repository has it."""
    return f"{module_name(figure).replace('.', '/')}.py"


def load(figure: str) -> ModuleType:
    return import_module(module_name(figure))
