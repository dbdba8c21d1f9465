"""Malformed published studies, as a stranger may hand them on: the manifest says so itself, or agrees with what is wrong."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from corpus import CASES, STUDY, case, put, with_frame

PUBLISHED = Path("results/published/corpus")
__all__ = ["CASES"]  # of both files
UNPACK = f"unpack --config base.yaml --results rebuilt --published {PUBLISHED}"
COMPARE = f"compare-runs {PUBLISHED} {STUDY}"
PREDICTIONS = "predictions.parquet"
MANIFEST = PUBLISHED / "manifest.json"


def published(name: str, says: str | tuple[str, ...], spoil: Callable[[], object], command: str = UNPACK) -> None:
    parts = (says,) if isinstance(says, str) else says
    case(f"published: {name}", command, ("results/published/corpus", *parts), spoil)


def rewritten(change: Callable[[dict], object]) -> Callable[[], None]:
    """The manifest, changed."""

    def spoil() -> None:
        content = json.loads(MANIFEST.read_text())
        change(content)
        put(MANIFEST, json.dumps(content))

    return spoil


def entry(content: bytes) -> dict:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def listed(name: str, content: Callable[[], bytes]) -> Callable[[], None]:
    """Another file of that name, with the manifest's blessing."""

    def spoil() -> None:
        made = content()
        put(PUBLISHED / name, made)
        rewritten(lambda found: found["files"].update({name: entry(made)}))()

    return spoil


def named(name: str) -> Callable[[], None]:
    """An entry of the manifest alone."""
    return rewritten(lambda found: found["files"].update({name: entry(b"x")}))


# -- the manifest ------------------------------------------------------------------------------------------------------

for name, says, spoil in [
    ("gone", ("manifest.json", "missing"), MANIFEST.unlink),
    ("0 bytes", "manifest.json", lambda: put(MANIFEST, b"")),
    ("cut", "manifest.json", lambda: put(MANIFEST, MANIFEST.read_bytes()[:-20])),
    ("a list", "manifest.json", lambda: put(MANIFEST, b"[1, 2]")),
    ("not UTF-8", "manifest.json", lambda: put(MANIFEST, MANIFEST.read_bytes().replace(b"corpus", b"\xff"))),
    ("NUL bytes", "manifest.json", lambda: put(MANIFEST, bytes(1000))),
    ("a hundred thousand levels", "manifest.json", lambda: put(MANIFEST, b'{"files": ' + b"[" * 100_000)),
    ("five thousand digits", "manifest.json", lambda: put(MANIFEST, b'{"networks": ' + b"9" * 5000 + b"}")),
    (
        "sixty megabytes",
        ("manifest.json", "larger than any"),
        lambda: put(MANIFEST, MANIFEST.read_bytes() + b" " * 60_000_000),
    ),
    ("a folder", ("manifest.json", "no file"), lambda: (MANIFEST.unlink(), MANIFEST.mkdir())),
    ("a pipe", ("manifest.json", "no file"), lambda: (MANIFEST.unlink(), os.mkfifo(MANIFEST))),
    ("of another format", ("manifest.json", "format"), rewritten(lambda m: m.update(format=2))),
    ("without files", ("manifest.json", "files"), rewritten(lambda m: m.pop("files"))),
    ("a list of files", ("manifest.json", "files"), rewritten(lambda m: m.update(files=list(m["files"])))),
    ("no file at all", "added", rewritten(lambda m: m["files"].clear())),
    ("an unknown key", ("manifest.json", "owner"), rewritten(lambda m: m.update(owner="me"))),
    ("a path as study", ("manifest.json", "study"), rewritten(lambda m: m.update(study="../../x"))),
    ("NaN seconds", ("manifest.json", "seconds"), rewritten(lambda m: m["seconds"].update(train=float("nan")))),
    (
        "a digest too short",
        ("manifest.json", "sha256"),
        rewritten(lambda m: m["files"]["config.yaml"].update(sha256="00")),
    ),
    ("minus one byte", ("manifest.json", "bytes"), rewritten(lambda m: m["files"]["config.yaml"].update(bytes=-1))),
    ("bytes of words", ("manifest.json", "bytes"), rewritten(lambda m: m["files"]["config.yaml"].update(bytes="few"))),
    (
        "a commit that is markup",
        ("manifest.json", "commit"),
        rewritten(lambda m: m["published"].update(commit="`<script>alert(1)</script>`")),
    ),
    ("a date that is markup", ("manifest.json", "date"), rewritten(lambda m: m.update(date="<b>today</b>"))),
    ("a key with an escape sequence", ("manifest.json", "\\x1b[2J"), rewritten(lambda m: m.update({"\x1b[2J": 1}))),
    ("a key of a megabyte", ("manifest.json", "xxx"), rewritten(lambda m: m.update({"x" * 1_000_000: 1}))),
]:
    published(f"manifest: {name}", says, spoil)
