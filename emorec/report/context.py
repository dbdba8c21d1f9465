"""What the paper's templates may look up: models, estimates and rows of the study's tables, all of them plain values.

A lookup for which a table has no row is an EmorecError; the template that asked is named by `templates`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pandas as pd

from emorec import EMOTIONS, SIDE, SPLITS
from emorec.errors import EmorecError
from emorec.report import typography as t
from emorec.report.results import Results
from emorec.tables.truth import POSTERIOR, TOP

Row = dict[str, Any]
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A score, or the difference of two, with its 95 % interval; fractions.

    `verdict` is the table's: better, worse or not told apart; empty for what is exploratory, of which nothing may be
    said but the interval.
    """

    what: str
    value: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    p_holm: float = NAN
    verdict: str = ""
    count: int = 0

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


@dataclass(frozen=True)
class Model:
    """A row of models.csv. `groups` are the emotions of each expert, where it has some of its own."""

    name: str
    label: str
    kind: str
    family: str
    networks: int
    parts: str
    parameters: float
    flops: float
    train_seconds: float
    train_flops: float
    grouping: str
    gate: str
    foreign: str
    start: str
    length: str
    experts: int
    control: str
    headline: bool
    kept_start: tuple[int, ...]
    kept_all: bool  # fine-tuning improved val in no seed: the mixture that it started from is what was kept
    groups: tuple[tuple[str, ...], ...]


