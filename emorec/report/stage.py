"""Stage `report`, first half: lay the report's sources out with what the study filled in, ready for either renderer."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from emorec.errors import EmorecError
from emorec.figures import style
from emorec.files import atomic
from emorec.report import diagram, experiments, markdown, origins, results, variables

# Chosen by the kind of data: `_data.qmd` is a copy of `_data-synthetic.qmd` or `_data-fer2013.qmd`, and so on.
VARIANTS = ("data", "data-notice", "data-limits")
KINDS = ("synthetic", "fer2013")

# Folders of what is made from the sources, which are no sources.
MADE = ("tables/", "figures/", "published/")

# Drawn here rather than by the stage `figures`: it shows the method, not a result.
DIAGRAM = origins.DIAGRAM


def wanted_sections(found: results.Results) -> dict[str, bool]:
    """The included files that only some studies have, and whether this one does; in the others they are empty."""
    tried = experiments.experiments(found)
    families = set(found["models"].family)
    joint = found.row(found.mixture).family != "mixture"
    return {
        "_ferplus.qmd": found.has_votes,
        "_truth.qmd": found.has_truth,
        "_gate.qmd": markdown.has_gate(found),
        "_results-more-models.qmd": markdown.has_more_models(found),
        "_walltimes.qmd": not found.jobs.empty,
        **{f"_results-{name}.qmd": name in tried for name in experiments.NAMES},
        "_groupings.qmd": found["groupings"].grouping.nunique() > 1,
        "_methods-groupings.qmd": bool({"spectral", "random"} & set(found["groupings"].method)),
        "_methods-gates.qmd": "gates" in tried,
        "_methods-foreign.qmd": "foreign" in tried,
        "_methods-joint.qmd": bool({"joint", "fine-tuned"} & families) or joint,
    }


def stage(study_dir: Path, report_sources: Path, destination: Path, meta: dict[str, Any]) -> None:
    """Fill `destination` with a complete Quarto project.

    Copies `report_sources`, chooses the texts about the data, writes `_variables.yml` and `tables/_*.md` from the
    tables of `study_dir`, copies the figures that the text shows, and removes everything else from `destination`.
    Each file appears whole or not at all.

    Args:
        study_dir: `results/<study>`.
        meta: date (YYYY-MM-DD), study, commit, dirty, config_sha256, versions (name to version).

    Raises EmorecError when a table, a figure or the date is missing, or `destination` is a folder of something else.
    """
    found = results.read(Path(study_dir))
    if not meta.get("date"):
        raise EmorecError(
            "report: no date; give the commit's as YYYY-MM-DD, since today's would make two builds differ"
        )
    destination = Path(destination)
    if destination.exists() and any(destination.iterdir()) and not (destination / "_quarto.yml").exists():
        raise EmorecError(f"{destination}: holds files that are not a staged report; give an empty folder")
    tree = variables.variables(found, meta)
    texts = _sources(Path(report_sources), synthetic=bool(found.data["synthetic"]))
    texts |= {name: b"" for name, wanted in wanted_sections(found).items() if not wanted}
    if "index.qmd" not in texts:
        raise EmorecError(f"{report_sources}/index.qmd: missing; it is the report's source")
    written: set[Path] = set()
    for name, content in texts.items():
        if name == "index.qmd":
            content = resolve_front_matter(content.decode(), tree).encode()
        written.add(_write(destination / name, content))
    written.add(_write(destination / "_variables.yml", variables.to_yaml(tree).encode()))
    for name, table in markdown.tables(found, meta).items():
        written.add(_write(destination / "tables" / f"_{name}.md", table.encode()))
    for name in sorted(shown_figures(texts)):
        target = destination / "figures" / f"{name}.svg"
        if name == DIAGRAM:
            written.add(_write(target, _diagram(_experts(found))))
            continue
        source = Path(study_dir) / "figures" / f"{name}.svg"
        if not source.exists():
            raise EmorecError(f"{source}: missing, and the report shows it; run the stage `figures` first")
        written.add(_write(target, source.read_bytes()))
    _remove_others(destination, written)


def shown_figures(texts: dict[str, bytes]) -> set[str]:
    """Names of the figures that the sources show."""
    sources = (content.decode() for name, content in texts.items() if name.endswith(".qmd"))
    return {name for text in sources for name in re.findall(r"\]\(figures/([a-z0-9-]+)\.svg\)", text)}


def resolve_front_matter(text: str, tree: dict[str, Any]) -> str:
    """Fill the variables in the YAML at the head of `text` in.

    Quarto reads part of the metadata, the date for one, before its shortcodes run, and would not find them there.
    """
    match = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    if not match:
        return text
    head = re.sub(r"\{\{<\s*var\s+([\w.-]+)\s*>\}\}", lambda found: lookup(tree, found[1]), match[0])
    return head + text[match.end() :]


def lookup(tree: dict[str, Any], name: str) -> str:
    """The value of a dotted name. Raises EmorecError where there is none."""
    value: Any = tree
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise EmorecError(f"index.qmd: no variable {name}; the ones that there are come from emorec/report/variables")
    return value


def _sources(folder: Path, *, synthetic: bool) -> dict[str, bytes]:
    """The report's sources by path, with the variants for this kind of data under their common name."""
    texts: dict[str, bytes] = {}
    chosen = KINDS[0] if synthetic else KINDS[1]
    variants = {f"_{stem}-{kind}.qmd": (stem, kind) for stem in VARIANTS for kind in KINDS}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # A build inside the source folder, and what editors leave there, are no sources.
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not path.is_file() or hidden or name == "_variables.yml" or name.startswith(MADE):
            continue
        if name in variants:
            stem, kind = variants[name]
            if kind != chosen:
                continue
            name = f"_{stem}.qmd"
        texts[name] = path.read_bytes()
    missing = [f"_{stem}-{chosen}.qmd" for stem in VARIANTS if f"_{stem}.qmd" not in texts]
    if missing:
        raise EmorecError(f"{folder}/{missing[0]}: missing; it tells what the data of this study are")
    return texts


def _experts(found: results.Results) -> list[list[str]]:
    """What the first mixture's experts know, for the diagram; all emotions where they are free."""
    return [group or ["all seven emotions"] for group in found.groups(found.mixture).values()] or found.grouped(
        found.mixture
    )


def _diagram(groups: list[list[str]]) -> bytes:
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
