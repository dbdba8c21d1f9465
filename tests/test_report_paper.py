"""The paper: from a study's tables through lookups and templates to a staged source without loose ends."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emorec import EMOTIONS, figures
from emorec.errors import EmorecError
from emorec.report import context, render, results, stage, templates

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "report"
TEMPLATES = sorted(REPORT.rglob("*.qmd"))
META = {
    "study": "demo",
    "date": "2026-01-31",
    "commit": "12e45678901234567890",
    "repository": None,
    "dirty": False,
    "config_sha256": "ab" * 32,
    "versions": {"emorec": "0.1.0"},
    "published": None,
}
NASTY = "`x` <script>alert(1)</script> {{< include /etc/passwd >}}"
# Of the issue that asked for this paper: what its predecessor said, and nobody understood.
FORBIDDEN = [
    "less the single's",
    "does not stand the correction",
    "is not told apart from its control",
    "none comes out on another side",
    "names rightly",
    "names it rightly",
    "weighed by emotion",
    "counts a rare one like a common one",
    "likewise",
]


def _fake_study():
    spec = importlib.util.spec_from_file_location("fake_study", ROOT / "tests" / "fake_study.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


def _make(folder: Path, seeds: int, votes: bool = False, models: tuple[str, ...] | None = None) -> Path:
    fake = _fake_study()
    study = fake.make_study(folder, faces=(400, 200, 200), seeds=seeds, epochs=6, votes=votes, models=models)
    fake.write_all_tables(study, resamples=200, sample=60)
    (study / "figures").mkdir()
    for name in stage.shown_figures("\n".join(path.read_text() for path in TEMPLATES)):
        if name != stage.DIAGRAM:
            drawing = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'/>"
            (study / "figures" / f"{name}.svg").write_text(drawing)
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """The least that a paper is about, of synthetic faces."""
    return _make(tmp_path_factory.mktemp("two"), 2, models=("resnet18", "ensemble", "mixture"))


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A study of every family of models, with one seed, FER+'s votes and measured jobs."""
    study = _make(tmp_path_factory.mktemp("many"), 1, votes=True)
    folder = study / "benchmarks" / "train" / "joint"
    folder.mkdir(parents=True)
    header = "s\th:m:s\tmax_rss\tmean_load\tcpu_time\n"
    (folder / "seed0.tsv").write_text(header + "100.0\t0:01:40\t812.5\t150\t150.0\n")
    (folder.parent / "stale").mkdir()
    (folder.parent / "stale" / "seed0.tsv").write_text(header + "9999.0\t-\t-\t-\t-\n")
    return study


@pytest.fixture(scope="module")
def found(study: Path) -> context.Lookups:
    return context.Lookups(results.read(study))


@pytest.fixture(scope="module")
def papers(study: Path, many: Path) -> dict[str, str]:
    return {"study": _paper(study), "many": _paper(many)}


def _paper(study: Path, **meta: object) -> str:
    return stage.paper(context.Lookups(results.read(study)), REPORT, META | meta, figures.FIGURES)


def _copy(study: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "study"
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("*.npz", "*.parquet"))
    return copy


