"""The report's numbers and sentences: from tables to variables, tables and a staged source without loose ends."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.report import experiments, lookups, markdown, origins, results, stage, variables, wording

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "report"
META = {
    "study": "demo",
    "date": "2026-01-31",
    "commit": "12e45678901234567890",  # looks like a float to a YAML reader
    "dirty": False,
    "config_sha256": "ab" * 32,
    "versions": {"emorec": "0.1.0"},
}
VERDICTS = ("supported", "refuted", "undecided")


def _fake_study():
    spec = importlib.util.spec_from_file_location("fake_study", ROOT / "tests" / "fake_study.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


THREE = ("resnet18", "ensemble", "mixture")


def _make(folder: Path, seeds: int, votes: bool = False, models: tuple[str, ...] | None = THREE) -> Path:
    fake = _fake_study()
    study = fake.make_study(folder, faces=(400, 200, 200), seeds=seeds, epochs=6, votes=votes, models=models)
    fake.write_all_tables(study, resamples=200, sample=60)
    (study / "figures").mkdir()
    for name in stage.shown_figures({p.name: p.read_bytes() for p in REPORT.glob("*.qmd")}) - {stage.DIAGRAM}:
        (study / "figures" / f"{name}.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return _make(tmp_path_factory.mktemp("two"), 2)


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory) -> Path:
    return _make(tmp_path_factory.mktemp("one"), 1)


@pytest.fixture(scope="module")
def voted(tmp_path_factory) -> Path:
    return _make(tmp_path_factory.mktemp("voted"), 1, votes=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A study of every family of models."""
    study = _make(tmp_path_factory.mktemp("many"), 1, models=None)
    folder = study / "benchmarks" / "train" / "joint"
    folder.mkdir(parents=True)
    header = "s\th:m:s\tmax_rss\tmean_load\tcpu_time\n"
    (folder / "seed0.tsv").write_text(header + "100.0\t0:01:40\t812.5\t150\t150.0\n")
    (folder.parent / "stale").mkdir()
    (folder.parent / "stale" / "seed0.tsv").write_text(header + "9999.0\t-\t-\t-\t-\n")
    return study


@pytest.fixture(scope="module")
def staged_many(many: Path, tmp_path_factory) -> Path:
    destination = tmp_path_factory.mktemp("staged-many") / "report"
    stage.stage(many, REPORT, destination, META)
    return destination


@pytest.fixture(scope="module")
def staged(study: Path, tmp_path_factory) -> Path:
    destination = tmp_path_factory.mktemp("staged") / "report"
    stage.stage(study, REPORT, destination, META)
    return destination


def _copy(study: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "study"
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("*.npz", "*.parquet"))
    return copy


def _edit(study: Path, table: str, change) -> None:
    path = study / "tables" / f"{table}.csv"
    frame = pd.read_csv(path)
    change(frame).to_csv(path, index=False)


# What a stranger's published files say.

NASTY = "`x` <script>alert(1)</script> {{< include /etc/passwd >}}"


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("data/summary.json", "source"),
        ("data/summary.json", "sha256"),
        ("data/summary.json", "note"),
        ("networks/resnet18/seed0/network.json", "role"),
        ("networks/resnet18/seed0/network.json", "spec"),
        ("tables/representation.csv", "measure"),
        ("tables/audit.csv", "split"),
        ("tables/twins.csv", "nearest_label"),
    ],
)
def test_markup_in_what_was_given_is_refused(study: Path, tmp_path: Path, file: str, key: str) -> None:
    copy = _copy(study, tmp_path)
    if file.endswith(".json"):
        value = {"architecture": {"stem": NASTY}} if key == "spec" else NASTY
        (copy / file).write_text(json.dumps(json.loads((copy / file).read_text()) | {key: value}))
    else:
        _edit(copy, Path(file).stem, lambda frame: frame.assign(**{key: NASTY}))
    with pytest.raises(EmorecError, match=rf"{file}: '`x` <script>.* is markup, which no text in it can be; delete it"):
        results.read(copy)


