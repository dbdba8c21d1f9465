"""What the report reads of a finished study: its tables, the data's summary and the networks' records."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emorec.errors import EmorecError
from emorec.frames import read_table
from emorec.inputs import AGAIN, made_of, read_json
from emorec.paths import TABLES, results_tables
from emorec.plain import printable

_MARKUP = re.compile(r"[<>`{}\[\]$\\|*#^~@\n]")


@dataclass(frozen=True)
class Results:
    """A finished study. `tables` by name, `data` is data/summary.json, `networks` are all network.json.

    `jobs`: stage, network, seed, seconds of clock and processors, most memory in MB; none of networks from elsewhere.
    """

    tables: dict[str, pd.DataFrame]
    data: dict[str, Any]
    networks: list[dict[str, Any]]
    jobs: pd.DataFrame


def read(study: Path) -> Results:
    """Read a study's folder, `results/<study>`.

    Raises:
        EmorecError: A table or record is missing, or the study lacks what the report is about.
    """
    summary = read_json(study / "data" / "summary.json")
    _refuse_markup(study / "data" / "summary.json", summary)
    tables = {}
    kind = {"mixture": True, "votes": bool(summary.get("votes")), "synthetic": bool(summary["synthetic"])}
    for name in (*results_tables(**kind), *TABLES["pixels"], *TABLES["embeddings"]):
        path = study / "tables" / f"{name}.csv"
        tables[name] = read_table(path)
        _refuse_markup(path, tables[name].drop(columns="label", errors="ignore").to_dict("list"))
    models = tables["models"]
    # The one text of the user's; the config restricts it, but a table can be edited.
    models["label"] = models["label"].map(escaped)
    if not (models.kind == "single").any() or models.primary.astype(bool).sum() != 1:
        raise EmorecError(
            f"{study}/tables/models.csv: no single network or no primary mixture; the report compares a mixture with a "
            "single network, add them to the config's models"
        )
    # A folder may hold networks of an earlier config; the ones of this study are in curves.csv.
    own = set(zip(tables["curves"].network, tables["curves"].seed, strict=True))
    records = [_shown(path, read_json(path)) for path in sorted(study.glob("networks/*/seed*/network.json"))]
    records = [record for record in records if (record["network"], record["seed"]) in own]
    if not records:
        raise EmorecError(f"{study}/networks: no network.json; run the stage `networks` first")
    return Results(tables, summary, records, _jobs(study, own))


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
