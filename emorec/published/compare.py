"""Whether one run of a study reproduces another: number by number, each within a tolerance that has a reason.

Three tolerances, from the narrowest:

exact       Tables of the same predictions, and CPU trainings on one kind of machine with the same versions, are the
            same: all numbers and words are compared, at a relative 1e-6 for the last digits of another numpy or libm.
evaluation  The same weights on another machine: sums are rounded in another order, and a face changes its answer only
            where two emotions are all but equally likely. Limits: RATES, and ANSWERS of the faces.
training    Trained again elsewhere, or with other seeds. A mean over seeds may differ by what the spread between seeds
            explains: t(df) s sqrt(1/n + 1/m), with s pooled over models and both runs, and t at 5 % over all numbers
            of the table (Bonferroni), so that a faithful rerun leaves a table in one case of twenty at most. Where no
            spread is known, one seed or a table without seeds, two estimates with 95 % intervals of half-widths g and
            h may differ by sqrt(g² + h²). These cover the choice of test faces too, which reruns share: too wide,
            never too narrow.

Facts of the data and the networks' sizes are exact always; times never count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

Tolerance = Literal["exact", "evaluation", "training"]
Tables = Mapping[str, pd.DataFrame]
Row = tuple[str, str, Any, Any, float]  # table, name, value in the first and second run, how far apart they may be

RELATIVE, ABSOLUTE = 1e-6, 1e-9
LEVEL = 0.05
# The same weights elsewhere, as a difference of the value; disgust's few faces move macro-F1 more than accuracy.
RATES = {"accuracy": 0.003, "macro_f1": 0.01, "nll": 0.005, "brier": 0.005, "ece": 0.005}
RATES |= dict.fromkeys(("names_group", "within_group", "within_errors", "across_errors"), RATES["accuracy"])
ANSWERS = 0.005  # share of the faces that may get another answer
TIMES = {"seconds", "train_seconds"}
COUNTERS = {"seed", "row", "epoch", "bin", "coverage"}  # numbers that name a line

# Tables of facts: columns that must be equal. Of a face's twin, whether there is one; distances are floats.
FACTS = {
    "classes": ["faces"],
    "audit": ["faces", "exact", "twins", "mirrored"],
    "twins": ["twin"],
    "planted": ["rate"],
    "models": ["networks", "parameters", "flops"],
}
# What names a line of a table, and the columns that hold its numbers. Tables without a seed hold estimates, one a line,
# with intervals from low to high.
NUMBERS: dict[str, tuple[list[str], list[str]]] = {
    "scores": (["model", "seed", "split", "metric"], ["value"]),
    "recall": (["model", "seed", "split", "emotion"], ["recall", "f1"]),
    "pairs": (["model", "seed", "split", "first", "second"], ["rate"]),
    "calibration": (["model", "seed", "metric"], ["before", "after"]),
    "gate": (["model", "seed", "split", "emotion", "expert"], ["weight"]),
    "representation": (["model", "seed", "measure"], ["value"]),
    "ferplus": (["model", "seed", "agreement"], ["label_accuracy", "majority_accuracy", "sided", "kept"]),
    "truth": (["model", "seed", "measure"], ["value"]),
    "summary": (["model", "split", "metric"], ["mean"]),
    "comparisons": (["model", "reference", "measure"], ["difference"]),
    "pair_comparisons": (["model", "reference", "first", "second"], ["difference"]),
    "purity": (["model", "reference"], ["difference"]),
    "group_scores": (["model", "reference", "grouping", "group", "measure"], ["estimate"]),
    "routing": (["mixture", "other", "routed_by", "decided_by"], ["accuracy"]),
    "twins_scores": (["model", "reference", "measure", "emotion", "subset"], ["estimate"]),
    "by_majority": (["model", "reference", "measure"], ["estimate"]),
}


@dataclass(frozen=True)
class Comparison:
    """What was found: the numbers, `judged`, what else disagrees (a line each), and remarks that decide nothing."""

    tolerance: Tolerance
    reason: str
    numbers: pd.DataFrame
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        return bool(len(self.numbers) and self.numbers["agrees"].all()) and not self.problems


def judged(rows: Iterable[Row]) -> pd.DataFrame:
    """Numbers of both runs, with how far they lie apart and whether that is within the tolerance.

    Words that differ, and numbers that one run lacks, deviate infinitely; `equal` are those but for the last digits.
    """
    found = pd.DataFrame(rows, columns=["table", "name", "first", "second", "tolerance"])
    values = found[["first", "second"]]
    first, second = (pd.to_numeric(values[column], errors="coerce") for column in values)
    same = (values["first"] == values["second"]) | values.isna().all(axis=1)
    deviation = (second - first).abs().fillna(np.inf).mask(same, 0.0)
    last_digits = (RELATIVE * first.abs()).clip(lower=ABSOLUTE).replace(np.inf, ABSOLUTE).fillna(0.0)
    tolerance = np.maximum(found["tolerance"].fillna(0.0), last_digits)
    found.insert(4, "deviation", deviation)
    return found.assign(tolerance=tolerance, agrees=deviation <= tolerance, equal=deviation <= last_digits)


def columns_of(name: str) -> list[str]:
    """The columns that are read of a table, at whatever tolerance."""
    keys, columns = NUMBERS.get(name, ([], []))
    interval = ["low", "high"] if columns and "seed" not in keys else []
    return [*FACTS.get(name, []), *keys, *columns, *interval, *(["verdict"] if name == "comparisons" else [])]


def numbers(first: Tables, second: Tables, tolerance: Tolerance) -> pd.DataFrame:
    """Every number that is compared at this tolerance, of the tables that both runs have, `judged`."""
    return judged(_numbers({name: (first[name], second[name]) for name in first if name in second}, tolerance))


def _numbers(both: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], tolerance: Tolerance) -> Iterator[Row]:
    for name, tables in both.items():
        columns = [str(c) for c in tables[0] if c not in TIMES] if tolerance == "exact" else FACTS.get(name, [])
        if columns:
            yield from _cells(name, *tables, columns)
    by_seed = [name for name in both if "seed" in NUMBERS.get(name, ([], []))[0]]
    estimates = [name for name in both if name in NUMBERS and name not in by_seed]
    if tolerance == "evaluation":
        for name in [name for name in both if name == "scores" or name in estimates]:
            yield from _evaluated(name, *both[name])
    if tolerance == "training":
        means = {name: means_over_seeds(name, *both[name]) for name in by_seed}
        for name, own in means.items():
            yield from _within_chance(name, own)
        for name in estimates:
            yield from _estimated(name, *both[name], means.get("scores"))


def verdicts(first: pd.DataFrame, second: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Tests of comparisons.csv that come out the other way round, and those that one run alone tells apart."""
    keys, _ = NUMBERS["comparisons"]
    one, other = (table[[*keys, "verdict"]].fillna("") for table in (first, second))
    reversed_: list[str] = []
    open_: list[str] = []
    for model, reference, measure, a, b in one.merge(other, on=keys).itertuples(index=False):
        if a and b and a != b:
            line = f"{model} against {reference}, {measure}: {a}, in the second run {b}"
            (open_ if "not told apart" in (a, b) else reversed_).append(line)
    return reversed_, open_


