"""Rendering by Quarto itself, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from emorec.errors import EmorecError
from emorec.report import gate

OLDEST = (1, 7)


def find() -> str | None:
    """The path of a Quarto that is new enough, or None."""
    program = shutil.which("quarto")
    if program is None:
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    match = re.match(r"(\d+)\.(\d+)", done.stdout.strip())
    # A development build calls itself 99.9.9, which is new enough.
    return program if match and (int(match[1]), int(match[2])) >= OLDEST else None


def render(program: str, source: Path, timestamp: int) -> tuple[str, bytes, list[str]]:
    """Render the project in `source`; returns the HTML page, the PDF and Quarto's complaints.

    Quarto writes beside its input (.quarto, intermediate files), so it works on a copy. `timestamp` (seconds since
    1970) becomes the PDF's date. Raises EmorecError when Quarto fails.
    """
    with tempfile.TemporaryDirectory(prefix="emorec-quarto-") as scratch:
        project = Path(scratch) / "source"
        shutil.copytree(source, project, ignore=shutil.ignore_patterns("index.html", "index.pdf", ".quarto"))
        page, log_page = _one(program, project, "html", timestamp)
        pdf, log_pdf = _one(program, project, "typst", timestamp)
    return page.decode("utf-8"), pdf, gate.check_log(log_page + "\n" + log_pdf)


def _one(program: str, project: Path, target: str, timestamp: int) -> tuple[bytes, str]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(timestamp), "NO_COLOR": "1"}
    command = [program, "render", ".", "--to", target]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=project, env=environment)
    log = done.stdout + "\n" + done.stderr
    if done.returncode:
        errors = [line for line in log.splitlines() if "ERROR" in line] or log.strip().splitlines()[-1:]
        raise EmorecError(f"quarto render --to {target} failed: {' '.join(' '.join(errors).split())}")
    name = {"html": "index.html", "typst": "index.pdf"}[target]
    # The project's output-dir may be anything; the copy holds no other file of this name.
    found = sorted(project.rglob(name))
    if len(found) != 1:
        raise EmorecError(f"quarto render --to {target} made {len(found)} files {name}; let _quarto.yml not rename it")
    return found[0].read_bytes(), log
