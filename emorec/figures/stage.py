"""The figures stage's edge: a study's tables to the files of one figure."""

from __future__ import annotations

from emorec import figures
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.figures import style
from emorec.inputs import made_of
from emorec.paths import Layout


def draw(name: str, study: Study, layout: Layout) -> None:
    """Draw one figure, as SVG and PNG."""
    module = figures.load(name)
    paths = [layout.root / path for path in figures.inputs(name)]
    for path in paths:
        if not path.exists():
            raise EmorecError(f"{path}: missing; make the study's data and tables first")
    options = module.options(study) if hasattr(module, "options") else {}
    with made_of(paths):
        drawn = module.make(layout.root, **options)
    style.save(drawn, layout.figure(name, "svg").parent, name)
