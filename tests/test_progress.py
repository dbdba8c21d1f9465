"""What a terminal, and what a file, is told of a workflow's events."""

from __future__ import annotations

import io
import logging
import os

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from emorec import progress


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: os.terminal_size((60, 20)))
    return Stream(request.param)


@pytest.fixture
def logger(stream: Stream) -> logging.Logger:
    """A logger with Snakemake's own handler, which `take_over` has been asked to replace."""
    found = logging.Logger("snakemake")
    usual = ColorizingTextHandler(nocolor=True, stream=stream, formatter=DefaultFormatter(show_failed_logs=True))
    usual.name = progress.HANDLER
    found.addHandler(usual)
    progress.take_over(found)
    return found


def tell(logger: logging.Logger, event: LogEvent, text: str | None = None, **what: object) -> None:
    logger.info(text, extra={"event": event, **what})


def shown(stream: Stream) -> list[str]:
    """The lines of a terminal after all that was written to it, or those of a file."""
    lines = [""]
    for part in stream.getvalue().replace("\x1b[K", "").replace("\n", "\0\n").split("\n"):
        last = part.rstrip("\0").split("\r")[-1] if stream.terminal else part.rstrip("\0")
        lines[-1] = last
        lines.append("")
    return lines[:-1]


def run(logger: logging.Logger) -> None:
    logger.info("Building DAG of jobs...")
    tell(logger, LogEvent.RUN_INFO, "Job stats:\n...", stats={"train": 11, "total": 12})
    for number, name in (
        (1, "train: network a, seed 0"),
        (2, "train: network b, seed 0, on far too many faces to show"),
    ):
        tell(
            logger, LogEvent.JOB_INFO, jobid=number, rule_msg=name, rule_name="train", reason="Missing output files: x"
        )
        tell(logger, LogEvent.SHELLCMD, "emorec train", cmd="emorec train")
        tell(logger, LogEvent.JOB_STARTED, "Execute 1 jobs...", jobs=[number])
    logger.info("Select jobs to execute...")
    logger.info("Job 2 has been submitted with SLURM jobid 7 (log: x.log).")
    tell(logger, LogEvent.JOB_FINISHED, "Finished jobid: 1", job_id=1)
    tell(logger, LogEvent.PROGRESS, done=1, total=12)


def test_a_line_a_job_and_on_a_terminal_the_bar(logger: logging.Logger, stream: Stream) -> None:
    run(logger)
    assert shown(stream)[0] == " 1/12  train: network a, seed 0  0 s"
    rest = shown(stream)[1:]
    if not stream.terminal:
        assert rest == [""] and "\r" not in stream.getvalue()
        return
    assert rest == ["[#...................] 1/12  train: network b, seed 0, on …"]
    assert len(rest[0]) < 60
    for number in range(2, 13):
        tell(logger, LogEvent.JOB_FINISHED, job_id=number)
    assert shown(stream)[-1] == ""  # no bar is left behind


def test_warnings_errors_and_failed_jobs_are_told_as_snakemake_words_them(
    logger: logging.Logger, stream: Stream, tmp_path
) -> None:
    run(logger)
    log = tmp_path / "b.log"
    log.write_text("emorec: error: what it was\n")
    logger.warning("Be careful.")
    failed = {
        "jobid": 2,
        "rule_msg": "b",
        "rule_name": "train",
        "input": [],
        "output": [],
        "log": [str(log)],
        "aux": {},
    }
    extra = {"event": LogEvent.JOB_ERROR, "conda_env": None, "shellcmd": None, "indent": False, **failed}
    logger.error(None, extra=extra)
    text = stream.getvalue()
    assert "Be careful.\n" in text and "Error in rule train" in text and "emorec: error: what it was" in text
    for noise in ("Select jobs", "Building DAG", "Reason", "emorec train", "Execute", "Job stats", "SLURM"):
        assert noise not in text


def test_what_snakemake_has_not_got_is_not_taken_over() -> None:
    logger = logging.Logger("other")
    handler = logging.StreamHandler(Stream(False))
    logger.addHandler(handler)
    progress.take_over(logger)
    assert logger.handlers == [handler]