def _edit(study: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = study / "tables" / f"{table}.csv"
    change(pd.read_csv(path, keep_default_na=False)).to_csv(path, index=False)


def _table(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "tables" / f"{name}.csv", keep_default_na=False)


def _abstract(paper: str) -> str:
    return " ".join(yaml.safe_load(paper.split("---\n")[1])["abstract"].split())


# Lookups.


def test_lookups_are_the_numbers_of_the_tables(study: Path, found: context.Lookups) -> None:
    assert [model["name"] for model in found.trio] == ["resnet18", "ensemble", "mixture"]
    assert found.primary["groups"] == [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]
    scores = _table(study, "scores")
    own = scores[(scores.model == "mixture") & (scores.split == "test") & (scores.metric == "accuracy")]
    assert found.score(found.primary).value == pytest.approx(own.value.mean())

    compared = _table(study, "comparisons").set_index(["model", "reference", "measure"])
    gain = found.difference(found.primary, found.control)
    row = compared.loc["mixture", "ensemble", "accuracy"]
    assert (gain.value, gain.low, gain.high, gain.verdict) == (row.difference, row.low, row.high, row.verdict)

    groups = _table(study, "group_scores")
    of = groups[(groups.model == "ensemble") & (groups.reference == "") & (groups.measure == "names_group")]
    score = found.group_score(found.control, "names_group", group="fear surprise")
    assert score.value == of[of.group == "fear surprise"].estimate.item()
    assert score.count == of[of.group == "fear surprise"].faces.item()

    crossed = _table(study, "routing").set_index(["mixture", "other", "routed_by", "decided_by"])
    lent = found.routing(found.control, found.primary, found.control)
    row = crossed.loc["mixture", "ensemble", "ensemble", "mixture"]
    assert (lent["accuracy"].value, lent["difference"].low) == (row.accuracy, row.difference_low)

    twins = _table(study, "twins_scores")
    row = twins[(twins.model == "mixture") & (twins.reference == "resnet18") & (twins.subset == "rest")]
    row = row[row.measure == "accuracy"]
    assert found.on_twins(found.primary, "rest", found.single).value == row.estimate.item()

    confused = _table(study, "pair_comparisons")
    confused = confused[(confused.model == "mixture") & (confused.reference == "resnet18")]
    pairs = found.pairs(found.primary, found.single)
    assert len(pairs) == 21 and pairs[0]["reference_rate"] == confused.reference_rate.max()
    assert [p["reference_rate"] for p in pairs] == sorted(confused.reference_rate, reverse=True)

    recall = _table(study, "recall")
    recall = recall[(recall.model == "resnet18") & (recall.split == "test") & (recall.emotion == "sad")].recall
    assert found.recall(found.single, "sad")["mean"] == pytest.approx(recall.mean())
    assert found.recall(found.single, "sad")["sd"] == pytest.approx(recall.std())

    curves = _table(study, "curves")
    own = curves[(curves.network == "resnet18-gate-original") & (curves.best)]
    assert found.at_kept_epochs("resnet18-gate-original")["val_accuracy"] == pytest.approx(own.val_accuracy.mean())


def test_lookups_of_votes_are_the_tables(many: Path) -> None:
    found = context.Lookups(results.read(many))
    table = _table(many, "by_majority")
    row = table[(table.model == "mixture") & (table.reference == "ensemble") & (table.measure == "macro_f1")]
    assert found.by_majority(found.primary, found.control, "macro_f1").value == row.estimate.item()
    agreed = _table(many, "ferplus")
    agreed = agreed[(agreed.model == "mixture") & (agreed.agreement == "all")].majority_accuracy.astype(float)
    assert found.mean("ferplus", "majority_accuracy", model="mixture", agreement="all") == pytest.approx(agreed.mean())


def test_settings_show_every_key_and_who_differs(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    stale = copy / "networks" / "stale" / "seed0" / "network.json"
    stale.parent.mkdir(parents=True)
    record = json.loads((copy / "networks" / "resnet18-gate-original" / "seed0" / "network.json").read_text())
    stale.write_text(json.dumps(record | {"network": "stale"}))
    for path in copy.glob("networks/*/seed*/network.json"):
        record = json.loads(path.read_text())
        width = {"gate": 8, "expert": 12}.get(record["role"], 16)
        training = {"lr": 5e-4, "augmentation": {"flip": True, "some_new_key": [1, 2]}}
        path.write_text(json.dumps(record | {"spec": {"architecture": {"width": width}, "training": training}}))
    settings = {row["key"]: row for row in context.Lookups(results.read(copy)).settings()}
    assert settings["training.augmentation.some_new_key"]["value"] == "1 and 2"
    assert settings["training.lr"] == {"key": "training.lr", "value": "0.0005", "otherwise": []}
    others = {other["value"]: other for other in settings["architecture.width"]["otherwise"]}
    assert others["8"] == {"value": "8", "kinds": [], "names": ["resnet18-gate-original"]}
    assert others["12"] == {"value": "12", "kinds": [("expert", "")], "names": []}


def test_networks_that_differ_are_named_by_kind() -> None:
    roles = {"a": "classifier", "a-gate-g": "gate", "b": "classifier", "b-gate-g": "gate", "fine-tuned": "mixture"}
    roles |= {f"{single}-expert-{group}": "expert" for single in "ab" for group in ("sad", "happy-started")}
    records = [{"network": name, "role": role, "start": "started" in name or None} for name, role in roles.items()]

    def kinds(*names: str) -> tuple[list, list]:
        found = context._by_kind(names, context._kinds(records))
        return found["kinds"], found["names"]

    of_b = ("b", "b-gate-g", "b-expert-sad", "b-expert-happy-started")
    started = ("a-expert-happy-started", "b-expert-happy-started")
    assert kinds(*of_b, "a-gate-g") == ([("kin", "b")], ["a-gate-g"])
    assert kinds(*of_b[:-1]) == ([], list(of_b[:-1]))
    assert kinds(*started, "fine-tuned") == ([("started", "")], ["fine-tuned"])
    assert kinds(*started, "a-expert-sad", "b-expert-sad", "a") == ([("expert", "")], ["a"])


def test_the_nearest_to_its_control_and_the_harder_step_are_the_tables(many: Path, tmp_path: Path) -> None:
    found = context.Lookups(results.read(many))
    mixtures = [model for model in found.mixtures if model["control"]]
    compared = _table(many, "comparisons").query("measure == 'accuracy'").set_index(["model", "reference"])
    differences = {model["name"]: compared["difference"][model["name"], model["control"]] for model in mixtures}
    ahead = [model["name"] for model in mixtures if float(compared["low"][model["name"], model["control"]]) > 0]
    assert [model["name"] for model in found.ahead_of_control(mixtures)] == ahead
    assert found.nearest_to_control(mixtures)["name"] == max(differences, key=lambda name: differences[name])

    copy = _copy(many, tmp_path)

    def plant(table: pd.DataFrame, gap: float) -> pd.DataFrame:
        table.loc[table["measure"] == "names_group", "estimate"] = 0.7
        table.loc[table["measure"] == "within_group", "estimate"] = 0.9
        one = (table["model"] == "ensemble") & (table["measure"] == "within_group")
        table.loc[one, "estimate"] = 0.7 + gap
        return table

    for gap, harder in ((0.03, True), (0.01, False)):
        _edit(copy, "group_scores", lambda table, gap=gap: plant(table, gap))
        assert context.Lookups(results.read(copy)).naming_is_harder() == harder


def test_what_all_comparisons_would_make_of_the_primary_test(many: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)

    def plant(table: pd.DataFrame, p: float) -> pd.DataFrame:
        table.loc[table["tier"] == "primary", "p"] = p
        return table

    said = {}
    for p in (0.02, 1e-3, 1e-9):
        _edit(copy, "comparisons", lambda table, p=p: plant(table, p))
        said[p] = " ".join(_paper(copy).split())
    count = int((_table(copy, "comparisons")["measure"] == "accuracy").sum())
    words = f"by Bonferroni, the *p*-value of the primary test would be {0.02 * count:.3f} in the place"
    assert words in said[0.02] and "and the test would decide nothing" in said[0.02]
    assert 1 > 0.02 * count > 0.05 > 1e-3 * count
    assert f"would be {1e-3 * count:.3f} in the place of 0.001." in said[1e-3]
    assert "by Bonferroni" not in said[1e-9]


def test_wall_times_are_those_of_this_study(many: Path) -> None:
    (job,) = context.Lookups(results.read(many)).jobs()
    assert job == {"stage": "train", "network": "joint", "jobs": 1, "seconds": 100, "processor": 150, "memory": 812.5}


# Estimates and verdicts.


def test_what_is_exploratory_has_no_verdict() -> None:
    estimate = context.Estimate("accuracy of a minus b", 0.1, 0.05, 0.15)
    for word in ("better", "worse", "undecided"):
        with pytest.raises(EmorecError, match="accuracy of a minus b is exploratory"):
            getattr(estimate, word)
    assert context.cell(estimate) == "+10.0 (5.0 to 15.0)"  # however far from zero, not in bold
    # And where there is one, the column decides, not the interval.
    told = context.Estimate("x", 0.1, 0.05, 0.15, verdict="not told apart")
    assert told.undecided and not told.better and context.cell(told) == "+10.0 (5.0 to 15.0)"
    worse = context.Estimate("x", -0.0217, -0.0396, -0.0035, verdict="worse")
    assert worse.worse and context.cell(worse) == "**−2.2** (−4.0 to −0.4)"
    assert context.points(worse) == "−2.2\u00a0points, 95\u00a0% CI −4.0 to −0.4"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("better", "the mixture is more accurate than the ensemble by 2.0 points (95 % CI 1.0 to 3.0)"),
        ("worse", "the mixture is less accurate than the ensemble by 2.0 points (95 % CI 1.0 to 3.0)"),
        (
            "not told apart",
            "the mixture is not significantly more or less accurate than the ensemble (Δ\\ +2.0 points, 95 % CI −1.0 "
            "to 3.0); a gain of more than 3.0 points is excluded",
        ),
    ],
)
def test_words_and_bold_follow_the_column_verdict(study: Path, tmp_path: Path, verdict: str, words: str) -> None:
    sign = -1 if verdict == "worse" else 1
    ends = sorted([sign * (-0.01 if verdict == "not told apart" else 0.01), sign * 0.03])

    def plant(table: pd.DataFrame) -> pd.DataFrame:
        primary = table.tier == "primary"
        assert primary.sum() == 1
        table.loc[primary, ["difference", "low", "high"]] = [sign * 0.02, *ends]
        table.loc[primary, "verdict"] = verdict
        return table

    copy = _copy(study, tmp_path)
    _edit(copy, "comparisons", plant)
    paper = _paper(copy)
    assert words in _abstract(paper).replace("\u00a0", " ")
    row = next(line for line in paper.split("{#tbl-models}")[1].splitlines() if line.startswith("| mixture of emotion"))
    assert row.split(" | ")[2].startswith("**") == (verdict != "not told apart")


