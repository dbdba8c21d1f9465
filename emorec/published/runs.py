"""Two study folders, runs or publications, compared: what is read of them, which tolerance is due, and the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from emorec import config as configs
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.frames import read_table
from emorec.inputs import AGAIN, read_json
from emorec.networks.pretrained import CIRCUMSTANCES
from emorec.paths import Layout
from emorec.predictions.store import read_predictions
from emorec.published import compare
from emorec.published.compare import Comparison, Number, Tolerance
from emorec.published.manifest import MANIFEST, RECORDS, RESTORE, shortened, verify
from emorec.published.packed import read_records
from emorec.published.rebuild import check_text, differing, dumped
from emorec.tables.read import read_record

# What two records have in common where they are of one and the same training.
TRAINING = ("spec", "parameters", "best_epoch", "val_accuracy", "train_seconds")
PLACE = ("hardware", "versions", "deterministic")
SHOWN = 40

Records = dict[configs.Part, dict[str, Any]]  # network.json of each network that a study trains


def compare_runs(first: Path, second: Path, tolerance: Tolerance | None = None) -> Comparison:
    """Compare a study's folder, as published say, with that of another run of it.

    Args:
        tolerance: the one that `emorec.published.compare` describes; None for the one that the networks' records ask
            for: exact where predictions, or machine and versions, are the same; evaluation where trainings are.

    Raises EmorecError where a folder is no finished study, or a published one is damaged.
    """
    studies = [_study(folder) for folder in (first, second)]
    records = [_records(study, folder) for study, folder in zip(studies, (first, second), strict=True)]
    tables = [_tables(folder) for folder in (first, second)]
    problems = _differences(*studies)
    summaries = [read_record(Layout(folder).summary, ("sha256", "counts")) for folder in (first, second)]
    changed = [key for key in ("sha256", "counts") if summaries[0][key] != summaries[1][key]]
    problems += [f"data: {shortened(changed)} in the second run is another"] if changed else []
    problems += [f"table {name}: missing in the second run" for name in tables[0] if name not in tables[1]]
    shared = [model for model in studies[0].models if model in studies[1].models]
    seeds = [seed for seed in studies[0].seeds if seed in studies[1].seeds]
    predictions = [_predictions(folder, shared, seeds) for folder in (first, second)] if seeds else []
    reason = "asked for"
    if tolerance is None:
        tolerance, reason = _due(predictions, studies, records)
    found = list(compare.numbers(tables[0], tables[1], tolerance))
    if tolerance == "evaluation" and predictions:
        found += compare.answers(*predictions)
    reversed_: list[str] = []
    remarks: list[str] = []
    if all("comparisons" in own for own in tables):
        reversed_, remarks = compare.verdicts(tables[0]["comparisons"], tables[1]["comparisons"])
    return Comparison(tolerance, reason, found, problems + reversed_, remarks)


def report(comparison: Comparison) -> str:
    """The comparison for readers: by table, then what is outside the tolerance, then the answer."""
    lines = [f"tolerance: {comparison.tolerance} ({comparison.reason})", ""]
    lines.append(f"{'table':<18}{'numbers':>8}{'equal':>8}{'within':>8}{'outside':>8}   largest deviation (tolerance)")
    by_table: dict[str, list[Number]] = {}
    for number in comparison.numbers:
        by_table.setdefault(number.table, []).append(number)
    for name, own in by_table.items():
        equal, apart = sum(n.equal for n in own), sum(not n.agrees for n in own)
        largest = max(own, key=_strain)
        shown = f"{largest.deviation:.2g} ({largest.tolerance:.2g}): {largest.name}" if largest.deviation else "none"
        within = sum(n.agrees and not n.equal for n in own)
        lines.append(f"{name:<18}{len(own):>8}{equal:>8}{within:>8}{apart:>8}   {shown}")
    outside = sorted(comparison.outside, key=_strain, reverse=True)
    if outside:
        lines += ["", "outside the tolerance:"]
        lines += [
            f"  {n.table}, {n.name}: {_text(n.first)}, in the second run {_text(n.second)}" for n in outside[:SHOWN]
        ]
        lines += [f"  and {len(outside) - SHOWN} more"] if len(outside) > SHOWN else []
    for title, found in (("different:", comparison.problems), ("decided in one run alone:", comparison.remarks)):
        lines += ["", title, *(f"  {line}" for line in found)] if found else []
    count = len(comparison.numbers)
    answer = "reproduced" if comparison.reproduced else "NOT reproduced"
    lines += ["", f"{answer}: {count - len(outside)} of {count} numbers agree"]
    return "\n".join(lines) + "\n"


def as_table(comparison: Comparison) -> pd.DataFrame:
    """Every number that was compared, for a file."""
    columns = ("table", "name", "first", "second", "deviation", "tolerance", "agrees")
    return pd.DataFrame([[getattr(n, column) for column in columns] for n in comparison.numbers], columns=columns)


def _strain(number: Number) -> float:
    return number.deviation / number.tolerance if number.tolerance else float("inf") if number.deviation else 0.0


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _study(folder: Path) -> Study:
    if (folder / MANIFEST).exists():
        check_text(folder, verify(folder).files)
    if not (folder / "config.yaml").is_file():
        raise EmorecError(f"{folder}: no config.yaml; name two folders of studies, runs or published ones")
    return configs.load(folder / "config.yaml")


def _records(study: Study, folder: Path) -> Records:
    parts = configs.all_parts(study)
    if (folder / MANIFEST).exists():
        found = read_records(folder / RECORDS, parts, RESTORE)
    else:
        found = {part: read_json(Layout(folder).network(part.network, part.seed) / "network.json") for part in parts}
    for part, record in found.items():
        lacking = [key for key in TRAINING if key not in record]
        if lacking:
            raise EmorecError(f"{folder}: the record of {part.network}, seed {part.seed}, lacks {shortened(lacking)}")
    return found


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    found = {}
    again = RESTORE if (folder / MANIFEST).exists() else AGAIN
    for path in sorted((folder / "tables").glob("*.csv*")):
        if path.name.endswith((".csv", ".csv.gz")):
            name = path.name.split(".")[0]
            found[name] = read_table(path, again)
            lacking = [column for column in compare.columns_of(name) if column not in found[name]]
            if lacking:
                raise EmorecError(f"{path}: has no column {shortened(lacking)}; make its tables with this version")
            keys = compare.keys_of(name)
            if keys and found[name].duplicated(keys).any():
                raise EmorecError(f"{path}: two lines are about the same; make its tables again")
    if "scores" not in found:
        raise EmorecError(f"{folder}/tables/scores.csv: missing; run the study to its end before it is compared")
    return found


def _predictions(folder: Path, models: list[str], seeds: list[int]) -> pd.DataFrame:
    return read_predictions(Layout(folder).predictions, [(model, seed) for model in models for seed in seeds])


def _differences(first: Study, second: Study) -> list[str]:
    """What the second config says otherwise; other labels, seeds or circumstances do not make it another study."""
    changed = differing(dumped(first), dumped(second))
    free = {"study", "seeds", *(f"training.{key}" for key in CIRCUMSTANCES)}
    changed = [key for key in changed if key not in free and not key.endswith(".label")]
    return [f"config: {shortened(changed)} in the second run is another"] if changed else []


def _due(predictions: list[pd.DataFrame], studies: list[Study], records: list[Records]) -> tuple[Tolerance, str]:
    same_seeds = studies[0].seeds == studies[1].seeds and list(studies[0].models) == list(studies[1].models)
    if same_seeds and predictions and predictions[0].equals(predictions[1]):
        return "exact", "both have the same predictions"

    def alike(keys: tuple[str, ...]) -> bool:
        def chosen(found: Records) -> dict[configs.Part, str]:
            return {part: json.dumps([record.get(key) for key in keys]) for part, record in found.items()}

        return chosen(records[0]) == chosen(records[1])

    if alike((*TRAINING, *PLACE)):
        return "evaluation", "the same trained networks by their records, other predictions"
    reproducible = all(record.get("deterministic") for found in records for record in found.values())
    if same_seeds and reproducible and alike(PLACE):
        return "exact", "trained again with the same versions on hardware of one name; where it differs, say training"
    return "training", "trained again elsewhere, with other versions or with other seeds"