def answers(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """By model and seed, the share of faces with another answer, of predictions as `read_predictions` returns them."""
    keys = ["model", "seed", "split"]
    one, other = (table.set_index([*keys, "row"]).filter(regex="^p_").idxmax(axis=1) for table in (first, second))
    both = pd.concat([one, other], axis=1, join="inner")
    shares = (both[0] != both[1]).groupby(level=keys, sort=False).mean().reset_index()
    return judged(
        ("predictions", f"{_name(key)}: other answers", 0.0, share, ANSWERS)
        for *key, share in shares.itertuples(index=False)
    )


def means_over_seeds(name: str, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Of a table with a line a seed: means over seeds of both runs, and by how much such means may differ by chance.

    Columns mean1, mean2 and tolerance, NaN where neither run has two seeds; a row a number, whatever its seed.
    """
    keys, columns = [key for key in NUMBERS[name][0] if key != "seed"], NUMBERS[name][1]
    runs = []
    for table in (first, second):
        long = table.melt(keys, columns, "column", "number")
        own = long.groupby([*keys, "column"], sort=False, dropna=False)["number"].agg(["mean", "var", "count"])
        runs.append(own.assign(df=(own["count"] - 1).clip(lower=0), squares=own["var"] * (own["count"] - 1)))
    both = runs[0].add_suffix("1").join(runs[1].add_suffix("2"), how="outer")
    of_all_models = both.groupby(level=list(range(1, both.index.nlevels)), sort=False, dropna=False)

    def pooled(column: str) -> pd.Series:
        return of_all_models[f"{column}1"].transform("sum") + of_all_models[f"{column}2"].transform("sum")

    df = pooled("df").replace(0, np.nan)
    seeds = 1 / both["count1"].replace(0, np.nan) + 1 / both["count2"].replace(0, np.nan)
    t = stats.t.ppf(1 - LEVEL / 2 / max(len(both), 1), df)
    return both[["mean1", "mean2"]].assign(tolerance=t * np.sqrt(pooled("squares") / df * seeds))


def _within_chance(name: str, means: pd.DataFrame) -> Iterator[Row]:
    for key, one, other, tolerance in means.itertuples(name=None):
        if np.isnan(one) != np.isnan(other):
            yield name, _name(key), one, other, 0.0
        elif np.isfinite(tolerance):
            yield name, _name(key), one, other, tolerance


def _evaluated(name: str, first: pd.DataFrame, second: pd.DataFrame) -> Iterator[Row]:
    keys, columns = NUMBERS[name]
    for key, one, other in _side_by_side(first, second, keys, columns):
        # A recall of some twenty faces has no limit of its own: the answers have.
        limit = next((RATES[part] for part in key if part in RATES), None)
        if limit is not None:
            yield name, _name(key), one, other, limit * (2 if "reference" in keys else 1)  # a difference of two


def _estimated(name: str, first: pd.DataFrame, second: pd.DataFrame, scores: pd.DataFrame | None) -> Iterator[Row]:
    keys, columns = NUMBERS[name]
    first, second = (table.assign(half=(table["high"] - table["low"]) / 2) for table in (first, second))
    for key, one, its_half, other, other_half in _side_by_side(first, second, keys, [*columns, "half"]):
        tolerance = np.nan
        if scores is not None and name in ("comparisons", "summary"):
            of = [(key[0], "test"), (key[1], "test")] if name == "comparisons" else [key[:2]]
            tolerance = np.hypot.reduce([scores["tolerance"].get((*own, key[2], "value"), np.nan) for own in of])
        yield name, _name(key), one, other, tolerance if np.isfinite(tolerance) else np.hypot(its_half, other_half)


def _side_by_side(
    first: pd.DataFrame, second: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """For each line its key, the first run's columns and the second's; NaN for those of one run alone."""
    one, other = (table.set_index(list(keys))[list(columns)].astype(float) for table in (first, second))
    yield from pd.concat([one, other], axis=1).itertuples(name=None)


def _cells(name: str, first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str]) -> Iterator[Row]:
    """Cell by cell, lines in their order."""
    if len(first) != len(second) or any(column not in second for column in columns):
        one, other = (f"{len(table)} lines of {', '.join(map(str, table.columns))}" for table in (first, second))
        yield name, "lines and columns", one, other, 0.0
        return
    names = [c for c in first if first[c].dtype.kind not in "fiub" or c in COUNTERS]
    labels = [_name(line) for line in first[names].itertuples(index=False)]
    for column in columns:
        for label, a, b in zip(labels, first[column], second[column], strict=True):
            named = f"{label}: {column}" if label else column
            if not (isinstance(a, str) or isinstance(b, str)):
                yield name, named, float(a), float(b), 0.0
            elif a != b:
                yield name, named, str(a), str(b), 0.0


def _name(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts if not (isinstance(part, float) and np.isnan(part)) and part != "")