class Lookups:
    """Lookups over one study. Every public method and property is a name in the templates."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._columns = {name: [str(column) for column in table] for name, table in results.tables.items()}
        self._rows = {name: table.to_dict("records") for name, table in results.tables.items()}
        # The rows by what is asked of them: the columns that are named, and their values.
        self._index: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], list[Any]]] = {}
        self.seeds = len({row["seed"] for row in self.rows("scores")})
        self.models = [self._model(row) for row in self.rows("models")]
        self.primary = self.model(self.row("models", primary=True)["model"])
        self.single = next(model for model in self.models if model.kind == "single")
        control = self.primary.control
        self.control = self.model(control) if control and control != self.single.name else None
        self.rival = self.control or self.single
        # What took part in comparisons: no bounds, and no fine-tuned mixture that is the one that it started from.
        self.compared = [model for model in self.models if model.kind != "oracle" and not model.kept_all]
        self.mixtures = [model for model in self.compared if model.kind == "mixture"]
        self.oracles = [model for model in self.models if model.kind == "oracle"]
        self.headline = [model for model in self.models if model.headline]
        self.trio = [model for model in (self.single, self.control, self.primary) if model]
        # Whether gate and experts of the primary mixture can be asked apart, and exchanged with another model's.
        self.routable = bool(self.rows("routing", mixture=self.primary, other=self.rival))
        self.emotions = list(EMOTIONS)
        self.side = SIDE
        self.data = {"note": "", **results.data}
        self.synthetic, self.votes = bool(results.data["synthetic"]), bool(results.data.get("votes"))
        self.faces = {split: sum(row["faces"] for row in self.rows("classes", split=split)) for split in SPLITS}
        self.posterior, self.planted_top = POSTERIOR, TOP

    def names(self) -> dict[str, Any]:
        """All of it by the names that templates use."""
        return {name: getattr(self, name) for name in dir(self) if not name.startswith("_") and name != "names"}

    # Rows as they stand in the tables.

    def rows(self, table: str, **where: Any) -> list[Row]:
        """The rows of a table whose columns have these values; a model stands for its name."""
        if table not in self._rows:
            raise EmorecError(f"there is no table {table!r}{_close(table, self._rows)}")
        columns = tuple(sorted(where))
        if (table, columns) not in self._index:
            for column in columns:
                if column not in self._columns[table]:
                    raise EmorecError(f"{table}.csv has no column {column!r}{_close(column, self._columns[table])}")
            index = self._index[table, columns] = defaultdict(list)
            for row in self._rows[table]:
                index[tuple(row[column] for column in columns)].append(row)
        found = self._index[table, columns].get(tuple(_name(where[column]) for column in columns), [])
        return [dict(row) for row in found]

    def row(self, table: str, **where: Any) -> Row:
        """The one row of a table with these values."""
        found = self.rows(table, **where)
        if len(found) != 1:
            said = ", ".join(f"{column}={_name(value)!r}" for column, value in where.items())
            raise EmorecError(f"{table}.csv has {len(found) or 'no'} rows with {said}; one is looked up")
        return found[0]

    def mean(self, table: str, column: str, **where: Any) -> float:
        """A column's mean over the rows with these values, over seeds mostly; NaN where there is no row."""
        values = [row[column] for row in self.rows(table, **where) if math.isfinite(row[column])]
        return sum(values) / len(values) if values else NAN

    # Models.

    def model(self, name: str) -> Model:
        for model in self.models:
            if model.name == name:
                return model
        raise EmorecError(f"there is no model {name!r}{_close(name, [model.name for model in self.models])}")

    def _model(self, row: Row) -> Model:
        kept = tuple(int(seed) for seed in row["kept_start"].split())
        groups = [of["emotions"].split() for of in self.rows("groupings", grouping=row["grouping"])]
        fields = {name: row[name] for name in Model.__annotations__ if name in row}
        fields |= {"name": row["model"], "kept_start": kept, "kept_all": bool(kept) and len(kept) == self.seeds}
        fields |= {"headline": bool(row["headline"]), "groups": tuple(map(tuple, groups))}
        whole = {key: 0 if pd.isna(row[key]) else int(row[key]) for key in ("networks", "experts")}
        return Model(**(fields | whole))

    # Estimates.

    def score(self, model: Any, metric: str = "accuracy", split: str = "test") -> Estimate:
        row = self.row("summary", model=model, metric=metric, split=split)
        return Estimate(f"{metric} of {_name(model)}", row["mean"], row["low"], row["high"])

    def difference(self, model: Any, reference: Any, measure: str = "accuracy") -> Estimate:
        row = self.row("comparisons", model=model, reference=reference, measure=measure)
        return _estimate(row, f"{measure} of {_name(model)} minus {_name(reference)}", row["difference"])

    def differences_to_control(self, models: Iterable[Model], measure: str = "accuracy") -> list[Estimate]:
        return [self.difference(model, model.control or self.single, measure) for model in models]

    def delta(self, model: Any, reference: Any, measure: str = "accuracy") -> str:
        """The cell of a difference; a dash where the two are not compared."""
        known = self.rows("comparisons", model=model, reference=reference or "", measure=measure)
        return cell(self.difference(model, reference, measure)) if known else t.NONE

    def group_score(self, model: Any, measure: str, reference: Any = "", group: str = "") -> Estimate:
        """names_group, within_group, within_errors or across_errors by the primary mixture's grouping."""
        row = self.row("group_scores", model=model, reference=reference, measure=measure, group=group,
                       grouping=self.primary.grouping)  # fmt: skip
        return _estimate(row, f"{measure} of {_name(model)}", row["estimate"], row["faces"])

    def routing(self, routed_by: Any, decided_by: Any, other: Any, mixture: Any = None) -> dict[str, Estimate]:
        """A cell of who routes × who decides: its `accuracy`, and its `difference` to `other` doing both."""
        row = self.row("routing", mixture=mixture or self.primary, other=other, routed_by=routed_by,
                       decided_by=decided_by)  # fmt: skip
        what = f"{_name(routed_by)} routing and {_name(decided_by)} deciding"
        accuracy = Estimate(what, row["accuracy"], row["low"], row["high"])
        change = (row[name] for name in ("difference", "difference_low", "difference_high", "p"))
        return {"accuracy": accuracy, "difference": Estimate(what, *change)}

    def on_twins(
        self, model: Any, subset: str, reference: Any = "", measure: str = "accuracy", emotion: str = ""
    ) -> Estimate:
        """A score or difference on a subset of the test faces: all, twins, rest, or interaction (twins minus rest)."""
        row = self.row("twins_scores", model=model, reference=reference, measure=measure, emotion=emotion,
                       subset=subset)  # fmt: skip
        return _estimate(row, f"{measure} of {_name(model)} on {subset}", row["estimate"], row["count"])

    def by_majority(self, model: Any, reference: Any = "", measure: str = "accuracy") -> Estimate:
        row = self.row("by_majority", model=model, reference=reference, measure=measure)
        return _estimate(row, f"{measure} of {_name(model)} by the majority", row["estimate"], row["faces"])

    def pairs(self, model: Any, reference: Any) -> list[Row]:
        """The 21 pairs, most confused by the reference first; `change` is the difference in the rate of confusion."""
        found = self.rows("pair_comparisons", model=model, reference=reference)
        for row in found:
            row["pair"] = t.pair(row["first"], row["second"])
            row["change"] = self.pair_change(model, reference, row)
        return sorted(found, key=lambda row: -row["reference_rate"])

    def pair_change(self, model: Any, reference: Any, pair: Row) -> Estimate:
        """The change of one pair's confusion between two models; `pair` has its `first` and `second` emotion."""
        names = {"first": pair["first"], "second": pair["second"]}
        row = self.row("pair_comparisons", model=model, reference=reference, **names)
        return _estimate(row, f"confusion of {t.pair(**names)}", row["difference"])

    def calibration(self, model: Any, metric: str, state: str) -> Estimate:
        """`state` is before, after or change."""
        row = self.row("calibration_summary", model=model, metric=metric, state=state)
        return Estimate(f"{metric} of {_name(model)}", row["mean"], row["low"], row["high"])

    def purity(self, model: Any, reference: Any) -> Estimate | None:
        """The difference in k-NN purity; None where one of the two has no representation."""
        found = self.rows("purity", model=model, reference=reference)
        return _estimate(found[0], f"purity of {_name(model)}", found[0]["difference"]) if found else None

    def recall(self, model: Any, emotion: str) -> Row:
        """`mean` and `sd` over seeds; both NaN for an emotion without test faces."""
        found = self.rows("spread", model=model, split="test", measure="recall", first=emotion)
        return found[0] if found else {"mean": NAN, "sd": NAN}

    # What was trained, and how.

    def records(self, network: str = "") -> list[Row]:
        """The records of a network's seeds, or of all."""
        return [record for record in self._results.networks if network in ("", record["network"])]

    def networks(self) -> list[Row]:
        """A row a network, in the order classifier, gate, expert, mixture; means over its seeds."""
        order = {"classifier": 0, "gate": 1, "expert": 2, "mixture": 3}
        names = dict.fromkeys(record["network"] for record in sorted(
            self._results.networks, key=lambda record: (order.get(record["role"], 9), record["network"])))  # fmt: skip
        return [_network(name, self.records(name)) for name in names]

    def chosen(self, network: str) -> Row:
        """A network at its kept epochs, mean over seeds, with the validation loss where it is lowest and at the end."""
        rows = self.rows("curves", network=network)
        kept = [row for row in rows if row["best"]]
        last = [max((row for row in rows if row["seed"] == seed), key=lambda row: row["epoch"])
                for seed in {row["seed"] for row in rows}]  # fmt: skip
        epochs = [row["epoch"] for row in kept]
        means = {name: _average(kept, name) for name in ("train_accuracy", "val_accuracy", "train_loss", "val_loss")}
        ends = {f"last_{name}": _average(last, name) for name in ("epoch", *means)}
        return {"first_epoch": min(epochs, default=0), "last_kept": max(epochs, default=0), **means, **ends}

    def settings(self) -> list[Row]:
        """Every setting of the reference network; `otherwise`: other values, with the networks that have them."""
        spec = _flatten(self.reference["spec"])
        others = {record["network"]: (record["role"], _flatten(record["spec"])) for record in self._results.networks}
        found = []
        for key in dict.fromkeys([*spec, *(key for _, other in others.values() for key in other)]):
            value, different = spec.get(key, t.NONE), {}  # type: ignore[var-annotated]
            for name, (_, other) in others.items():
                if other.get(key, t.NONE) != value:
                    different.setdefault(other.get(key, t.NONE), []).append(name)
            otherwise = [{"value": text, **_by_role(names, others)} for text, names in different.items()]
            found.append({"key": key, "value": value, "otherwise": otherwise})
        return found

    @property
    def reference(self) -> Row:
        """The record of the reference single; of any classifier where names differ."""
        records = self._results.networks
        return (self.records(self.single.name) or [r for r in records if r["role"] == "classifier"] or records)[0]

    @property
    def hardware(self) -> list[str]:
        return sorted({record["hardware"] for record in self._results.networks})

    def versions(self, own: dict[str, str]) -> dict[str, str]:
        """What trained the networks and what made the report, by its version."""
        return {**self._results.networks[0].get("versions", {}), **own}

    def jobs(self) -> list[Row]:
        """What the workflow measured, by stage and network: mean seconds and processor seconds, most memory in MB."""
        table = self._results.jobs
        found = []
        for (stage, network), part in sorted(table.groupby(["stage", "network"]), key=lambda key: key[0][0] != "train"):
            means = {name: float(part[name].mean()) for name in ("seconds", "processor")}
            found.append({"stage": stage, "network": network, "jobs": len(part), **means,
                          "memory": float(part.memory.max())})  # fmt: skip
        return found


