"""Files: written whole or not at all, with the rights that the umask leaves; their digests."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:  # half a second that most do not need
    import pandas as pd

from emorec.errors import EmorecError

_written: ContextVar[list[Path] | None] = ContextVar("_written", default=None)

# What the operating system refuses and the user can mend.
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EFBIG: "larger than files may be here; raise the limit (ulimit -f) and run again",
    errno.EROFS: "the file system is read-only; choose a folder that can be written",
    errno.EACCES: "permission denied; choose a folder that you may write to",
    errno.EPERM: "not permitted; choose a folder that you may write to",
    errno.EIO: "the disk failed; see the system's log",
}


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, of the same suffix; rename it on success, delete it on any failure.

    The bytes are on the disk before the name is: a power cut leaves no empty file. Raises EmorecError where the disk is
    full or may not be written.
    """
    path = Path(path)
    with _refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    temporary = Path(name)
    try:
        with open(handle, "rb") as held:
            _lock(held)
            with _refusals(path):
                yield temporary
                with open(temporary, "rb") as whole:
                    os.fsync(whole.fileno())
            umask = os.umask(0)  # tempfile makes files their maker's alone
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    written = _written.get()
    if written is not None:
        written.append(path)


@contextmanager
def recording() -> Iterator[list[Path]]:
    """Yield a list that gets the path of every file that `atomic` writes meanwhile."""
    written: list[Path] = []
    token = _written.set(written)
    try:
        yield written
    finally:
        _written.reset(token)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """What the operating system refuses, as one line; libraries wrap it in exceptions of their own."""
    try:
        yield
    except EmorecError:
        raise
    except Exception as error:
        for cause in (error, error.__cause__, error.__context__):
            if isinstance(cause, OSError) and cause.errno in _REMEDIES:
                raise EmorecError(f"{path}: cannot be written: {_REMEDIES[cause.errno]}") from None
        raise


def expand(path: Path) -> Path:
    """The path with the user's home for `~`, as a shell would have it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user
        return Path(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard_partial(folder: Path) -> None:
    """Delete the temporary files that killed processes left in `folder`; those that are being written stay locked."""
    for left in [*folder.glob(".*.????????.*"), *folder.glob(".*.????????")]:  # those of names without a suffix, too
        with suppress(FileNotFoundError), open(left, "r+b", buffering=0) as file:
            if _lock(file):
                left.unlink(missing_ok=True)


def _lock(file: IO[Any]) -> bool:
    """As `try_lock`; True on a file system without locks, where a starting workflow clears nothing away."""
    try:
        return try_lock(file)
    except OSError:
        return True


def try_lock(file: IO[Any], shared: bool = False) -> bool:
    """Lock an open file while it is open; False where another process holds it. OSError where there are no locks."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write `table` without its index, atomically."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
