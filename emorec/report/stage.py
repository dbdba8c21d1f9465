"""Stage `report`, first half: fill the paper's templates in and lay a plain Quarto project out for either renderer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from emorec.errors import EmorecError
from emorec.figures import style
from emorec.files import atomic
from emorec.report import diagram, results, templates
from emorec.report.context import Lookups, filters
from emorec.report.origins import DIAGRAM, made
from emorec.report.typography import NBSP

# What is laid out as it stands: all but templates and what was rendered from them.
PLAIN = ("_quarto.yml", "references.bib", "styles/*")


def stage(study: Path, sources: Path, destination: Path, meta: dict[str, Any]) -> None:
    """Fill `destination` with a complete Quarto project, and remove everything else from it.

    Each file appears whole or not at all.

    Args:
        study: `results/<study>`.
        sources: The templates, `report`.
        meta: date (YYYY-MM-DD), study, commit, dirty, config_sha256, versions (name to version), repository, published.

    Raises:
        EmorecError: A table, a figure or the date is missing, a template asks for what is not there, or `destination`
            is a folder of something else.
    """
    study, sources, destination = Path(study), Path(sources), Path(destination)
    if not meta.get("date"):
        raise EmorecError(
            "report: no date; give the commit's as YYYY-MM-DD, since today's would make two builds differ"
        )
    if destination.exists() and any(destination.iterdir()) and not (destination / "_quarto.yml").exists():
        raise EmorecError(f"{destination}: holds files that are not a staged report; give an empty folder")
    found = Lookups(results.read(study))
    text = paper(found, sources, meta, {path.stem for path in study.glob("figures/*.svg")})
    written = {_write(destination / "index.qmd", text.encode())}
    for path in sorted(path for pattern in PLAIN for path in sources.glob(pattern)):
        written.add(_write(destination / path.relative_to(sources), path.read_bytes()))
    for name in shown_figures(text):
        source = study / "figures" / f"{name}.svg"
        if name != DIAGRAM and not source.exists():
            raise EmorecError(f"{source}: missing, and the report shows it; run the stage `figures` first")
        content = source.read_bytes() if name != DIAGRAM else _diagram(found)
        written.add(_write(destination / "figures" / f"{name}.svg", content))
    _remove_others(destination, written)


def paper(found: Lookups, sources: Path, meta: dict[str, Any], drawn: Collection[str]) -> str:
    """The paper's whole text, index.qmd with everything filled in; `drawn` are the figures that there are."""
    names = found.names() | {"meta": meta, "made": lambda figure: made(figure, meta), "drawn": sorted(drawn)}
    text = templates.render(sources, "index.qmd", names, filters())
    return re.sub(r"(?<=\d) %", f"{NBSP}%", text)  # no line ends between a number and its unit


def shown_figures(text: str) -> list[str]:
    """Names of the figures that a text shows."""
    return sorted(set(re.findall(r"\]\(figures/([a-z0-9-]+)\.svg\)", text)))


def _diagram(found: Lookups) -> bytes:
    """The primary mixture's experts; all emotions where they are free."""
    groups = found.primary.groups or [found.emotions] * found.primary.experts
    with tempfile.TemporaryDirectory() as folder:
        style.save(diagram.draw(groups), Path(folder), DIAGRAM)
        return (Path(folder) / f"{DIAGRAM}.svg").read_bytes()


def _write(path: Path, content: bytes) -> Path:
    with atomic(path) as temporary:
        temporary.write_bytes(content)
    return path


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove every file below `folder` that is not in `kept` nor hidden (Snakemake's), and the folders this empties."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept and not path.name.startswith("."):
            path.unlink()
