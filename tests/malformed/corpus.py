"""Malformed inputs, each a few lines that make it: what it is put in place of, the command that meets it, and what the
one line must say. Everything is generated; nothing here is larger than a few kilobytes until it is run."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import copy
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

CONFIG = {
    "study": "corpus",
    "data": {"source": "fer2013", "path": "fer2013.csv"},
    "architecture": {"depth": 10, "width": 1, "stem": "imagenet"},
    "training": {"epochs": 1, "batch": 8, "device": "cpu", "views": "none"},
    "models": {"resnet18": {"kind": "single"}},
}
# Another with a grouping that is found from the faces, a mixture by it, people's votes and what was planted.
GROUPS = [("angry", "disgust", "fear", "sad"), ("happy", "surprise", "neutral")]
FOUND = CONFIG | {
    "study": "found",
    "data": {"source": "synthetic", "synthetic": {"train": 70, "val": 70, "test": 70}},
    "groupings": {"found": {"method": "spectral", "experts": 2}},
    "models": {**CONFIG["models"], "mixture": {"kind": "mixture", "of": "resnet18", "grouping": "found"}},
}
STUDY = Path("results/corpus")
WITH_MIXTURE = Path("results/found")
USAGES = ("Training", "PublicTest", "PrivateTest")
# Two faces of each emotion in each split: (emotion, usage, pixels).
FACES = [
    (face % 7, USAGES[face // 14], np.random.default_rng(face).integers(0, 256, 2304).astype(np.uint8))
    for face in range(42)
]


@dataclass(frozen=True)
class Case:
    """`spoil` is called in a copy of the whole study, then `command`; `says` are parts of the one line, in order."""

    name: str
    command: tuple[str, ...]
    says: tuple[str, ...]
    spoil: Callable[[], object]


CASES: list[Case] = []


def case(name: str, command: str, says: str | tuple[str, ...], spoil: Callable[[], object]) -> None:
    CASES.append(Case(name, tuple(command.split()), (says,) if isinstance(says, str) else says, spoil))


def put(path: str | Path, content: bytes | str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)


@cache
def text_of(pixels: bytes) -> str:
    return " ".join(map(str, pixels))


def row_of(emotion: object, usage: object, pixels: object) -> bytes:
    text = text_of(pixels.tobytes()) if isinstance(pixels, np.ndarray) else pixels
    return f"{emotion},{text},{usage}\n".encode()


def csv_of(faces: list, header: bytes = b"emotion,pixels,Usage\n") -> bytes:
    return header + b"".join(row_of(*face) for face in faces)


# -- configs -----------------------------------------------------------------------------------------------------------

GOOD = yaml.safe_dump(CONFIG)


def config(name: str, says: str | tuple[str, ...], content: bytes | str | dict, command: str = "config") -> None:
    parts = (says,) if isinstance(says, str) else says
    case(f"config: {name}", f"{command} --config bad.yaml", ("bad.yaml", *parts), lambda: put_config(content))


def put_config(content: bytes | str | dict) -> None:
    # Dumped no sooner: every process that collects tests reads this file.
    put("bad.yaml", yaml.safe_dump(content) if isinstance(content, dict) else content)


def changed(path: str, value: object) -> dict:
    content = copy.deepcopy(CONFIG)
    *above, last = path.split(".")
    place = content
    for key in above:
        place = place.setdefault(key, {})
    place[last] = value
    return content


config("empty", "mapping", b"")
config("comments only", "mapping", b"# nothing\n")
config("a list", "mapping", b"- study\n")
config("a number", "mapping", b"12\n")
config("latin-1", "UTF-8", GOOD.encode() + "# Gefühl\n".encode("latin-1"))
config("UTF-16", "UTF-8", GOOD.encode("utf-16"))
config("a NUL byte", "not valid YAML", GOOD.encode() + b"\0")
config("a control character", "not valid YAML", GOOD.encode() + b"\x07")
config("a tab", "not valid YAML", b"study: a\nmodels:\n\tresnet18: {kind: single}\n")
config("an open bracket", "not valid YAML", b"study: [a\nmodels: {}\n")
config("two documents", "not valid YAML", b"study: a\n---\nstudy: b\n")
config("a key twice", ("'study' stands twice", "line 2", "keep one"), b"study: a\nstudy: b\n")
config(
    "a nested key twice", ("'kind' stands twice", "keep one"), b"study: a\nmodels:\n  x: {kind: single, kind: single}\n"
)
config("a Python tag", "not valid YAML", GOOD + "seeds: !!python/object/apply:os.system ['touch owned']\n")
config("a tag of its own", "not valid YAML", GOOD + "seeds: !secret [1]\n")
laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
config("a billion laughs", "aliases stand for more than", laughs + GOOD)
config("an alias in itself", "contains itself", "seeds: &s [*s]\n" + GOOD)
config("an unknown alias", "not valid YAML", GOOD + "seeds: *nobody\n")
config("a thousand levels", "nested deeper", "seeds: " + "[" * 1000 + "]" * 1000 + "\n")
config("two megabytes", "longer than", GOOD + "# " + "x" * 2_000_000)
config("an impossible date", "not valid YAML", GOOD + "seeds: 2001-02-31\n")
config("a thousand digits", "not valid YAML", GOOD + f"seeds: [{'9' * 5000}]\n")
config("a merge of a number", "not valid YAML", "<<: 3\n" + GOOD)
config("an unhashable key", "not valid YAML", "? [a, b]\n: 1\n" + GOOD)
config("a path as study", "study", changed("study", "../../etc"))
config("an absolute study", "study", changed("study", "/tmp/x"))
config("a line end in study", "study", changed("study", "a\nb"))
config("a number as study", "study", changed("study", 5))
config("a date as study", "study", b"study: 2001-02-03\nmodels: {a: {kind: single}}\n")
config("a path as model", "models", changed("models", {"../x": {"kind": "single"}}))
config("a command as model", "models", changed("models", {"$(touch owned)": {"kind": "single"}}))
config("a number as model", "models", changed("models", {1: {"kind": "single"}}))
config("no kind", "models.resnet18", changed("models", {"resnet18": {}}))
config("an unknown kind", "models.resnet18", changed("models", {"resnet18": {"kind": "forest"}}))
config("no models", "models", changed("models", {}))
config("a list of models", "models", changed("models", ["resnet18"]))
config("an unknown key", ("sedes", "did you mean 'seeds'"), changed("sedes", [1]))
config("an unknown nested key", ("training.epoch", "'epochs'"), changed("training.epoch", 3))
config("YTE's switch", "__use_yte__", changed("__use_yte__", False))
config("NaN", "training.lr", changed("training.lr", float("nan")))
config("infinity", "training.lr", changed("training.lr", float("inf")))
config("a negative number", "training.epochs", changed("training.epochs", -1))
config("a number too large", "training.epochs", changed("training.epochs", 10**30))
config("a fraction", "training.epochs", changed("training.epochs", 1.5))
config("a word for a number", "training.epochs", changed("training.epochs", "many"))
config("a list for a number", "training.epochs", changed("training.epochs", [1]))
config("a width of a billion", "architecture.width", changed("architecture.width", 10**9))
config(
    "a width in an override", "models.resnet18.architecture", changed("models.resnet18.architecture", {"width": 10**9})
)
config("a word for seeds", "seeds", changed("seeds", "all"))
config("a million seeds", "seeds", changed("seeds", list(range(20_000))))
config("a negative seed", "seeds", changed("seeds", [-1]))
config("a label of two lines", "label", changed("models.resnet18.label", "a\nb"))
config("a label with an escape sequence", "label", changed("models.resnet18.label", "\x1b[2Ja"))
config("a label of a novel", "label", changed("models.resnet18.label", "a" * 5000))
config("an empty label", "label", changed("models.resnet18.label", ""))
config("a grouping of strangers", "groupings", changed("groupings", {"g": [["joy"], ["love"]]}))
# Groupings by method, and the families of models that are put together from others.
for name, says, grouping in [
    ("a word", ("groupings.g", "list of groups, or a mapping"), "emotions"),
    ("no groups", ("groupings.g", "two groups or more"), []),
    ("one group", ("groupings.g", "two groups or more"), [["happy"]]),
    ("an empty group", "groupings.g.0", [[], ["happy"]]),
    ("an emotion twice", ("groupings.g", "stands twice"), [["sad", "sad"], ["happy"]]),
    ("a group twice", ("groupings.g", "the same"), [["sad", "happy"], ["happy", "sad"]]),
    ("emotions missing", ("groupings.g", "no expert knows", "neutral"), [["sad"], ["happy"]]),
    ("a number for an emotion", "groupings.g.0.0", [[3], ["happy"]]),
    ("a list for an emotion", "groupings.g.0.0", [[["sad"]], ["happy"]]),
    ("no method", ("groupings.g", "spectral"), {"experts": 3}),
    ("an unknown method", ("groupings.g", "spectral"), {"method": "guess", "experts": 3}),
    ("a method that is a list", ("groupings.g", "spectral"), {"method": ["spectral"], "experts": 3}),
    ("one expert", "groupings.g.experts", {"method": "spectral", "experts": 1}),
    ("seven experts", "groupings.g.experts", {"method": "spectral", "experts": 7}),
    ("NaN experts", "groupings.g.experts", {"method": "spectral", "experts": float("nan")}),
    ("a word for experts", "groupings.g.experts", {"method": "spectral", "experts": "three"}),
    (
        "an unknown key of a method",
        ("groupings.g.seed", "unknown key"),
        {"method": "spectral", "experts": 3, "seed": 1},
    ),
    ("random like nobody", ("groupings.g.like", "'nobody'"), {"method": "random", "like": "nobody", "seed": 1}),
    ("random like itself", ("groupings.g.like", "'g'"), {"method": "random", "like": "g", "seed": 1}),
    ("a negative seed of a method", "groupings.g.seed", {"method": "random", "like": "g", "seed": -1}),
]:
    config(f"a grouping: {name}", says, changed("groupings", {"g": grouping}))
alone = [[emotion] for emotion in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")]
config("a grouping: no other of its sizes", ("groupings", "no other grouping of these sizes"),
       changed("groupings", {"g": alone, "h": {"method": "random", "like": "g", "seed": 0}}))  # fmt: skip
config("a path as grouping", "groupings", changed("groupings", {"../g": alone}))

MIXED = {
    "groupings": {"g": alone},
    "models": {
        "resnet18": {"kind": "single"},
        "mixture": {"kind": "mixture", "of": "resnet18", "grouping": "g"},
        "no-gate": {"kind": "mixture", "of": "resnet18", "grouping": "g", "gate": "uniform"},
    },
}
for name, says, entry in [
    ("mixture: no grouping", "models.x.grouping", {"kind": "mixture", "of": "resnet18"}),
    ("mixture: an unknown grouping", ("models.x.grouping", "'h'"), {"kind": "mixture", "of": "resnet18", "grouping": "h"}),
    ("mixture: of a mixture", ("models.x.of", "no single"), {"kind": "mixture", "of": "mixture", "grouping": "g"}),
    ("mixture: an unknown gate", "models.x.gate", {"kind": "mixture", "of": "resnet18", "grouping": "g", "gate": "garden"}),
    ("mixture: foreign faces that weigh nothing", "models.x.foreign_weight", {"kind": "mixture", "of": "resnet18", "grouping": "g", "foreign_weight": 0}),
    ("ensemble: of nobody", ("models.x.of", "'nobody'"), {"kind": "ensemble", "of": "nobody", "members": 2}),
    ("ensemble: one member", "models.x.members", {"kind": "ensemble", "of": "resnet18", "members": 1}),
    ("ensemble: a billion members", "models.x.members", {"kind": "ensemble", "of": "resnet18", "members": 10**9}),
    ("joint: of itself", ("models.x.of", "'x'"), {"kind": "joint", "of": "x", "experts": 2}),
    ("joint: one expert", "models.x.experts", {"kind": "joint", "of": "resnet18", "experts": 1}),
    ("joint: a billion experts", "models.x.experts", {"kind": "joint", "of": "resnet18", "experts": 10**9}),
    ("joint: a list of experts", "models.x.experts", {"kind": "joint", "of": "resnet18", "experts": [["happy"]]}),
    ("joint: one expert answers", "models.x.top", {"kind": "joint", "of": "resnet18", "experts": 3, "top": 1}),
    ("joint: all experts answer", ("models.x", "leaves none out"), {"kind": "joint", "of": "resnet18", "experts": 3, "top": 3}),
    ("joint: a balance of NaN", "models.x.balance", {"kind": "joint", "of": "resnet18", "experts": 3, "balance": float("nan")}),
    ("joint: a negative balance", "models.x.balance", {"kind": "joint", "of": "resnet18", "experts": 3, "balance": -1}),
    ("joint: a trunk of four stages", "models.x.trunk", {"kind": "joint", "of": "resnet18", "experts": 3, "trunk": 4}),
    ("joint: a grouping", ("models.x.grouping", "unknown key"), {"kind": "joint", "of": "resnet18", "experts": 3, "grouping": "g"}),
    ("fine-tuned: of a single", ("models.x.of", "no mixture with a gate"), {"kind": "fine-tuned", "of": "resnet18"}),
    ("fine-tuned: of a mixture without a gate", ("models.x.of", "no mixture with a gate"), {"kind": "fine-tuned", "of": "no-gate"}),
    ("fine-tuned: of itself", ("models.x.of", "no mixture with a gate"), {"kind": "fine-tuned", "of": "x"}),
    ("fine-tuned: no epochs", "models.x.epochs", {"kind": "fine-tuned", "of": "mixture", "epochs": 0}),
    ("fine-tuned: an infinite rate", "models.x.lr", {"kind": "fine-tuned", "of": "mixture", "lr": float("inf")}),
    ("fine-tuned: options of its own", ("models.x.training", "unknown key"), {"kind": "fine-tuned", "of": "mixture", "training": {"batch": 4}}),
    ("single: as large as nobody", ("models.x.parameters_like", "'nobody'"), {"kind": "single", "parameters_like": "nobody"}),
    ("single: as large as itself", ("models.x.parameters_like", "'x'"), {"kind": "single", "parameters_like": "x"}),
    ("single: a width twice", ("models.x.architecture.width", "leave it out"), {"kind": "single", "parameters_like": "mixture", "architecture": {"width": 3}}),
    ("single: an unknown key in an override", ("models.x.training", "ephocs", "'epochs'"), {"kind": "single", "training": {"ephocs": 3}}),
    ("single: a list for an override", "models.x.training", {"kind": "single", "training": [1]}),
    ("a kind that is a list", "models.x", {"kind": ["single"]}),
    ("a model that is a word", "models.x", "single"),
    ("a model that is nothing", "models.x", None),
]:  # fmt: skip
    config(name, says, CONFIG | MIXED | {"models": {**MIXED["models"], "x": entry}})
config("no single", ("models", "one model of kind single"),
       changed("models", {"x": {"kind": "ensemble", "of": "x", "members": 2}}))  # fmt: skip
config("a gate's name", ("models.resnet18-gate-g", "give the model another"),
       CONFIG | MIXED | {"models": {**MIXED["models"], "resnet18-gate-g": {"kind": "single"}}})  # fmt: skip
config("ten-crop of whole faces", ("training", "ten-crop", "crop"), changed("training.views", "ten-crop"))
config("votes on synthetic faces", ("data", "ferplus"), changed("data", {"source": "synthetic", "ferplus": "x.csv"}))
config("a path of synthetic faces", ("data", "path", "source: fer2013"),
       changed("data", {"source": "synthetic", "path": "x.csv"}))  # fmt: skip
for name in ("published", "from-published"):
    config(f"a study named {name}", ("study", f"results/{name}", "another name"), changed("study", name))

# -- datasets as tables ------------------------------------------------------------------------------------------------


def table(name: str, says: str | tuple[str, ...], content: bytes) -> None:
    parts = (says,) if isinstance(says, str) else says
    case(f"CSV: {name}", "data --config base.yaml", ("fer2013.csv", *parts), lambda: put("fer2013.csv", content))


def one_bad(emotion: object = 0, usage: object = "Training", pixels: object = None) -> bytes:
    """The table with another line at row 4."""
    pixels = FACES[2][2] if pixels is None else pixels
    return csv_of(FACES[:2]) + row_of(emotion, usage, pixels) + csv_of(FACES[3:], b"")


whole = csv_of(FACES)
ones = ["1"] * 2304
table("0 bytes", "empty", b"")
table("a header alone", "no faces", b"emotion,pixels,Usage\n")
table("no header", ("row 1", "wrong columns"), csv_of(FACES, b""))
table("a column twice", ("row 1", "wrong columns"), csv_of(FACES, b"emotion,pixels,pixels\n"))
table("a column too many", ("row 1", "wrong columns"), csv_of(FACES, b"emotion,pixels,Usage,x\n"))
table("no Usage", ("row 1", "wrong columns"), b"emotion,pixels\n0," + b"1 " * 2304)
table("UTF-16", ("row 1", "UTF-8"), whole.decode().encode("utf-16"))
table("latin-1 in the header", ("row 1", "UTF-8"), csv_of(FACES, "emotion,pixels,Üsage\n".encode("latin-1")))
table("NUL bytes", ("row 1", "UTF-8"), b"\0" * 4096)
table("a compressed table", "row 1", zlib.compress(whole))
table("cut in a face", ("row 43", "columns"), whole[:-3000])
table("cut in the last word", ("row 43", "Usage"), whole[:-4])
table("old line ends", "longer than any face's line", whole.replace(b"\n", b"\r"))
table("a line of five megabytes", "longer than any face's line", csv_of(FACES[:2]) + b"1 " * 2_500_000)
for name, value in {
    "seven": 7, "minus one": -1, "a fraction": 1.5, "NaN": "nan", "nothing": "", "a name": "happy",
    "five thousand digits": "9" * 5000, "digits of another script": "３",
}.items():  # fmt: skip
    table(f"emotion is {name}", ("row 4", "emotion"), one_bad(emotion=value))
for name, words in {
    "one pixel less": ones[1:], "one pixel more": [*ones, "1"], "256": ["256", *ones[1:]], "-1": ["-1", *ones[1:]],
    "NaN": ["nan", *ones[1:]], "0x1": ["0x1", *ones[1:]], "1e2": ["1e2", *ones[1:]],
    "sixty digits": ["1" * 60, *ones[1:]], "no pixels": [],
}.items():  # fmt: skip
    table(f"pixels with {name}", ("row 4", "pixel"), one_bad(pixels=" ".join(words)))
table("pixels split by semicolons", "row 4", one_bad(pixels=";".join(ones)))
table("an unknown Usage", ("row 4", "unknown Usage"), one_bad(usage="Holdout"))
table("an escape sequence in Usage", ("row 4", "unknown Usage '\\x1b"), one_bad(usage="\x1b[2J"))
table("a comma too many", ("row 4", "columns"), one_bad(usage="Training,"))
table("an open quote", "row 4", one_bad(emotion='"0'))
table("no faces to test", "no faces in split test", csv_of([face for face in FACES if face[1] != "PrivateTest"]))
case("CSV: a folder of that name", "data --config base.yaml", "fer2013.csv",
     lambda: (os.remove("fer2013.csv"), os.mkdir("fer2013.csv")))  # fmt: skip
case("CSV: a pipe that nobody fills", "data --config base.yaml", "fer2013.csv",
     lambda: (os.remove("fer2013.csv"), os.mkfifo("fer2013.csv")))  # fmt: skip
case("CSV: a NUL in its path", "data --config bad.yaml", "a\\x00b: no such file",
     lambda: put_config(changed("data.path", "a\0b")))  # fmt: skip
case("CSV: a link to itself", "data --config base.yaml", "fer2013.csv",
     lambda: (os.remove("fer2013.csv"), os.symlink("fer2013.csv", "fer2013.csv")))  # fmt: skip
case("CSV: a device without end", "data --config bad.yaml", "/dev/zero",
     lambda: put_config(changed("data.path", "/dev/zero")))  # fmt: skip

# -- votes -------------------------------------------------------------------------------------------------------------

TAGS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
# Where the votes for FER2013's emotion stand among FER+'s columns.
PLACE = dict(enumerate((4, 5, 6, 1, 3, 2, 0)))


def votes_of(faces: list, header: str = f"Usage,Image name,{TAGS}") -> str:
    lines = [header]
    for index, (emotion, usage, _) in enumerate(faces):
        counts = ["0"] * 10
        counts[PLACE[emotion]] = "10"
        lines.append(f"{usage},fer{index}.png,{','.join(counts)}")
    return "\n".join(lines) + "\n"


def votes(name: str, says: str | tuple[str, ...], content: bytes | str) -> None:
    parts = (says,) if isinstance(says, str) else says
    spoil = lambda: put("fer2013new.csv", content)  # noqa: E731
    case(f"votes: {name}", "data --config base.yaml", ("fer2013new.csv", *parts), spoil)


good_votes = votes_of(FACES)
votes("0 bytes", ("row 1", "no column"), b"")
votes("a tag missing", ("row 1", "no column contempt"), good_votes.replace(",contempt", ""))
votes("a column twice", ("row 1", "twice"), votes_of(FACES, f"Usage,Usage,{TAGS}"))
votes("not UTF-8", "no CSV text", good_votes.encode().replace(b"fer3.png", b"fer\xff.png"))
votes("NUL bytes", "row 1", b"\0" * 500)
votes("cut", ("row 43", "columns"), good_votes[:-6])
votes("a row less", "41 rows for 42 faces", votes_of(FACES[:-1]))
votes("a row more", ("row 44", "more rows"), votes_of([*FACES, FACES[-1]]))
votes("three hundred votes", ("row 2", "'300'"), good_votes.replace("10", "300", 1))
votes("minus one vote", ("row 2", "'-1'"), good_votes.replace("10", "-1", 1))
votes("NaN votes", ("row 2", "'nan'"), good_votes.replace("10", "nan", 1))
votes("digits of another script", ("row 2", "no number of votes"), good_votes.replace("10", "１０", 1))
votes("a field without end", "no CSV text", good_votes.replace("fer3.png", "x" * 200_000))
votes("the rows of other faces", ("row 2", "Usage"), votes_of(FACES[::-1]))
votes("votes for labels of another order", ("another order", "angry is disgust", "set data.classes"),
      votes_of([((e + 1) % 7, u, p) for e, u, p in FACES]))  # fmt: skip
votes("votes for other faces", "agree with",
      votes_of([((e + place // 7) % 7, u, p) for place, (e, u, p) in enumerate(FACES)]))  # fmt: skip

# -- datasets as images ------------------------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes, depth: int = 8, pixels: bytes | None = None) -> bytes:
    """A grey image, all black; its data are made row by row, so that a large one costs no memory."""
    if pixels is None:
        squeeze = zlib.compressobj(1)
        line = bytes(1 + width * depth // 8)
        pixels = b"".join(squeeze.compress(line) for _ in range(height)) + squeeze.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tree() -> None:
    """Image folders in place of the table: a face of each emotion in each split."""
    os.remove("fer2013.csv")
    face = png(48, 48)
    for split in ("train", "validation", "test"):
        for emotion in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"):
            put(f"fer2013.csv/{split}/{emotion}/1.png", face)


def images(name: str, says: str | tuple[str, ...], spoil: Callable[[], object]) -> None:
    case(f"images: {name}", "data --config base.yaml", says, lambda: (tree(), spoil()))


def image(name: str, says: str | tuple[str, ...], content: Callable[[], bytes], file: str = "bad.png") -> None:
    parts = (says,) if isinstance(says, str) else says
    images(name, (f"happy/{file}", *parts), lambda: put(f"fer2013.csv/train/happy/{file}", content()))


def jpeg(**options: object) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.arange(2304, dtype=np.uint8).reshape(48, 48)).save(file, **options)
    return file.getvalue()


image("0 bytes", "unreadable image", lambda: b"")
image("a PNG of 100 megapixels", ("10000×10000", "more than"), lambda: png(10_000, 10_000))
image("a PNG that claims four billion rows", "more than", lambda: png(2**31 - 1, 2**31 - 1, pixels=b"x"))
image("a PNG without pixels", "unreadable image", lambda: png(48, 48, pixels=zlib.compress(b"")))
image("a PNG cut", "unreadable image", lambda: png(48, 48)[:60])
image("a PNG with a false checksum", "unreadable image", lambda: png(48, 48).replace(b"IDAT", b"IDAX"))
image("a text chunk that inflates to 100 MB", "unreadable image",
      lambda: png(48, 48, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))))  # fmt: skip
image("a colour profile that inflates to 200 MB", "unreadable image",
      lambda: png(48, 48, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000), 9))))  # fmt: skip
image("16 bits", "8 bits", lambda: png(48, 48, depth=16))
image("a JPEG cut", "unreadable image", lambda: jpeg(format="JPEG")[:300], "bad.jpg")
image("a WebP cut", "unreadable image", lambda: jpeg(format="WEBP")[:40], "bad.webp")
image("a GIF cut", "unreadable image", lambda: jpeg(format="GIF")[:200], "bad.gif")
image("a TIFF of nonsense", "unreadable image", lambda: b"II*\0" + b"\xff" * 200, "bad.tif")
image(
    "a BMP of negative size",
    "",
    lambda: b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, -5, -5, 1, 8, 0, 0, 0, 0, 0, 0),
    "bad.bmp",
)
image("PostScript", "unreadable image", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(owned) run\n")
image("a web page", "unreadable image", lambda: b"<html><script>alert(1)</script></html>")
image("a ZIP archive", "unreadable image", lambda: zipped({"../../owned": b"x"}))
images("an unknown emotion", ("train/joy", "unknown emotion"), lambda: put("fer2013.csv/train/joy/1.png", png(48, 48)))
images("an image outside a folder", "train/1.png", lambda: put("fer2013.csv/train/1.png", png(48, 48)))
images("a folder among images", "happy/more", lambda: os.makedirs("fer2013.csv/train/happy/more"))
images("a dangling link", "happy/2.png", lambda: os.symlink("nowhere", "fer2013.csv/train/happy/2.png"))
images("a link to itself", "happy/2.png", lambda: os.symlink("2.png", "fer2013.csv/train/happy/2.png"))
images("a pipe", "happy/2.png", lambda: os.mkfifo("fer2013.csv/train/happy/2.png"))
images("a name that is not UTF-8", "\\udcff.png",
       lambda: put(os.fsdecode(b"fer2013.csv/train/happy/\xff.png"), b"x"))  # fmt: skip
images("a name with a line end", "a\\nb.png", lambda: put("fer2013.csv/train/happy/a\nb.png", b"x"))
images("a name with an escape sequence", "\\x1b[2J.png", lambda: put("fer2013.csv/train/happy/\x1b[2J.png", b"x"))
images(
    "no test faces, and none to spare",
    "no faces in split test",
    lambda: os.rename("fer2013.csv/test", "fer2013.csv/other"),
)
images("empty folders", "no faces in split train",
       lambda: [path.unlink() for path in Path("fer2013.csv/train").rglob("*.png")])  # fmt: skip

# -- archives of arrays ------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def header(text: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text.encode() + content


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def with_member(path: Path, name: str, content: bytes | None, how: int = zipfile.ZIP_STORED) -> None:
    """The archive with another member `name`, or without it."""
    members = {f"{key}.npy": npy(array) for key, array in arrays(path).items()} | {f"{name}.npy": content}
    put(path, zipped({key: each for key, each in members.items() if each is not None}, how))


def with_array(path: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    found = arrays(path)
    found[name] = change(found[name])
    put(path, zipped({f"{key}.npy": npy(array) for key, array in found.items()}))


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


class Owned:
    """What a pickle would run."""

    def __reduce__(self) -> tuple:
        return os.system, ("touch owned",)


def archive(
    name: str, path: Path, command: str, member: str, other: Callable[[np.ndarray], np.ndarray], config: str = "base"
) -> None:
    """The faults that any .npz can have; `other` makes an array that is well-formed but no such thing."""
    file = path.name
    spoils: dict[str, tuple[str, Callable[[], object]]] = {
        "0 bytes": ("", lambda: put(path, b"")),
        "cut": ("", lambda: put(path, path.read_bytes()[:-100])),
        "cut in half": ("", lambda: put(path, path.read_bytes()[: path.stat().st_size // 2])),
        "no archive": ("", lambda: put(path, b"emotion,pixels\n")),
        "a bit flipped": ("", lambda: put(path, flipped(path.read_bytes(), path.read_bytes().index(b"NUMPY") + 130))),
        "an array missing": (f"{member} is missing", lambda: with_member(path, member, None)),
        "pickled objects": ("", lambda: with_member(path, member, npy_of_objects())),
        "a pickle": ("", lambda: put(path, pickle.dumps(Owned()))),
        "a member that inflates to 2 GB": (
            "is compressed",
            lambda: with_member(path, member, bomb(2 << 30), zipfile.ZIP_DEFLATED),
        ),
        "a claim of a petabyte": (
            f"{member} claims the shape",
            lambda: with_member(
                path, member, header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000000), }\n")
            ),
        ),
        "a header that calls the system": (
            "",
            lambda: with_member(path, member, header("__import__('os').system('touch owned')\n")),
        ),
        "a negative shape": (
            "",
            lambda: with_member(
                path, member, header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 48), }\n")
            ),
        ),
        "a header of the ninth version": ("", lambda: with_member(path, member, header("{}", b"", b"\x09\x00"))),
        "a path for a name": (f"{member} is missing", lambda: with_renamed(path, member, f"../../{member}.npy")),
        "a name twice": (f"{member} is there twice", lambda: with_twice(path, member)),
        "other types": ("", lambda: with_array(path, member, lambda a: np.full(a.shape, "x"))),
        "another array": ("", lambda: with_array(path, member, other)),
    }
    for fault, (says, spoil) in spoils.items():
        case(f"{name}: {fault}", f"{command} --config {config}.yaml", (file, says), spoil)


def npy_of_objects() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([Owned()], dtype=object), allow_pickle=True)
    return file.getvalue()


def bomb(size: int) -> bytes:
    """Declares `size` bytes; what is stored is as much as a test should make: 50 MB of zeros."""
    return header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},), }}\n", bytes(50_000_000))


def with_renamed(path: Path, member: str, name: str) -> None:
    found = {f"{key}.npy" if key != member else name: npy(array) for key, array in arrays(path).items()}
    put(path, zipped(found))


def with_twice(path: Path, member: str) -> None:
    import warnings

    content = npy(arrays(path)[member])
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr(f"{member}.npy", content)


faces = STUDY / "data" / "faces.npz"
outputs = STUDY / "networks" / "resnet18" / "seed0" / "outputs.npz"
embeddings = STUDY / "embeddings" / "resnet18" / "seed0.npz"
archive("faces.npz", faces, "tables --group pixels", "labels", lambda a: np.full_like(a, 7))
archive("outputs.npz", outputs, "combine", "logits", lambda a: a * np.nan)
archive("embeddings", embeddings, "tables --group embeddings", "embeddings", lambda a: a * np.nan)
archive(
    "votes.npz", WITH_MIXTURE / "data" / "votes.npz", "tables --group results", "votes", lambda a: a[:, :9], "found"
)
archive(
    "truth.npz",
    WITH_MIXTURE / "data" / "truth.npz",
    "tables --group results",
    "true_labels",
    lambda a: np.full_like(a, 7),
    "found",
)
for fault, member, change in [
    ("floats for images", "images", lambda a: a.astype(np.float32) * np.nan),
    ("images of 96 pixels", "images", lambda a: np.zeros((len(a), 96, 96), np.uint8)),
    ("a row twice", "row", np.zeros_like),
    ("a face less", "labels", lambda a: a[1:]),
    ("no faces", "images", lambda a: a[:0]),
    ("bytes in another order", "row", lambda a: a.astype(">i4")),
]:
    spoil = lambda member=member, change=change: with_array(faces, member, change)  # noqa: E731
    case(f"faces.npz: {fault}", "tables --group pixels --config base.yaml", "faces.npz", spoil)
for fault, member, change in [
    ("a split of nine", "split", lambda a: np.full_like(a, 9)),
    ("labels with fractions", "label", lambda a: a + 0.5),
    ("a face less", "features", lambda a: a[1:]),
    ("infinite features", "features", lambda a: np.full_like(a, np.inf)),
]:
    spoil = lambda member=member, change=change: with_array(outputs, member, change)  # noqa: E731
    case(f"outputs.npz: {fault}", "combine --config base.yaml", "outputs.npz", spoil)

# -- predictions -------------------------------------------------------------------------------------------------------

predictions = STUDY / "predictions.parquet"


def predicted(name: str, says: str, spoil: Callable[[], object]) -> None:
    case(f"predictions: {name}", "tables --group results --config base.yaml", ("predictions.parquet", says), spoil)


def with_frame(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[], None]:
    """The predictions, changed; what the file says of itself stays."""

    def spoil() -> None:
        table = pq.read_table(predictions)
        frame = change(table.drop_columns("gate").to_pandas())
        other = pa.Table.from_pandas(frame, preserve_index=False)
        other = other.append_column("gate", pa.nulls(len(frame), table.schema.field("gate").type))
        pq.write_table(other.replace_schema_metadata(table.schema.metadata), predictions)

    return spoil


def a_billion_rows() -> None:
    """Run-length encoding: 40 KB of file for 20 million rows is enough to show."""
    count = 20_000_000
    column = pa.array(np.zeros(1_000_000, np.int64))
    table = pa.table({"row": pa.chunked_array([column] * (count // 1_000_000))})
    pq.write_table(table, predictions, row_group_size=count, use_dictionary=True)


def long_names() -> None:
    """A name of 10 MB, a thousand times: kept once in the file, and read as 10 GB by a naive reader."""
    table = pq.read_table(predictions).take(np.zeros(1000, int))
    names = pa.DictionaryArray.from_arrays(np.zeros(len(table), np.int32), pa.array(["x" * 10_000_000]))
    pq.write_table(table.set_column(table.column_names.index("split"), "split", names), predictions)


def column_twice() -> None:
    table = pq.read_table(predictions)
    pq.write_table(pa.Table.from_arrays([*table.columns, table.column(1)], [*table.column_names, "row"]), predictions)


predicted("0 bytes", "no Parquet", lambda: put(predictions, b""))
predicted("cut", "no Parquet", lambda: put(predictions, predictions.read_bytes()[:-10]))
predicted("the magic word alone", "no Parquet", lambda: put(predictions, b"PAR1PAR1"))
predicted(
    "a footer of nonsense",
    "no Parquet",
    lambda: put(predictions, b"PAR1" + b"\xff" * 64 + struct.pack("<I", 64) + b"PAR1"),
)
predicted(
    "a footer of four gigabytes", "no Parquet", lambda: put(predictions, b"PAR1" + b"\0" * 64 + b"\xff\xff\xff\xffPAR1")
)
predicted("a CSV", "no Parquet", lambda: put(predictions, b"split,row,label\ntest,1,1\n"))
predicted("a folder", "", lambda: (predictions.unlink(), predictions.mkdir()))
predicted("a billion rows", "are no predictions", a_billion_rows)
predicted("names of megabytes", "unknown split", long_names)
predicted("a column twice", "twice", column_twice)
predicted("a column missing", "its columns are not", with_frame(lambda f: f.drop(columns="p_happy")))
predicted("no rows", "no rows", with_frame(lambda f: f[:0]))
predicted("a row twice", "occurs twice", with_frame(lambda f: pd.concat([f, f[:1]])))
predicted("words for probabilities", "no numbers", with_frame(lambda f: f.assign(p_sad="x")))
predicted("lists for probabilities", "no numbers", with_frame(lambda f: f.assign(p_sad=[[1.0]] * len(f))))
predicted("lists for names", "'model' holds", with_frame(lambda f: f.assign(model=[[1.0]] * len(f))))
predicted("another model", "lacks resnet18 with seed 0", with_frame(lambda f: f.assign(model="resnet81")))
predicted("NaN", "not all finite", with_frame(lambda f: f.assign(p_sad=np.nan)))
predicted("nothing for a probability", "", with_frame(lambda f: f.assign(p_sad=pd.array([None] * len(f), "Float64"))))
predicted("a negative probability", "outside 0 to 1", with_frame(lambda f: f.assign(p_sad=-0.5)))
predicted("probabilities of 1e300", "outside 0 to 1", with_frame(lambda f: f.assign(p_sad=1e300)))
predicted("a sum of two", "do not sum to 1", with_frame(lambda f: f.assign(p_sad=f["p_sad"] * 0 + 1)))
predicted("an unknown split", "unknown split 'holdout'", with_frame(lambda f: f.assign(split="holdout")))
predicted("numbers for splits", "'split' holds", with_frame(lambda f: f.assign(split=2)))
predicted("a label of nine", "label", with_frame(lambda f: f.assign(label=9)))
predicted("labels with NaN", "label", with_frame(lambda f: f.assign(label=np.nan)))
predicted("rows with fractions", "row", with_frame(lambda f: f.assign(row=f["row"] + 0.5)))

# -- weights and records -----------------------------------------------------------------------------------------------

network = STUDY / "networks" / "resnet18" / "seed0"
weights, record = network / "weights.safetensors", network / "network.json"


def weighed(name: str, spoil: Callable[[], object], says: str = "cannot be loaded") -> None:
    command = "outputs --network resnet18 --seed 0 --config base.yaml"
    case(f"weights: {name}", command, ("weights.safetensors", says, "train it again"), spoil)


def tensors(change: Callable[[dict], object]) -> Callable[[], None]:
    def spoil() -> None:
        from safetensors.numpy import load_file, save_file

        found = load_file(weights)
        change(found)
        save_file(found, weights)

    return spoil


def safetensors(head: dict | bytes, content: bytes = b"", length: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


def torch_zip() -> None:
    import torch

    torch.save({"a": torch.zeros(3)}, weights)


weighed("0 bytes", lambda: put(weights, b""))
weighed("cut", lambda: put(weights, weights.read_bytes()[:-4]))
weighed("a header of exabytes", lambda: put(weights, safetensors({}, length=2**60)))
weighed("a header that is no JSON", lambda: put(weights, safetensors(b"{{{{")))
weighed(
    "a tensor beyond the end",
    lambda: put(weights, safetensors({"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}})),
)
weighed(
    "a tensor of overlapping bytes",
    lambda: put(
        weights, safetensors({n: {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]} for n in "ab"}, b"abcd")
    ),
)
weighed("a pickle", lambda: put(weights, pickle.dumps(Owned())))
weighed("torch's own pickle", torch_zip)
weighed("a tensor missing", tensors(lambda t: t.pop("fc.bias")))
weighed("a tensor too many", tensors(lambda t: t.update(extra=np.zeros(3, np.float32))))
weighed("a tensor of another shape", tensors(lambda t: t.update({"fc.bias": np.zeros(8, np.float32)})))
weighed("NaN", tensors(lambda t: t.update({"fc.bias": np.full(7, np.nan, np.float32)})), "not all finite")


def recorded(name: str, spoil: Callable[[], object], says: str = "network.json") -> None:
    case(f"network.json: {name}", "outputs --network resnet18 --seed 0 --config base.yaml", (says,), spoil)


def with_key(path: str, value: object) -> Callable[[], None]:
    def spoil() -> None:
        content = json.loads(record.read_text())
        *above, last = path.split(".")
        place = content
        for key in above:
            place = place[key]
        place[last] = value
        record.write_text(json.dumps(content))

    return spoil


recorded("0 bytes", lambda: put(record, b""))
recorded("cut", lambda: put(record, record.read_bytes()[:-20]))
recorded("a list", lambda: put(record, b"[1, 2]"))
recorded("not UTF-8", lambda: put(record, b'{"a": "\xff"}'))
recorded("a hundred thousand levels", lambda: put(record, b"[" * 100_000))
recorded("five thousand digits", lambda: put(record, b'{"seed": ' + b"9" * 5000 + b"}"))
recorded("a folder", lambda: (record.unlink(), record.mkdir()))
recorded("no pixel_mean", lambda: with_key("pixel_mean", None)(), "seed0")
recorded("NaN for pixel_mean", with_key("pixel_mean", float("nan")), "seed0")
recorded("a word for pixel_std", with_key("pixel_std", "wide"), "seed0")
recorded("a width of a billion", with_key("spec.architecture.width", 10**9), "seed0")
recorded("an unknown key", with_key("spec.architecture.colour", "red"), "seed0")
recorded("numbers for classes", with_key("classes", 5), "seed0")
recorded("no spec", with_key("spec", {}), "seed0")

# -- tables and other records ------------------------------------------------------------------------------------------

curves = STUDY / "tables" / "curves.csv"


def shown(name: str, says: str, spoil: Callable[[], object], file: str = "curves.csv") -> None:
    case(f"tables: {name}", "figure --name curves --config base.yaml", (file, says), spoil)


def edit(path: Path, old: str, new: str) -> Callable[[], None]:
    return lambda: put(path, path.read_text().replace(old, new))


def with_losses(value: str) -> Callable[[], None]:
    """The history with other losses on val."""

    def spoil() -> None:
        pd.read_csv(history, dtype=str).assign(val_loss=value).to_csv(history, index=False)

    return spoil


shown("0 bytes", "empty", lambda: put(curves, b""))
shown("a header alone", "", lambda: put(curves, curves.read_text().splitlines()[0] + "\n"))
shown("cut in a row", "columns, the header has", lambda: put(curves, curves.read_bytes()[:-30]))
shown("a column twice", "stands twice", edit(curves, "val_loss", "train_loss"))
shown("a column missing", "val_loss", edit(curves, "val_loss", "loss"))
shown("words for numbers", "curves.csv", edit(curves, ",1.0", ",many"))
shown("not UTF-8", "UTF-8", lambda: put(curves, curves.read_bytes().replace(b"resnet18", b"r\xffsnet18")))
shown("NUL bytes", "curves.csv", lambda: put(curves, bytes(1000)))
shown("a quote without end", "curves.csv", lambda: put(curves, curves.read_text() + '"' + "x" * 200_000))
shown("a folder", "cannot be read", lambda: (curves.unlink(), curves.mkdir()))
models = STUDY / "tables" / "models.csv"
shown("models without a primary one", "primary", edit(models, "primary", "first"), "models.csv")

summary = STUDY / "data" / "summary.json"
for fault, content in {
    "0 bytes": "", "a list": "[]", "no counts": "{}", "counts of words": '{"counts": {"train": "many"}}',
    "counts of a split missing": '{"counts": {}}', "counts of NaN": '{"counts": {"train": {"happy": NaN}}}',
    "negative counts": '{"counts": {"train": {"happy": -3}, "val": {}, "test": {}}}',
}.items():  # fmt: skip
    spoil = lambda content=content: put(summary, content)  # noqa: E731
    case(f"summary.json: {fault}", "tables --group results --config base.yaml", "summary.json", spoil)

history = network / "history.csv"
for fault, says, spoil in [
    ("0 bytes", "empty", lambda: put(history, b"")),
    ("a header alone", "epoch 1", lambda: put(history, history.read_text().splitlines()[0] + "\n")),
    ("a column missing", "val_loss", edit(history, "val_loss", "loss")),
    ("a column twice", "stands twice", edit(history, "val_loss", "train_loss")),
    ("cut", "columns, the header has", lambda: put(history, history.read_bytes()[:-12])),
    ("words for numbers", "not only numbers", edit(history, "0.5", "half")),
    ("not UTF-8", "UTF-8", lambda: put(history, history.read_bytes().replace(b"0.5", b"\xff", 1))),
    ("UTF-16", "UTF-8", lambda: put(history, history.read_text().encode("utf-16"))),
    ("NUL bytes", "not text", lambda: put(history, bytes(1000))),
    ("a quote without end", "UTF-8", lambda: put(history, history.read_text() + '"' + "x" * 200_000)),
    ("an epoch twice", "epoch", lambda: put(history, history.read_text() + history.read_text().splitlines()[1] + "\n")),
    ("a negative epoch", "epoch", edit(history, "\n1,", "\n-1,")),
    ("half an epoch", "epoch", edit(history, "\n1,", "\n1.5,")),
    ("the best epoch missing", "epoch 1", edit(history, "\n1,", "\n2,")),
    ("a loss of NaN", "val_loss", with_losses("nan")),
    ("an infinite loss", "val_loss", with_losses("inf")),
    ("a loss beyond all numbers", "val_loss", with_losses("1e400")),
    ("a loss of five thousand digits", "val_loss", with_losses("9" * 5000)),
    ("a folder", "cannot be read", lambda: (history.unlink(), history.mkdir())),
]:
    case(f"history.csv: {fault}", "tables --group results --config base.yaml", ("history.csv", says), spoil)

for fault, key, value in [
    ("a list for a name", "network", ["x"]),
    ("a word for a seed", "seed", "x"),
    ("a list for the best epoch", "best_epoch", [1]),
]:
    spoil = lambda key=key, value=value: with_key(key, value)()  # noqa: E731
    case(f"network.json: {fault}", "tables --group results --config base.yaml", ("network.json", key), spoil)

for fault, key, value in [
    ("a word for operations", "flops", "many"), ("negative operations", "flops", -1), ("NaN for parameters", "parameters", float("nan")),
    ("infinite seconds", "train_seconds", float("inf")), ("a list for seconds", "train_seconds", [1]),
    ("a word for a training's operations", "train_flops", "many"),
]:  # fmt: skip
    spoil = lambda key=key, value=value: with_key(key, value)()  # noqa: E731
    case(f"network.json: {fault}", "tables --group results --config base.yaml", ("network.json", key), spoil)
for fault, key, value in [
    ("no options", "spec", {}), ("a batch of zero", "spec.training.batch", 0), ("a word for a spec", "spec", "wide"),
]:  # fmt: skip

    def spoil(key: str = key, value: object = value) -> None:
        """In a record of before the operations of a training stood there."""
        with_key(key, value)()
        content = json.loads(record.read_text())
        del content["train_flops"]
        record.write_text(json.dumps(content))

    case(f"network.json: {fault}", "tables --group results --config base.yaml", ("network.json", "spec"), spoil)

grouping = WITH_MIXTURE / "groupings" / "found.json"


def groups(*found: object) -> bytes:
    return json.dumps({"groups": list(found)}).encode()


first, second = map(list, GROUPS)
for fault, says, content in [
    ("0 bytes", "no JSON", b""),
    ("cut", "no JSON", groups(first, second)[:-9]),
    ("a list", "no JSON object", b"[1, 2]"),
    ("not UTF-8", "no JSON", groups(first, second).replace(b"happy", b"h\xffppy")),
    ("UTF-16", "no JSON", groups(first, second).decode().encode("utf-16")),
    ("NUL bytes", "no JSON", bytes(100)),
    ("a hundred thousand levels", "no JSON", b'{"groups": ' + b"[" * 100_000),
    ("five thousand digits", "no JSON", b'{"groups": ' + b"9" * 5000 + b"}"),
    ("six megabytes", "larger than any", groups(first, second) + b" " * 6_000_000),
    ("no groups", "groups", b"{}"),
    ("nothing for groups", "groups", b'{"groups": null}'),
    ("a word for groups", "groups", b'{"groups": "happy"}'),
    ("a number for groups", "groups", b'{"groups": 3}'),
    ("NaN for groups", "groups", b'{"groups": NaN}'),
    ("a mapping for groups", "groups", b'{"groups": {"happy": "sad"}}'),
    ("a word for a group", "groups", groups("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")),
    ("a number for a group", "groups", groups(first, 3)),
    ("a mapping for a group", "groups", groups(first, dict.fromkeys(second, 1))),
    ("a number for an emotion", "groups", groups(first, [*second[1:], 3])),
    ("NaN for an emotion", "groups", groups(first, [*second[1:], float("nan")])),
    ("nothing for an emotion", "groups", groups(first, [*second[1:], None])),
    ("a list for an emotion", "groups", groups(first, [*second[1:], ["happy"]])),
    ("an unknown emotion", "'joy'", groups(first, [*second[1:], "joy"])),
    ("an emotion with an escape sequence", "\\x1b", groups(first, [*second[1:], "\x1b[2J"])),
    ("an emotion of a megabyte", "unknown emotion", groups(first, [*second[1:], "x" * 1_000_000])),
    ("an emotion twice", "happy", groups(first, [*second, "happy"])),
    ("an emotion in both", "happy", groups([*first, "happy"], second)),
    ("an emotion missing", "neutral", groups(first, second[:-1])),
    ("no group at all", "groups", groups()),
    ("an empty group", "groups", groups(first, second, [])),
    ("one group for two experts", "2", groups(first + second)),
    ("three groups for two experts", "2", groups(first, second[:1], second[1:])),
]:
    spoil = lambda content=content: put(grouping, content)  # noqa: E731
    command = "outputs --network resnet18-gate-found --seed 0 --config found.yaml"
    case(f"groupings: {fault}", command, ("found.json", says, "delete it"), spoil)
case("groupings: a folder", "outputs --network resnet18-gate-found --seed 0 --config found.yaml", ("found.json", "cannot be read"),
     lambda: (grouping.unlink(), grouping.mkdir()))  # fmt: skip
case("groupings: a folder, for its table", "tables --group results --config found.yaml", ("found.json", "cannot be read"),
     lambda: (grouping.unlink(), grouping.mkdir()))  # fmt: skip
case("groupings: three for the training of an expert", "train --network resnet18-expert-found-1 --seed 0 --config found.yaml",
     ("found.json", "2"), lambda: put(grouping, groups(first, second[:1], second[1:])))  # fmt: skip

twins = WITH_MIXTURE / "tables" / "twins.csv"
for fault, spoil in {
    "0 bytes": lambda: put(twins, b""),
    "a column missing": edit(twins, "twin,", "double,"),
    "words for rows": edit(twins, "\n", "\nx"),
    "faces missing": lambda: put(twins, "\n".join(twins.read_text().splitlines()[:3]) + "\n"),
}.items():
    case(f"twins.csv: {fault}", "tables --group results --config found.yaml", "twins.csv", spoil)

projections = STUDY / "tables" / "projections.csv"
for fault, spoil in {
    "0 bytes": lambda: put(projections, b""),
    "cut": lambda: put(projections, projections.read_bytes()[:-15]),
    "a column missing": edit(projections, "method", "way"),
    "words for places": lambda: pd.read_csv(projections).assign(x="far").to_csv(projections, index=False),
    "NaN for places": lambda: pd.read_csv(projections).assign(y=np.nan).to_csv(projections, index=False),
    "faces of nobody": lambda: pd.read_csv(projections).assign(row=10**6).to_csv(projections, index=False),
    "not UTF-8": lambda: put(projections, projections.read_bytes().replace(b"pca", b"\xff")),
}.items():
    case(f"projections.csv: {fault}", "explorer --config base.yaml", "projections.csv", spoil)
case("models.csv: 0 bytes, for explorer", "explorer --config base.yaml", "models.csv", lambda: put(models, b""))
case("models.csv: no labels, for explorer", "explorer --config base.yaml", "models.csv", edit(models, "label", "title"))

# -- the command line itself -------------------------------------------------------------------------------------------

case("arguments: a path as network", "train --network ../../x --seed 0 --config base.yaml", "../../x", lambda: None)
case("arguments: a seed that nobody needs", "train --network resnet18 --seed 99 --config base.yaml", "99", lambda: None)
case("arguments: a folder as config", "config --config results", "results", lambda: None)
case("arguments: a file as results", "data --config base.yaml --results base.yaml", "base.yaml", lambda: None)
case("arguments: a folder as log", "data --config base.yaml --log results", "results", lambda: None)
