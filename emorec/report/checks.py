"""Checks of what either renderer made, each a list with a line for each problem; `demand` raises them together."""

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
STYLES = ("stylesheet", "icon", "preload", "modulepreload")


def demand(problems: Iterable[str]) -> None:
    """Raise EmorecError with the problems, if there are any, in order and without repetition."""
    unique = list(dict.fromkeys(problems))
    if unique:
        raise EmorecError("\n".join(unique))


def check_text(text: str, name: str) -> list[str]:
    """Problems in running text: what a renderer leaves where a reference, a variable or a shortcode did not resolve."""
    return [
        f"{name}: {meaning} {match}; see the source"
        for pattern, meaning in LEFTOVERS.items()
        for match in dict.fromkeys(re.findall(pattern, text))
    ]


def check_html(page: str, name: str) -> list[str]:
    """Problems in a finished HTML page: leftovers, what it loads, images without alt text, empty tables, dead links."""
    reader = _Reader(name)
    reader.feed(page)
    reader.close()
    for target in dict.fromkeys(reader.links):
        if target and target not in reader.ids:
            reader.complain(f"link to #{target} leads nowhere; nothing has this id")
    return [*reader.problems, *check_text("".join(reader.text), name)]


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
        self.in_cell = self.filled = False  # within a table

    def complain(self, message: str) -> None:
        self.problems.append(f"{self.name}: {message}")

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        keys = {key: value or "" for key, value in attributes}
        # Drawings set into the page number their parts alike, and Quarto gives its styles for light and dark one id.
        if "id" in keys and tag != "link" and self.skip != "svg":
            if keys["id"] in self.ids:
                self.complain(f"id {keys['id']} is given twice")
            self.ids.add(keys["id"])
        self.loads(tag, keys.get("src", ""))
        self.loads(tag, keys.get("data", "") if tag == "object" else "")
        if tag in ("image", "use") or (tag == "link" and keys.get("rel") in STYLES):
            self.loads(tag, keys.get("href") or keys.get("xlink:href", ""))
        for address in _addresses(keys.get("style", "")):
            self.loads("style", address)
        if tag == "img" and not keys.get("alt", "").strip() and "src" in keys:
            self.complain(f"image without alternative text ({keys['src'][:40]}); add fig-alt")
        target = keys.get("href", "") if tag == "a" else ""
        if target.startswith("#"):
            self.links.append(target[1:])
        elif re.match(r"\.\.?/|/", target):
            self.complain(f"link to {target[:80]} is dead where the page is copied to; link to an address")
        if tag in ("script", "style", "svg"):
            self.skip = self.skip or tag
        if tag == "table":
            self.filled = False
        self.in_cell = self.in_cell or tag == "td"

    def loads(self, what: str, address: str) -> None:
        if address and not address.startswith(("data:", "#", "blob:")):
            self.complain(f"{what} loads {address[:80]}; the page has to be self-contained")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skip:
            self.skip = ""
        if tag == "td":
            self.in_cell = False
        if tag == "table" and not self.filled:
            self.complain("a table is empty; fill it")
        if tag in ("p", "li", "td", "th", "figcaption", "h1", "h2", "h3", "h4", "div"):
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        for address in _addresses(data) if self.skip == "style" else []:
            self.loads("style", address)
        if self.skip:
            return
        self.text.append(data)
        self.filled = self.filled or (self.in_cell and bool(data.strip()))


def _addresses(style: str) -> list[str]:
    """What a style sheet loads."""
    return re.findall(r"@import\s+[\"']([^\"']+)", style) + re.findall(r"url\(\s*[\"']?([^\"')\s]+)", style)
