"""Checks after rendering: what must not leave the press.

Every check returns one line for each problem; `demand` raises them together. They hold for both renderers' output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

from emorec.errors import EmorecError

# What Quarto and citeproc leave in the text where they could not resolve something.
LEFTOVERS = {
    r"\?@[\w-]+": "unresolved cross-reference",
    r"\{\{<": "unexpanded shortcode",
    r"(?<![\w.@])@(?:fig|tbl|sec|eq)-[\w-]+": "unresolved cross-reference",
    r"\{#(?:fig|tbl|sec|eq)-[\w-]+": "id that was not understood",
    r":::": "stray fence of a div",
}
RESOURCES = {"img": "src", "script": "src", "iframe": "src", "embed": "src", "source": "src", "video": "src",
             "audio": "src", "track": "src", "object": "data", "image": "href", "use": "href"}  # fmt: skip


def demand(problems: Iterable[str]) -> None:
    """Raise EmorecError with one line for each problem, in order and without repetition; nothing if there is none."""
    unique = list(dict.fromkeys(problems))
    if unique:
        raise EmorecError("\n".join(unique))


def check_text(text: str, name: str) -> list[str]:
    """Problems in running text: what a renderer leaves where a reference, a variable or a shortcode did not resolve."""
    found = []
    for pattern, meaning in LEFTOVERS.items():
        for match in dict.fromkeys(re.findall(pattern, text, re.MULTILINE)):
            found.append(f"{name}: {meaning} {match}; see the source")
    return found


def check_html(page: str, name: str) -> list[str]:
    """Problems in a finished HTML page: leftovers, what it loads, images without alt text, empty tables, dead links."""
    reader = _Reader(name)
    reader.feed(page)
    reader.close()
    return reader.finish()


def check_typst(markup: str, name: str) -> list[str]:
    """Problems in Typst markup: leftovers in its text, images without alternative text."""
    found = check_text(re.sub(r"\\(?=[@{<#_*])", "", markup), name)
    for call in re.findall(r"image\((?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*\)", markup):
        if not re.search(r'alt:\s*"\s*\S', call):
            found.append(f"{name}: {call} has no alternative text; add fig-alt")
    return found


def check_pdf(content: bytes, name: str) -> list[str]:
    """Problems of a PDF as a file: that it is one and is complete."""
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
        return [f"{name}: not a whole PDF; render again"]
    return []


def check_log(log: str) -> list[str]:
    """Warnings and errors in Quarto's log, one line each."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", log)
    lines = [line.strip() for line in plain.splitlines()]
    return [f"quarto: {line}" for line in lines if re.match(r"\[?(WARN(ING)?|ERROR)\b|warning:|error:", line)]


class _Reader(HTMLParser):
    """Collects what the checks need in one pass over the page."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.name = name
        self.problems: list[str] = []
        self.text: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.skip = ""
        self.table: list[str] | None = None
        self.in_cell = False

    def complain(self, message: str) -> None:
        self.problems.append(f"{self.name}: {message}")

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        keys = {key: value or "" for key, value in attributes}
        # Drawings set into the page number their parts alike, and Quarto gives its styles for light and dark one id.
        if "id" in keys and tag != "link" and self.skip != "svg":
            if keys["id"] in self.ids:
                self.complain(f"id {keys['id']} is given twice")
            self.ids.add(keys["id"])
        self.outside(tag, keys)
        if tag == "img" and not keys.get("alt", "").strip() and "src" in keys:
            self.complain(f"image without alternative text ({keys['src'][:40]}); add fig-alt")
        if tag == "a" and keys.get("href", "").startswith("#"):
            self.links.append(keys["href"][1:])
        elif tag == "a" and re.match(r"\.\.?/|/", keys.get("href", "")):
            self.complain(f"link to {keys['href'][:80]} is dead where the page is copied to; link to an address")
        if tag in ("script", "style", "svg"):
            self.skip = self.skip or tag
        if tag == "table":
            self.table = []
        if tag == "td":
            self.in_cell = True

    def outside(self, tag: str, keys: dict[str, str]) -> None:
        address = keys.get(RESOURCES.get(tag, ""), "")
        if tag in ("image", "use"):
            address = address or keys.get("xlink:href", "")
        if tag == "link" and keys.get("rel", "") in ("stylesheet", "icon", "preload", "modulepreload"):
            address = keys.get("href", "")
        if address and not address.startswith(("data:", "#", "blob:")):
            self.complain(f"{tag} loads {address[:80]}; the page has to be self-contained")
        for address in _addresses(keys.get("style", "")):
            self.complain(f"style loads {address[:80]}; the page has to be self-contained")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skip:
            self.skip = ""
        if tag == "td":
            self.in_cell = False
        if tag == "table" and self.table is not None:
            if not "".join(self.table).strip():
                self.complain("a table is empty; fill it")
            self.table = None
        if tag in ("p", "li", "td", "th", "figcaption", "h1", "h2", "h3", "h4", "div"):
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if self.skip == "style":
            for address in _addresses(data):
                self.complain(f"style loads {address[:80]}; the page has to be self-contained")
        if self.skip:
            return
        self.text.append(data)
        if self.in_cell and self.table is not None:
            self.table.append(data)

    def finish(self) -> list[str]:
        for target in dict.fromkeys(self.links):
            if target and target not in self.ids:
                self.complain(f"link to #{target} leads nowhere; nothing has this id")
        return [*self.problems, *check_text("".join(self.text), self.name)]


def _addresses(style: str) -> list[str]:
    """What a style sheet would load from elsewhere."""
    imports = re.findall(r"@import\s+[\"']([^\"']+)", style)
    urls = re.findall(r"url\(\s*[\"']?(?!data:|#)([^\"')\s]+)", style)
    return [address for address in (*imports, *urls) if not address.startswith("data:")]