def test_what_a_machine_says_of_itself_is_shown_as_it_is_written(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    for path in copy.glob("networks/*/seed*/network.json"):
        record = json.loads(path.read_text()) | {"hardware": f"CPU(R) @ 2 GHz {NASTY}", "versions": {NASTY: NASTY}}
        path.write_text(json.dumps(record))
    told = variables.variables(results.read(copy), META)["meta"]
    for text in (told["hardware"], told["versions"]):
        assert results.escaped(NASTY) in text and "<script>" not in text.replace("\\<", "")


# Numbers as text.


# Sentences by sign.


# Variables from tables.


def test_variables_equal_what_the_tables_say(study: Path) -> None:
    tree = variables.variables(results.read(study), META)
    scores = pd.read_csv(study / "tables" / "scores.csv")
    own = scores[(scores.model == "mixture") & (scores.split == "test") & (scores.metric == "accuracy")]
    assert tree["mixture"]["accuracy"] == f"{100 * own.value.mean():.1f}\u00a0%"
    models = pd.read_csv(study / "tables" / "models.csv").set_index("model")
    assert tree["reference"]["name"] == "resnet18"
    assert tree["reference"]["parameters"] == f"{models.parameters['resnet18'] / 1e3:.0f}\u00a0thousand"
    assert tree["data"]["test"] == "200" and tree["data"]["name"] == "synthetic faces"
    assert tree["study"]["seeds"] == "two" and tree["study"]["trainings"] == "13"
    claims = pd.read_csv(study / "tables" / "claims.csv").set_index("claim")
    assert tree["answer"]["single"].replace("\u00a0", " ") + "." == claims.sentence["mixture-beats-single"]
    verdicts = claims.verdict["mixture-beats-single"], claims.verdict["mixture-beats-ensemble"]
    assert tree["answer"]["sentence"] == wording.answer.overall(*verdicts)

    curves = pd.read_csv(study / "tables" / "curves.csv")
    best = curves[(curves.network == "resnet18") & curves.best]
    assert f"{100 * best.val_accuracy.mean():.1f}\u00a0%" in tree["curves"]["reference"]
    gate = curves[(curves.network == "resnet18-gate-original") & curves.best]
    assert f"{100 * gate.val_accuracy.mean():.1f}\u00a0%" in tree["discussion"]["curves"]

    weights = pd.read_csv(study / "tables" / "gate.csv")
    happy = weights[(weights.split == "test") & (weights.emotion == "happy") & (weights.expert == "happy-neutral")]
    found = lookups.gate_weights(results.read(study), "mixture").loc["happy-neutral", "happy"]
    assert np.isclose(found, happy.weight.mean())
    assert "happy with neutral; fear with surprise" in tree["mixture"]["grouping_sentence"]

    pairs = pd.read_csv(study / "tables" / "pair_comparisons.csv")
    top = pairs[(pairs.model == "mixture") & (pairs.reference == "resnet18")].nlargest(1, "reference_rate").iloc[0]
    assert f"{top['first']}–{top['second']} ({100 * top.reference_rate:.1f}\u00a0%)" in tree["confusion"]["reference"]
    rates = [lookups.hard_pairs(results.read(study), model) for model in ("resnet18", "mixture")]
    assert np.isclose(rates[1] - rates[0], claims.estimate["mixture-reduces-confusion"])
    assert f"{100 * rates[0]:.1f}\u00a0% for the single ResNet" in tree["confusion"]["level"]


@pytest.mark.parametrize("which", ["study", "many"])
def test_all_values_are_text_and_survive_yaml(which: str, request: pytest.FixtureRequest) -> None:
    tree = variables.variables(results.read(request.getfixturevalue(which)), META)
    assert yaml.safe_load(variables.to_yaml(tree)) == tree

    def leaves(value):
        return itertools.chain.from_iterable(map(leaves, value.values())) if isinstance(value, dict) else [value]

    for leaf in leaves(tree):
        assert isinstance(leaf, str) and leaf.strip() and "nan" not in leaf.lower().split(), leaf
        assert "@" not in leaf and "{{<" not in leaf and "\n" not in leaf
    assert tree["meta"]["commit"] == "12e456789012"


def test_one_seed_reads_as_one(one_seed: Path) -> None:
    tree = variables.variables(results.read(one_seed), META)
    assert "spread over seeds is unknown" in tree["study"]["spread_sentence"]
    assert tree["study"]["seeds_phrase"] == "one seed"
    assert "depending on the seed" not in tree["curves"]["reference"]


def test_a_study_without_ensemble_is_reported_as_such(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    _edit(copy, "models", lambda t: t[t.kind != "ensemble"].assign(control="resnet18"))
    for table in ("comparisons", "pair_comparisons", "without_twins"):
        _edit(copy, table, lambda t: t[(t.model != "ensemble") & (t.reference != "ensemble")])
    _edit(copy, "claims", lambda t: t[~t.claim.str.contains("ensemble")])
    for table in (
        "scores",
        "summary",
        "recall",
        "calibration",
        "risk_coverage",
        "representation",
        "projections",
        "pairs",
        "confusion",
    ):
        _edit(copy, table, lambda t: t[t.model != "ensemble"])
    found = results.read(copy)
    tree = variables.variables(found, META)
    assert "no ensemble" in tree["answer"]["ensemble"]
    assert tree["answer"]["sentence"] in {wording.answer.overall(verdict, None) for verdict in VERDICTS}
    assert "the ensemble" not in tree["representation"]["sentence"]
    assert markdown.tables(found, META)["all_pairs"]


def test_the_first_mixture_is_the_papers_and_the_others_are_told_of(many: Path) -> None:
    found = results.read(many)
    tree = variables.variables(found, META)
    assert found.mixture == "mixture" and found.ensemble == "ensemble"
    assert "seven other mixtures" in tree["mixture"]["grouping_sentence"]
    assert found.mixtures == [
        "mixture", "mixture-top-1", "mixture-found", "mixture-random", "mixture-tuned", "joint", "joint-top-2",
        "joint-trunk",
    ]  # fmt: skip
    # The abstract says what became of the first mixture and of the others before anything else.
    opening = tree["answer"]["opening"]
    assert opening.startswith(tree["answer"]["sentence"])
    assert tree["others"]["sentence"] in opening.removeprefix(tree["answer"]["sentence"])[:400]
    claims = pd.read_csv(many / "tables" / "claims.csv")
    control = pd.read_csv(many / "tables" / "models.csv", keep_default_na=False).set_index("model").control
    own = claims[(claims.measure == "accuracy") & claims.model.isin(found.mixtures[1:])]
    own = own[[row.reference == control[row.model] for row in own.itertuples()]]
    ahead, behind = ((own.verdict == verdict).sum() for verdict in ("supported", "refuted"))
    labels = {verdict: list(own.model[own.verdict == verdict].map(found.label)) for verdict in VERDICTS}
    expected = wording.experiments.tally("other mixtures", len(own), labels["supported"], labels["refuted"])
    assert tree["others"]["sentence"] == expected
    assert tree["discussion"]["others"] == wording.answer.others_mean(len(own), ahead, behind)


def test_a_mixtures_networks_are_its_own_where_another_has_the_same_groups(many: Path) -> None:
    read = results.read(many)
    assert sum(set(n["emotions"]) == {"fear", "surprise"} for n in read.networks) > 1
    own = {}
    for mixture, grouping in (("mixture", "fear-surprise"), ("mixture-found", "found-2")):
        gate, experts = read.parts(mixture)
        assert {n["role"] for n in gate} == {"gate"} and len(experts) == 3
        assert [{n["network"] for n in records} for records in experts.values()][1] == {f"resnet18-expert-{grouping}"}
        own[mixture] = {n["network"] for n in itertools.chain(gate, *experts.values())}
    assert not own["mixture"] & own["mixture-found"]
    assert read.parts("joint")[0] == [] and not any(read.parts("joint")[1].values())


def test_models_are_sorted_by_what_they_try(many: Path, study: Path) -> None:
    assert experiments.experiments(results.read(many)) == {
        "single": ["resnet18-wide", "resnet18-balanced"],
        "groupings": ["mixture-found", "mixture-random"],
        "gates": ["mixture-top-1", "mixture-oracle"],
        "form": ["mixture-tuned", "joint", "joint-top-2", "joint-trunk"],
    }
    assert experiments.experiments(results.read(study)) == {}


def test_an_experiments_table_has_cost_differences_and_bounds(many: Path) -> None:
    found = results.read(many)
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
        for cells in (
            line.split("|")
            for line in markdown.experiments.experiment(found, ["mixture-top-1", "mixture-oracle"]).splitlines()
        )
    }
    oracle = pd.read_csv(many / "tables" / "oracle.csv").iloc[0]
    bound = rows["*mixture by the original grouping, oracle gate (bound)*"]
    assert bound[3].startswith(f"{100 * oracle.accuracy:.1f} (") and bound[4:] == ["–", "–"]
    compared = pd.read_csv(many / "tables" / "comparisons.csv")
    row = compared.query("model == 'mixture' and reference == 'ensemble' and metric == 'accuracy'").iloc[0]
    cell = rows["mixture of emotion experts"][5].replace("*", "").replace("−", "-")
    assert float(cell.split(" ")[0]) == pytest.approx(100 * row.difference, abs=0.051)
    assert ("**" in rows["mixture of emotion experts"][5]) == (experiments.verdict(row) != "unclear")
    assert rows["single ResNet-18"][4:] == ["–", "–"]


def test_other_singles_are_told_by_what_differs_and_by_who_beats_them(many: Path, study: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)
    certain = {"low": 0.01, "high": 0.03, "difference": 0.02, "p_holm": 0.01}
    behind = {key: -value if key != "p_holm" else value for key, value in certain.items()}
    behind["low"], behind["high"] = behind["high"], behind["low"]
    unclear = {"low": -0.01, "high": 0.01, "difference": 0.0, "p_holm": 1.0}

    def plant(table: pd.DataFrame) -> pd.DataFrame:
        table = table.assign(**unclear)
        balanced = table.reference == "resnet18-balanced"
        ahead = balanced & (table.metric == "macro_f1") & (table.model == "mixture-found")
        fewer = balanced & (table.metric == "confusion") & table.model.isin(["mixture", "joint"])
        worse = balanced & (table.metric == "accuracy") & (table.model == "joint")
        table.loc[ahead, list(certain)] = list(certain.values())
        table.loc[fewer | worse, list(behind)] = list(behind.values())
        return table

    def support(table: pd.DataFrame) -> pd.DataFrame:
        own = table.model.isin(["mixture-found", "mixture"]) & (table.reference == "resnet18")
        table = table.assign(verdict="undecided")
        table.loc[own & (table.measure == "macro_f1"), "verdict"] = "supported"
        table.loc[own & (table.measure == "confusion") & (table.model == "mixture"), "verdict"] = "supported"
        return table

    _edit(copy, "other_singles", plant)
    _edit(copy, "claims", support)
    found = results.read(copy)
    texts = experiments.sentences(found)
    wide, balanced = texts["single"].split(". W" if ". W" in texts["single"] else ". T")
    assert wide.startswith("With 4.0 times the parameters and 4.0 times the operations, the wide ResNet-18 is ")
    assert "rained on as many faces of every emotion, the class-balanced ResNet-18 is " in balanced
    assert "times the parameters" not in balanced
    assert all("; by macro-F1 it is " in text for text in (wide, balanced))
    beside = texts["beside_singles"].split(". ")
    assert beside[0] == (
        "Of eight mixtures, none is more accurate than the wide ResNet-18; none is ahead of it by macro-F1; none "
        "confuses the hard pairs less often"
    )
    assert beside[1] == (
        "Of eight mixtures, none is more accurate than the class-balanced ResNet-18 and one less accurate; one is "
        "ahead of it by macro-F1 (mixture by the grouping found); two confuse the hard pairs less often (mixture of "
        "emotion experts and joint mixture of three experts)"
    )
    said = variables.variables(found, META)["discussion"]["gains"]
    assert said == (
        "Two mixtures are ahead of the single ResNet by macro-F1; that is shown for neither against the wide ResNet-18 "
        "and for one of two against the class-balanced ResNet-18. One mixture is less prone than the single ResNet to "
        "confuse the hard pairs, with no loss of accuracy shown; that is not shown against the wide ResNet-18 and "
        "shown against the class-balanced ResNet-18. No mixture is more accurate than the single ResNet, so that there "
        "is no such gain to explain"
    )
    lines = markdown.experiments.beside_singles(found, ["resnet18-balanced"]).splitlines()
    (own,) = [line for line in lines if line.startswith("| mixture of emotion experts minus class-balanced ResNet-18")]
    assert own.split("|")[4].strip() == "**−2.0** (−3.0 to −1.0)" and "**" not in "".join(own.split("|")[2:4])
    # With one mixture there is nothing to count.
    sides = {"accuracy": ([], ["mixture"]), "macro_f1": (["mixture"], []), "confusion": ([], [])}
    assert wording.experiments.beside_single("the wide ResNet", 1, sides) == (
        "The mixture is less accurate than the wide ResNet; it is ahead of it by macro-F1; it is not told apart from "
        "it in the hard pairs"
    )
    # A study without such networks says that the question is open, where there is anything to ask about.
    alone = _copy(study, tmp_path / "alone")
    _edit(alone, "claims", lambda t: t.assign(verdict=np.where(t.measure == "macro_f1", "supported", "undecided")))
    said = variables.variables(results.read(alone), META)["discussion"]["gains"]
    assert "was trained to ask" in said and "so that there is no such gain to explain" in said


def test_a_gain_is_asked_again_without_twins_and_by_the_majority(voted: Path, tmp_path: Path) -> None:
    copy = _copy(voted, tmp_path)

    def plant(low: float, p: float):
        def change(table: pd.DataFrame) -> pd.DataFrame:
            own = (table.model == "mixture") & (table.reference == "resnet18") & (table.metric == "macro_f1")
            assert own.sum() == 1
            table.loc[own, ["low", "high", "p_holm"]] = low, 0.05, p
            return table

        return change

    _edit(copy, "claims", lambda t: t.assign(verdict=np.where(t.measure == "macro_f1", "supported", "undecided")))
    _edit(copy, "by_majority", plant(0.01, 0.01))
    for low, p, shown in ((0.01, 0.04, "shown"), (0.01, 0.06, "not shown"), (-0.01, 0.04, "not shown")):
        _edit(copy, "without_twins", plant(low, p))
        said = variables.variables(results.read(copy), META)["discussion"]["gains"]
        assert (
            f"{shown} without the test faces that have a twin in training and shown by the taggers' majority. " in said
        )
        assert "that is shown" in said or shown != "shown"


def test_sections_follow_what_a_study_has(staged_many: Path, staged: Path) -> None:
    empty = {path.name for path in staged.glob("*.qmd") if not path.read_text()}
    filled = {path.name for path in staged_many.glob("*.qmd") if path.read_text()}
    assert {
        "_results-form.qmd",
        "_methods-joint.qmd",
        "_groupings.qmd",
        "_walltimes.qmd",
        "_results-single.qmd",
    } <= empty
    assert empty - filled == {"_ferplus.qmd", "_results-foreign.qmd", "_methods-foreign.qmd"}
    assert "_gate.qmd" in filled and "_gate.qmd" not in empty
    times = (staged_many / "tables" / "_walltimes.md").read_text()
    assert "`joint`" in times and "| 2.5" in times and "stale" not in times


def test_a_free_mixture_may_be_the_papers(many: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)
    separate = ["mixture", "mixture-top-1", "mixture-found", "mixture-random", "mixture-oracle", "mixture-tuned"]
    for path in (copy / "tables").glob("*.csv"):
        table = pd.read_csv(path, keep_default_na=False)
        if "model" in table:
            keep = ~table.model.isin(separate)
            if "reference" in table:
                keep &= ~table.reference.isin(separate)
            table[keep].to_csv(path, index=False)
    _edit(copy, "claims", lambda t: t.assign(primary=t.model == "joint"))
    found = results.read(copy)
    assert found.mixture == "joint"
    stage.stage(copy, REPORT, tmp_path / "out", META)
    assert (tmp_path / "out" / "_gate.qmd").read_text() == ""
    assert "free" in yaml.safe_load((tmp_path / "out" / "_variables.yml").read_text())["mixture"]["grouping_sentence"]


def test_best_needs_every_comparison(study: Path, tmp_path: Path) -> None:
    def with_intervals(low: float, high: float, p: float):
        return lambda t: t.assign(low=low, high=high, p_holm=p)

    copy = _copy(study, tmp_path)
    _edit(copy, "comparisons", with_intervals(0.01, 0.02, 0.001))
    assert lookups.best(results.read(copy)) == ["mixture"]
    assert "**" in markdown.performance.summary(results.read(copy))
    _edit(copy, "comparisons", with_intervals(0.01, 0.02, 0.2))
    assert lookups.best(results.read(copy)) == []
    _edit(copy, "comparisons", with_intervals(-0.02, -0.01, 0.001))
    assert lookups.best(results.read(copy)) == ["resnet18"]


def test_fer2013_is_not_called_synthetic(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    summary = copy / "data" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"synthetic": False}))
    stage.stage(copy, REPORT, tmp_path / "out", META)
    own = {p: p.read_text() for p in (tmp_path / "out").glob("_data*.qmd")}
    assert not any("ynthetic" in text for text in own.values())
    assert any("PrivateTest" in text for text in own.values())
    tree = yaml.safe_load((tmp_path / "out" / "_variables.yml").read_text())
    assert tree["data"]["name"] == "FER2013"


