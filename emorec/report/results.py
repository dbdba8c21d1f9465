"""What the report reads of a finished study: its tables, the data's summary and the networks' records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emorec.errors import EmorecError
from emorec.frames import each_row
from emorec.inputs import AGAIN, made_of, read_json
from emorec.plain import printable

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
    "calibration_summary",
    "risk_coverage",
    "comparisons",
    "audit",
    "twins",
    "without_twins",
    "pair_comparisons",
    "error_flow",
    "other_singles",
    "oracle",
    "groupings",
    "gate",
    "gate_use",
    "projections",
    "representation",
    "curves",
    "claims",
)

# What a study without a mixture, one of options to be chosen on val, ends in.
TABLES_WITHOUT_REPORT = ("models", "curves", "scores", "summary")

# Which tables some studies have besides, by what data/summary.json says of them.
VOTES_TABLES = ("ferplus", "by_majority")
TRUTH_TABLES = ("truth", "truth_summary", "planted")

# Cells of these columns are names: an empty one stays empty, and a model called `nan` stays a name.
_TEXT = dict.fromkeys(
    ["model", "kind", "label", "grouping", "split", "emotion", "metric", "true", "predicted", "first", "second"]
    + ["reference", "expert", "method", "measure", "network", "role", "claim", "question", "verdict", "sentence"]
    + [
        "other",
        "nearest_label",
        "agreement",
        "family",
        "foreign",
        "control",
        "mixture",
        "state",
        "emotions",
        "gate",
        "parts",
    ],
    str,
)


_MARKUP = re.compile(r"[<>`{}\[\]$\\|*#^~@\n]")


@dataclass(frozen=True)
class Results:
    """A finished study. `tables` by name, `data` is data/summary.json, `networks` are all network.json.

    `jobs` are the benchmark files of training and of the networks' outputs: stage, network, seed, seconds of the clock
    and of processors, and the most memory in MB; none in a study whose networks were not trained here.

    The paper's comparison is between the first single network and the first mixture in the config's order, which is
    fixed before anything is trained, and the mixture's control, where that is an ensemble; else that is None.
    """

    tables: dict[str, pd.DataFrame]
    data: dict[str, Any]
    networks: list[dict[str, Any]]
    jobs: pd.DataFrame

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
        """The ensemble that the mixture is compared with; None where its control is none."""
        control = self.control(self.mixture)
        return control if control and self.row(control).kind == "ensemble" else None

    def row(self, model: str) -> Any:
        """A model's row of models.csv."""
        models = self["models"]
        return next(each_row(models[models.model == model]))

    def control(self, mixture: str) -> str | None:
        """The model of equal compute that a mixture is compared with, or None."""
        return str(self.row(mixture).control) or None

    def controls(self, mixtures: Sequence[str]) -> dict[str, str | None]:
        """Each mixture's control."""
        return {mixture: self.control(mixture) for mixture in mixtures}

    @property
    def headline(self) -> list[str]:
        """The models that figures and tables of the main text show."""
        models = self["models"]
        return list(models.loc[models.headline, "model"])

    @property
    def mixtures(self) -> list[str]:
        """All mixtures, in the config's order; bounds are none."""
        models = self["models"]
        return list(models.loc[models.kind == "mixture", "model"])

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
        """A mixture's experts and the emotions of each, in the gate's order; none where experts are free."""
        gate = self["gate"][self["gate"].model == mixture]
        own = gate[gate.own]
        return {
            expert: list(dict.fromkeys(own.loc[own.expert == expert, "emotion"])) for expert in gate.expert.unique()
        }

    def grouped(self, mixture: str) -> list[list[str]]:
        """The emotions of each expert by the model's grouping; empty where it has none."""
        table = self["groupings"]
        return [text.split() for text in table.loc[table.grouping == self.row(mixture).grouping, "emotions"]]

    def parts(self, mixture: str) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """The records of a mixture's gate and of each expert, a record a seed; none of one that is one network."""
        row, groups = self.row(mixture), self.groups(mixture)
        if row.family != "mixture":
            return [], {name: [] for name in groups}

        def records(network: str, role: str) -> list[dict[str, Any]]:
            return [n for n in self.networks if n["network"] == network and n["role"] == role]

        first, *others = row.parts.split()
        gate = records(first, "gate")
        experts = others if gate else [first, *others]
        return gate, {name: records(n, "expert") for name, n in zip(groups, experts, strict=True)}


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
    summary = read_json(study / "data" / "summary.json")
    _refuse_markup(study / "data" / "summary.json", summary)
    tables = {}
    for name in wanted(votes=has_votes(summary), synthetic=bool(summary["synthetic"])):
        path = study / "tables" / f"{name}.csv"
        tables[name] = read_table(path)
        _refuse_markup(path, tables[name].drop(columns="label", errors="ignore").to_dict("list"))
    tables["models"]["headline"] = tables["models"].headline.astype(bool)
    paths = sorted(study.glob("networks/*/seed*/network.json"))
    records = [_shown(path, read_json(path)) for path in paths]
    # The one text of the user's; the config restricts it, but a table can be edited.
    tables["models"]["label"] = tables["models"]["label"].map(escaped)
    # A folder may hold networks of an earlier config; the ones of this study are in curves.csv.
    own = set(zip(tables["curves"].network, tables["curves"].seed, strict=True))
    records = [record for record in records if (record["network"], record["seed"]) in own]
    if not records:
        raise EmorecError(f"{study}/networks: no network.json; run the stage `networks` first")
    results = Results(tables, summary, records, _jobs(study, own))
    for kind in ("single", "mixture"):
        if results.first(kind) is None:
            raise EmorecError(
                f"{study}/tables/models.csv: no model of kind {kind}; the report compares a mixture with a single "
                "network, add one to the config's models"
            )
    return results


