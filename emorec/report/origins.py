"""Where a figure comes from, as a line of links under it: the code that draws it and the files that it is drawn from.

Links to files are relative to `results/<study>/report/`, where the finished report lies; links to code lead to the
commit on GitHub where the checkout was cloned from there, else to the checkout around `results/`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from emorec import figures

# The diagram of the mixture is drawn when the report is staged, after the experts of the first mixture.
DIAGRAM = "mixture"
_DIAGRAM = ("emorec/report/diagram.py", ("tables/gate.csv",))


def origins(meta: dict[str, Any]) -> dict[str, str]:
    """Every figure's line as Markdown, by name. `meta` may hold `repository` (https://github.com/…) and `commit`."""
    found = {name: (f"emorec/figures/{figures.source(name).name}", figures.inputs(name)) for name in figures.FIGURES}
    return {name: line(code, files, meta) for name, (code, files) in {**found, DIAGRAM: _DIAGRAM}.items()}


def line(code: str, files: Sequence[str], meta: dict[str, Any]) -> str:
    """`code` is a path in the repository, `files` are paths within the study's folder."""
    repository, commit = meta.get("repository"), meta.get("commit")
    target = f"{repository}/blob/{commit}/{code}" if repository and commit else f"../../../{code}"
    data = ", ".join(f"[`{_name(file)}`](../{file})" for file in files)
    return f"Code: [`{PurePosixPath(code).name}`]({target}). Data: {data}."


def _name(file: str) -> str:
    path = PurePosixPath(file)
    return path.stem if path.suffix == ".csv" else path.name


def github(remote: str) -> str | None:
    """The https address of a GitHub repository from a git remote of any form, without credentials; else None."""
    match = re.search(r"(?:^|[@/])github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?$", remote)
    return f"https://github.com/{match[1]}/{match[2]}" if match else None