def test_verdict_words_stand_in_the_macros_alone() -> None:
    """But for sentences that follow a test of the verdict in the same template."""
    said = re.compile(r"(more|less) accurate than (the|\{)|significantly (more|less|different)|\\b(better|worse) by")
    found = {path.name for path in TEMPLATES if said.search(path.read_text())}
    assert found == {"macros.qmd", "confusions.qmd", "routing.qmd"}
    for name in ("confusions.qmd", "routing.qmd"):
        text = (REPORT / "sections" / name).read_text()
        assert re.search(r'\.(better|worse)\b|"verdict"', text[: said.search(text).start()])


# Templates.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ primry }}", "'primry' is undefined"),
        ("{{ primary.lable }}", "has no attribute 'lable'"),
        ('{{ score("mixtur") | percent }}', "summary.csv has no rows with model='mixtur'"),
        ('{{ model("mixtur").label }}', "there is no model 'mixtur'; did you mean 'mixture'?"),
        ('{{ rows("comparison") }}', "there is no table 'comparison'; did you mean 'comparisons'?"),
        ('{{ rows("pairs", modell="mixture") }}', "pairs.csv has no column 'modell'; did you mean 'model'?"),
        ("{{ difference(control, single).better }}", "is exploratory: it has an interval and no verdict"),
        ("{{ 0.5 | percents }}", "No filter named 'percents'"),
        ("{% if primary %}", "Unexpected end of template"),
        ('{% include "sections/nothing.qmd" %}', "no template sections/nothing.qmd"),
        ("{{ 1 | many }}", "missing 1 required positional argument"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ score.__func__.__globals__ }}", "access to attribute '__func__'"),
        ("{{ primary.__init__.__globals__ }}", "access to attribute '__init__'"),
        ("{{ data.update({}) }}", "is unsafe"),
        ("{{ emotions.append('joy') }}", "is unsafe"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "Range too big"),
    ],
)
def test_an_error_in_a_template_names_file_and_line(
    found: context.Lookups, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "sections").mkdir()
    (tmp_path / "index.qmd").write_text('First.\n\n{% include "sections/part.qmd" %}\n')
    (tmp_path / "sections" / "part.qmd").write_text(f"{{% set a = 1 %}}\n\nThis fails: {text}\n")
    with pytest.raises(EmorecError) as caught:
        templates.render(tmp_path, "index.qmd", found.names(), context.filters())
    assert message in str(caught.value) and "\n" not in str(caught.value)
    # The end of a template that goes on is where it stops.
    place = re.escape(str(tmp_path)) + r"/sections/part\.qmd:[34]: "
    assert re.match(f"{place}|.*index\\.qmd:3: no template", str(caught.value))


