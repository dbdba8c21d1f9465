"""What the paper's templates may look up: models, estimates and rows of tables, all of them plain values."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import Any

import pandas as pd

from emorec import EMOTIONS, SIDE, SPLITS
from emorec.data.twins import TWIN
from emorec.errors import EmorecError
from emorec.report import typography as t
from emorec.report.results import Results
from emorec.tables.bootstrap import RESAMPLES
from emorec.tables.truth import POSTERIOR, TOP

Row = dict[str, Any]
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A score, or the difference of two, with its 95 % interval; fractions.

    `verdict` is the table's: better, worse or not told apart; empty for what is exploratory.
    """

    what: str
    value: float
    low: float = NAN
    high: float = NAN
    verdict: str = ""
    count: int = 0

    def __float__(self) -> float:
        return self.value

    @property
    def better(self) -> bool:
        return self._says("better")

    @property
    def worse(self) -> bool:
        return self._says("worse")

    @property
    def undecided(self) -> bool:
        return self._says("not told apart")

    def _says(self, verdict: str) -> bool:
        if not self.verdict:
            raise EmorecError(f"{self.what} is exploratory: it has an interval and no verdict")
        return self.verdict == verdict


class Lookups:
    """Lookups over one study. Every public method and property is a name in the templates."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._rows: dict[str, list[Any]] = {name: table.to_dict("records") for name, table in results.tables.items()}
        self.seeds = len({row["seed"] for row in self.rows("scores")})
        self.models = [self._model(row) for row in self.rows("models")]
        self.primary = self.model(self.row("models", primary=True)["model"])
        self.single = next(model for model in self.models if model["kind"] == "single")
        control = self.primary["control"]
        self.control = self.model(control) if control and control != self.single["name"] else None
        self.rival = self.control or self.single
        # What took part in comparisons (tables/controls.py): no bounds, and no fine-tuned mixture that is its start.
        own = [model for model in self.models if model["primary"] or not model["kept_all"]]
        self.compared = [model for model in own if model["kind"] != "oracle"]
        self.mixtures = [model for model in self.compared if model["kind"] == "mixture"]
        self.oracles = [model for model in self.models if model["kind"] == "oracle"]
        self.trio = [model for model in (self.single, self.control, self.primary) if model]
        # Whether gate and experts of the primary mixture can be asked apart, and exchanged with another model's.
        self.routable = bool(self.rows("routing", mixture=self.primary, other=self.rival))
        self.emotions = list(EMOTIONS)
        self.side = SIDE
        self.data = {"note": "", **results.data}
        self.synthetic, self.votes = bool(results.data["synthetic"]), bool(results.data.get("votes"))
        self.faces = {split: sum(row["faces"] for row in self.rows("classes", split=split)) for split in SPLITS}
        self.posterior, self.planted_top, self.resamples, self.twin_threshold = POSTERIOR, TOP, RESAMPLES, TWIN

    def names(self) -> dict[str, Any]:
        """All of it by the names that templates use."""
        return {name: getattr(self, name) for name in dir(self) if not name.startswith("_") and name != "names"}

    # Rows as they stand in the tables.

    def rows(self, table: str, **where: Any) -> list[Row]:
        """The rows of a table whose columns have these values; a model stands for its name."""
        if table not in self._rows:
            raise EmorecError(f"there is no table {table!r}{_close(table, self._rows)}")
        columns = self._results.tables[table].columns
        for column in where:
            if column not in columns:
                raise EmorecError(f"{table}.csv has no column {column!r}{_close(column, columns)}")
        wanted = {column: _name(value) for column, value in where.items()}
        return [dict(row) for row in self._rows[table] if all(row[name] == value for name, value in wanted.items())]

    def row(self, table: str, **where: Any) -> Row:
        """The one row of a table with these values."""
        found = self.rows(table, **where)
        if len(found) != 1:
            raise EmorecError(f"{table}.csv has {len(found) or 'no'} rows with {_said(where)}; one is looked up")
        return found[0]

    def mean(self, table: str, column: str, **where: Any) -> float:
        """A column's mean over the rows with these values, over seeds mostly; NaN where there is no row."""
        return _mean(self.rows(table, **where), column)

    # Models.

    def model(self, name: str) -> Row:
        for model in self.models:
            if model["name"] == name:
                return model
        raise EmorecError(f"there is no model {name!r}{_close(name, [model['name'] for model in self.models])}")

    def _model(self, row: Row) -> Row:
        """A row of models.csv with `name`, `groups` (the emotions of each expert, where it has some of its own),
        `kept_start` (the seeds in which fine-tuning never improved val) and `kept_all` (whether these are all)."""
        kept = [int(seed) for seed in row["kept_start"].split()]
        groups = [of["emotions"].split() for of in self.rows("groupings", grouping=row["grouping"])]
        whole = {key: 0 if pd.isna(row[key]) else int(row[key]) for key in ("networks", "experts")}
        own = {"name": row["model"], "kept_start": kept, "kept_all": len(kept) == self.seeds, "groups": groups}
        return row | whole | own

    # Estimates.

    def _estimate(self, table: str, column: str, **where: Any) -> Estimate:
        row, what = self.row(table, **where), f"{table}.csv, {_said(where)},"
        return Estimate(what, row[column], row["low"], row["high"], row.get("verdict", ""), row.get("faces", 0))

    def score(self, model: Any, metric: str = "accuracy") -> Estimate:
        return self._estimate("summary", "mean", model=model, metric=metric, split="test")

    def difference(self, model: Any, reference: Any, measure: str = "accuracy") -> Estimate:
        return self._estimate("comparisons", "difference", model=model, reference=reference, measure=measure)

    def to_control(self, model: Row) -> Estimate:
        """A mixture's difference to its control in accuracy, which is the single where no ensemble comes nearer."""
        return self.difference(model, model["control"] or self.single)

    def differences_to_control(self, models: Iterable[Row]) -> list[Estimate]:
        return [self.to_control(model) for model in models]

    def ahead_of_control(self, models: Iterable[Row]) -> list[Row]:
        """Those whose difference to their control has an interval above zero."""
        return [model for model in models if self.to_control(model).low > 0]

    def nearest_to_control(self, models: Iterable[Row]) -> Row:
        """The model that is least behind its control, or most ahead."""
        return max(models, key=lambda model: self.to_control(model).value)

    def delta(self, model: Any, reference: Any, measure: str = "accuracy") -> str:
        """The cell of a difference; a dash where the two are not compared."""
        known = self.rows("comparisons", model=model, reference=reference or "", measure=measure)
        return cell(self.difference(model, reference, measure)) if known else t.NONE

    def group_score(self, model: Any, measure: str, reference: Any = "", group: str = "") -> Estimate:
        """names_group, within_group, within_errors or across_errors by the primary mixture's grouping."""
        where = {"model": model, "reference": reference, "measure": measure, "group": group}
        return self._estimate("group_scores", "estimate", **where, grouping=self.primary["grouping"])

    def naming_is_harder(self) -> bool:
        """Whether each of `trio` names the group less often than it decides within it, by two points or more."""
        score = self.group_score
        gaps = [score(of, "within_group").value - score(of, "names_group").value for of in self.trio]
        return min(gaps) >= 0.02

    def routing(self, routed_by: Any, decided_by: Any, other: Any, mixture: Any = None) -> dict[str, Estimate]:
        """A cell of who routes × who decides: its `accuracy`, and its `difference` to `other` doing both."""
        where = {"mixture": mixture or self.primary, "other": other, "routed_by": routed_by, "decided_by": decided_by}
        row, accuracy = self.row("routing", **where), self._estimate("routing", "accuracy", **where)
        change = (row[name] for name in ("difference", "difference_low", "difference_high"))
        return {"accuracy": accuracy, "difference": Estimate(accuracy.what, *change)}

    def on_twins(self, model: Any, subset: str, reference: Any = "") -> Estimate:
        """Accuracy, or a difference, on a part of the test faces: all, twins, rest, interaction (twins minus rest)."""
        where = {"model": model, "reference": reference, "measure": "accuracy", "emotion": "", "subset": subset}
        return self._estimate("twins_scores", "estimate", **where)

    def by_majority(self, model: Any, reference: Any = "", measure: str = "accuracy") -> Estimate:
        return self._estimate("by_majority", "estimate", model=model, reference=reference, measure=measure)

    def pairs(self, model: Any, reference: Any) -> list[Row]:
        """The 21 pairs, most confused by the reference first; `change` is the difference in the rate of confusion."""
        found = self.rows("pair_comparisons", model=model, reference=reference)
        for row in found:
            row |= {"pair": t.pair(row["first"], row["second"]), "change": self.pair_change(model, reference, row)}
        return sorted(found, key=lambda row: -row["reference_rate"])

    def pair_change(self, model: Any, reference: Any, pair: Row) -> Estimate:
        """The change of one pair's confusion between two models; `pair` has its `first` and `second`."""
        names = {"first": pair["first"], "second": pair["second"]}
        return self._estimate("pair_comparisons", "difference", model=model, reference=reference, **names)

    def calibration(self, model: Any, metric: str, state: str) -> Estimate:
        """`state` is before, after or change."""
        return self._estimate("calibration_summary", "mean", model=model, metric=metric, state=state)

    def purity(self, model: Any, reference: Any) -> Estimate | None:
        """The difference in k-NN purity; None where one of the two has no representation."""
        where = {"model": model, "reference": reference}
        return self._estimate("purity", "difference", **where) if self.rows("purity", **where) else None

    def recall(self, model: Any, emotion: str) -> Row:
        """`mean` and `sd` over seeds; both NaN for an emotion without test faces."""
        found = self.rows("spread", model=model, split="test", measure="recall", first=emotion)
        return found[0] if found else {"mean": NAN, "sd": NAN}

    # What was trained, and how.

    def records(self, network: str = "") -> list[Row]:
        """The records of a network's seeds, or of all."""
        return [record for record in self._results.networks if network in ("", record["network"])]

    def without_copies(self) -> list[Row]:
        """The models that are trained without faces that have a twin in a later split, where the single is not."""
        kept = {own["network"] for own in self.records() if own["spec"]["training"].get("twins") != "drop"}
        without = [model for model in self.models if kept.isdisjoint(model["parts"].split())]
        return [] if self.single in without else without

    def networks(self) -> list[Row]:
        """A row a network, in the order classifier, gate, expert, mixture; means over its seeds."""
        order = ("classifier", "gate", "expert", "mixture")
        found = {record["network"]: record["role"] for record in self._results.networks}
        rows = []
        for name in sorted(found, key=lambda name: (order.index(found[name]), name)):
            records = self.records(name)
            epochs = [record["best_epoch"] for record in records]
            own = {key: records[0][key] for key in ("role", "parameters", "classes")}
            own |= {key: _mean(records, key) for key in ("val_accuracy", "train_seconds")}
            rows.append({"network": name, "seeds": len(records), "first": min(epochs), "last": max(epochs), **own})
        return rows

    def at_kept_epochs(self, network: str) -> Row:
        """A network's accuracies at its kept epochs, mean over seeds, and the first and last of these epochs."""
        rows = self.rows("curves", network=network)
        kept = [row for row in rows if row["best"]]
        epochs = [row["epoch"] for row in kept]
        means = {name: _mean(kept, name) for name in ("train_accuracy", "val_accuracy")}
        return {"first_epoch": min(epochs, default=0), "last_kept": max(epochs, default=0), **means}

    def settings(self) -> list[Row]:
        """Every setting of the reference network; `otherwise`: other values, with the networks that have them."""
        usual = _flatten(self.reference["spec"])
        kinds = _kinds(self._results.networks)
        specs = {record["network"]: _flatten(record["spec"]) for record in self._results.networks}
        found = []
        for key in dict.fromkeys(chain(usual, *specs.values())):
            value, networks = usual.get(key, t.NONE), defaultdict(list)
            for name, spec in specs.items():
                networks[spec.get(key, t.NONE)].append(name)
            otherwise = [{"value": each, **_by_kind(of, kinds)} for each, of in networks.items() if each != value]
            found.append({"key": key, "value": value, "otherwise": otherwise})
        return found

    @property
    def reference(self) -> Row:
        """The record of the reference single; of any classifier where names differ."""
        records = self._results.networks
        return (self.records(self.single["name"]) or [r for r in records if r["role"] == "classifier"] or records)[0]

    def jobs(self) -> list[Row]:
        """What the workflow measured, by stage and network: mean seconds and processor seconds, most memory in MB."""
        table = self._results.jobs.groupby(["stage", "network"])
        means = table[["seconds", "processor"]].mean().assign(jobs=table.size(), memory=table["memory"].max())
        means = means.reset_index().sort_values("stage", ascending=False, kind="stable")  # training first
        return [{str(name): value for name, value in row.items()} for row in means.to_dict("records")]


