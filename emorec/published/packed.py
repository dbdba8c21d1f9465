"""Many small files of a run as one in the publication, and back: networks' records, histories, what the jobs took."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from emorec.config import Part
from emorec.errors import EmorecError
from emorec.files import write_csv, write_json
from emorec.inputs import made_of, read_json
from emorec.paths import HISTORY, Layout
from emorec.plain import printable
from emorec.published.manifest import RECORDS

CURVES = "tables/curves.csv.gz"  # which is made of all histories, line by line
_JOB = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,3}")


def write_records(path: Path, run: Layout, parts: Iterable[Part]) -> None:
    """network.json of every network of a run."""
    write_json(path, {_key(part): read_json(run.network(part.network, part.seed) / "network.json") for part in parts})


def read_records(path: Path, parts: Iterable[Part], again: str) -> dict[Part, dict[str, Any]]:
    """The records of these networks. EmorecError where one is missing; `again` is the remedy."""
    found = read_json(path, again)
    lacking = [_key(part) for part in parts if not isinstance(found.get(_key(part)), dict)]
    if lacking:
        raise EmorecError(f"{path}: lacks {lacking[0]}; {again}")
    return {part: found[_key(part)] for part in parts}


def write_times(path: Path, run: Layout, names: Iterable[str]) -> dict[str, float]:
    """The benchmark files of a run, `benchmarks/<job>.tsv`, one line a job; returns the seconds of each job."""
    jobs, seconds = [], {}
    for name in names:
        with made_of([run.root / name]):
            job = name.removeprefix("benchmarks/").removesuffix(".tsv")
            table = pd.read_csv(run.root / name, sep="\t", dtype=str, keep_default_na=False).iloc[[-1]]
            jobs.append(table.assign(job=job))
            seconds[job] = float(table["s"].iloc[0])
            if not 0 <= seconds[job] < math.inf:
                raise ValueError("no seconds")
    write_csv(path, pd.concat(jobs) if jobs else pd.DataFrame({"job": []}))
    return seconds


def read_times(path: Path, again: str) -> dict[str, str]:
    """A run's benchmark files by name, but of the stages that a rebuild runs itself. EmorecError for what is no job."""
    found = {}
    with made_of([path], again):
        table = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("job")
        for number, job in enumerate(table.index):
            if job.split("/")[0] in ("tables", "figures", "report"):
                continue
            if not _JOB.fullmatch(job):
                raise EmorecError(f"{path}: {printable(job, 40)!r} is no job; {again}")
            text = table.iloc[[number]].to_csv(sep="\t", index=False, lineterminator="\n")
            found[f"benchmarks/{job}.tsv"] = text
    return found


def read_networks(folder: Path, parts: Iterable[Part], again: str) -> dict[Part, tuple[dict[str, Any], pd.DataFrame]]:
    """Record and history of each network, as a run has them. EmorecError where one is missing."""
    curves = folder / CURVES
    with made_of([curves], again):
        table = pd.read_csv(curves, dtype=str, keep_default_na=False)
        histories = dict(list(table.groupby(["network", "seed"], sort=False)[list(HISTORY)]))
    nothing = pd.DataFrame(columns=HISTORY)  # one that has nothing to learn has no epochs
    records = read_records(folder / RECORDS, parts, again)
    return {part: (record, histories.get((part.network, str(part.seed)), nothing)) for part, record in records.items()}


def _key(part: Part) -> str:
    return f"{part.network}/seed{part.seed}"
