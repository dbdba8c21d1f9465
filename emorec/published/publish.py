"""A finished run to a published study: copied, checked, and put in place as a whole."""

import gzip
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from emorec import config as configs
from emorec import ledger
from emorec.checkout import Checkout
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.files import write_json, write_text
from emorec.inputs import read_json
from emorec.paths import Layout
from emorec.plain import COMMIT, plain
from emorec.predictions.store import read_predictions
from emorec.published import manifest
from emorec.published.manifest import RECORDS, TIMES, Code, File, Manifest, shortened
from emorec.published.packed import write_records, write_times
from emorec.published.rebuild import differing
from emorec.tables.performance import scores_table
from emorec.tables.read import read_record


def publish(study: Study, run: Layout, destination: Path, code: Checkout, date: str) -> Manifest:
    """Publish the run of a study as `destination`, in the place of what was published there before.

    The folder is made under a temporary name, checked against its own manifest and then renamed. `code` is the checkout
    that publishes, `date` that of its commit, YYYY-MM-DD.

    Raises EmorecError, and changes nothing, where the run is unfinished, was made with another config, was changed
    since, has tables of other predictions, or is too large.
    """
    chosen = _chosen(study, run)
    ledger.check(run.root, always_hash=True)
    _check_predictions(study, run)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}.", dir=destination.parent) as folder:
        made, before = Path(folder) / "made", Path(folder) / "before"
        files = {name: _copy(source, made / name) for name, source in chosen.items()}
        write_records(made / RECORDS, run, configs.all_parts(study))
        seconds = write_times(made / TIMES, run, manifest.benchmarks(study, run.root))
        write_text(made / "config.yaml", configs.dump(_without_places(study)))
        files |= {name: manifest.file_of(made / name) for name in (RECORDS, TIMES, "config.yaml")}
        manifest.check_size(destination, files)
        found = _manifest(study, run, files, seconds, code, date)
        write_json(made / manifest.MANIFEST, found.model_dump())
        manifest.verify(made)
        if destination.exists():
            destination.rename(before)
        try:
            made.rename(destination)
        except OSError:
            before.rename(destination)
            raise
    return found


def _chosen(study: Study, run: Layout) -> dict[str, Path]:
    """What is published: name in the publication and file of the run. EmorecError where the run is unfinished."""
    written = run.root / "config.yaml"
    if written.exists() and differing(configs.load(written), study):
        raise EmorecError(f"{written}: the run was made with another config than the given one; run the study again")
    votes = bool(read_record(run.summary, ("synthetic",)).get("votes"))
    wanted = manifest.required(study, votes=votes)
    missing = [name for name in wanted if not (run.root / name).is_file()]
    if missing:
        raise EmorecError(f"{run.root}: unfinished, lacks {shortened(missing)}; run the study to its end first")
    return {published: run.root / name for name in wanted if (published := manifest.published_name(name))}


def _without_places(study: Study) -> Study:
    """The study without the data's place on the machine that it was run on."""
    return study.model_copy(update={"data": study.data.model_copy(update={"path": None, "ferplus": None})})


def _check_predictions(study: Study, run: Layout) -> None:
    """EmorecError where the tables were made from other predictions."""
    predictions = read_predictions(run.predictions, study.replicates)
    again = scores_table(predictions[predictions["split"].isin(study.scored)]).to_csv(index=False)
    stated = run.table("scores")
    if again.encode() != stated.read_bytes():
        raise EmorecError(f"{stated}: not made from the predictions that are there; run the study again")


def _copy(source: Path, target: Path) -> File:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if target.suffix == ".gz":
        content = gzip.compress(content, compresslevel=9, mtime=0)  # no time: the same table is the same file
    target.write_bytes(content)
    return manifest.file_of(target)


class _Training(BaseModel):
    """What is taken of a network's record."""

    train_seconds: float
    versions: dict[str, str] = {}
    hardware: str | None = None
    commit: Annotated[str, Field(pattern=COMMIT)] | None = None
    dirty: bool | None = None


def _manifest(
    study: Study, run: Layout, files: dict[str, File], seconds: dict[str, float], code: Checkout, date: str
) -> Manifest:
    trainings = []
    for part in configs.all_parts(study):
        path = run.network(part.network, part.seed) / "network.json"
        try:
            trainings.append(_Training.model_validate(read_json(path)))
        except ValidationError as error:
            raise EmorecError(f"{path}: {plain(error)}; train the network again") from None
    stages: dict[str, float] = defaultdict(float)
    for job, took in seconds.items():
        stages[job.split("/")[0]] += took
    stages["train"] = sum(own.train_seconds for own in trainings)  # a benchmark does not count what was resumed
    versions: dict[str, set[str]] = defaultdict(set)
    for package, version in (found for own in trainings for found in own.versions.items()):
        versions[package].add(version)
    try:
        published = Code(commit=code.commit, dirty=code.dirty)
    except ValidationError as error:
        raise EmorecError(f"EMOREC_COMMIT: {plain(error)}; give its hash, or leave it out") from None
    trained = sorted({(own.commit, bool(own.dirty)) for own in trainings if own.commit})
    return Manifest(
        study=study.study,
        published=published,
        date=date,
        trained=[Code(commit=commit, dirty=dirty) for commit, dirty in trained],
        networks=len(trainings),
        hardware=sorted({own.hardware or "unknown" for own in trainings}),
        versions={package: sorted(found) for package, found in sorted(versions.items())},
        seconds={stage: round(took, 2) for stage, took in stages.items()},
        files=dict(sorted(files.items())),
    )
