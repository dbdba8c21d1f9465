"""The figures stage's edge: a study's tables to the files of one figure."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from emorec import figures
from emorec.config import Study
from emorec.figures import style
from emorec.frames import read_table
from emorec.inputs import made_of
from emorec.paths import Layout


def draw(name: str, study: Study, layout: Layout) -> None:
    """Draw one figure, as SVG and PNG."""
    module = figures.load(name)
    options = module.options(study) if hasattr(module, "options") else {}
    style.save(make(name, layout.root, **options), layout.figure(name, "svg").parent, name)


def make(name: str, study: Path, **options: Any) -> Figure:
    """One figure of the study in a folder; `options` are what its module's `make` takes besides paths."""
    module, paths = figures.load(name), [study / path for path in figures.INPUTS[name]]
    with made_of(paths), style.context():
        figure: Figure = (
            module.make(*paths, **options) if name in figures.OF_FACES else module.draw(*map(read_table, paths))
        )
    return figure
