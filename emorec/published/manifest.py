"""What a publication holds of a study, where it comes from (`manifest.json`), and the check that it is that."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from emorec import config as configs
from emorec.config import Name, Strict, Study
from emorec.errors import EmorecError
from emorec.files import sha256
from emorec.inputs import read_json
from emorec.paths import TABLES, results_tables
from emorec.plain import COMMIT, DATE, DIGEST, plain, printable

MANIFEST = "manifest.json"
RECORDS = "networks.json"  # of all networks
TIMES = "walltimes.csv"  # what each job took
RESTORE = "restore what was published"
ORIGIN = "published.json"  # its copy in the folder of a study that is rebuilt
LIMIT = 20_000_000  # bytes of all files: what a git repository can carry for every study

# Whatever else there is, weights and images among it, is no part of a publication; a mean face shows nobody.
ALLOWED = re.compile(
    r"config\.yaml|predictions\.parquet|networks\.json|walltimes\.csv"
    r"|data/(summary\.json|votes\.npz|truth\.npz)"
    r"|groupings/[a-z0-9]+(-[a-z0-9]+)*\.json"
    r"|tables/[a-z_]+\.csv(\.gz)?"
    r"|figures/mean-faces\.(svg|png)"
)

# Made from pixels or embeddings, which are not published; all other tables are made again from the predictions.
GIVEN_TABLES = TABLES["pixels"] + TABLES["embeddings"]
# A line a face, an epoch or a cell: a third of the size.
_LARGE = ("twins", "projections", "curves", "confusion", "spread", "reliability", "pairs")
COMPRESSED = {f"tables/{table}.csv" for table in _LARGE}


class File(Strict):
    """A file's digest and size."""

    sha256: Annotated[str, Field(pattern=DIGEST)]
    bytes: int = Field(ge=0)


class Code(Strict):
    """A state of the code: the commit, empty where it is not known, and whether tracked files had been changed."""

    commit: Annotated[str, Field(pattern=COMMIT)]  # it stands in reports
    dirty: bool


class Manifest(Strict):
    """What a published study is.

    published and date: of the code that published it. trained, hardware, versions: of the trainings, as far as their
    records name them. seconds: wall time by stage. files: by path in the study's folder.
    """

    format: Literal[1] = 1
    study: Name
    published: Code
    date: Annotated[str, Field(pattern=DATE)]
    trained: list[Code]
    networks: int
    hardware: list[str]
    versions: dict[str, list[str]]
    seconds: dict[str, float]
    files: dict[str, File]


def read(path: Path) -> Manifest:
    """A published study's manifest. EmorecError where there is none, or none that can be understood."""
    if not path.is_file():
        problem = "no file" if path.exists() else "missing"
        raise EmorecError(f"{path}: {problem}; there is no published study unless `emorec publish` made one")
    again = "restore it, or publish again"
    try:
        return Manifest.model_validate(read_json(path, again))
    except ValidationError as error:
        raise EmorecError(f"{path}: {plain(error)}; {again}") from None


def verify(folder: Path) -> Manifest:
    """The manifest, once every file is the one that it names. Raises EmorecError with the files that are not."""
    manifest = read(folder / MANIFEST)
    check_size(folder, manifest.files)
    there = files_in(folder) - {MANIFEST}
    forbidden = not_allowed(manifest.files)
    named = set(manifest.files) - set(forbidden)
    problems = {
        "missing": sorted(named - there),
        "damaged": sorted(name for name in named & there if not _is(folder / name, manifest.files[name])),
        "added": sorted(there - set(manifest.files)),
        "not allowed": forbidden,
    }
    if found := [f"{what} {shortened(names)}" for what, names in problems.items() if names]:
        remedy = f"restore what was published, e.g. git checkout -- {folder}, and take out what was added"
        raise EmorecError(f"{folder}: {'; '.join(found)}; {remedy}")
    return manifest


def files_in(folder: Path) -> set[str]:
    """The paths of all files and links below `folder`, relative to it."""
    found = folder.rglob("*")
    return {path.relative_to(folder).as_posix() for path in found if path.is_symlink() or not path.is_dir()}


def _is(path: Path, file: File) -> bool:
    """Whether this is the file; no link, which may lead anywhere; a pipe, or what is longer, is not even read."""
    sound = path.is_file() and not path.is_symlink() and path.stat().st_size == file.bytes
    return sound and file_of(path) == file


def file_of(path: Path) -> File:
    """Digest and size of a file."""
    return File(sha256=sha256(path), bytes=path.stat().st_size)


def not_allowed(names: Iterable[str]) -> list[str]:
    """Those of the names that no publication may have, sorted."""
    return sorted(name for name in names if not ALLOWED.fullmatch(name))


def check_size(folder: Path, files: dict[str, File]) -> None:
    """EmorecError, naming the largest kinds of files, where all files together are over the LIMIT."""
    kinds: Counter[str] = Counter()
    for name, file in files.items():
        kinds[name.split("/")[0]] += file.bytes
    if kinds.total() > LIMIT:
        shares = ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in kinds.most_common(3))
        raise EmorecError(
            f"{folder}: {kinds.total() / 1e6:.1f} MB, a published study has at most {LIMIT / 1e6:.0f} ({shares}); "
            "publish fewer models or seeds"
        )


def shortened(names: Sequence[str], most: int = 5) -> str:
    """`a, b, c and 4 more`, each in printable characters and cut where it is no name any more."""
    more = len(names) - most
    return ", ".join(printable(name, 120) or "''" for name in names[:most]) + (f" and {more} more" if more > 0 else "")


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