# Tables in Markdown.


@pytest.mark.parametrize("which", ["study", "many"])
def test_pipe_tables_are_well_formed(which: str, request: pytest.FixtureRequest) -> None:
    for name, text in markdown.tables(results.read(request.getfixturevalue(which)), META).items():
        lines = text.splitlines()
        assert len(lines) > 2, name
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, name


def test_pipe_refuses_empty_and_ragged_tables() -> None:
    with pytest.raises(ValueError, match="no rows"):
        markdown.pipe.pipe(["a"], [], "l")
    with pytest.raises(ValueError, match="number of cells"):
        markdown.pipe.pipe(["a", "b"], [["1"]], "lr")
    assert r"1\|2" in markdown.pipe.pipe(["a"], [["1|2"]], "l")


def test_tables_hold_the_tables_numbers(study: Path) -> None:
    found = results.read(study)
    row = found["summary"].query("model == 'ensemble' and split == 'test' and metric == 'nll'").iloc[0]
    assert f"| {row['mean']:.3f} |" in markdown.performance.summary(found)
    recall = pd.read_csv(study / "tables" / "recall.csv").query("model == 'resnet18' and split == 'test'")
    over_seeds = recall.groupby("emotion").recall
    mean, sd = 100 * over_seeds.mean(), 100 * over_seeds.std()
    cells = [c.strip() for c in markdown.performance.recall(found, found.headline).splitlines()[3].split("|")[2:9]]
    assert cells == [f"{mean[emotion]:.1f} ± {sd[emotion]:.1f}" for emotion in EMOTIONS]