published("manifest: 0 bytes, to be compared", "manifest.json", lambda: put(MANIFEST, b""), COMPARE)

# -- names -------------------------------------------------------------------------------------------------------------

for name, path in {
    "out of the folder": "../../../owned", "out of the folder later on": "data/../../../../owned", "absolute": "/tmp/owned",
    "of another system": "data\\..\\owned", "with a drive": "C:/owned", "of weights": "networks/resnet18/seed0/weights.safetensors",
    "of pictures": "data/faces.npz", "of code": "Snakefile", "hidden": ".git/config", "empty": "", "a dot": ".",
    "of an unknown table": "tables/Owned.csv", "with a line end": "config.yaml\n", "with two slashes": "data//summary.json",
}.items():  # fmt: skip
    published(f"a name {name}", "owned" if "owned" in path else "not allowed", named(path))
published("a name with an escape sequence", "\\x1b[2J", named("tables/\x1b[2J.csv"))
published("a name of a megabyte", "not allowed", named("x" * 1_000_000))
published(
    "a thousand names",
    "and 995 more",
    rewritten(lambda m: m["files"].update({f"x{i}": entry(b"x") for i in range(1000)})),
)

# -- files that are not those of the manifest --------------------------------------------------------------------------

config, predictions = PUBLISHED / "config.yaml", PUBLISHED / PREDICTIONS
curves = PUBLISHED / "tables/curves.csv.gz"
for name, says, spoil in [
    ("gone", f"missing {PREDICTIONS}", predictions.unlink),
    ("cut", f"damaged {PREDICTIONS}", lambda: put(predictions, predictions.read_bytes()[:-4])),
    ("changed", "damaged config.yaml", lambda: put(config, config.read_text().replace("seeds", "sedes"))),
    ("added", "added tables/more.csv", lambda: put(PUBLISHED / "tables/more.csv", b"x\n1\n")),
    ("a link", "damaged config.yaml", lambda: (config.rename("moved"), config.symlink_to(Path("moved").resolve()))),
    ("a link out of the folder", "added data/passwd", lambda: os.symlink("/etc/passwd", PUBLISHED / "data/passwd")),
    ("a folder that is a link", "missing", lambda: (shutil.move(PUBLISHED / "data", "moved"), os.symlink(Path("moved").resolve(), PUBLISHED / "data"))),
    ("a folder for a file", "missing config.yaml", lambda: (config.unlink(), config.mkdir())),
    ("a pipe", "damaged config.yaml", lambda: (config.unlink(), os.mkfifo(config))),
    ("a hundred megabytes of nothing", "damaged config.yaml", lambda: os.truncate(config, 100 << 20)),
]:  # fmt: skip
    published(f"a file {name}", says, spoil)
    published(f"a file {name}, to be compared", says, spoil, COMPARE)
published("more than a publication may hold", "MB", rewritten(lambda m: m["files"]["config.yaml"].update(bytes=10**12)))

# -- files that the manifest vouches for and that are wrong ------------------------------------------------------------


def frame() -> pa.Table:
    return pq.read_table(predictions)


def parquet(table: pa.Table, told: object = None, key: bytes = b"emorec") -> bytes:
    """A table as a file; `told` in place of what its metadata say."""
    metadata = dict(table.schema.metadata)
    if told is not None:
        metadata = {key: told if isinstance(told, bytes) else json.dumps(told).encode()}
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), file)
    return file.getvalue()