def test_lines_of_tags_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.qmd").write_text(
        "<!-- A comment. -->\nOne\n{% if true %}\ntwo\n{% endif %}{% set x = 3 %}\nthree {{ x }}\n\n\n\n{#sec-a}\n"
        "{% for i in [1, 2] %}\n| {{ i }} |\n{% endfor %}\n"
    )
    assert templates.render(tmp_path, "a.qmd", {}, {}) == "\nOne\ntwo\nthree 3\n\n{#sec-a}\n| 1 |\n| 2 |\n"


def test_templates_get_plain_values_alone(found: context.Lookups) -> None:
    """No data frame and no path, whose methods write files, is within a template's reach."""

    def check(value: object, depth: int = 0) -> None:
        plain = (str, int, float, bool, type(None), context.Estimate)
        if isinstance(value, list | tuple) and depth < 9:
            [check(each, depth + 1) for each in value]
        elif isinstance(value, dict) and depth < 9:
            [check(each, depth + 1) for each in value.values()]
        else:
            assert isinstance(value, plain) and not isinstance(value, np.generic), value

    given = found.names()
    for value in given.values():
        if callable(value):
            assert value.__self__ is found
        else:
            check(value)
    for value in (*(found.rows(name) for name in found._rows), found.networks(), found.settings(), found.records()):
        check(value)


