"""One workflow at a time on a study, and no job that outlives its workflow.

Snakemake's own lock is a file that a killed process leaves behind. Here the kernel holds the lock (flock(2)) until the
process ends, however it ends. A job that gets the lock knows that its workflow is dead, and stops.
"""

import logging
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from emorec.errors import EmorecError
from emorec.files import discard_partial, try_lock

log = logging.getLogger(__name__)

NAME = "workflow.lock"
VARIABLE = "EMOREC_WORKFLOW_LOCK"  # "<path>\n<whose>": the lock of a job's workflow
PATIENCE = 2.5  # seconds from a signal to the end, at most


def hold(root: Path, patience: float = 10.0) -> IO[str] | None:
    """Take the lock of the study in `root` for this process, and clear away what killed ones left half-written.

    Hold on to the result: the lock lasts as long as it is open. None where the file system has no locks. `patience`:
    seconds that jobs of a workflow that was killed may take to stop. Raises EmorecError where another workflow runs.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = open(root / NAME, "a+", encoding="utf-8")  # noqa: SIM115 - open as long as the process runs
    except OSError as error:
        raise EmorecError(f"{root}: cannot be written ({error.strerror}); make it writable and run again") from None
    until = time.monotonic() + patience
    try:
        while not try_lock(file):
            if time.monotonic() > until:
                file.seek(0)
                holder = " ".join(file.read().split()) or "unknown"
                raise EmorecError(
                    f"{root}: another workflow works on this study ({holder}); wait for its end or stop it, then run "
                    "again"
                )
            time.sleep(0.2)
    except OSError:
        log.warning("%s: the file system knows no locks; start one workflow at a time", root)
        return None
    file.truncate(0)
    file.write(whose())
    file.flush()
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        discard_partial(folder)
    return file


def date_back(root: Path, slack: float = 60.0) -> int:
    """Date files of the future now; how many there were.

    Snakemake goes by files' times: where the clock was set back, it would use these up until the clock has caught up.
    """
    now = time.time()
    future = []
    for path in root.rglob("*"):
        with suppress(FileNotFoundError):  # another workflow may be at work
            if path.is_file() and path.stat().st_mtime > now + slack:
                os.utime(path, (now, now))
                future.append(path)
    if future:
        log.warning("%s: the clock was set back: %d files of the future are dated now", root, len(future))
    return len(future)


def whose() -> str:
    """This process, for people and for its jobs."""
    return f"process {os.getpid()} on {platform.node() or 'this machine'} since {_STARTED}"


def watch() -> None:
    """In a job: stop this process, as SIGTERM does, once the workflow that started it is dead."""
    wanted = os.environ.get(VARIABLE)
    if wanted:
        path, _, holder = wanted.partition("\n")
        threading.Thread(target=_await_end, args=(Path(path), holder), daemon=True).start()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM (scancel, a time limit, a shutdown) ends this process like Ctrl-C: temporary files are cleared away.

    Either of them ends it within PATIENCE seconds. An exception alone does not: raised within a callback it is reported
    and dropped, which happens in one of a hundred interrupts while pydantic and torch are imported.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is where a shell runs this in the background
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, _stop) for number in numbers}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _await_end(path: Path, holder: str) -> None:
    """End this process when `holder` no longer holds the lock: nobody does, or the next workflow already does."""
    try:
        while path.read_text(encoding="utf-8") == holder:
            with open(path, encoding="utf-8") as file:
                if try_lock(file, shared=True):
                    _end()  # with the lock in hand, so that no other workflow begins before this job is gone
            time.sleep(0.5)
        _end()
    except OSError:  # no locks here, or the study's folder is gone
        return


def _end() -> None:
    log.error("emorec: the workflow that started this job has ended; so does the job")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)  # SIGALRM, unhandled, ends the process wherever it is by then
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


_STARTED = time.strftime("%Y-%m-%d %H:%M:%S")
