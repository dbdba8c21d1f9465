"""The explorer's page: the data, the scripts and the style in one HTML file that loads nothing from elsewhere."""

import html
import json
import re
from importlib.resources import files
from typing import Any

from emorec import EMOTIONS
from emorec.figures.style import EMOTION_LOOKS

SCRIPTS = ("explorer.js", "map.js", "pictures.js", "start.js")  # in their order: one script
# The figures' colours, lightened where they would sink into a dark page.
DARK_COLOURS = {
    "angry": "#F0803C",
    "disgust": "#25B892",
    "fear": "#DE94BE",
    "happy": "#F2B632",
    "sad": "#4C97D6",
    "surprise": "#9BDCF9",
    "neutral": "#B4B4B4",
}
REPORT = 'Numbers and their intervals are in the <a href="emorec.html">report</a>.'


def page(data: dict[str, Any], *, synthetic: bool, report: bool) -> str:
    """The page of `explorer.data.explorer_data`; `report` says whether emorec.html lies beside it."""
    look = {
        "light": [EMOTION_LOOKS[emotion].colour for emotion in EMOTIONS],
        "dark": [DARK_COLOURS[emotion] for emotion in EMOTIONS],
    }
    parts = {
        "study": html.escape(data["study"]),
        "source": html.escape(_source(synthetic, data["sheet"] is not None)),
        "report": REPORT if report else "",
        "style": _asset("explorer.css"),
        "data": _json({**data, "look": look, "synthetic": synthetic}),
        "script": "\n".join(map(_asset, SCRIPTS)),
    }
    # One pass, so that nothing in the data is taken for a place.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("page.html"))


def _source(synthetic: bool, pictured: bool) -> str:
    if synthetic:
        return "The faces are synthetic: drawn by the program, nobody's likeness."
    if pictured:
        return (
            "The faces are FER2013's, for research only. This page was made on the reader's own machine and is not to "
            "be published."
        )
    return "The faces are FER2013's, whose pictures may not be passed on: this page was made without them."


def _asset(name: str) -> str:
    return files("emorec.explorer").joinpath(name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that a script element can hold, whatever the names in it are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
