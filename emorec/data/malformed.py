"""One wording for everything that is wrong with the user's data: file, row, reason, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emorec.errors import EmorecError
from emorec.plain import printable


def malformed(path: Path, reason: str, row: int | None = None) -> EmorecError:
    """The error "`path`, row `row`: `reason`"; rows are a file's lines, counted from 1, so a CSV's header is row 1."""
    place = printable(str(path)) if row is None else f"{printable(str(path))}, row {row}"
    return EmorecError(f"{place}: {reason}")


@contextmanager
def reading(source: Path) -> Iterator[None]:
    """Turn what the operating system refuses meanwhile (permission, a broken disk) into an error for the user."""
    try:
        yield
    except OSError as error:
        raise malformed(Path(error.filename or source), error.strerror or type(error).__name__) from None