def column(name: str, values: Callable[[np.ndarray], object]) -> bytes:
    table = frame()
    place = table.column_names.index(name)
    return parquet(table.set_column(place, name, pa.array(values(table.column(name).to_numpy()))))


def told(change: Callable[[dict], object]) -> bytes:
    content = json.loads(frame().schema.metadata[b"emorec"])
    change(content)
    return parquet(frame(), content)


@cache
def bomb() -> bytes:
    """A few kilobytes that stand for six million faces."""
    schema, file = frame().schema, io.BytesIO()
    count = 1_000_000
    words, zeros = pa.scalar("test"), np.zeros(count)
    columns = [
        pa.repeat(words, count) if pa.types.is_string(field.type)
        else pa.nulls(count, field.type) if pa.types.is_list(field.type)
        else pa.array(zeros).cast(field.type)
        for field in schema
    ]  # fmt: skip
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for _ in range(6):
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return file.getvalue()


def long_names() -> bytes:
    """A split's name of 10 MB for each of a thousand faces, kept once in the file."""
    table = frame().take(np.zeros(1000, int))
    words = pa.DictionaryArray.from_arrays(np.zeros(len(table), np.int32), pa.array(["x" * 10_000_000]))
    return parquet(table.set_column(table.column_names.index("split"), "split", words))


for name, says, content in [
    ("0 bytes", "no Parquet", lambda: b""),
    ("cut", "no Parquet", lambda: predictions.read_bytes()[:-10]),
    ("a CSV", "no Parquet", lambda: b"split,row,label\n"),
    ("for six million faces", "are no predictions", bomb),
    ("names of megabytes", "unknown split", long_names),
    ("metadata that are no JSON", "no Parquet", lambda: parquet(frame(), b"{{")),
    ("metadata that are not UTF-8", "no Parquet", lambda: parquet(frame(), b'"\xff"')),
    ("metadata of a hundred thousand levels", "no Parquet", lambda: parquet(frame(), b"[" * 100_000)),
    ("metadata that are a list", "no Parquet", lambda: parquet(frame(), [1])),
    ("metadata that are another's", "no Parquet", lambda: parquet(frame(), {}, b"pandas")),
    ("metadata without experts", "no Parquet", lambda: told(lambda t: t.pop("experts"))),
    ("metadata with more", "no Parquet", lambda: told(lambda t: t.update(attrs="x"))),
    ("a number for experts", "experts: should be a mapping", lambda: told(lambda t: t.update(experts=3))),
    (
        "a word for experts",
        "experts.resnet18: should be a list",
        lambda: told(lambda t: t["experts"].update(resnet18="sad")),
    ),
    (
        "numbers for experts",
        "experts.resnet18.0: should be text",
        lambda: told(lambda t: t["experts"].update(resnet18=[1, 2])),
    ),
    ("an expert without weights", "gate weights", lambda: told(lambda t: t["experts"].update(resnet18=["sad"]))),
    ("weights of no expert", "gate weights", lambda: column("gate", lambda a: [[1.0]] * len(a))),
    ("numbers for lists of weights", "no lists", lambda: column("gate", lambda a: np.ones(len(a)))),
    ("a column twice", "twice", lambda: parquet(frame().append_column("p_sad", frame()["p_sad"]))),
    ("a column more", "its columns", lambda: parquet(frame().append_column("pixel_0", frame()["row"]))),
    ("a column less", "its columns", lambda: parquet(frame().drop_columns(["p_happy"]))),
    ("words for shares", "no numbers", lambda: column("p_sad", lambda a: ["x"] * len(a))),
    ("lists for shares", "no numbers", lambda: column("p_sad", lambda a: [[1.0]] * len(a))),
    ("nothing for a share", "not all finite", lambda: column("p_sad", lambda a: [None, *a[1:].tolist()])),
    ("NaN for shares", "not all finite", lambda: column("p_sad", lambda a: a * np.nan)),
    ("negative shares", "outside 0 to 1", lambda: column("p_sad", lambda a: np.full(len(a), -0.5, np.float32))),
    ("shares above 1", "outside 0 to 1", lambda: column("p_sad", lambda a: np.full(len(a), 70_000, np.int32))),
    ("huge shares", "outside 0 to 1", lambda: column("p_sad", lambda a: np.full(len(a), 2**62))),
    ("shares that sum to two", "do not sum to 1", lambda: column("p_sad", lambda a: np.ones(len(a), np.float32))),
    ("numbers for splits", "no names", lambda: column("split", lambda a: [2] * len(a))),
    ("lists for models", "no names", lambda: column("model", lambda a: [["resnet18"]] * len(a))),
    ("another model", "lacks resnet18", lambda: column("model", lambda a: ["resnet81"] * len(a))),
    ("an unknown split", "unknown split", lambda: column("split", lambda a: ["holdout"] * len(a))),
    ("a label of nine", "label", lambda: column("label", lambda a: np.full(len(a), 9, np.uint8))),
    ("a row twice", "occurs twice", lambda: column("row", lambda a: np.zeros(len(a), np.int32))),
]:
    published(f"predictions: {name}", (PREDICTIONS, says), listed(PREDICTIONS, content))
    published(f"predictions: {name}, to be compared", (PREDICTIONS, says), listed(PREDICTIONS, content), COMPARE)


