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


# README's table of a study: the single, its control, the primary mixture, and these, which say most besides.
BESIDES = {
    "fer2013-gpu": ("ensemble-3", "mixture-top-1"),
    "fer2013-cpu": ("resnet18-balanced", "joint"),
    "fer2013-fair": ("specialists-by-single", "clean", "clean-ensemble", "clean-mixture"),
}


def percent(row: pd.Series, value: str, sign: str = "") -> str:
    """A value in percent with its interval: bold where a verdict told it apart."""
    middle, low, high = (100 * row[name] for name in (value, "low", "high"))
    text = f"{middle:{sign}.1f} ({low:.1f} to {high:.1f})".replace("-", "−")
    return f"**{text}**" if row.get("verdict") in ("better", "worse") else text


def primary_test(study: Path) -> pd.Series:
    """The one test of the study: the primary mixture's accuracy minus its control's."""
    tests = pd.read_csv(study / "tables/comparisons.csv").query("tier == 'primary'")
    assert len(tests) == 1
    return tests.iloc[0]


def readme_table(study: Path) -> list[str]:
    """README's rows of a published study."""
    models = pd.read_csv(study / "tables/models.csv").set_index("model")
    summary = pd.read_csv(study / "tables/summary.csv").query("split == 'test'").set_index(["metric", "model"])
    compared = pd.read_csv(study / "tables/comparisons.csv").query("measure == 'accuracy'")
    compared = compared.set_index(["model", "reference"])
    single, test = configs.load(study / "config.yaml").reference, primary_test(study)
    lines = []
    for name in (single, test["reference"], test["model"], *BESIDES[study.name]):
        pairs = [(name, reference) for reference in (single, models.loc[name, "control"])]
        cells = [
            models.loc[name, "label"],
            *(percent(compared.loc[pair], "difference", "+") if pair in compared.index else "–" for pair in pairs),
            *(percent(summary.loc[(metric, name)], "mean") for metric in ("accuracy", "macro_f1")),
            f"{models.loc[name, 'flops'] / models.loc[single, 'flops']:.1f}",
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
    assert lines[start : start + len(wanted) + 1] == [*wanted, ""]


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_readme_states_the_verdict(study: Path) -> None:
    test = primary_test(study)
    sizes = sorted(abs(100 * test[name]) for name in ("low", "high"))
    verdict = f"{test['verdict']} by {abs(100 * test['difference']):.1f} points ({sizes[0]:.1f} to {sizes[1]:.1f})"
    sections = (ROOT / "README.md").read_text().split("\n**")
    assert test["verdict"] in ("better", "worse")  # "not told apart" wants another sentence
    assert any(f"config/{study.name}.yaml" in text and verdict in " ".join(text.split()) for text in sections)


def test_readme_s_other_findings_are_the_tables() -> None:
    """What stands in the list below README's tables, of all studies."""
    gpu, cpu, fair = (ROOT / "results/published" / name / "tables" for name in BESIDES)
    controls = {gpu: "ensemble-4", cpu: "ensemble-4", fair: "ensemble"}
    text = " ".join((ROOT / "README.md").read_text().split())

    def test_of(tables: Path, measure: str, reference: str, model: str = "mixture") -> pd.Series:
        compared = pd.read_csv(tables / "comparisons.csv", index_col=["model", "measure", "reference"])
        return compared.loc[(model, measure, reference or controls[tables])]

    def points(row: pd.Series, sign: int = -1) -> list[str]:
        """Difference and interval, from the lower end up."""
        ends = sorted(sign * 100 * row[name] for name in ("low", "high"))
        return [f"{value:.1f}".replace("-", "−") for value in (sign * 100 * row["difference"], *ends)]

    singles = [test_of(tables, "accuracy", "resnet18") for tables in controls]
    assert [row["verdict"] for row in singles] == ["not told apart", "not told apart", "worse"]
    high = [f"{100 * row['high']:.1f} points" for row in singles]
    assert f"a gain of more than {high[0]} (large networks) and {high[1]} (narrow ones)" in text
    assert "small mixture is worse by {} points ({} to {})".format(*points(singles[2])) in text

    behind = points(test_of(fair, "accuracy", "", "specialists-by-single"))
    ahead = points(test_of(fair, "accuracy", "resnet18", "specialists-by-single"), 1)
    assert "is {} points ({} to {}) behind the ensemble and {} points ({} to {}) ahead".format(*behind, *ahead) in text

    names = [test_of(tables, "names_group", "") for tables in controls]
    assert [row["verdict"] for row in names] == ["not told apart", "worse", "worse"]
    said = "narrow ones by {} points ({} to {}), small ones by {} ({} to {}); large ones do not differ significantly"
    assert said.format(*points(names[1]), *points(names[2])) in text
    within = [test_of(tables, "within_group", "")["verdict"] for tables in controls]
    assert within == ["not told apart", "not told apart", "worse"]
    shares = []
    for tables, control in controls.items():
        scores = pd.read_csv(tables / "group_scores.csv").query("measure == 'within_group' and grouping == 'original'")
        scores = scores[scores["reference"].isna() & scores["group"].isna()].set_index("model")["estimate"]
        shares += [100 * scores[model] for model in ("resnet18", control, "mixture")]
    assert f"for {min(shares):.0f} to {max(shares):.0f} % of the faces" in text

    rest = []
    for tables, control in controls.items():
        scores = pd.read_csv(tables / "twins_scores.csv").query("measure == 'accuracy' and subset == 'rest'")
        rest.append(f"{-100 * scores.set_index(['model', 'reference']).loc[('mixture', control), 'estimate']:.1f}")
    assert "the mixture is {} (large), {} (narrow) and {} points (small) behind".format(*rest) in text
    spent = pd.read_csv(fair / "models.csv", index_col="model")["train_flops"]
    assert f"training the ensemble took {spent['ensemble'] / spent['mixture']:.1f} times the operations" in text
    parts = pd.read_csv(fair / "twins_scores.csv").query(
        "measure == 'accuracy' and reference == 'resnet18' and emotion != emotion"
    )
    parts = parts[parts["model"] == "clean"].rename(columns={"estimate": "difference"}).set_index("subset")
    lost = [*points(parts.loc["twins"]), *points(parts.loc["rest"])]
    assert "is {} points less accurate on them ({} to {}) and {} on the others ({} to {})".format(*lost) in text
    clean = points(test_of(fair, "accuracy", "clean-ensemble", "clean-mixture"))
    assert "the mixture is {} points ({} to {}) behind the ensemble that was trained alike".format(*clean) in text

    told = {}
    for tables, control in controls.items():
        pairs = pd.read_csv(tables / "pair_comparisons.csv")
        pairs = pairs[(pairs["model"] == "mixture") & pairs["reference"].isin(["resnet18", control])]
        apart = pairs[pairs["verdict"] != "not told apart"]
        told[tables] = set(apart[["reference", "first", "second", "verdict"]].itertuples(index=False, name=None))
    assert told[gpu] == set() and told[fair] == {("ensemble", "happy", "neutral", "worse")}
    assert told[cpu] == {
        ("ensemble-4", "angry", "disgust", "better"),
        ("ensemble-4", "angry", "sad", "worse"),
        ("resnet18", "happy", "neutral", "worse"),
    }


def test_readme_leads_to_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("https:")]
    assert len(links) > 10
    assert not [link for link in links if not (ROOT / link).exists()]
    assert not [name for name in re.findall(r"config/[a-z0-9-]+\.yaml", text) if not (ROOT / name).exists()]