def filters() -> dict[str, Callable[..., Any]]:
    """The templates' filters by name: numbers as text, some of estimates alone."""
    numbers = {name: each for name, each in vars(t).items() if getattr(each, "__module__", "") == t.__name__}
    return numbers | {each.__name__: each for each in (points, interval, level, cell, extent)}


def points(of: Estimate | float) -> str:
    """`−2.2 points, 95 % CI −4.0 to −0.4`; without an interval for a bare number."""
    text = t.signed(100 * float(of))
    text += f"{t.NBSP}{'point' if text[1:] == '1.0' else 'points'}" if text != t.NONE else ""
    return f"{text}, 95{t.NBSP}% CI {interval(of)}" if isinstance(of, Estimate) else text


def interval(of: Estimate, digits: int = 1, scale: float = 100) -> str:
    """`−4.0 to −0.4`."""
    return f"{t.number(scale * of.low, digits)} to {t.number(scale * of.high, digits)}"


def level(of: Estimate, digits: int = 1, scale: float = 100) -> str:
    """A score in a cell: `71.2 (69.9 to 72.5)`."""
    return f"{t.number(scale * of.value, digits)} ({interval(of, digits, scale)})"


def cell(of: Estimate) -> str:
    """A difference in a cell, `−2.2 (−4.0 to −0.4)`; in bold where the verdict is better or worse."""
    if not math.isfinite(of.value):
        return t.NONE
    text = t.signed(100 * of.value)
    text = f"**{text}**" if of.verdict in ("better", "worse") else text
    return f"{text} ({interval(of)})"


