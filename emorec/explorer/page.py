"""The explorer's page: Bokeh's library and an empty map, the data, the script and the style, in one HTML file.

Bokeh (BSD-3-Clause) draws the map. Its library comes out of the installed package, so that page and package have one
version and nothing is fetched.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from emorec import EMOTIONS
from emorec.figures.style import EMOTION_COLOURS

# Bokeh's names of the shapes that the figures give to the emotions.
MARKERS = {
    "angry": "inverted_triangle",
    "disgust": "plus",
    "fear": "square",
    "happy": "circle",
    "sad": "diamond",
    "surprise": "triangle",
    "neutral": "x",
}
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
    """The whole page.

    Args:
        data: from `explorer.data.explorer_data`; its names may hold any character.
        synthetic: whether the faces are drawn rather than FER2013's.
        report: whether emorec.html lies beside the page.
    """
    look = {
        "markers": [MARKERS[emotion] for emotion in EMOTIONS],
        "light": [EMOTION_COLOURS[emotion] for emotion in EMOTIONS],
        "dark": [DARK_COLOURS[emotion] for emotion in EMOTIONS],
    }
    parts = {
        "study": html.escape(data["study"]),
        "source": html.escape(_source(synthetic, data["sheet"] is not None)),
        "report": REPORT if report else "",
        "style": _asset("explorer.css"),
        "library": _in_script(files("bokeh").joinpath("server/static/js/bokeh.min.js").read_text(encoding="utf-8")),
        "map": _json(_map()),
        "data": _json({**data, "look": look}),
        "script": _asset("explorer.js"),
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


def _map() -> Any:
    """An empty map, as Bokeh's own JSON; the script fills its sources and tells what the reader points at."""
    from bokeh.core.types import ID
    from bokeh.embed import json_item
    from bokeh.models import ColumnDataSource, CustomJS, HoverTool, Range1d
    from bokeh.plotting import figure

    view = figure(
        name="map",
        tools="pan,wheel_zoom,box_select,lasso_select,tap,reset",
        active_drag="pan",
        active_scroll=None,
        x_range=Range1d(start=-2000, end=67535, name="across"),
        y_range=Range1d(start=-2000, end=67535, name="up"),
        match_aspect=True,
        sizing_mode="stretch_both",
        min_width=100,
        min_height=100,
        toolbar_location="above",
    )
    view.axis.visible = False
    view.grid.visible = False
    view.toolbar.logo = None
    source = ColumnDataSource({"x": [], "y": [], "face": [], "colour": [], "marker": []}, name="points")
    points = view.scatter(
        "x", "y", source=source, marker="marker", fill_color="colour", line_color="colour", size=7, fill_alpha=0.75,
        line_width=1.5, line_alpha=0.9, nonselection_fill_alpha=0.08, nonselection_line_alpha=0.12,
    )  # fmt: skip
    ring = ColumnDataSource({"x": [], "y": []}, name="ring")
    view.scatter("x", "y", source=ring, marker="circle", size=20, fill_alpha=0, line_width=3, line_color="#888888",
                 name="ring-shape")  # fmt: skip
    hover = CustomJS(code="window.explorer.pointedAt(cb_data.index.indices)")
    view.add_tools(HoverTool(renderers=[points], tooltips=None, callback=hover))
    source.selected.js_on_change("indices", CustomJS(code="window.explorer.selectedOnMap(cb_obj.indices)"))
    return _numbered_from_one(json_item(view, ID("map")))


def _numbered_from_one(item: Mapping[str, Any]) -> Any:
    """Bokeh counts identifiers up as long as the process lives; counted from one, a page has the same bytes twice."""
    numbers: dict[str, str] = {}
    text = json.dumps(item)
    text = re.sub(r'"p\d+"', lambda match: numbers.setdefault(match[0], f'"p{len(numbers) + 1}"'), text)
    return json.loads(text)


def _asset(name: str) -> str:
    return files("emorec.explorer").joinpath(name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that a script element can hold, whatever the names in it are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")


def _in_script(code: str) -> str:
    """Script that cannot end its own element; the sequence only stands in strings, where the escape is the same."""
    return re.sub(r"</(?=script)", r"<\\/", code, flags=re.IGNORECASE)
