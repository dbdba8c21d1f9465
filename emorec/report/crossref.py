"""Quarto's cross-references on pandoc's syntax tree: numbers for floats, sections and equations, links for `@fig-x`.

Floats come out as `Div`s of class `float` with the attributes `kind` and `number`, whose last block is the caption;
equations as `Span`s of class `equation`; callouts as `Div`s of class `callout` whose first block is the title. `html`
and `pdf` lower these to their own markup, so that both formats state the same numbers.
https://quarto.org/docs/authoring/cross-references.html, https://quarto.org/docs/authoring/callouts.html
"""

import re
from difflib import get_close_matches
from typing import Any

from emorec.report.pandoc import SPACE, Node, attr, find, new, pairs, stringify, transform
from emorec.report.source import Source
from emorec.report.typography import NBSP

KINDS = {"fig": "Figure", "tbl": "Table", "sec": "Section", "eq": "Equation"}
REFERENCES = tuple(f"{kind}-" for kind in KINDS)  # pandoc takes all others for citations
CALLOUTS = ("note", "tip", "warning", "important", "caution")
FORMATS = {"html": ("html",), "typst": ("typst", "pdf")}


def resolve(tree: Node, source: Source, target: str, numbered: bool) -> tuple[Node, list[str]]:
    """Number and link everything in `tree` for the format `target` (html or typst); returns all problems, too.

    `numbered` is the metadata's number-sections.
    """
    resolver = _Resolver(source, target, numbered)
    blocks = transform(tree["blocks"], resolver.conditional)
    resolver.images(blocks)
    # The smallest heading level is numbered 1, whichever it is; a callout's title is none.
    outside = transform(blocks, lambda node: [] if _callout(node) else None)
    resolver.top = min((header["c"][0] for header in find(outside, "Header")), default=1)
    blocks = transform(blocks, resolver.block)
    blocks, meta = transform(blocks, resolver.inline), transform(tree["meta"], resolver.inline)
    return {**tree, "blocks": blocks, "meta": meta}, resolver.problems


