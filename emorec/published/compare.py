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

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from emorec.frames import each_row

Tolerance = Literal["exact", "evaluation", "training"]
Tables = Mapping[str, pd.DataFrame]

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
# Tables with a line a seed: what names a number besides model and seed, and the columns that hold the numbers.
BY_SEED: dict[str, tuple[list[str], list[str]]] = {
    "scores": (["split", "metric"], ["value"]),
    "recall": (["split", "emotion"], ["recall", "f1"]),
    "pairs": (["split", "first", "second"], ["rate"]),
    "calibration": (["metric"], ["before", "after"]),
    "gate": (["split", "emotion", "expert"], ["weight"]),
    "representation": (["measure"], ["value"]),
    "ferplus": (["agreement"], ["label_accuracy", "majority_accuracy", "sided", "kept"]),
    "truth": (["measure"], ["value"]),
}
# Tables of estimates with intervals: what names one, and the column that holds it.
ESTIMATES: dict[str, tuple[list[str], str]] = {
    "summary": (["model", "split", "metric"], "mean"),
    "comparisons": (["model", "reference", "measure"], "difference"),
    "pair_comparisons": (["model", "reference", "first", "second"], "difference"),
    "purity": (["model", "reference"], "difference"),
    "group_scores": (["model", "reference", "grouping", "group", "measure"], "estimate"),
    "routing": (["mixture", "other", "routed_by", "decided_by"], "accuracy"),
    "twins_scores": (["model", "reference", "measure", "emotion", "subset"], "estimate"),
    "by_majority": (["model", "reference", "measure"], "estimate"),
}


@dataclass(frozen=True)
class Number:
    """One number of both runs: the table and name, its value in the first and second, and how far apart they may be.

    Words, and numbers that one run lacks, stand as text and have a tolerance of zero.
    """

    table: str
    name: str
    first: float | str
    second: float | str
    tolerance: float

    @property
    def deviation(self) -> float:
        """|second - first|; infinite where they are text and differ, or one alone is missing."""
        if isinstance(self.first, str) or isinstance(self.second, str):
            return 0.0 if self.first == self.second else np.inf
        if np.isnan(self.first) or np.isnan(self.second):
            return 0.0 if np.isnan(self.first) and np.isnan(self.second) else np.inf
        return abs(self.second - self.first)

    @property
    def agrees(self) -> bool:
        return self.deviation <= self.tolerance

    @property
    def equal(self) -> bool:
        if self.deviation == 0:
            return True
        return bool(np.isfinite(self.deviation) and self.deviation <= _last_digits(self.first))


@dataclass(frozen=True)
class Comparison:
    """What was found: the numbers, what else disagrees (a line each), and remarks that decide nothing."""

    tolerance: Tolerance
    reason: str
    numbers: list[Number]
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[Number]:
        return [number for number in self.numbers if not number.agrees]

    @property
    def reproduced(self) -> bool:
        return bool(self.numbers) and not self.outside and not self.problems


def columns_of(name: str) -> list[str]:
    """The columns that are read of a table, at whatever tolerance."""
    wanted = list(FACTS.get(name, []))
    if name in BY_SEED:
        wanted += ["model", "seed", *(column for columns in BY_SEED[name] for column in columns)]
    if name in ESTIMATES:
        wanted += [*ESTIMATES[name][0], ESTIMATES[name][1], "low", "high"]
    return wanted + (["verdict"] if name == "comparisons" else [])


def keys_of(name: str) -> list[str]:
    """The columns that name a line of a table, one line a name; none where lines are told by their place."""
    if name in BY_SEED:
        return ["model", "seed", *BY_SEED[name][0]]
    return ESTIMATES[name][0] if name in ESTIMATES else []


def numbers(first: Tables, second: Tables, tolerance: Tolerance) -> Iterator[Number]:
    """Every number that is compared at this tolerance, of the tables that both runs have."""
    both = [name for name in first if name in second]
    if tolerance == "exact":
        for name in both:
            yield from _cells(name, first[name], second[name], [c for c in first[name].columns if c not in TIMES])
        return
    for name in both:
        if name in FACTS:
            yield from _cells(name, first[name], second[name], FACTS[name])
    if tolerance == "evaluation":
        yield from _evaluated(first, second)
        return
    spreads = {name: Spread.of(name, first[name], second[name]) for name in both if name in BY_SEED}
    for spread in spreads.values():
        yield from spread.numbers()
    for name in both:
        if name in ESTIMATES:
            yield from _estimated(name, first[name], second[name], spreads.get("scores"))