def extent(of: Iterable[Estimate]) -> str:
    """The lowest and the highest of some estimates, `−2.5 to −0.5`, in points."""
    values = [100 * each.value for each in of]
    low, high = t.signed(min(values)), t.signed(max(values))
    return low if low == high else f"{low} to {high}"


def _name(of: Any) -> Any:
    return of["name"] if isinstance(of, dict) else of


def _said(where: dict[str, Any]) -> str:
    return ", ".join(f"{column}={_name(value)!r}" for column, value in where.items())


def _close(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _mean(rows: Iterable[Row], column: str) -> float:
    values = [row[column] for row in rows if math.isfinite(row[column])]
    return sum(values) / len(values) if values else NAN


# What a network is, rather than how it is built and trained; the table of networks says it.
_IDENTITY = {"network", "role", "classes", "emotions", "seed", "group", "grouping"}
_IDENTITY |= {"mixture.experts", "mixture.groups", "mixture.parts"}


def _flatten(spec: Row, prefix: str = "") -> dict[str, str]:
    """A nested spec as dotted keys and text, without what names the network itself."""
    flat: dict[str, str] = {}
    for key, value in spec.items():
        if f"{prefix}{key}" in _IDENTITY or (key == "mixture" and not prefix and value is None):
            continue
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": t.plain(value)}
    return flat


def _kinds(records: Sequence[Row]) -> dict[tuple[str, str], set[str]]:
    """Names of networks by (role, ""), and by ("kin", name) those of a single, its gates and its experts."""
    experts = [record for record in records if record["role"] == "expert"]
    kinds = {(role, ""): {own["network"] for own in records if own["role"] == role} for role in ("gate", "mixture")}
    kinds["expert", ""] = {own["network"] for own in experts}
    kinds["started", ""] = {own["network"] for own in experts if own.get("start")}
    for single in dict.fromkeys(own["network"] for own in records if own["role"] == "classifier"):
        parts = (f"{single}-gate-", f"{single}-expert-")
        kinds["kin", single] = {single} | {own["network"] for own in records if own["network"].startswith(parts)}
    return kinds


def _by_kind(names: Sequence[str], kinds: dict[tuple[str, str], set[str]]) -> Row:
    """The `kinds` of which all networks, several, are among `names`, largest first, and the `names` that are left."""
    left, whole = set(names), []
    for kind, own in sorted(kinds.items(), key=lambda item: -len(item[1])):
        if len(own) > 1 and own <= left:
            whole.append(kind)
            left -= own
    return {"kinds": whole, "names": [name for name in names if name in left]}
