"""The studies that are published in this repository: whole, understood by this code, and what README says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from emorec.predictions.compact import read_compact

from emorec import EMOTIONS
from emorec import config as configs
from emorec.published import manifest, rebuild

ROOT = Path(__file__).resolve().parent.parent
STUDIES = sorted(path.parent for path in ROOT.glob("results/published/*/config.yaml"))
NAMES = [study.name for study in STUDIES]


def cell(row: pd.Series, sign: str = "") -> str:
    """A value in percent with its interval, as README has it."""
    value, low, high = (100 * row[name] for name in ("mean" if "mean" in row else "difference", "low", "high"))
    text = f"{value:{sign}.1f} ({low:.1f} to {high:.1f})".replace("-", "−")
    settled = "p_holm" in row and row["p_holm"] <= 0.05 and (row["low"] > 0 or row["high"] < 0)
    return f"**{text}**" if settled else text


def readme_table(study: Path) -> list[str]:
    """README's lines of a published study, a line a model that could be used."""
    models = pd.read_csv(study / "tables/models.csv", keep_default_na=False).set_index("model")
    summary = pd.read_csv(study / "tables/summary.csv").query("split == 'test'").set_index(["metric", "model"])
    compared = pd.read_csv(study / "tables/comparisons.csv").query("metric == 'accuracy'")
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
    for model in configs.load(study / "config.yaml").models:
        frames = [read_compact(path) for path in sorted(study.glob(f"predictions/{model}/seed*.parquet"))]
        for split in ("val", "test"):
            right = []
            for frame in (frame[frame["split"] == split] for frame in frames):
                answers = frame[[f"p_{emotion}" for emotion in EMOTIONS]].to_numpy().argmax(axis=1)
                right.append((answers == frame["label"].to_numpy()).mean())
            assert summary.loc[(model, split), "mean"] == pytest.approx(sum(right) / len(right), abs=1e-6)


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