def test_hyperparameters_show_every_key_and_who_differs(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    shutil.copytree(copy / "networks" / "resnet18-gate-original", copy / "networks" / "stale")
    (copy / "networks" / "stale" / "seed0" / "network.json").write_text(
        (copy / "networks" / "resnet18-gate-original" / "seed0" / "network.json")
        .read_text()
        .replace('"resnet18-gate-original"', '"stale"')
    )
    for path in copy.glob("networks/*/seed*/network.json"):
        record = json.loads(path.read_text())
        width = 8 if record["role"] == "gate" else 16
        record["spec"] = {
            "architecture": {"width": width},
            "training": {"lr": 5e-4, "augmentation": {"flip": True, "some_new_key": [1, 2]}},
        }
        path.write_text(json.dumps(record))
    text = markdown.appendix.hyperparameters(results.read(copy))
    assert "`training.augmentation.some_new_key`" in text and "1 and 2" in text and "0.0005" in text
    assert "8 in `resnet18-gate-original`" in text and "stale" not in text


# The staged source.


def _sources(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.qmd")))


@pytest.mark.parametrize("which", ["staged", "staged_many"])
def test_every_variable_and_include_of_the_source_resolves(which: str, request: pytest.FixtureRequest) -> None:
    staged = request.getfixturevalue(which)
    tree = yaml.safe_load((staged / "_variables.yml").read_text())
    text = _sources(staged)
    names = set(re.findall(r"\{\{<\s*var\s+([\w.-]+)\s*>\}\}", text))
    assert len(names) > 30
    for name in names:
        assert stage.lookup(tree, name)
    for kind in stage.KINDS:  # the variants that this study does not use
        for path in REPORT.glob(f"_*-{kind}.qmd"):
            for name in re.findall(r"\{\{<\s*var\s+([\w.-]+)\s*>\}\}", path.read_text()):
                assert stage.lookup(tree, name)
    includes = re.findall(r"^\{\{< include (\S+) >\}\}$", text, re.MULTILINE)
    assert len(includes) == text.count("< include ")  # each on its own line
    for name in includes:
        assert (staged / name).is_file(), name
    made = {f"tables/{path.name}" for path in (staged / "tables").iterdir()}
    assert made == {name for name in includes if name.startswith("tables/")}


def test_votes_bring_their_section(voted: Path, staged: Path, tmp_path: Path) -> None:
    assert (staged / "_ferplus.qmd").read_text() == ""
    stage.stage(voted, REPORT, tmp_path / "out", META)
    assert (tmp_path / "out" / "_truth.qmd").read_text() == "" != (staged / "_truth.qmd").read_text()
    text = _sources(tmp_path / "out")
    tree = yaml.safe_load((tmp_path / "out" / "_variables.yml").read_text())
    for name in set(re.findall(r"\{\{<\s*var\s+([\w.-]+)\s*>\}\}", text)):
        assert stage.lookup(tree, name)
    for name in re.findall(r"^\{\{< include (\S+) >\}\}$", text, re.MULTILINE):
        assert (tmp_path / "out" / name).is_file(), name
    table = pd.read_csv(voted / "tables" / "ferplus.csv", dtype={"model": str}, keep_default_na=False)
    own = table[(table.model == "mixture") & (table.agreement == "all")]
    assert f"{100 * float(own.majority_accuracy.iloc[0]):.1f}" in tree["ferplus"]["models"]
    assert "8 or 9 of ten agree" in tree["ferplus"]["labels"]
    cells = (tmp_path / "out" / "tables" / "_ferplus.md").read_text()
    assert f"| {100 * float(own.sided.iloc[0]):.1f} |" in cells and "FER2013's labels" in cells


@pytest.mark.parametrize("which", ["staged", "staged_many"])
def test_every_float_is_defined_once_and_referred_to(which: str, request: pytest.FixtureRequest) -> None:
    text = _sources(request.getfixturevalue(which))
    defined = re.findall(r"\{#((?:fig|tbl|eq)-[a-z0-9-]+)", text)
    assert len(defined) == len(set(defined))
    referred = set(re.findall(r"@((?:fig|tbl|eq)-[a-z0-9-]+)", text))
    assert set(defined) == referred
    sections = set(re.findall(r"\{#(sec-[a-z0-9-]+)", text))
    assert set(re.findall(r"@(sec-[a-z0-9-]+)", text)) <= sections
    assert all("fig-alt=" in line for line in text.splitlines() if "{#fig-" in line)


def test_every_citation_is_in_the_bibliography_and_vice_versa() -> None:
    text = _sources(REPORT)
    keys = set(re.findall(r"^@\w+\{([^,]+),", (REPORT / "references.bib").read_text(), re.MULTILINE))
    cited = {key for key in re.findall(r"@([a-z]+[0-9]*)\b", text) if not key.startswith(("fig", "tbl", "sec", "eq"))}
    assert cited == keys


def test_every_figure_leads_to_its_code_and_data(study: Path, staged: Path) -> None:
    shown = re.findall(
        r"\[\{\{< var figures\.([a-z-]+) >\}\}\]\{\.made\}\]\(figures/([a-z-]+)\.svg\)", _sources(REPORT)
    )
    assert all(line == figure for line, figure in shown)
    assert {name for name, _ in shown} == set(re.findall(r"\{#fig-([a-z-]+)", _sources(REPORT)))
    tree = yaml.safe_load((staged / "_variables.yml").read_text())["figures"]
    report = ROOT / "results" / "demo" / "report"
    for name, _ in shown:
        code, *data = re.findall(r"\]\(([^)]+)\)", tree[name])
        assert (report / code).resolve().is_file()
        assert data and all((study / path.removeprefix("../")).exists() for path in data)
    there = origins.origins({"repository": "https://github.com/a/b", "commit": "c0ffee"})["summary"]
    assert "(https://github.com/a/b/blob/c0ffee/emorec/figures/summary.py)" in there


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@github.com:ada/paper.git", "https://github.com/ada/paper"),
        ("https://ada:secret@github.com/ada/paper.git", "https://github.com/ada/paper"),
        ("ssh://git@github.com/ada/paper", "https://github.com/ada/paper"),
        ("https://example.org/ada/paper.git", None),
        ("https://notgithub.com/ada/paper", None),
        ("", None),
    ],
)
def test_only_github_is_linked_and_never_with_credentials(remote: str, expected: str | None) -> None:
    assert origins.github(remote) == expected


