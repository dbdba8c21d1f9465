"""What a publication holds of a study: files that must be there, that may, and that a rebuild starts from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emorec import config as configs
from emorec.config import Study
from emorec.paths import TABLES, results_tables
from emorec.published.manifest import RECORDS, TIMES

# Made from pixels or embeddings, which are not published; all other tables are made again from the predictions.
GIVEN_TABLES = TABLES["pixels"] + TABLES["embeddings"]
# A line a face, an epoch or a cell: a third of the size.
_LARGE = ("twins", "projections", "curves", "confusion", "spread", "risk_coverage", "reliability", "pairs")
COMPRESSED = {f"tables/{table}.csv" for table in _LARGE}


def required(study: Study, *, votes: bool) -> list[str]:
    """Files of the run that a publication cannot do without, relative to the study's folder."""
    synthetic = study.data.source == "synthetic"
    tables = results_tables(mixture=study.has_report, votes=votes, synthetic=synthetic)
    if study.has_report:
        tables += GIVEN_TABLES
    return [
        "data/summary.json",
        *(["data/truth.npz"] if synthetic else []),
        *(["data/votes.npz"] if votes else []),
        *(f"groupings/{name}.json" for name in configs.spectral_groupings(study)),
        *rebuilt_networks(study),
        "predictions.parquet",
        *(["figures/mean-faces.svg", "figures/mean-faces.png"] if study.has_report else []),
        *(f"tables/{name}.csv" for name in tables),
    ]


def benchmarks(study: Study, run: Path) -> list[str]:
    """The run's benchmark files, but for networks of an earlier config in the folder."""
    own = {(part.network, f"seed{part.seed}") for part in configs.all_parts(study)}
    found = []
    for path in sorted(run.glob("benchmarks/**/*.tsv")):
        stage, *rest = path.relative_to(run / "benchmarks").with_suffix("").parts
        if stage not in ("train", "outputs") or tuple(rest) in own:
            found.append(path.relative_to(run).as_posix())
    return found


def published_name(name: str) -> str | None:
    """A file's name in the publication, where large tables are compressed; None for those that are packed into one."""
    if name.startswith("networks/"):
        return None
    return f"{name}.gz" if name in COMPRESSED else name


def published_names(study: Study, *, votes: bool) -> list[str]:
    """All files of a publication but its manifest."""
    names = [published_name(name) for name in required(study, votes=votes)]
    return ["config.yaml", RECORDS, TIMES, *(name for name in names if name)]


def rebuilt_from(names: Iterable[str]) -> dict[str, str]:
    """The published files that a rebuild copies, each with its name in the rebuilt study's folder."""
    given = {published_name(f"tables/{table}.csv") for table in GIVEN_TABLES}
    kept = (name for name in sorted(names) if not name.startswith("tables/") or name in given)
    return {name: name.removesuffix(".gz") for name in kept if name not in ("config.yaml", RECORDS, TIMES)}


def rebuilt_networks(study: Study) -> list[str]:
    """The files of networks that a rebuild writes from what is packed."""
    folders = [f"networks/{part.network}/seed{part.seed}" for part in configs.all_parts(study)]
    return [f"{folder}/{name}" for folder in folders for name in ("network.json", "history.csv")]
