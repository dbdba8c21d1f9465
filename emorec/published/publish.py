"""A finished run to a published study: copied, checked, and put in place as a whole."""

from __future__ import annotations

import csv
import gzip
import io
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emorec import config as configs
from emorec import ledger
from emorec.checkout import Checkout
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.files import share, write_json
from emorec.inputs import made_of
from emorec.paths import Layout
from emorec.plain import printable
from emorec.predictions.store import read_predictions
from emorec.published import contents
from emorec.published.manifest import (
    MANIFEST,
    RECORDS,
    TIMES,
    Code,
    File,
    Manifest,
    check_size,
    file_of,
    not_allowed,
    shortened,
    verify,
)
from emorec.published.packed import write_records, write_times
from emorec.published.rebuild import differing, dumped
from emorec.tables.performance import scores_table
from emorec.tables.read import read_record


def publish(study: Study, run: Layout, destination: Path, code: Checkout, date: str) -> Manifest:
    """Publish the run of a study as `destination`, in the place of what was published there before.

    The folder is made under a temporary name, checked against its own manifest and then renamed.

    Args:
        code: the checkout that publishes. date: of its commit, YYYY-MM-DD.

    Raises:
        EmorecError: the run is unfinished, was made with another config, a file of it was changed since, or its tables
            are not those of its predictions; what was to be published is too large or not allowed. Nothing is changed
            then.
    """
    chosen = _chosen(study, run)
    ledger.check(run.root, always_hash=True)
    _check_predictions(study, run)
    destination = Path(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        parts, jobs = configs.all_parts(study), contents.benchmarks(study, run.root)
        files = {name: _copy(source, made / name) for name, source in chosen.items()}
        write_records(made / RECORDS, run, parts)
        write_times(made / TIMES, run, jobs)
        files |= {name: file_of(made / name) for name in (RECORDS, TIMES)}
        text = configs.dump(_without_places(study))
        (made / "config.yaml").write_text(text, encoding="utf-8")
        files["config.yaml"] = file_of(made / "config.yaml")
        check_size(destination, files)
        manifest = _manifest(study, run, files, jobs, code, date)
        write_json(made / MANIFEST, manifest.model_dump())
        verify(made)
        share(made)
        _replace(made, destination)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _chosen(study: Study, run: Layout) -> dict[str, Path]:
    """What is published: name in the publication and file of the run. EmorecError where the run is unfinished."""
    if not run.summary.is_file():
        raise EmorecError(f"{run.summary}: missing; run the study to its end before it is published")
    written = run.root / "config.yaml"
    if written.exists() and differing(dumped(configs.load(written)), dumped(study)):
        raise EmorecError(f"{written}: the run was made with another config than the given one; run the study again")
    votes = bool(read_record(run.summary, ("synthetic",)).get("votes"))
    wanted = contents.required(study, votes=votes)
    missing = [name for name in wanted if not (run.root / name).is_file()]
    if missing:
        raise EmorecError(f"{run.root}: unfinished, lacks {shortened(missing)}; run the study to its end first")
    found = {published: run.root / name for name in wanted if (published := contents.published_name(name))}
    forbidden = not_allowed(found)
    if forbidden:
        raise EmorecError(f"{run.root}: {shortened(forbidden)}: not allowed in a publication; take it out")
    return found


def _without_places(study: Study) -> Study:
    """The study without the data's place on the machine that it was run on."""
    return study.model_copy(update={"data": study.data.model_copy(update={"path": None, "ferplus": None})})


def _check_predictions(study: Study, run: Layout) -> None:
    """EmorecError where the tables were made from other predictions."""
    predictions = read_predictions(run.predictions, [(model, seed) for model in study.models for seed in study.seeds])
    again = io.StringIO()
    scored = predictions[predictions["split"].isin(study.scored)]
    scores_table(scored).to_csv(again, index=False)
    stated = run.table("scores")
    if again.getvalue().encode() != stated.read_bytes():
        raise EmorecError(f"{stated}: not made from the predictions that are there; run the study again")


def _copy(source: Path, target: Path) -> File:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if target.suffix == ".gz":
        content = gzip.compress(content, compresslevel=9, mtime=0)  # no time: the same table is the same file
    target.write_bytes(content)
    return file_of(target)


def _manifest(
    study: Study, run: Layout, files: dict[str, File], jobs: list[str], code: Checkout, date: str
) -> Manifest:
    paths = [run.network(part.network, part.seed) / "network.json" for part in configs.all_parts(study)]
    records = [read_record(path, ("train_seconds",)) for path in paths]
    for path, record in zip(paths, records, strict=True):
        if not isinstance(record.get("versions", {}), dict) or not isinstance(record["train_seconds"], float | int):
            raise EmorecError(f"{path}: versions is no mapping, or train_seconds no number; train the network again")
        _code(record.get("commit") or "", bool(record.get("dirty")), str(path))
    trained = sorted({(r["commit"], bool(r.get("dirty"))) for r in records if r.get("commit")})
    versions: dict[str, set[str]] = {}
    for record in records:
        for package, version in record.get("versions", {}).items():
            versions.setdefault(package, set()).add(str(version))
    return Manifest(
        study=study.study,
        published=_code(code.commit, code.dirty, "EMOREC_COMMIT"),
        date=date,
        trained=[Code(commit=commit, dirty=dirty) for commit, dirty in trained],
        networks=len(records),
        hardware=sorted({str(record.get("hardware") or "unknown") for record in records}),
        versions={package: sorted(found) for package, found in sorted(versions.items())},
        seconds=_seconds(run, jobs, records),
        files=dict(sorted(files.items())),
    )


def _code(commit: Any, dirty: bool, where: str) -> Code:
    """A state of the code. EmorecError where the commit, which `where` tells, is none."""
    try:
        return Code(commit=commit, dirty=dirty)
    except ValidationError:
        shown = printable(repr(commit), 60)
        raise EmorecError(f"{where}: {shown} is no commit; give its hash, or leave it out") from None


def _seconds(run: Layout, jobs: list[str], records: list[dict[str, Any]]) -> dict[str, float]:
    """Wall time of all jobs by stage, from the benchmarks; training's from the records, which count resumed parts."""
    seconds: dict[str, float] = {}
    for name in jobs:
        stage = Path(name).parts[1].removesuffix(".tsv")
        with made_of([run.root / name]), (run.root / name).open(encoding="utf-8", newline="") as file:
            took = [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
            if not took or not 0 <= sum(took) < math.inf:
                raise ValueError("no seconds")
        seconds[stage] = seconds.get(stage, 0.0) + sum(took)
    seconds["train"] = sum(float(record["train_seconds"]) for record in records)
    return {stage: round(value, 2) for stage, value in seconds.items()}


def _replace(made: Path, destination: Path) -> None:
    """Rename `made` to `destination`, whatever is there; if that fails, put back what was there."""
    if not destination.exists():
        made.rename(destination)
        return
    before = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent)) / "before"
    destination.rename(before)
    try:
        made.rename(destination)
    except OSError:
        before.rename(destination)
        raise
    finally:
        shutil.rmtree(before.parent, ignore_errors=True)
