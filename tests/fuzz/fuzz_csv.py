"""Coverage-guided fuzzing of the readers of FER2013's tables and FER+'s votes, by libFuzzer through atheris.

    pip install atheris==3.0.0
    python tests/fuzz/fuzz_csv.py [-max_total_time=SECONDS] [CORPUS_FOLDER]

The only exception that a reader may raise is EmorecError, in one printable line; what it accepts must be faces, or
votes, within their ranges. Anything else is a finding: libFuzzer writes the input to crash-… and stops.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["emorec"]):
    from emorec.data import pixels_csv, votes

import numpy as np

from emorec.data.faces import Faces
from emorec.errors import EmorecError

# So short a face lets the fuzzer find whole tables; the reader takes the number from here.
pixels_csv.PIXELS, pixels_csv.SIDE = 4, 2
HEADERS = (b"emotion,pixels,Usage\n", b"emotion, Usage, pixels\r\n", b'"pixels","emotion"\n', b"")
TAGS = b"Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
FACES = Faces(
    np.zeros((3, 2, 2), np.uint8), np.array([6, 3, 5], np.uint8), np.arange(3, dtype=np.uint8), np.arange(3, dtype="i4")
)
PATH = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)) / "fuzzed.csv"


def read(content: bytes) -> None:
    """One input: its first byte says which reader and which header, the rest is the file."""
    choice, content = content[:1] or b"\0", content[1:]
    kind = choice[0] % 6
    PATH.write_bytes((HEADERS[kind] if kind < 4 else TAGS if kind == 4 else b"") + content)
    try:
        if kind < 4:
            faces = pixels_csv.read_table(PATH, split=None if kind < 2 else 0)
            assert faces.images.shape == (len(faces), 2, 2) and len(faces) > 0
            assert faces.labels.max() < 7 and faces.split.max() < 3
        else:
            found = votes.read_votes(PATH, FACES)
            assert found.votes.shape == (3, 10)
    except EmorecError as error:
        message = str(error)
        assert message.isprintable() and str(PATH) in message, message


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
