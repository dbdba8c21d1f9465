"""What the report reads of a finished study: its tables, the data's summary and the networks' records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emorec.errors import EmorecError

TABLES = (
    "models",
    "classes",
    "scores",
    "recall",
    "confusion",
    "pairs",
    "spread",
    "summary",
    "calibration",
    "risk_coverage",
    "comparisons",
    "audit",
    "twins",
    "without_twins",
    "pair_comparisons",
    "gate",
    "projections",
    "representation",
    "curves",
    "claims",
)

# Which tables some studies have besides, by what data/summary.json says of them.
VOTES_TABLES = ("ferplus", "by_majority")
TRUTH_TABLES = ("truth", "planted")

# Cells of these columns are names: an empty one stays empty, and a model called `nan` stays a name.
_TEXT = dict.fromkeys(
    ["model", "kind", "label", "grouping", "split", "emotion", "metric", "true", "predicted", "first", "second"]
    + ["reference", "expert", "method", "measure", "network", "role", "claim", "question", "verdict", "sentence"]
    + ["other", "nearest_label", "agreement"],
    str,
)


@dataclass(frozen=True)
class Results:
    """A finished study. `tables` by name, `data` is data/summary.json, `networks` are all network.json.

    The paper's comparison is between the first single network and the first mixture in the config's order, which is
    fixed before anything is trained, and the ensemble of that mixture's size; it is None where the study has none.
    """

    tables: dict[str, pd.DataFrame]
    data: dict[str, Any]
    networks: list[dict[str, Any]]

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    def first(self, kind: str) -> str | None:
        """The first model of a kind, or None."""
        models = self["models"]
        found = models.loc[models.kind == kind, "model"]
        return None if found.empty else str(found.iloc[0])

    @property
    def reference(self) -> str:
        return str(self.first("single"))

    @property
    def ensemble(self) -> str | None:
        """The ensemble that the mixture is compared with: the one of its own size."""
        models, rows = self["models"], self["comparisons"]
        ensembles = set(models.loc[models.kind == "ensemble", "model"])
        found = rows.loc[(rows.model == self.mixture) & rows.reference.isin(ensembles), "reference"]
        return self.first("ensemble") if found.empty else str(found.iloc[0])

    @property
    def mixture(self) -> str:
        return str(self.first("mixture"))

    @property
    def has_votes(self) -> bool:
        """Whether people's votes on the faces are part of the study."""
        return has_votes(self.data)

    @property
    def has_truth(self) -> bool:
        """Whether the faces were drawn, so that what is true of them is known."""
        return bool(self.data["synthetic"])

    @property
    def seeds(self) -> int:
        return int(self["scores"].seed.nunique())

    def label(self, model: str) -> str:
        """A model's name for people."""
        models = self["models"].set_index("model")
        return str(models.label[model])

    def groups(self, mixture: str) -> dict[str, list[str]]:
        """A mixture's experts and the emotions of each, in the gate's order."""
        gate = self["gate"][self["gate"].model == mixture]
        own = gate[gate.own]
        return {
            expert: list(dict.fromkeys(own.loc[own.expert == expert, "emotion"])) for expert in gate.expert.unique()
        }

    def parts(self, mixture: str) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """The records of a mixture's gate and of each expert, a record a seed; those built like the reference first.

        They are found by what they tell apart, so that the names of networks are free.
        """
        groups = self.groups(mixture)
        wanted = {frozenset(group) for group in groups.values()}

        def of(role: str, fits: Any) -> list[dict[str, Any]]:
            found = [n for n in self.networks if n["role"] == role and fits(n)]
            names = sorted({n["network"] for n in found}, key=lambda name: not name.startswith(f"{self.reference}-"))
            return [n for n in found if n["network"] == names[0]] if names else []

        gate = of("gate", lambda n: {frozenset(c) for c in n["classes"]} == wanted)
        return gate, {
            name: of("expert", lambda n, g=group: set(n["emotions"]) == set(g)) for name, group in groups.items()
        }


def wanted(*, votes: bool, synthetic: bool) -> tuple[str, ...]:
    """The tables that the report of such a study reads."""
    return TABLES + (VOTES_TABLES if votes else ()) + (TRUTH_TABLES if synthetic else ())


def has_votes(summary: dict[str, Any]) -> bool:
    """Whether a study with this data/summary.json has votes.npz."""
    return bool(summary.get("votes"))


def read(study: Path) -> Results:
    """Read a study's folder, `results/<study>`.

    Raises EmorecError when a table or record is missing or the study lacks what the report is about.
    """
    data = study / "data" / "summary.json"
    if not data.exists():
        raise EmorecError(f"{data}: missing; run the stage `data` first")
    summary = json.loads(data.read_text(encoding="utf-8"))
    tables = {}
    for name in wanted(votes=has_votes(summary), synthetic=bool(summary["synthetic"])):
        path = study / "tables" / f"{name}.csv"
        try:
            tables[name] = pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values={})
        except FileNotFoundError:
            raise EmorecError(f"{path}: missing; run the stage `tables` first") from None
        tables[name] = _numbers(tables[name])
    records = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(study.glob("networks/*/seed*/network.json"))]
    # A folder may hold networks of an earlier config; the ones of this study are in curves.csv.
    own = set(zip(tables["curves"].network, tables["curves"].seed, strict=True))
    records = [record for record in records if (record["network"], record["seed"]) in own]
    if not records:
        raise EmorecError(f"{study}/networks: no network.json; run the stage `networks` first")
    results = Results(tables, summary, records)
    for kind in ("single", "mixture"):
        if results.first(kind) is None:
            raise EmorecError(
                f"{study}/tables/models.csv: no model of kind {kind}; the report compares a mixture with a single "
                "network, add one to the config's models"
            )
    return results


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of text that hold numbers and gaps, as numbers."""
    numeric = [c for c in table.columns if c not in _TEXT and pd.api.types.is_string_dtype(table[c])]
    return table.assign(**{c: pd.to_numeric(table[c].replace("", None)) for c in numeric})