def verdicts(first: pd.DataFrame, second: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Tests of comparisons.csv that come out the other way round, and those that one run alone tells apart."""
    keys = ESTIMATES["comparisons"][0]
    one, other = (table[table["verdict"].fillna("") != ""].set_index(keys)["verdict"] for table in (first, second))
    reversed_: list[str] = []
    open_: list[str] = []
    for key in one.index.intersection(other.index):
        a, b = one[key], other[key]
        if a != b:
            model, reference, measure = key
            line = f"{model} against {reference}, {measure}: {a}, in the second run {b}"
            (open_ if "not told apart" in (a, b) else reversed_).append(line)
    return reversed_, open_


def answers(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[Number]:
    """By model and seed, the share of faces with another answer, of predictions as `read_predictions` returns them."""
    columns = [name for name in first.columns if name.startswith("p_")]
    keys = ["model", "seed", "split"]
    one, other = (table.assign(answer=table[columns].to_numpy().argmax(axis=1)) for table in (first, second))
    both = one[[*keys, "row", "answer"]].merge(other[[*keys, "row", "answer"]], on=[*keys, "row"])
    changed = (both["answer_x"] != both["answer_y"]).groupby([both[key] for key in keys], sort=False).mean()
    for key, share in zip(changed.index, changed, strict=True):
        yield Number("predictions", ", ".join(map(str, key)) + ": other answers", 0.0, float(share), ANSWERS)


@dataclass(frozen=True)
class Spread:
    """A table with a line a seed: means over seeds of both runs, and by how much such means may differ by chance.

    means: index of names, model first; columns first, second and column. tolerances: by the name without its model.
    """

    table: str
    means: pd.DataFrame
    tolerances: pd.Series

    @classmethod
    def of(cls, name: str, first: pd.DataFrame, second: pd.DataFrame) -> Spread:
        keys, columns = BY_SEED[name]
        runs = []
        for table in (first, second):
            long = table.melt(
                id_vars=["model", "seed", *keys], value_vars=columns, var_name="column", value_name="number"
            )
            over = long.groupby(["model", *keys, "column"], sort=False, dropna=False)["number"]
            runs.append(
                pd.DataFrame({"mean": over.mean(), "squares": over.var(ddof=0) * over.count(), "n": over.count()})
            )
        both = runs[0].add_suffix("1").join(runs[1].add_suffix("2"), how="outer", sort=False)
        measure = [both.index.get_level_values(level) for level in (*keys, "column")]
        filled = both.fillna({"n1": 0, "n2": 0, "squares1": 0, "squares2": 0})
        squares = (filled["squares1"] + filled["squares2"]).groupby(measure, sort=False).sum()
        df = ((filled["n1"] - 1).clip(lower=0) + (filled["n2"] - 1).clip(lower=0)).groupby(measure, sort=False).sum()
        runs_n = 1 / both["n1"].replace(0, np.nan) + 1 / both["n2"].replace(0, np.nan)
        t = stats.t.ppf(1 - LEVEL / 2 / max(len(both), 1), df.where(df > 0))
        spread = pd.Series(t, df.index) * np.sqrt(squares / df.where(df > 0))
        return cls(name, both.assign(scale=np.sqrt(runs_n)), spread)

    def tolerance(self, model: str, *measure: str) -> float:
        """Of a model's mean; NaN where neither run has two seeds of any model."""
        name = measure[0] if len(measure) == 1 else measure
        if name not in self.tolerances.index or (model, *measure) not in self.means.index:
            return float("nan")
        return float(self.tolerances.loc[name] * self.means.loc[(model, *measure), "scale"])

    def numbers(self) -> Iterator[Number]:
        for (model, *measure), row in zip(self.means.index, each_row(self.means), strict=True):
            tolerance = self.tolerance(model, *measure)
            if np.isnan(row.mean1) and np.isnan(row.mean2):
                continue
            if np.isnan(row.mean1) or np.isnan(row.mean2):
                yield Number(self.table, _name((model, *measure)), row.mean1, row.mean2, 0.0)
            elif np.isfinite(tolerance):
                # Seeds that all agree leave no spread, and rounding.
                allowed = max(tolerance, _last_digits(row.mean1))
                yield Number(self.table, _name((model, *measure)), row.mean1, row.mean2, allowed)


def _evaluated(first: Tables, second: Tables) -> Iterator[Number]:
    wanted = {"scores": (["model", "seed", "split", "metric"], "value"), **ESTIMATES}
    for name, (keys, column) in wanted.items():
        if name in first and name in second and {"metric", "measure"} & set(keys):
            for number in _matched(name, first[name], second[name], keys, column):
                # A recall of some twenty faces has no limit of its own: the answers have.
                limit = next((RATES[part] for part in number.name.split(", ") if part in RATES), None)
                if limit is not None:
                    allowed = limit * (2 if "reference" in keys else 1)  # a difference of two
                    yield Number(number.table, number.name, number.first, number.second, allowed)


def _estimated(name: str, first: pd.DataFrame, second: pd.DataFrame, scores: Spread | None) -> Iterator[Number]:
    keys, column = ESTIMATES[name]
    halves = [(t["high"] - t["low"]).to_numpy(float) / 2 for t in (first, second)]
    first, second = first.assign(half=halves[0]), second.assign(half=halves[1])
    widths = {number.name: number for number in _matched(name, first, second, keys, "half")}
    for number in _matched(name, first, second, keys, column):
        parts = number.name.split(", ")
        tolerance = float("nan")
        if scores is not None and name == "comparisons":
            model, reference, metric = parts
            ours, theirs = (scores.tolerance(m, "test", metric, "value") for m in (model, reference))
            tolerance = float(np.hypot(ours, theirs))
        elif scores is not None and name == "summary":
            model, split, metric = parts
            tolerance = scores.tolerance(model, split, metric, "value")
        if not np.isfinite(tolerance):
            width = widths[number.name]
            tolerance = float(np.hypot(width.first, width.second))
        yield Number(name, number.name, number.first, number.second, max(tolerance, _last_digits(number.first)))


def _matched(
    name: str, first: pd.DataFrame, second: pd.DataFrame, keys: Sequence[str], column: str
) -> Iterator[Number]:
    """Numbers of `column` by `keys`, those of one run alone with NaN for the other's."""
    one, other = (table.set_index(list(keys))[column] for table in (first, second))
    both = pd.concat([one, other], axis=1, keys=["first", "second"])
    for key, row in both.iterrows():
        named = key if isinstance(key, tuple) else (key,)
        yield Number(name, _name(named), float(row["first"]), float(row["second"]), 0.0)


def _cells(name: str, first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str]) -> Iterator[Number]:
    """Cell by cell, lines in their order."""
    if len(first) != len(second) or any(column not in second for column in columns):
        yield Number(name, "lines and columns", _shape(first), _shape(second), 0.0)
        return
    names = [c for c in first if first[c].dtype.kind not in "fiub" or c in COUNTERS]
    labels = [_name(line) for line in first[names].itertuples(index=False)]
    for column in columns:
        for label, a, b in zip(labels, first[column], second[column], strict=True):
            named = f"{label}: {column}" if label else column
            if isinstance(a, str) or isinstance(b, str):
                if a != b:
                    yield Number(name, named, str(a), str(b), 0.0)
                continue
            a, b = (np.nan if pd.isna(value) else float(value) for value in (a, b))
            yield Number(name, named, a, b, _last_digits(a))


def _last_digits(value: float | str) -> float:
    return max(ABSOLUTE, RELATIVE * abs(value)) if isinstance(value, float | int) and np.isfinite(value) else ABSOLUTE


def _shape(table: pd.DataFrame) -> str:
    return f"{len(table)} lines of {', '.join(map(str, table.columns))}"


def _name(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts if not (isinstance(part, float) and np.isnan(part)) and part != "")
