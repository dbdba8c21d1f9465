"""A person's own image files, labelled by a trained model: images in, a table out."""

import io
import json
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.data.image import SUFFIXES, decode_image, read_image
from emorec.data.malformed import malformed, reading
from emorec.errors import EmorecError
from emorec.frames import each_row
from emorec.plain import printable
from emorec.predictions.combine import ModelOutputs

log = logging.getLogger(__name__)

STDIN = Path("-")


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The image files that `paths` name: a file is itself, a folder all images in it and below, face 2 before 10.

    Hidden files are passed over. Raises EmorecError for a path that is not there, and for a folder without images.
    """
    found: list[Path] = []
    for path in paths:
        if path == STDIN:
            if path in found:
                raise EmorecError("-: stands there twice; standard input is one image")
            found.append(path)
        elif path.is_dir():
            with reading(path):
                files = [file for file in path.rglob("*") if file.is_file()]
                inside = [file for file in files if "/." not in f"/{file.relative_to(path).as_posix()}"]
            images = sorted((file for file in inside if file.suffix.lower() in SUFFIXES), key=_natural)
            if not images:
                raise malformed(path, "a folder without image files; name the one that has them")
            if len(images) < len(inside):
                log.info("%s: %d files that are no images by their names", path, len(inside) - len(images))
            found += images
        elif path.is_file():
            found.append(path)
        else:
            raise malformed(path, "no such image file" if not path.exists() else "not an image file")
    return found


def read_faces(files: Sequence[Path], stdin: BinaryIO | None = None) -> np.ndarray:
    """Image files as (n, 48, 48) uint8, grey, in the order given, read as FER2013's image folders are; `-` is `stdin`.

    Raises EmorecError for the first that is unreadable, larger than a photograph or of more than 8 bits.
    """
    piped = stdin.read() if stdin and STDIN in files else b""
    return np.stack([decode_image(io.BytesIO(piped), file) if file == STDIN else read_image(file) for file in files])


def _natural(file: Path) -> list[tuple[int, str]]:
    """A key for sorting: text and numbers in turns."""
    parts = re.split(r"([0-9]+)", str(file))
    return [(int(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def label_frame(paths: Sequence[Path], outputs: ModelOutputs) -> pd.DataFrame:
    """A row a face: file, emotion (the likeliest) and its probability, p_<emotion> ×7, gate_<expert> of a mixture."""
    p = outputs.probabilities
    best = p.argmax(axis=1)
    names = pd.Series([str(path) for path in paths], dtype=object)  # as text to pandas, they would have to be UTF-8
    frame = pd.DataFrame({"file": names, "emotion": np.array(EMOTIONS)[best], "probability": p.max(axis=1)})
    frame[[f"p_{emotion}" for emotion in EMOTIONS]] = p
    return frame.assign(**{f"gate_{expert}": weight for expert, weight in outputs.gate.items()})


def as_table(frame: pd.DataFrame) -> str:
    """For a terminal: probabilities in per cent; the gate's weights are left to CSV and JSON."""
    head = ["file", "emotion", "%", *EMOTIONS]
    rows = [
        [printable(row.file), row.emotion, f"{100 * row.probability:.0f}"]
        + [f"{100 * getattr(row, f'p_{emotion}'):.0f}" for emotion in EMOTIONS]
        for row in each_row(frame)
    ]
    lines = [head, *rows]
    width = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [str.ljust] * 2 + [str.rjust] * (len(head) - 2)
    padded = ([pad(text, w) for pad, text, w in zip(aligned, line, width, strict=True)] for line in lines)
    return "".join("  ".join(cells).rstrip() + "\n" for cells in padded)


FORMS: dict[str, Callable[[pd.DataFrame], str]] = {
    "table": as_table,
    "csv": lambda frame: frame.to_csv(index=False, float_format="%.6f"),
    # What is not ASCII is escaped, so that it passes any terminal.
    "json": lambda frame: json.dumps(frame.round(6).to_dict("records"), indent=2) + "\n",
}
