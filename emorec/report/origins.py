"""Where a figure comes from: the code that draws it and the files that it is drawn from."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from emorec import figures

# The diagram of the mixture is drawn when the report is staged, after the experts of the primary mixture.
DIAGRAM = "mixture"


def made(figure: str, meta: dict[str, Any]) -> dict[str, Any]:
    """`code`: a name, with its address on GitHub where the checkout was cloned from there; `data`: files' paths.

    `meta` may hold `repository` (https://github.com/…) and `commit`.
    """
    code, files = "emorec/report/diagram.py", ["tables/groupings.csv"]
    if figure != DIAGRAM:
        code, files = f"emorec/figures/{figures.source(figure).name}", list(figures.inputs(figure))
    repository, commit = meta.get("repository"), meta.get("commit")
    address = f"{repository}/blob/{commit}/{code}" if repository and commit else ""
    return {"code": PurePosixPath(code).name, "address": address, "data": files}


def github(remote: str) -> str | None:
    """The https address of a GitHub repository from a git remote of any form, without credentials; else None."""
    match = re.search(r"(?:^|[@/])github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?$", remote)
    return f"https://github.com/{match[1]}/{match[2]}" if match else None
