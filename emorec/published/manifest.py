"""`manifest.json`: which files a published study has, where they come from, and the check that they are those."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from emorec.config import Name, Strict
from emorec.errors import EmorecError
from emorec.files import sha256
from emorec.inputs import read_json
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

    published: the code that published it, and date, the day of that commit. trained: the code of the trainings, as
    far as the networks' records name it. hardware, versions: of the trainings, from these records. seconds: wall time
    by stage. files: by path in the study's folder.
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
    """The manifest, once every file is the one that it names.

    Raises EmorecError, one line, with the files that are missing, damaged or added, or that a publication cannot hold.
    """
    folder = Path(folder)
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
    found = [f"{what} {shortened(names)}" for what, names in problems.items() if names]
    if found:
        remedies = ["take out what was added"] if problems["added"] else []
        if len(found) > len(remedies):
            remedies.append(f"restore what was published, e.g. git checkout -- {folder}")
        raise EmorecError(f"{folder}: {'; '.join(found)}; {' and '.join(remedies)}")
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
