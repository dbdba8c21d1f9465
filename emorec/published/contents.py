"""What a publication holds of a study: files that must be there, that may, and that a rebuild starts from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emorec import config as configs
from emorec.config import Study
from emorec.paths import TABLES, results_tables

# Made from pixels or embeddings, which are not published; all other tables are made again from the predictions.
GIVEN_TABLES = TABLES["pixels"] + TABLES["embeddings"]
# A line a face, an epoch or a cell: a third of the size.
COMPRESSED = ("twins", "projections", "curves", "confusion", "spread", "risk_coverage", "reliability", "pairs")
# Benchmarks of stages that a rebuild runs itself.
REBUILT = ("tables", "figures", "report")


def required(study: Study, *, votes: bool) -> list[str]:
    """Files of the run that a publication cannot do without, relative to the study's folder."""
    synthetic = study.data.source == "synthetic"
    names = ["data/summary.json"]
    names += ["data/truth.npz"] if synthetic else []
    names += ["data/votes.npz"] if votes else []
    names += [f"groupings/{name}.json" for name in configs.spectral_groupings(study)]
    for part in configs.all_parts(study):
        folder = f"networks/{part.network}/seed{part.seed}"
        names += [f"{folder}/{name}" for name in ("network.json", "history.csv")]
    names.append("predictions.parquet")
    made = results_tables(mixture=study.has_mixture, votes=votes, synthetic=synthetic)
    if study.has_mixture:
        made += GIVEN_TABLES
        names += ["figures/samples.svg", "figures/samples.png"]
    names += [f"tables/{name}.csv" for name in made]
    return names


def optional(study: Study, run: Path) -> list[str]:
    """Files of the run that are published where they are there: benchmarks."""
    stages = (path.relative_to(run).as_posix() for path in sorted(run.glob("benchmarks/**/*.tsv")))
    return [name for name in stages if _of_study(study, name)]


def published_name(name: str) -> str:
    """A file's name in the publication, where large tables and the histories are compressed."""
    compressed = {f"tables/{table}.csv" for table in COMPRESSED}
    return f"{name}.gz" if name in compressed or name.endswith("/history.csv") else name


def rebuilt_from(names: Iterable[str]) -> dict[str, str]:
    """The published files that a rebuild starts from, each with its name in the rebuilt study's folder."""
    given = {published_name(f"tables/{table}.csv") for table in GIVEN_TABLES}
    found = {}
    for name in sorted(names):
        stage, *rest = name.split("/")
        if name == "config.yaml" or (stage == "tables" and name not in given):
            continue
        if stage == "benchmarks" and rest[0] in REBUILT:
            continue
        found[name] = name.removesuffix(".gz")
    return found


def _of_study(study: Study, benchmark: str) -> bool:
    """Whether a benchmark is of this config's networks and models, rather than of an earlier one's in the folder."""
    stage, *rest = benchmark.removeprefix("benchmarks/").removesuffix(".tsv").split("/")
    if stage not in ("train", "outputs"):
        return True
    return tuple(rest) in {(part.network, f"seed{part.seed}") for part in configs.all_parts(study)}