def filters() -> dict[str, Callable[..., Any]]:
    """The templates' filters by name: numbers as text."""
    own = {
        name: function for name, function in vars(t).items() if callable(function) and function.__module__ == t.__name__
    }
    of_estimates: dict[str, Callable[..., Any]] = {
        "percent": lambda of, digits=1: t.percent(_value(of), digits),
        "point": lambda of, digits=1: t.point(_value(of), digits),
        "points": points,
        "interval": interval,
        "level": level,
        "cell": cell,
        "decimal": lambda of, digits=3: t.number(_value(of), digits),
        "extent": extent,
    }
    return own | of_estimates


def points(of: Estimate | float, digits: int = 1) -> str:
    """`−2.2 points, 95 % CI −4.0 to −0.4`; without an interval for a bare number."""
    text = t.signed(100 * _value(of), digits)
    text += f"{t.NBSP}{'point' if text[1:] == '1.0' else 'points'}" if text != t.NONE else ""
    return f"{text}, 95{t.NBSP}% CI {interval(of, digits)}" if isinstance(of, Estimate) else text


def interval(of: Estimate, digits: int = 1, scale: float = 100) -> str:
    """`−4.0 to −0.4`."""
    return t.between(of.low, of.high, digits, scale)


def level(of: Estimate, digits: int = 1, scale: float = 100) -> str:
    """A score in a cell: `71.2 (69.9 to 72.5)`."""
    return f"{t.number(scale * of.value, digits)} ({interval(of, digits, scale)})"


