"""Two study folders, runs or publications, compared: what is read of them, which tolerance is due, and the answer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emorec import config as configs
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.frames import each_row, read_table
from emorec.inputs import AGAIN, check_files, read_json
from emorec.networks.pretrained import CIRCUMSTANCES
from emorec.paths import Layout
from emorec.predictions.store import read_predictions
from emorec.published import compare
from emorec.published.compare import Comparison, Tolerance
from emorec.published.manifest import MANIFEST, RECORDS, RESTORE, shortened, verify
from emorec.published.packed import read_records
from emorec.published.rebuild import differing
from emorec.tables.read import read_record

# What two records have in common where they are of one and the same training.
TRAINING = ("spec", "parameters", "best_epoch", "val_accuracy", "train_seconds")
PLACE = ("hardware", "versions", "deterministic")
DATA = ("sha256", "counts")  # of the data's summary
SHOWN = 40


@dataclass(frozen=True)
class Run:
    """What is compared of a study's folder: its config, networks' records, tables by name, and the data's summary."""

    study: Study
    records: dict[configs.Part, dict[str, Any]]
    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]

    def told(self, keys: tuple[str, ...]) -> dict[configs.Part, str]:
        """What the networks' records say under `keys`, to be compared."""
        return {part: json.dumps([record.get(key) for key in keys]) for part, record in self.records.items()}


def compare_runs(first: Path, second: Path, tolerance: Tolerance | None = None) -> Comparison:
    """Compare a study's folder, as published say, with that of another run of it.

    Without a `tolerance` of those that `emorec.published.compare` describes, the networks' records say which is due.
    Raises EmorecError where a folder is no finished study, or a published one is damaged.
    """
    one, other = _run(first), _run(second)
    problems = _differences(one.study, other.study)
    if changed := [key for key in DATA if one.summary[key] != other.summary[key]]:
        problems.append(f"data: {shortened(changed)} in the second run is another")
    problems += [f"table {name}: missing in the second run" for name in one.tables if name not in other.tables]
    shared = [
        (model, seed)
        for model in one.study.models
        for seed in one.study.seeds
        if model in other.study.models and seed in other.study.seeds
    ]
    predictions = [read_predictions(Layout(folder).predictions, shared) for folder in (first, second) if shared]
    reason = "asked for"
    if tolerance is None:
        tolerance, reason = _due(one, other, bool(predictions) and predictions[0].equals(predictions[1]))
    found = compare.numbers(one.tables, other.tables, tolerance)
    if tolerance == "evaluation" and predictions:
        found = pd.concat([found, compare.answers(*predictions)], ignore_index=True)
    reversed_: list[str] = []
    remarks: list[str] = []
    if "comparisons" in one.tables and "comparisons" in other.tables:
        reversed_, remarks = compare.verdicts(one.tables["comparisons"], other.tables["comparisons"])
    return Comparison(tolerance, reason, found, problems + reversed_, remarks)


def report(comparison: Comparison) -> str:
    """The comparison for readers: by table, then what is outside the tolerance, then the answer."""
    lines = [f"tolerance: {comparison.tolerance} ({comparison.reason})", ""]
    lines.append(f"{'table':<18}{'numbers':>8}{'equal':>8}{'within':>8}{'outside':>8}   largest deviation (tolerance)")
    numbers = comparison.numbers
    numbers = numbers.assign(strain=(numbers["deviation"] / numbers["tolerance"]).fillna(0.0))
    for name, own in numbers.groupby("table", sort=False):
        worst = own.iloc[int(own["strain"].argmax())]
        shown = (
            f"{worst['deviation']:.2g} ({worst['tolerance']:.2g}): {worst['name']}" if worst["deviation"] else "none"
        )
        within, outside = (own["agrees"] & ~own["equal"]).sum(), (~own["agrees"]).sum()
        lines.append(f"{name:<18}{len(own):>8}{own['equal'].sum():>8}{within:>8}{outside:>8}   {shown}")
    apart = numbers[~numbers["agrees"]].sort_values("strain", ascending=False, kind="stable")
    if len(apart):
        lines += ["", "outside the tolerance:"]
        for row in each_row(apart[:SHOWN]):
            first, second = (v if isinstance(v, str) else f"{v:.6g}" for v in (row.first, row.second))
            lines.append(f"  {row.table}, {row.name}: {first}, in the second run {second}")
        lines += [f"  and {len(apart) - SHOWN} more"] if len(apart) > SHOWN else []
    for title, found in (("different:", comparison.problems), ("decided in one run alone:", comparison.remarks)):
        lines += ["", title, *(f"  {line}" for line in found)] if found else []
    answer = "reproduced" if comparison.reproduced else "NOT reproduced"
    lines += ["", f"{answer}: {numbers['agrees'].sum()} of {len(numbers)} numbers agree"]
    return "\n".join(lines) + "\n"


def _run(folder: Path) -> Run:
    is_published = (folder / MANIFEST).exists()
    if is_published:
        check_files((folder / name for name in verify(folder).files), RESTORE)
    study = configs.load(folder / "config.yaml")
    parts = configs.all_parts(study)
    if is_published:
        records = read_records(folder / RECORDS, parts, RESTORE)
    else:
        records = {part: read_json(Layout(folder).network(part.network, part.seed) / "network.json") for part in parts}
    for part, record in records.items():
        lacking = [key for key in TRAINING if key not in record]
        if lacking:
            raise EmorecError(f"{folder}: the record of {part.network}, seed {part.seed}, lacks {shortened(lacking)}")
    tables = _tables(folder, RESTORE if is_published else AGAIN)
    return Run(study, records, tables, read_record(Layout(folder).summary, DATA))


def _tables(folder: Path, again: str) -> dict[str, pd.DataFrame]:
    found = {}
    for path in sorted([*folder.glob("tables/*.csv"), *folder.glob("tables/*.csv.gz")]):
        name = path.name.split(".")[0]
        found[name] = read_table(path, again)
        lacking = [column for column in compare.columns_of(name) if column not in found[name]]
        if lacking:
            raise EmorecError(f"{path}: has no column {shortened(lacking)}; make its tables with this version")
        if name in compare.NUMBERS and found[name].duplicated(compare.NUMBERS[name][0]).any():
            raise EmorecError(f"{path}: two lines are about the same; make its tables again")
    if "scores" not in found:
        raise EmorecError(f"{folder}/tables/scores.csv: missing; run the study to its end before it is compared")
    return found


def _differences(first: Study, second: Study) -> list[str]:
    """What the second config says otherwise; other labels, seeds or circumstances do not make it another study."""
    changed = differing(first, second)
    free = {"study", "seeds", *(f"training.{key}" for key in CIRCUMSTANCES)}
    changed = [key for key in changed if key not in free and not key.endswith(".label")]
    return [f"config: {shortened(changed)} in the second run is another"] if changed else []


def _due(first: Run, second: Run, same_predictions: bool) -> tuple[Tolerance, str]:
    one, other = first.study, second.study
    same_seeds = one.seeds == other.seeds and list(one.models) == list(other.models)
    if same_seeds and same_predictions:
        return "exact", "both have the same predictions"
    if first.told(TRAINING + PLACE) == second.told(TRAINING + PLACE):
        return "evaluation", "the same trained networks by their records, other predictions"
    reproducible = all(record.get("deterministic") for run in (first, second) for record in run.records.values())
    if same_seeds and reproducible and first.told(PLACE) == second.told(PLACE):
        return "exact", "trained again with the same versions on hardware of one name; where it differs, say training"
    return "training", "trained again elsewhere, with other versions or with other seeds"
