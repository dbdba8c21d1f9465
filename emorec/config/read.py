"""Config files: reading, validating, writing."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from emorec import plain, strict_yaml
from emorec.config.derived import networks
from emorec.config.explain import explain
from emorec.config.study import Study
from emorec.errors import EmorecError
from emorec.mappings import over


def load(path: Path) -> Study:
    """Read and validate a config file. Raises EmorecError, one line, naming the file and the key."""
    return validate(extended(path), str(path))


def extended(path: Path, below: tuple[Path, ...] = ()) -> Any:
    """What a config file says over what the file says that it `extends`, named from its own folder."""
    content = read_yaml(path)
    if not isinstance(content, dict) or "extends" not in content:
        return content
    name = content.pop("extends")
    if not isinstance(name, str):
        raise _error(str(path), "extends: names one config file, whose values hold where this one has no others")
    base, seen = path.parent / name, (*below, path.resolve())
    if base.resolve() in seen:
        raise _error(str(path), f"extends: {name} extends this file in turn; leave one of them out")
    return over(extended(base, seen), content)


def read_yaml(path: Path) -> Any:
    """What a config file says, unchecked but for being YAML with each key once. Raises EmorecError, one line."""
    try:
        with open(path, "rb") as file:
            content = file.read(strict_yaml.LARGEST + 1)
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise EmorecError(f"{path}: no such config file; the ones that come with the project are in config/") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise EmorecError(f"{path}: {plain.plain(error)} in line {line}; save it as UTF-8") from None
    except OSError as error:
        raise EmorecError(f"{path}: cannot be read ({error.strerror}); name a config file") from None
    try:
        return strict_yaml.parse(text)
    except ValueError as error:
        raise EmorecError(f"{path}: {error}") from None


def validate(content: Any, where: str) -> Study:
    """A config as read from YAML to a Study. `where` is the file's name, for messages. Raises EmorecError, one line."""
    if not isinstance(content, dict):
        raise EmorecError(f"{where}: a config is a mapping of keys, with at least `study` and `models`")
    try:
        study = Study.model_validate(content)
        networks(study)  # whose names may be those of models, and whose settings override the study's
    except ValidationError as error:
        raise _error(where, explain(error, Study)) from None
    except (EmorecError, ValueError) as error:
        raise _error(where, str(error)) from None
    return study


def _error(where: str, reason: str) -> EmorecError:
    return EmorecError(plain.printable(f"{where}: {' '.join(reason.split())}"))


def dump(study: Study) -> str:
    """The effective config as YAML."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False)