# The text follows the study.


def test_what_a_study_lacks_is_not_described(papers: dict[str, str]) -> None:
    small, large = (" ".join(papers[which].split()) for which in ("study", "many"))
    only_large = [
        "*joint* mixture", "*sparse* one", "*oracle* gate", "*found*", "drawn at random, show", "*fine-tuned*",
        "*top-1*", "The wide ResNet-18 changes", "{#tbl-groupings}", "{#tbl-walltimes}", "{#sec-labels}",
        "{#tbl-ferplus}",
        "With one seed", "{#tbl-all-routing}",
    ]  # fmt: skip
    for words in only_large:
        assert words in large, words
        assert words not in small or words == "{#tbl-all-routing}", words
    only_small = ["faces of this study are synthetic", "{#sec-planted}", "{#tbl-truth}", "degrees of freedom"]
    for words in only_small:
        assert words in small and words not in large, words
    assert "(*PrivateTest*)" in large and "(*PrivateTest*)" not in small


def test_models_trained_without_copies_are_told_of_there(many: Path, papers: dict[str, str], tmp_path: Path) -> None:
    study = _copy(many, tmp_path)
    for path in (study / "networks/resnet18-wide").rglob("network.json"):
        record = json.loads(path.read_text())
        record["spec"]["training"]["twins"] = "drop"
        path.write_text(json.dumps(record | {"left_out": {"train": 12, "val": 3}, "hardware": "another"}))
    found = context.Lookups(results.read(study))
    assert [model["name"] for model in found.without_copies()] == ["resnet18-wide"]
    paper, before = (" ".join(text.split()) for text in (_paper(study), papers["many"]))
    change = f"{100 * found.difference('resnet18-wide', found.single).value:+.1f}".replace("-", "−")
    dropped = ["The wide ResNet-18 was trained without the faces that have a copy"]
    dropped.append(
        f"left out? 12 of {found.faces['train']:,} are, and 3 validation faces with a twin in the test set choose"
    )
    dropped.append(f"The wide ResNet-18 minus the single network is {change} points")
    dropped.append("were trained on different processors")
    for words in dropped:
        assert words in paper and words not in before, words
    assert "The wide ResNet-18 changes" in before and "The wide ResNet-18 changes" not in paper

    for path in (study / "networks").rglob("network.json"):
        record = json.loads(path.read_text())
        record["spec"]["training"]["twins"] = "drop"
        path.write_text(json.dumps(record))
    assert context.Lookups(results.read(study)).without_copies() == []  # of a study in which all are
    paper = " ".join(_paper(study).split())
    assert "The wide ResNet-18 changes" in paper and "was trained without the faces" not in paper


@pytest.mark.parametrize("which", ["study", "many"])
def test_the_abstract_is_short_and_answers(papers: dict[str, str], which: str) -> None:
    abstract = _abstract(papers[which]).replace("\u00a0", " ")
    assert len(abstract.split()) <= 170
    assert "?" in abstract and "ensemble" in abstract and "95 % CI" in abstract
    assert ("nothing about photographs" in abstract) == (which == "study")


@pytest.mark.parametrize("which", ["study", "many"])
def test_forbidden_phrases_do_not_occur(papers: dict[str, str], which: str) -> None:
    text = " ".join(papers[which].split())
    assert [phrase for phrase in FORBIDDEN if phrase in text] == []
    assert not re.search(r"\bnan\b|None|undefined|\bdict\b", text)


