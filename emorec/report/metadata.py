"""The report's metadata in the form that the templates of both formats expect, which is Quarto's."""

from __future__ import annotations

import datetime
from typing import Any

from emorec.errors import EmorecError

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def date(metadata: dict[str, Any]) -> datetime.date:
    """The report's date. Raises EmorecError unless it is written out: `today` would make two builds differ."""
    value = metadata.get("date")
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise EmorecError(f"index.qmd: date is {value!r}; write it as YYYY-MM-DD (of the commit, say)") from None


def timestamp(day: datetime.date) -> int:
    """Midnight UTC of `day` in seconds since 1970."""
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp())


def option(metadata: dict[str, Any], target: str, name: str, default: Any) -> Any:
    """The value of an option such as `toc`: of the format `target` where it is given there, else of the document."""
    formats = metadata.get("format")
    specific = formats.get(target) if isinstance(formats, dict) else None
    if isinstance(specific, dict) and name in specific:
        return specific[name]
    return metadata.get(name, default)


def bibliography(metadata: dict[str, Any]) -> list[str]:
    """The bibliography's files, relative to the source folder."""
    value = metadata.get("bibliography", [])
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def for_pandoc(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the templates of both formats read. Strings are Markdown still."""
    day = date(metadata)
    authors = _authors(metadata.get("author"))
    fields: dict[str, Any] = {key: metadata[key] for key in ("title", "subtitle", "abstract", "keywords", "nocite")
                              if metadata.get(key)}  # fmt: skip
    if "title" not in fields:
        raise EmorecError("index.qmd: no title; add one to its head")
    if "abstract" in fields:
        # The newline makes pandoc read paragraphs rather than a line.
        fields["abstract"] = f"{fields['abstract'].strip()}\n"
    fields |= {
        "lang": metadata.get("lang", "en"),
        "by-author": authors,
        "author-meta": [author["name"]["literal"] for author in authors],
        "date": f"{day.day} {MONTHS[day.month - 1]} {day.year}",
        "date-meta": day.isoformat(),
        "description-meta": str(metadata.get("description", "")),
        "labels": {"abstract": metadata.get("abstract-title", "Abstract")},
    }
    return fields


def for_typst(metadata: dict[str, Any]) -> dict[str, str | bool]:
    """What the PDF's template reads besides, as plain values."""
    fields: dict[str, str | bool] = {
        "papersize": str(option(metadata, "typst", "papersize", "a4")),
        "toc": bool(option(metadata, "typst", "toc", False)),
        "toc-depth": str(toc_depth(metadata, "typst")),
        "toc-title": str(option(metadata, "typst", "toc-title", "Contents")),
    }
    if option(metadata, "typst", "number-sections", False):
        fields["section-numbering"] = str(option(metadata, "typst", "section-numbering", "1.1.1"))
    return fields


def toc_depth(metadata: dict[str, Any], target: str) -> int:
    return int(option(metadata, target, "toc-depth", 3))


def _authors(value: Any) -> list[dict[str, Any]]:
    """Authors, written as a name, a list of names or mappings of name, affiliation, email, as Quarto's `by-author`."""
    authors = []
    for entry in value if isinstance(value, list) else [value] if value else []:
        fields = entry if isinstance(entry, dict) else {"name": entry}
        places = fields.get("affiliation", [])
        affiliations = [{"name": str(place)} for place in (places if isinstance(places, list) else [places])]
        own = {"name": {"literal": str(fields.get("name", ""))}, "affiliations": affiliations}
        authors.append(own | ({"email": str(fields["email"])} if fields.get("email") else {}))
    return authors