def _shown(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """A network's record with what a machine says of itself as Markdown that shows it."""
    versions = {escaped(name): escaped(str(version)) for name, version in record.pop("versions", {}).items()}
    hardware = escaped(str(record.pop("hardware", None) or "unknown"))
    _refuse_markup(path, record)
    return {**record, "versions": versions, "hardware": hardware}


def _refuse_markup(path: Path, content: Any) -> None:
    """EmorecError where a text that is none of ours, as a stranger's published one may be, would be more than text."""
    if isinstance(content, dict):
        content = [*content, *content.values()]
    if isinstance(content, list):
        for each in content:
            _refuse_markup(path, each)
    elif isinstance(content, str) and _MARKUP.search(content):
        raise EmorecError(f"{path}: {printable(content, 60)!r} is markup, which no text in it can be; {AGAIN}")


def _jobs(study: Path, own: set[tuple[str, int]]) -> pd.DataFrame:
    """What the workflow measured of the jobs of these networks, by benchmarks/<stage>/<network>/seed<k>.tsv."""
    rows = []
    for path in sorted(study.glob("benchmarks/*/*/seed*.tsv")):
        stage, network, seed = path.parts[-3], path.parts[-2], path.stem.removeprefix("seed")
        if stage not in ("train", "outputs") or not seed.isdigit() or (network, int(seed)) not in own:
            continue
        with made_of([path]):
            measured = pd.read_csv(path, sep="\t", na_values=["-", "NA"]).iloc[-1]
            values = [float(measured.get(column, float("nan"))) for column in ("s", "cpu_time", "max_rss")]
        rows.append((stage, network, int(seed), *values))
    return pd.DataFrame(rows, columns=["stage", "network", "seed", "seconds", "processor", "memory"])


def escaped(text: str) -> str:
    """`text` as Markdown that shows it as it is: no HTML, emphasis, link, formula, citation or shortcode."""
    return (
        re.sub(r"([^\w\s.,:;/%&'=+×≤≥–-]|_)", r"\\\1", " ".join(text.split()))
        .replace("&", "&amp;")
        .replace(r"\|", "&#124;")
    )


def read_table(path: Path, again: str = AGAIN) -> pd.DataFrame:
    """A table of the study, names as they stand there. EmorecError where it is missing or malformed."""
    with made_of([path], again):
        return _numbers(pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values={}))


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of text that hold numbers and gaps, as numbers."""
    numeric = [c for c in table.columns if c not in _TEXT and pd.api.types.is_string_dtype(table[c])]
    return table.assign(**{c: pd.to_numeric(table[c].replace("", None)) for c in numeric})