def test_a_study_without_ensemble_is_about_the_single_network(tmp_path: Path) -> None:
    paper = _paper(_make(tmp_path / "pair", 1, models=("resnet18", "mixture")))
    assert "ensemble" not in _abstract(paper)
    assert "the mixture is " in _abstract(paper) and "accurate than the single network" in _abstract(paper)
    assert "The control of the primary mixture is the single network" in paper
    discussion = paper[paper.index("# Discussion") : paper.index("# How to reproduce")]
    assert "single network" in discussion.split("\n\n")[1] and "the ensemble" not in discussion
    assert "At equal compute" not in discussion and "Averaging networks" not in discussion


def test_a_free_mixture_may_be_the_papers(many: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)
    _edit(copy, "models", lambda t: t.assign(primary=t.model == "joint"))

    def tested(table: pd.DataFrame) -> pd.DataFrame:
        asked = (table.model == "joint") & table.measure.isin(["accuracy", "macro_f1"])
        return table.assign(verdict=np.where(asked, "not told apart", ""))

    _edit(copy, "comparisons", tested)
    paper = _paper(copy)
    assert "free to specialise" in paper
    for words in ("{#sec-routing}", "@sec-routing", "within the true group", "{#fig-gate}", "@fig-gate"):
        assert words not in paper


def test_fine_tuning_that_never_helped_is_said_once(many: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)
    _edit(copy, "models", lambda t: t.assign(kept_start=np.where(t.model == "mixture-tuned", "0", "")))
    for table in ("comparisons", "group_scores", "twins_scores", "pair_comparisons", "by_majority"):
        _edit(copy, table, lambda t: t[t.model != "mixture-tuned"])
    found = context.Lookups(results.read(copy))
    assert found.model("mixture-tuned")["kept_all"]
    assert "mixture-tuned" not in [model["name"] for model in found.compared]
    paper = _paper(copy)
    assert paper.count("Fine-tuning never improved validation accuracy") == 1 and "stands in no comparison" in paper


def test_fine_tuning_that_never_helped_the_primary_mixture_leaves_it_in(many: Path, tmp_path: Path) -> None:
    copy = _copy(many, tmp_path)
    _edit(copy, "models", lambda t: t.assign(kept_start=np.where(t.model == "mixture", "0", "")))
    assert "mixture" in [model["name"] for model in context.Lookups(results.read(copy)).compared]
    paper = " ".join(_paper(copy).split())
    assert "so that it is that mixture." in paper and "stands in no comparison" not in paper
    assert "of one, the mixture" not in paper


