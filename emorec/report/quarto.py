"""Rendering by Quarto itself, where it is installed."""

import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emorec.errors import EmorecError
from emorec.report import checks

log = logging.getLogger(__name__)

OLDEST = "1.9"  # the first that brings the Typst package of its callouts along


def find() -> str | None:
    """The path of a Quarto that is new enough, or None."""
    program = shutil.which("quarto")
    if program is None:
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    version = done.stdout.strip()
    found, oldest = ([int(number) for number in re.findall(r"\d+", text)] for text in (version, OLDEST))
    # A development build calls itself 99.9.9, which is new enough.
    if found >= oldest:
        return program
    log.warning("%s is version %s and left aside; version %s or later is used", program, version, OLDEST)
    return None


def render(
    program: str, source: Path, timestamp: int, papers: Sequence[str | None]
) -> tuple[str, list[bytes], list[str]]:
    """Render the project in `source`; returns the HTML page, a PDF for each paper and Quarto's complaints.

    `timestamp` (seconds since 1970) becomes the PDF's date. A paper is a name of Typst's, or None for the project's
    own; another one is written into the _quarto.yml of a copy, beside which Quarto writes intermediate files.
    """
    with tempfile.TemporaryDirectory(prefix="emorec-quarto-") as scratch:
        project = Path(scratch) / "source"
        shutil.copytree(source, project, ignore=shutil.ignore_patterns("index.html", "index.pdf", ".quarto"))
        page, said = _one(program, project, "html", timestamp)
        text, documents, problems = page.decode("utf-8"), [], checks.check_log(said)
        for paper in papers:
            if paper:
                _set_paper(project / "_quarto.yml", paper)
            try:
                document, said = _one(program, project, "typst", timestamp)
            except EmorecError as error:  # what was wrong with the page is told as well
                checks.demand([*problems, *checks.check_html(text, "index.html"), str(error)])
                raise
            documents.append(document)
            problems += checks.check_log(said)
    return text, documents, problems


def _set_paper(file: Path, paper: str) -> None:
    """Change `papersize:` in a _quarto.yml; EmorecError where there is not exactly one to change."""
    text, count = re.subn(r"(?m)^(\s*papersize:).*$", rf"\1 {paper}", file.read_text(encoding="utf-8"))
    if count != 1:
        raise EmorecError(f"_quarto.yml: papersize stands there {count} times; give it once, below format: typst:")
    file.write_text(text, encoding="utf-8")


def _one(program: str, project: Path, target: str, timestamp: int) -> tuple[bytes, str]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(timestamp), "NO_COLOR": "1"}
    command = [program, "render", ".", "--to", target]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=project, env=environment)
    said = done.stdout + "\n" + done.stderr
    if done.returncode:
        errors = [line for line in said.splitlines() if "ERROR" in line] or said.strip().splitlines()[-1:]
        raise EmorecError(f"quarto render --to {target} failed: {' '.join(' '.join(errors).split())}")
    name = {"html": "index.html", "typst": "index.pdf"}[target]
    # The project's output-dir may be anything; the copy holds no other file of this name.
    found = sorted(project.rglob(name))
    if len(found) != 1:
        raise EmorecError(f"quarto render --to {target} made {len(found)} files {name}; let _quarto.yml not rename it")
    return found[0].read_bytes(), said
