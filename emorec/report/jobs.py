"""The report stage's edge: its two jobs."""

from __future__ import annotations

import logging
from pathlib import Path

from emorec import config as configs
from emorec.config import Study
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.published.rebuild import origin
from emorec.report.provenance import provenance
from emorec.report.render import render as run_renderer
from emorec.report.stage import stage as lay_out

log = logging.getLogger(__name__)


def stage(study: Study, layout: Layout, sources: Path) -> None:
    """Lay out the report's sources with the study's numbers, tables and figures."""
    about = provenance(study.study, configs.dump(study), origin(layout.root))
    with made_of([layout.root / "tables", layout.root / "networks", layout.summary]):
        lay_out(layout.root, sources, layout.report / "source", about)


def render(layout: Layout, renderer: str) -> None:
    """Render the laid-out report to HTML and PDF (A4 and letter), with Quarto where it is installed."""
    html, pdf, letter = (layout.report / f"emorec{suffix}" for suffix in (".html", ".pdf", "-letter.pdf"))
    used = run_renderer(layout.report / "source", html, pdf, renderer, letter)
    log.info("rendered by %s: %s, %s, %s", used, html, pdf, letter)
