"""Stage `report`, first half: fill the paper's templates in and lay a plain Quarto project out for either renderer."""

import hashlib
import importlib.metadata
import platform
import re
import tempfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from emorec import config as configs
from emorec import figures
from emorec.checkout import checkout, commit_date, git
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.figures import style
from emorec.files import atomic
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.published.manifest import Manifest
from emorec.published.rebuild import origin
from emorec.report import diagram, results, templates
from emorec.report.context import Lookups, filters
from emorec.report.typography import NBSP

# What is laid out as it stands: all but templates and what was rendered from them.
PLAIN = ("_quarto.yml", "references.bib", "styles/*")
# Drawn here, after the experts of the primary mixture.
DIAGRAM = "mixture"
PACKAGES = ("emorec", "torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "seaborn", "snakemake")
# What trained the networks: where they come from elsewhere, their records know the versions.
TRAINING = ("torch", "torchvision")


def lay_out(study: Study, layout: Layout, sources: Path) -> None:
    """Lay out the report's sources with the study's numbers, tables and figures."""
    about = provenance(study.study, configs.dump(study), origin(layout.root))
    with made_of([layout.root / "tables", layout.root / "networks", layout.summary]):
        stage(layout.root, sources, layout.report / "source", about)


def stage(study: Path, sources: Path, destination: Path, meta: dict[str, Any]) -> None:
    """Fill `destination` with a complete Quarto project, and remove everything else from it.

    `study` is `results/<study>`, `sources` the folder of the templates, `meta` what `provenance` tells.

    Raises:
        EmorecError: A table, a figure or the date is missing, a template asks for what is not there, or `destination`
            is a folder of something else.
    """
    if not meta.get("date"):
        raise EmorecError("report: no date; the commit's is needed, since today's would make two builds differ")
    if destination.exists() and any(destination.iterdir()) and not (destination / "_quarto.yml").exists():
        raise EmorecError(f"{destination}: holds files that are not a staged report; give an empty folder")
    found = Lookups(results.read(study))
    text = paper(found, sources, meta, {path.stem for path in study.glob("figures/*.svg")})
    content = {Path("index.qmd"): text.encode()}
    for path in (path for pattern in PLAIN for path in sources.glob(pattern)):
        content[path.relative_to(sources)] = path.read_bytes()
    for name in shown_figures(text):
        drawn = study / "figures" / f"{name}.svg"
        if name != DIAGRAM and not drawn.exists():
            raise EmorecError(f"{drawn}: missing, and the report shows it; run the stage `figures` first")
        content[Path("figures", drawn.name)] = _diagram(found) if name == DIAGRAM else drawn.read_bytes()
    for path, each in content.items():
        with atomic(destination / path) as temporary:
            temporary.write_bytes(each)
    _remove_others(destination, {destination / path for path in content})


def provenance(study: str, effective_config: str, published: Manifest | None = None) -> dict[str, Any]:
    """What a report says of its making; `published` is the manifest of the results that it is rebuilt from, if any."""
    code = checkout()
    packages = [name for name in PACKAGES if published is None or name not in TRAINING]
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "study": study,
        "commit": code.commit,
        "repository": github(git("remote", "get-url", "origin")),
        "dirty": code.dirty,
        "date": commit_date(),  # not the clock's, so that a second build gives the same bytes
        "config_sha256": hashlib.sha256(effective_config.encode()).hexdigest(),
        "versions": {"python": platform.python_version(), **versions},
        "published": published and published.model_dump(include={"published", "trained", "date"}),
    }


def github(remote: str) -> str | None:
    """The https address of a GitHub repository from a git remote of any form, without credentials; else None."""
    match = re.search(r"(?:^|[@/])github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?$", remote)
    return f"https://github.com/{match[1]}/{match[2]}" if match else None


def paper(found: Lookups, sources: Path, meta: dict[str, Any], drawn: Collection[str]) -> str:
    """The paper's whole text, index.qmd with everything filled in; `drawn` are the figures that there are."""
    names = found.names() | {"meta": meta, "made": lambda figure: made(figure, meta), "drawn": sorted(drawn)}
    text = templates.render(sources, "index.qmd", names, filters())
    return re.sub(r"(?<=\d) %", f"{NBSP}%", text)  # no line ends between a number and its unit


def made(figure: str, meta: dict[str, Any]) -> dict[str, Any]:
    """Where a figure comes from: `code`, its module, with the `address` on GitHub if there is one; `data`, files."""
    code, files = "emorec/report/diagram.py", ["tables/groupings.csv"]
    if figure != DIAGRAM:
        code, files = figures.source(figure), list(figures.INPUTS[figure])
    repository, commit = meta.get("repository"), meta.get("commit")
    address = f"{repository}/blob/{commit}/{code}" if repository and commit else ""
    return {"code": PurePosixPath(code).name, "address": address, "data": files}


def shown_figures(text: str) -> list[str]:
    """Names of the figures that a text shows."""
    return sorted(set(re.findall(r"\]\(figures/([a-z0-9-]+)\.svg\)", text)))


def _diagram(found: Lookups) -> bytes:
    """The primary mixture's experts; all emotions where they are free."""
    groups = found.primary["groups"] or [found.emotions] * found.primary["experts"]
    with tempfile.TemporaryDirectory() as folder, style.context():
        return style.save(diagram.draw(groups), Path(folder), DIAGRAM)[0].read_bytes()


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove every file below `folder` that is not in `kept` nor hidden (Snakemake's), and the folders this empties."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept and not path.name.startswith("."):
            path.unlink()