class _Resolver:
    def __init__(self, source: Source, target: str, numbered: bool) -> None:
        self.source, self.target, self.numbered = source, target, numbered
        self.labels: dict[str, tuple[str, str]] = {}
        self.problems: list[str] = []
        self.counts = dict.fromkeys(KINDS, 0)
        self.sections: list[int] = []
        self.top = 1

    def complain(self, pattern: str, message: str) -> None:
        self.problems.append(f"{self.source.where(pattern)}: {message}")

    def complain_of(self, identifier: str, message: str) -> None:
        self.complain(rf"#{re.escape(identifier)}\b", message)

    # Before numbering: what the other format alone shows.

    def conditional(self, node: Node) -> list[Node] | None:
        """Raw markup, and Quarto's conditional content: a `Div` or `Span` that one format alone shows, or hides."""
        content: Any = node.get("c")
        if node["t"] in ("RawBlock", "RawInline"):
            language, code = content
            comment = code.lstrip().startswith("<!--")
            if not comment and language not in FORMATS:
                self.complain(re.escape(code.split("\n")[0]), f"raw {language} is in neither format; remove it")
            return [] if comment or language != self.target else None
        if node["t"] not in ("Div", "Span"):
            return None
        classes, keys = content[0][1], pairs(content[0])
        if "content-visible" not in classes and "content-hidden" not in classes:
            return None
        own = FORMATS[self.target]
        shown = keys.get("when-format", own[0]) in own and keys.get("unless-format") not in own
        return transform(content[1], self.conditional) if shown == ("content-visible" in classes) else []

    # Numbering.

    def block(self, node: Node) -> list[Node] | None:
        content: Any = node.get("c")
        if node["t"] == "Header":
            return [self.header(content)]
        if node["t"] == "Figure":
            return [self.figure(content)]
        if node["t"] == "Table":
            return [self.table(node)]
        if node["t"] == "Para":
            return [new("Para", self.equations(content))]
        if kind := _callout(node):
            return [self.callout(kind, *content)]
        return self.division(*content) if node["t"] == "Div" else None

    def number(self, kind: str, identifier: str) -> str:
        self.counts[kind] += 1
        self.label(identifier, kind, str(self.counts[kind]))
        return str(self.counts[kind])

    def label(self, identifier: str, kind: str, number: str) -> None:
        if not identifier.startswith(f"{kind}-"):
            return
        if "_" in identifier:
            self.complain_of(identifier, f"id {identifier} has an underscore; use a hyphen")
        if identifier in self.labels:
            self.complain_of(identifier, f"id {identifier} is given twice; rename one")
        self.labels[identifier] = (kind, number)

    def header(self, content: list[Any]) -> Node:
        level, (identifier, classes, keys), inlines = content
        level = level - self.top + 1
        if "unnumbered" not in classes and self.numbered:
            self.sections = [*self.sections[:level], *[0] * (level - len(self.sections))]
            self.sections[level - 1] += 1
            number = ".".join(str(each) for each in self.sections)
            keys = [*keys, ["number", number]]
            self.label(identifier, "sec", number)
        elif identifier.startswith("sec-"):
            self.complain_of(identifier, f"section {identifier} has no number to refer to; drop the id's sec- prefix")
        return new("Header", level, [identifier, classes, keys], inlines)

    def figure(self, content: list[Any]) -> Node:
        attributes, (_, caption), body = content
        if not attributes[0].startswith("fig-"):
            path = find(body, "Image")[0]["c"][2][0]
            self.complain(re.escape(path), f"figure {path} has a caption but no {{#fig-…}}; give it an id")
        return self.float(attributes, "fig", body, _inlines(caption))

    def images(self, blocks: list[Node]) -> None:
        """Check that each image lies there and says what it shows; move its alt text where pandoc's writers look."""
        for image in find(blocks, "Image"):
            attributes, inlines, (path, _) = image["c"]
            keys = pairs(attributes)
            alt = keys.pop("fig-alt", keys.pop("alt", ""))
            place = re.escape(path)
            if not alt.strip():
                self.complain(place, f'image {path} has no alternative text; add fig-alt="…"')
            if re.match(r"[a-z]+:", path):
                self.complain(place, f"image {path} is outside the report; put the file into figures/")
            elif not (self.source.folder / path).is_file():
                self.complain(place, f"image {path} is missing; make it or correct the path")
            attributes[2] = [["alt", alt], *[[key, value] for key, value in keys.items()]]
            inlines[:] = []

    def table(self, block: Node) -> Node:
        attributes, (_, caption), *_ = block["c"]
        identifier, inlines, bare = attributes[0], _inlines(caption), _bare_table(block, attributes)
        self.empty_cells(bare, stringify(inlines))
        if not identifier and not inlines:
            return bare
        if not identifier.startswith("tbl-"):
            place = re.escape(stringify(inlines)[:20])
            self.complain(place, f'table "{stringify(inlines)[:40]}" has a caption but no {{#tbl-…}}; give it an id')
        return self.float([identifier, [], []], "tbl", [bare], inlines)

    def empty_cells(self, table: Node, name: str) -> None:
        cells = [cell for body in table["c"][4] for row in body[3] for cell in row[1]]
        if not any(stringify(cell[4]).strip() for cell in cells):
            head = [stringify(cell[4]) for row in table["c"][3][1] for cell in row[1]]
            self.complain(re.escape((head or [""])[0]), f'table "{name or " ".join(head)}" is empty; fill it')

    def division(self, attributes: list[Any], blocks: list[Node]) -> list[Node] | None:
        identifier, classes, keys = attributes
        if any(key.startswith("layout") for key, _ in keys) or "panel-tabset" in classes:
            self.complain("layout|panel-tabset", "layouts and tabsets are not supported; let each figure stand alone")
        if not identifier.startswith(("fig-", "tbl-")):
            return None
        if len(blocks) < 2 or blocks[-1]["t"] != "Para":
            what = f"{identifier} has no content or no caption"
            self.complain_of(identifier, f"{what}; end it with a paragraph before :::")
            return [new("Div", attributes, blocks)]
        *body, caption = blocks
        tables, kind = find(body, "Table"), identifier[:3]
        if kind == "tbl" and not tables:
            self.complain_of(identifier, f"{identifier} holds no table; include one")
        for table in tables:
            self.empty_cells(table, stringify(caption))
        body = transform(body, lambda node: [_bare_table(node, attributes)] if node["t"] == "Table" else None)
        # Figures lose their own wrapper: the `Div` carries the id and the caption.
        body = transform(body, lambda node: node["c"][2] if node["t"] == "Figure" else None)
        body = [new("Plain", block["c"]) if block["t"] == "Para" else block for block in body]
        return [self.float(attributes, kind, body, caption["c"])]

    def float(self, attributes: list[Any], kind: str, body: list[Node], caption: list[Node]) -> Node:
        number = self.number(kind, attributes[0])
        if not stringify(caption).strip():
            self.complain_of(attributes[0], f"{attributes[0]} has an empty caption; say what it shows")
        wrapper = attr(attributes[0], ["float", *attributes[1]], kind=kind, number=number)
        return new("Div", wrapper, [*body, new("Div", attr("", ["caption"]), [new("Plain", caption)])])

    def callout(self, kind: str, attributes: list[Any], blocks: list[Node]) -> Node:
        if kind not in CALLOUTS:
            self.complain(rf"callout-{re.escape(kind)}", f"callout {kind} is unknown; use {', '.join(CALLOUTS)}")
        title = [new("Str", pairs(attributes).get("title", kind.capitalize()))]
        if blocks and blocks[0]["t"] == "Header":
            title, blocks = blocks[0]["c"][2], blocks[1:]
        body = transform(blocks, self.block)
        return new("Div", [attributes[0], ["callout", f"callout-{kind}"], []], [new("Plain", title), *body])

    def equations(self, inlines: list[Node]) -> list[Node]:
        """Wrap `$$ … $$ {#eq-x}` into numbered spans."""
        result: list[Node] = []
        for item in inlines:
            match = re.fullmatch(r"\{#(eq-[^} ]+)\}(.*)", item["c"]) if item["t"] == "Str" else None
            while match and result and result[-1]["t"] in ("Space", "SoftBreak"):
                result.pop()
            if match and result and result[-1]["t"] == "Math":
                math = result.pop()
                number = self.number("eq", match[1])
                result.append(new("Span", attr(match[1], ["equation"], number=number), [math]))
                result += [new("Str", match[2])] if match[2] else []
            else:
                result.append(item)
        return result

    # Linking.

    def inline(self, node: Node) -> list[Node] | None:
        if node["t"] != "Cite":
            return None
        citations = node["c"][0]
        kinds = [citation["citationId"].lower().startswith(REFERENCES) for citation in citations]
        if not any(kinds):
            return None
        ids = ", ".join(f"@{citation['citationId']}" for citation in citations)
        if not all(kinds):
            # Quarto drops the citations here without a word.
            self.complain(re.escape(ids.split(",")[0]), f"{ids}: a cross-reference runs into a citation; part them")
            return [new("Str", f"?{ids}")]
        result: list[Node] = []
        for position, citation in enumerate(citations):
            result += [new("Str", ","), SPACE] if position else []
            result.append(self.link(citation))
            result += citation["citationSuffix"]
        return result

    def link(self, citation: dict[str, Any]) -> Node:
        identifier = citation["citationId"]
        lower = identifier[0].lower() + identifier[1:]
        place = rf"@{re.escape(identifier)}(?![\w-])"
        if lower not in self.labels:
            close = get_close_matches(lower, self.labels, 1)
            hint = f"did you mean @{close[0]}?" if close else f"nothing has the id {lower}; add {{#{lower}}}"
            self.complain(place, f"unresolved cross-reference @{identifier}: {hint}")
            return new("Str", f"?@{identifier}")
        kind, number = self.labels[lower]
        prefix = citation["citationPrefix"]
        label: list[Node] = [new("Str", f"{KINDS[kind]}{NBSP}{number}")]
        if prefix:
            label = [*prefix, new("Str", f"{NBSP}{number}")]
        elif citation["citationMode"]["t"] == "SuppressAuthor":
            label = [new("Str", number)]
        return new("Link", attr("", ["quarto-xref"]), label, [f"#{lower}", ""])


def _bare_table(table: Node, attributes: list[Any]) -> Node:
    """`table` without its caption and id, its columns as wide as their content or as `tbl-colwidths="[40,60]"` says.

    Pandoc gives a pipe table with long source lines widths by the number of dashes, whatever is in its cells.
    """
    _, _, columns, *rest = table["c"]
    widths = [float(number) for number in re.findall(r"[\d.]+", pairs(attributes).get("tbl-colwidths", ""))]
    if len(widths) == len(columns) and sum(widths) > 0:
        given = [new("ColWidth", width / sum(widths)) for width in widths]
    else:
        given = [{"t": "ColWidthDefault"}] * len(columns)
    columns = [[align, width] for (align, _), width in zip(columns, given, strict=True)]
    return new("Table", attr("", ["typst:no-figure"]), [None, []], columns, *rest)


def _inlines(blocks: list[Node]) -> list[Node]:
    return [inline for block in blocks for inline in (block["c"] if block["t"] in ("Plain", "Para") else [])]


def _callout(node: Node) -> str:
    """The kind of a `Div` that is a callout, else empty."""
    classes = node["c"][0][1] if node["t"] == "Div" else []
    return next((name.removeprefix("callout-") for name in classes if name.startswith("callout-")), "")