def test_no_shortcode_hides_in_code_or_in_an_attribute(staged: Path) -> None:
    text = _sources(staged)
    assert not re.search(r"`[^`\n]*\{\{<", text)
    assert not re.search(r"=\"[^\"\n]*\{\{<", text)


def test_front_matter_is_literal(staged: Path) -> None:
    head = yaml.safe_load((staged / "index.qmd").read_text().split("---\n")[1])
    assert str(head["date"]) == "2026-01-31"
    tree = yaml.safe_load((staged / "_variables.yml").read_text())
    assert head["abstract"].startswith(tree["answer"]["sentence"])
    assert "synthetic" in head["subtitle"]


def test_staging_twice_gives_the_same_bytes_and_removes_what_is_stale(study: Path, tmp_path: Path) -> None:
    destination = tmp_path / "report"
    stage.stage(study, REPORT, destination, META)
    before = {p.relative_to(destination): p.read_bytes() for p in destination.rglob("*") if p.is_file()}
    (destination / "tables" / "_old.md").write_text("stale")
    (destination / "old").mkdir()
    (destination / "old" / "x.svg").write_text("stale")
    stage.stage(study, REPORT, destination, META)
    after = {p.relative_to(destination): p.read_bytes() for p in destination.rglob("*") if p.is_file()}
    assert before == after
    assert not (destination / "old").exists()
    assert b"<svg" in after[Path("figures/mixture.svg")]


def test_staging_never_empties_a_folder_of_something_else(study: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(EmorecError, match="not a staged report"):
        stage.stage(study, REPORT, tmp_path, META)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("missing", "named"),
    [("tables/recall.csv", "recall.csv"), ("figures/curves.svg", "curves.svg"), ("data/summary.json", "summary.json")],
)
def test_what_is_missing_is_named(study: Path, tmp_path: Path, missing: str, named: str) -> None:
    copy = _copy(study, tmp_path)
    (copy / missing).unlink()
    with pytest.raises(EmorecError, match=re.escape(named)) as error:
        stage.stage(copy, REPORT, tmp_path / "out", META)
    assert "\n" not in str(error.value)


def test_a_study_without_mixture_or_date_is_refused(study: Path, tmp_path: Path) -> None:
    with pytest.raises(EmorecError, match="date"):
        stage.stage(study, REPORT, tmp_path / "out", {})
    copy = _copy(study, tmp_path)
    _edit(copy, "models", lambda t: t[t.kind != "mixture"])
    with pytest.raises(EmorecError, match="kind mixture"):
        results.read(copy)