def cell(of: Estimate | None, digits: int = 1) -> str:
    """A difference in a cell, `−2.2 (−4.0 to −0.4)`; in bold where the verdict is better or worse."""
    if of is None or not math.isfinite(of.value):
        return t.NONE
    text = t.signed(100 * of.value, digits)
    text = f"**{text}**" if of.verdict in ("better", "worse") else text
    return f"{text} ({interval(of, digits)})"


def extent(of: Iterable[Estimate]) -> str:
    """The lowest and the highest of some estimates, `−2.5 to −0.5`, in points."""
    values = [100 * each.value for each in of]
    low, high = t.signed(min(values)), t.signed(max(values))
    return low if low == high else f"{low} to {high}"


def _value(of: Estimate | float) -> float:
    return of.value if isinstance(of, Estimate) else of


def _estimate(row: Row, what: str, value: float, count: int = 0) -> Estimate:
    p, p_holm = row.get("p", NAN), row.get("p_holm", NAN)
    return Estimate(what, value, row["low"], row["high"], p, p_holm, row.get("verdict", ""), int(count))


def _name(of: Any) -> Any:
    return of.name if isinstance(of, Model) else of


def _close(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _average(rows: Sequence[Row], name: str) -> float:
    values = [row[name] for row in rows if math.isfinite(row[name])]
    return sum(values) / len(values) if values else NAN


def _network(name: str, records: Sequence[Row]) -> Row:
    epochs = [record["best_epoch"] for record in records]
    means = {key: _average(records, key) for key in ("val_accuracy", "train_seconds")}
    own = {key: records[0][key] for key in ("role", "parameters", "classes")}
    return {"network": name, "seeds": len(records), "first": min(epochs), "last": max(epochs), **means, **own}


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


def _by_role(names: Sequence[str], others: dict[str, tuple[str, Any]]) -> Row:
    """`roles` of which all networks are among `names`, where there are several, and the `names` that are left."""
    roles = {role for role, _ in others.values() if role in ("expert", "gate", "mixture")}
    of = {role: [name for name, (own, _) in others.items() if own == role] for role in sorted(roles)}
    whole = [role for role, own in of.items() if len(own) > 1 and set(own) <= set(names)]
    return {"roles": whole, "names": [name for name in names if others[name][0] not in whole]}
