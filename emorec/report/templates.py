"""The paper's templates: Jinja2 in a sandbox, where an unknown name is an error with its file and line."""

import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from emorec.errors import EmorecError

# Lines that hold nothing but tags: they leave no line behind.
_TAGS = re.compile(r"^[ \t]*((?:\{%(?:(?!%\}).)*%\}[ \t]*)*\{%(?:(?!%\}).)*)%\}[ \t]*$\n", re.MULTILINE)


def render(folder: Path, name: str, lookups: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]) -> str:
    """The text of the template `folder/name`; `lookups` and `filters` are all that it knows besides Jinja's own.

    Raises:
        EmorecError: Something in a template is unknown, malformed or forbidden; it names file and line.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=_Loader(folder, encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        # Markdown writes {#id}; what HTML writes for comments is free.
        comment_start_string="<!--",
        comment_end_string="-->",
    )
    environment.globals |= lookups
    environment.filters |= filters
    try:
        text = environment.get_template(name).render()
    except TemplateNotFound as error:
        raise EmorecError(f"{_place(error, folder) or folder}: no template {error.name}; add it to {folder}") from None
    except TemplateSyntaxError as error:
        raise EmorecError(f"{folder}/{error.name}:{error.lineno}: {error.message}") from None
    except Exception as error:  # whatever a lookup, a filter or Jinja finds wrong, its place is what the author needs
        raise EmorecError(f"{_place(error, folder)}: {' '.join(str(error).split())}") from error
    return re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", text)


def _place(error: Exception, folder: Path) -> str:
    """`file:line` of the innermost template that was being rendered."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return places[-1] if places else ""


class _Loader(FileSystemLoader):
    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        text, path, current = super().get_source(environment, template)
        # The line break moves into the tag, so that lines keep their numbers.
        return _TAGS.sub(r"\1\n%}", text), path, current
