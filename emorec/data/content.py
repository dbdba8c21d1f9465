"""What a study's data are, known by their content: dates, places and files that nobody reads are of no concern.

Reading all of FER2013 takes a second, which is too long for each look at a workflow. So digests are kept, with a glance
at the files that they are of: names, sizes, times of change. While a glance is the same, so is the content.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from emorec import closure
from emorec.config import Data
from emorec.files import write_json

# The workflow looks each time: the readers, with numpy and Pillow, are imported only where there is something to read.


def look(source: Path, kept: Path) -> tuple[str, str]:
    """A glance at `source` and the digest of what it holds, which is not computed where the file `kept` has it."""
    from emorec.data.read import source_digest

    glance = _glance(source)
    return glance, _read(kept).get(glance) or source_digest(source)


def fingerprint(data: Data, kept: Path) -> str:
    """One digest of all that decides the faces of a study: what they are read from, or how drawn, and by which code."""
    if data.source == "synthetic":
        made_of: object = data.synthetic.model_dump()
        code = closure.digest("emorec.data.synthetic", "emorec.data.prepare:_draw", comments=False)
    else:
        from emorec.data.read import find_source

        made_of = [look(find_source(data.path), kept)[1], data.classes]
        code = closure.digest("emorec.data.read:read_faces", comments=False)
    return hashlib.sha256(json.dumps([made_of, code], sort_keys=True).encode()).hexdigest()


def keep(seen: Iterable[tuple[str, str]], kept: Path) -> None:
    """Write what was seen to the file `kept`, where that does not say so already."""
    wanted = dict(seen)
    if wanted and wanted != _read(kept):
        write_json(kept, wanted)


def _glance(source: Path) -> str:
    from emorec.data.read import source_files

    found = ((name, file.stat()) for name, file in source_files(source))
    lines = [f"{name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}\n" for name, stat in found]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _read(kept: Path) -> dict[str, str]:
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
