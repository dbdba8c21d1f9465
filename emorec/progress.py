"""What a user sees of a running workflow: a bar of its jobs with the present ones, and a line when one is finished.

Snakemake's six lines a job go to its log file alone. Without a terminal there is no bar. Warnings, errors and failed
jobs, with their logs, are shown as Snakemake words them; so is all with --verbose, --quiet or --dry-run.
"""

import logging
import shutil
import time
from typing import TextIO

HANDLER = "DefaultStreamHandler"  # Snakemake's name for it
# What is no news to who watches; all of it is in the log file.
_NOISE = ("Assuming unrestricted", "Building DAG", "Using shell", "Provided", "Rules claiming", "Select jobs", "host:")


def take_over(logger: logging.Logger) -> None:
    """Put a `Progress` in the place of Snakemake's handler for the terminal, where there is one."""
    for handler in list(logger.handlers):
        if handler.name == HANDLER and isinstance(handler, logging.StreamHandler):
            logger.removeHandler(handler)
            logger.addHandler(Progress(handler))


class Progress(logging.Handler):
    """Writes to where `usual`, Snakemake's own handler, would write; that one still words what went wrong."""

    def __init__(self, usual: logging.StreamHandler[TextIO]) -> None:
        super().__init__()
        self.name = HANDLER
        self.usual, self.stream = usual, usual.stream
        self.terminal = self.stream.isatty()
        self.total = self.done = 0
        self.jobs: dict[int, str] = {}  # what each does, by Snakemake's number
        self.since: dict[int, float] = {}  # when the present ones began

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._tell(record)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        if self.terminal and not self.stream.closed:
            self._write("")
        super().close()

    def _tell(self, record: logging.LogRecord) -> None:
        event = getattr(getattr(record, "event", None), "name", None)
        if event == "RUN_INFO":
            self.total = int(getattr(record, "stats", {}).get("total", 0))
        elif event == "JOB_INFO":
            number = int(getattr(record, "jobid", 0))
            self.jobs[number] = str(getattr(record, "rule_msg", None) or getattr(record, "rule_name", "job"))
        elif event == "JOB_STARTED":
            self.since |= dict.fromkeys(getattr(record, "jobs", []), time.monotonic())
        elif event == "JOB_FINISHED":
            self._finished(int(getattr(record, "job_id", 0)))
        elif event == "PROGRESS":
            self.total = max(self.total, int(getattr(record, "total", 0)))
        elif record.levelno >= logging.WARNING or (event is None and _is_news(record)):
            self._write("")
            self.usual.emit(record)
        self._draw()

    def _finished(self, number: int) -> None:
        self.done += 1
        lasted = _duration(time.monotonic() - self.since.pop(number)) if number in self.since else ""
        name = self.jobs.pop(number, "all")
        if name != "all":
            self._write(f"{self.done:>{len(str(self.total))}}/{self.total}  {name}  {lasted}".rstrip() + "\n")

    def _draw(self) -> None:
        """The bar, where there is a terminal: how many jobs are done, and the present ones as far as there is room."""
        if not self.terminal or not self.total:
            return
        if self.done >= self.total:
            self._write("")
            return
        filled = 20 * self.done // self.total
        present = "; ".join(self.jobs[number] for number in self.since if number in self.jobs)
        line = f"[{'#' * filled}{'.' * (20 - filled)}] {self.done}/{self.total}  {present}"
        columns = shutil.get_terminal_size().columns - 1
        self._write(line if len(line) <= columns else f"{line[: columns - 1]}…")

    def _write(self, text: str) -> None:
        self.stream.write(f"\r\x1b[K{text}" if self.terminal else text)
        self.stream.flush()


def _is_news(record: logging.LogRecord) -> bool:
    text = str(record.msg or "").strip()
    noise = text in ("", "None") or text.startswith(_NOISE) or " has been submitted with SLURM" in text
    return record.levelno >= logging.INFO and not noise


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d} min"