def test_representations_may_lack_mixtures(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    for table in ("representation", "purity", "projections"):
        _edit(copy, table, lambda t: t[t.model != "mixture"])
    assert "keeps no representation of the mixture." in _paper(copy)
    assert "keeps no representation" not in _paper(study)


# The staged source.


@pytest.mark.parametrize("which", ["study", "many"])
def test_every_float_is_defined_once_and_referred_to(papers: dict[str, str], which: str) -> None:
    text = papers[which]
    defined = re.findall(r"\{#((?:fig|tbl|eq)-[a-z0-9-]+)", text)
    assert len(defined) == len(set(defined)) > 15
    referred = set(re.findall(r"@((?:fig|tbl|eq)-[a-z0-9-]+)", text))
    assert set(defined) == referred
    assert set(re.findall(r"@(sec-[a-z0-9-]+)", text)) <= set(re.findall(r"\{#(sec-[a-z0-9-]+)", text))
    assert all("fig-alt=" in line for line in text.splitlines() if "{#fig-" in line)


@pytest.mark.parametrize("which", ["study", "many"])
def test_tables_are_well_formed(papers: dict[str, str], which: str) -> None:
    rows = [line for line in papers[which].splitlines() if line.startswith("|")]
    blocks = re.findall(r"(?:^\|.*\n)+", papers[which], re.MULTILINE)
    assert len(rows) > 60
    for block in blocks:
        lines = block.splitlines()
        assert len(lines) > 2 and re.fullmatch(r"[|: -]+", lines[1]), block
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, block


def test_every_citation_is_in_the_bibliography_and_vice_versa() -> None:
    text = "\n".join(path.read_text() for path in TEMPLATES)
    keys = set(re.findall(r"^@\w+\{([^,]+),", (REPORT / "references.bib").read_text(), re.MULTILINE))
    cited = {key for key in re.findall(r"@([a-z]+[0-9]*)\b", text) if not key.startswith(("fig", "tbl", "sec", "eq"))}
    assert cited - {"misc"} == keys


def test_every_figure_names_its_code_and_data(papers: dict[str, str]) -> None:
    shown = re.findall(r"\[Code: (.*?)\. Data: (.*?)\.\]\{\.made\}\]\(figures/([a-z-]+)\.svg\)", papers["study"])
    # What the page can show in the place of the forest plot stands below it, without a caption.
    pictures = papers["study"].count("](figures/") - papers["study"].count("![](figures/forest-")
    assert [name for *_, name in shown] and len(shown) == pictures
    for code, data, name in shown:
        assert code == f"`{'diagram' if name == 'mixture' else name.replace('-', '_')}.py`" and data.startswith("`")
    there = stage.made("summary", {"repository": "https://github.com/a/b", "commit": "c0ffee"})
    assert there["address"] == "https://github.com/a/b/blob/c0ffee/emorec/figures/summary.py"


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
    assert stage.github(remote) == expected


def test_links_to_neighbours_are_made_where_these_are(study: Path) -> None:
    published = {"published": {"commit": "c0ffee", "dirty": False}, "trained": [], "date": "2026-01-02"}
    assert "](explorer.html)" in _paper(study)
    paper = _paper(study, published=published)
    assert "explorer.html" not in paper and "published by `c0ffee` of 2026-01-02" in paper
    assert not re.search(r"\]\(\.\./", paper)


def test_both_papers_render(study: Path, many: Path, tmp_path: Path) -> None:
    for folder in (study, many):
        staged = tmp_path / folder.name / "source"
        stage.stage(folder, REPORT, staged, META)
        assert b"<svg" in (staged / "figures" / "mixture.svg").read_bytes()
        page, pdf = tmp_path / folder.name / "a.html", tmp_path / folder.name / "a.pdf"
        render.render(staged, page, pdf, renderer=render.PANDOC)
        assert page.stat().st_size > 100_000 and pdf.read_bytes().startswith(b"%PDF-")


def test_staging_twice_gives_the_same_bytes_and_removes_what_is_stale(study: Path, tmp_path: Path) -> None:
    destination = tmp_path / "report"
    stage.stage(study, REPORT, destination, META)
    before = {p.relative_to(destination): p.read_bytes() for p in destination.rglob("*") if p.is_file()}
    (destination / "sections").mkdir()
    (destination / "sections" / "old.qmd").write_text("stale")
    stage.stage(study, REPORT, destination, META)
    after = {p.relative_to(destination): p.read_bytes() for p in destination.rglob("*") if p.is_file()}
    assert before == after and not (destination / "sections").exists()
    # One text, plain Quarto: no template, and nothing that was rendered from one, is staged.
    assert [path.name for path in destination.rglob("*.qmd")] == ["index.qmd"]
    assert not [path for path in after if "published" in path.parts]


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
    with pytest.raises(EmorecError, match="no primary mixture"):
        results.read(copy)


# What a stranger's published files say.


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
        ("tables/comparisons.csv", "verdict"),
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
    paper = _paper(copy)
    assert paper.count(results.escaped(NASTY)) == 3 and "<script>" not in paper.replace("\\<", "")
    # A template's own syntax in a value is no template.
    _edit(copy, "models", lambda t: t.assign(label=["{{ 7 * 7 }}", *t.label[1:]]))
    assert r"\{\{ 7 \* 7 \}\}" in _paper(copy)


def test_a_network_that_learned_nothing_is_named_once(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    assert "always giving the most frequent" not in _paper(copy)
    for path in copy.glob("networks/resnet18-gate-original/seed*/network.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"no_better_than": 0.41}))
    said = " ".join(_paper(copy).split())
    assert (
        said.count("`resnet18-gate-original` is no better at its best epoch than always giving the most frequent") == 1
    )
    assert "which is right for 41.0 % of the validation faces" in said


def test_emotions_without_test_faces_leave_a_dash(study: Path, tmp_path: Path) -> None:
    copy = _copy(study, tmp_path)
    empty = {"mean": "", "sd": ""}
    of = ("spread", lambda t: t.assign(**{k: np.where(t["first"] == "disgust", v, t[k]) for k, v in empty.items()}))
    _edit(copy, *of)
    found = context.Lookups(results.read(copy))
    assert np.isnan(found.recall(found.single, "disgust")["mean"])
    column = 1 + EMOTIONS.index("disgust")
    rows = _paper(copy).split("{#tbl-recall}")[1].split(":::")[0]
    cells = [line.split("|")[1 + column].strip() for line in rows.splitlines() if line.startswith("| single")]
    assert cells == ["– ± –"]
