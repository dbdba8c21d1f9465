"""What each job wrote, by size and SHA-256, so that a file cut or changed afterwards is never taken for a good one.

A CSV that lost its last lines is still a CSV. The workflow checks all ledgers, in `checksums/`, before it plans
anything, and each job those of what it reads, by SHA-256 only where a file's time is another. A job deletes its ledger
when it starts and writes it when it ends: files of a job that was killed have none, and are made again.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emorec.errors import EmorecError
from emorec.files import recording, sha256, write_json

FOLDER = "checksums"


@contextmanager
def recorded(root: Path, job: str, reads: Sequence[str] = ()) -> Iterator[None]:
    """Check the parts of the study's folder `root` that a job `reads`, let it run, and write down what it wrote."""
    check(root, reads)
    ledger = root / FOLDER / f"{job}.json"
    ledger.unlink(missing_ok=True)
    with recording() as written:
        yield
    own = [path for path in written if path.is_relative_to(root) and path.exists()]
    entries = {path.relative_to(root).as_posix(): _entry(path) for path in own}
    if entries:
        write_json(ledger, dict(sorted(entries.items())))


def check(root: Path, parts: Sequence[str] = ("",), *, always_hash: bool = False) -> int:
    """Check the files below `parts` of the study's folder; how many there are. A file that is gone is no error.

    Raises EmorecError naming the first that is not what its job wrote. `always_hash` trusts no file's time.
    """
    known: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for ledger in sorted((root / FOLDER).glob("*.json")):
        for name, entry in _read(ledger).items():
            if any(part == "" or name == part or name.startswith(f"{part}/") for part in parts):
                known.setdefault(name, []).append((ledger, entry))
    for name, entries in known.items():  # of two jobs that may write a file, either is right
        if any(_same(root / name, entry, always_hash) for _, entry in entries):
            continue
        # A job that runs meanwhile has deleted its ledger before it wrote anything.
        if still := [ledger for ledger, entry in entries if _read(ledger).get(name) == entry]:
            raise EmorecError(
                f"{root / name}: changed since it was made (see {still[0]}); delete it, and the next run makes it again"
            )
    return len(known)


def _same(path: Path, entry: dict[str, Any], always_hash: bool) -> bool:
    try:
        found = path.stat()
        untouched = found.st_mtime_ns == entry["mtime_ns"] and not always_hash
        return found.st_size == entry["bytes"] and (untouched or sha256(path) == entry["sha256"])
    except FileNotFoundError:
        return True


def _entry(path: Path) -> dict[str, Any]:
    found = path.stat()
    return {"sha256": sha256(path), "bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


def _read(ledger: Path) -> dict[str, dict[str, Any]]:
    try:
        content: dict[str, dict[str, Any]] = json.loads(ledger.read_text(encoding="utf-8"))
        if all(entry.keys() == {"sha256", "bytes", "mtime_ns"} for entry in content.values()):
            return content
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, RecursionError):
        pass
    raise EmorecError(f"{ledger}: damaged; delete it (its files are then no longer checked)")
