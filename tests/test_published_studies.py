"""The studies that are published in this repository: whole, understood by this code, and what README says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from emorec import config as configs
from emorec.predictions.store import PROBABILITIES, read_predictions
from emorec.published import manifest, rebuild

ROOT = Path(__file__).resolve().parent.parent
STUDIES = sorted(path.parent for path in ROOT.glob("results/published/*/config.yaml"))
NAMES = [study.name for study in STUDIES]


def cell(row: pd.Series, sign: str = "") -> str:
    """A value in percent with its interval, as README has it: bold where a test told it apart."""
    value, low, high = (100 * row[name] for name in ("mean" if "mean" in row else "difference", "low", "high"))
    text = f"{value:{sign}.1f} ({low:.1f} to {high:.1f})".replace("-", "−")
    return f"**{text}**" if row.get("verdict") in ("better", "worse") else text


def readme_table(study: Path) -> list[str]:
    """README's lines of a published study, a line a model that could be used."""
    models = pd.read_csv(study / "tables/models.csv", keep_default_na=False).set_index("model")
    summary = pd.read_csv(study / "tables/summary.csv").query("split == 'test'").set_index(["metric", "model"])
    compared = pd.read_csv(study / "tables/comparisons.csv").query("measure == 'accuracy'")
    compared = compared.set_index(["model", "reference"])
    single = configs.load(study / "config.yaml").reference
    lines = []
    for name, model in models.iterrows():
        if model["gate"] == "oracle":
            continue
        control = model["control"] if model["control"] != single else ""
        against = [
            compared.loc[(name, other)] if (name, other) in compared.index else None for other in (single, control)
        ]
        cells = [
            model["label"],
            f"{float(model['flops']) / float(models.loc[single, 'flops']):.1f}",
            cell(summary.loc[("accuracy", name)]),
            *("" if row is None else cell(row, "+") for row in against),
            cell(summary.loc[("macro_f1", name)]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def test_there_is_one() -> None:
    assert STUDIES


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_it_can_be_rebuilt(study: Path) -> None:
    """Whole, and nothing is missing that this version of the program needs."""
    found, config = rebuild.check(study, configs.load(study / "config.yaml"))
    assert found.networks == len(configs.all_parts(config))
    assert not any(code.dirty for code in (found.published, *found.trained))


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_its_scores_are_those_of_its_predictions(study: Path) -> None:
    summary = pd.read_csv(study / "tables/summary.csv").query("metric == 'accuracy'").set_index(["model", "split"])
    predictions = read_predictions(study / "predictions.parquet")
    assert predictions["model"].drop_duplicates().tolist() == list(configs.load(study / "config.yaml").models)
    right = predictions[PROBABILITIES].to_numpy().argmax(axis=1) == predictions["label"]
    by_seed = right.groupby([predictions["model"], predictions["split"], predictions["seed"]]).mean()
    for (model, split), own in by_seed.groupby(["model", "split"]):
        assert summary.loc[(model, split), "mean"] == pytest.approx(own.mean(), abs=1e-6)


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_its_paper_lies_beside(study: Path) -> None:
    """Rendered from what is published: HTML and PDF, which name the commit."""
    commit = manifest.read(study / manifest.MANIFEST).published.commit
    paper = (ROOT / f"report/published/{study.name}.html").read_text()
    assert re.search(commit[:7], paper)
    assert (ROOT / f"report/published/{study.name}.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_readme_has_the_numbers(study: Path) -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    wanted = readme_table(study)
    start = lines.index(wanted[0])
    assert lines[start : start + len(wanted)] == wanted