@cache
def zeros(size: int) -> bytes:
    """What inflates to `size` bytes, a thousandfold."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0) as packed:
        for _ in range(size >> 20):
            packed.write(bytes(1 << 20))
    return file.getvalue()


for name, says, content in [
    ("0 bytes", "", lambda: b""),
    ("cut", "", lambda: curves.read_bytes()[:-6]),
    ("not compressed", "", lambda: gzip.decompress(curves.read_bytes())),
    ("compressed otherwise", "", lambda: zlib.compress(gzip.decompress(curves.read_bytes()))),
    ("a bit flipped", "", lambda: bytes(b ^ (i == 30) * 255 for i, b in enumerate(curves.read_bytes()))),
    ("more after its end", "", lambda: curves.read_bytes() + b"owned"),
    ("a gigabyte of zeros", "larger than", lambda: zeros(1 << 30)),
]:  # fmt: skip
    published(f"compressed table: {name}", ("tables/curves.csv.gz", says), listed("tables/curves.csv.gz", content))
    published(
        f"compressed table: {name}, to be compared",
        ("tables/curves.csv.gz", says),
        listed("tables/curves.csv.gz", content),
        COMPARE,
    )

scores = PUBLISHED / "tables/scores.csv"
for name, says, content in [
    ("0 bytes", "empty", lambda: b""),
    ("not UTF-8", "UTF-8", lambda: scores.read_bytes().replace(b"val", b"\xff")),
    ("a column missing", "no column value", lambda: scores.read_bytes().replace(b"value", b"worth")),
    ("a column twice", "stands twice", lambda: scores.read_bytes().replace(b"value", b"seed")),
    ("words for numbers", "scores.csv", lambda: pd.read_csv(scores).assign(value="many").to_csv(index=False).encode()),
    ("words for seeds", "scores.csv", lambda: pd.read_csv(scores).assign(seed="x").to_csv(index=False).encode()),
    ("a row twice", "scores.csv", lambda: scores.read_bytes() + scores.read_bytes().splitlines()[-1] + b"\n"),
    ("cut", "columns, the header has", lambda: scores.read_bytes()[:-30]),
]:
    published(f"scores.csv: {name}", says, listed("tables/scores.csv", content), f"{COMPARE} --tolerance training")

for name, says, content in [
    ("0 bytes", "mapping", lambda: b""),
    ("not UTF-8", "UTF-8", lambda: config.read_bytes() + b"# \xff\n"),
    ("a path as study", "study", lambda: config.read_bytes().replace(b"study: corpus", b"study: ../../x")),
    ("YTE's switch", "__use_yte__", lambda: config.read_bytes() + b"__use_yte__: true\n"),
    (
        "a Python tag",
        "not valid YAML",
        lambda: config.read_bytes() + b"x: !!python/object/apply:os.system ['touch owned']\n",
    ),
]:
    published(f"config.yaml: {name}", ("config.yaml", says), listed("config.yaml", content), COMPARE)

for name, says, change in [
    ("no spec", "lacks spec", lambda found: found["resnet18/seed0"].pop("spec")),
    ("no record", "lacks resnet18/seed0", lambda found: found.clear()),
    ("a word for a record", "lacks resnet18/seed0", lambda found: found.update({"resnet18/seed0": "x"})),
]:

    def changed(change: Callable[[dict], object] = change) -> bytes:
        found = json.loads((PUBLISHED / "networks.json").read_text())
        change(found)
        return json.dumps(found).encode()

    published(f"networks.json: {name}, to be compared", says, listed("networks.json", changed), COMPARE)
    if name != "no spec":  # which is the tables' concern
        published(f"networks.json: {name}", ("networks.json", says), listed("networks.json", changed))
for name, says, content in [
    ("0 bytes", "no JSON", lambda: b""),
    ("a list", "no JSON object", lambda: b"[1]"),
    ("a hundred thousand levels", "no JSON", lambda: b'{"resnet18/seed0": ' + b"[" * 100_000),
]:
    published(f"networks.json: {name}", ("networks.json", says), listed("networks.json", content))
    published(
        f"networks.json: {name}, to be compared", ("networks.json", says), listed("networks.json", content), COMPARE
    )
for name, says, content in [
    ("0 bytes", "empty", b""),
    ("no jobs", "'job'", b"s,stage\n1,train\n"),
    ("a job out of the folder", "is no job", b"s,job\n1,../../../owned\n"),
    ("a job with an escape sequence", "\\x1b", b"s,job\n1,\x1b[2J\n"),
    ("a job of a megabyte", "UTF-8", b"s,job\n1," + b"x/" * 400_000 + b"\n"),
    ("cut", "columns, the header has", b"s,job\n1"),
]:
    published(
        f"walltimes.csv: {name}", ("walltimes.csv", says), listed("walltimes.csv", lambda content=content: content)
    )

# -- what is published -------------------------------------------------------------------------------------------------

network = STUDY / "networks/resnet18/seed0"
benchmark = STUDY / "benchmarks/train/resnet18/seed0.tsv"
for name, file, says, spoil in [
    ("a benchmark of 0 bytes", "seed0.tsv", "", lambda: put(benchmark, b"")),
    ("a benchmark without seconds", "seed0.tsv", "", lambda: put(benchmark, b"x\n1\n")),
    ("words for seconds", "seed0.tsv", "", lambda: put(benchmark, b"s\th:m:s\nmany\t0\n")),
    ("seconds of NaN", "seed0.tsv", "", lambda: put(benchmark, b"s\th:m:s\nnan\t0\n")),
    ("a benchmark that is not UTF-8", "seed0.tsv", "", lambda: put(benchmark, b"s\n\xff\n")),
    ("a record of 0 bytes", "network.json", "", lambda: put(network / "network.json", b"")),
    ("a record that is a list", "network.json", "", lambda: put(network / "network.json", b"[1]")),
    ("a record without seconds", "network.json", "train_seconds", lambda: put(network / "network.json", b"{}")),
    ("a commit that is markup", "network.json", "commit: should be a commit's hash", lambda: put(network / "network.json", json.dumps(json.loads((network / "network.json").read_text()) | {"commit": "<b>x</b>"}))),
    ("a list for versions", "network.json", "versions", lambda: put(network / "network.json", json.dumps(json.loads((network / "network.json").read_text()) | {"versions": ["torch"]}))),
    ("predictions cut", "predictions.parquet", "", lambda: put(STUDY / PREDICTIONS, (STUDY / PREDICTIONS).read_bytes()[:-9])),
    ("predictions with pixels", "predictions.parquet", "its columns", with_frame(lambda f: f.assign(pixel_0=1))),
    ("other predictions than the tables'", "scores.csv", "not made from", with_frame(lambda f: f.assign(label=0))),
    ("a config that is cut", "config.yaml", "", lambda: put(STUDY / "config.yaml", b"study: [")),
    ("a summary that is a list", "summary.json", "", lambda: put(STUDY / "data/summary.json", b"[1]")),
    ("a history missing", "unfinished", "history.csv", (network / "history.csv").unlink),
]:  # fmt: skip
    case(f"to publish: {name}", "publish --config base.yaml", (file, says), spoil)
