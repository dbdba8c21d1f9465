"""Published studies: what they hold, what is refused, and how two runs are compared."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emorec.predictions.compact import read_compact

from emorec import EMOTIONS, cli, tables
from emorec import config as configs
from emorec.checkout import Checkout, checkout
from emorec.errors import EmorecError
from emorec.files import write_csv, write_json
from emorec.networks.brought import check_networks
from emorec.paths import Layout
from emorec.predictions.combine import Combined
from emorec.predictions.store import prediction_frame, save_predictions
from emorec.published import compare, contents, manifest, rebuild, runs
from emorec.published.publish import publish
from emorec.tables import groups

ROOT = Path(__file__).resolve().parent.parent
STUDY = configs.load(ROOT / "tests" / "mini.yaml")
CODE = Checkout("c0ffee" * 6 + "beef", False)
FACES = 40
NETWORKS = len(configs.all_parts(STUDY))
PICTURE = b"\x89PNG and so on"


def make_run(root: Path, study: configs.Study = STUDY, state: int = 0) -> Layout:
    """A finished run as far as publishing it reads: random predictions, their scores, stand-ins for other tables."""
    rng = np.random.default_rng(state)
    layout = Layout(root / study.study)
    write_json(layout.summary, {"synthetic": True, "sha256": "1" * 64, "counts": {}, "source": "made up"})
    layout.truth.write_bytes(b"truth")
    for grouping in configs.spectral_groupings(study):
        write_json(layout.grouping(grouping), {"groups": []})
    for part, spec in ((part, configs.networks(study)[part.network]) for part in configs.all_parts(study)):
        folder = layout.network(part.network, part.seed)
        told = {key: value for key, value in spec.to_dict(part.seed).items() if key not in ("architecture", "training")}
        record = {
            **told,
            "seed": part.seed,
            "parameters": 7,
            "flops": 8,
            "best_epoch": 1,
            "val_accuracy": float(rng.random()),
            "train_seconds": 1.5,
            "deterministic": True,
            "spec": {"architecture": spec.architecture.model_dump(), "training": spec.training.model_dump()},
            "hardware": "abacus",
            "versions": {"torch": "2"},
            "commit": "abc",
            "dirty": False,
        }
        write_json(folder / "network.json", record)
        (folder / "history.csv").write_text("epoch\n1\n")
        (folder / "weights.safetensors").write_bytes(b"weights")
    split, row = np.repeat([1, 2], FACES), np.arange(2 * FACES, dtype=np.int32)
    label = rng.integers(0, 7, 2 * FACES).astype(np.uint8)
    for model in study.models:
        for seed in study.seeds:
            p = rng.dirichlet(np.ones(7), 2 * FACES)
            combined = Combined(p, rng.normal(size=(2 * FACES, 3)), {})
            save_predictions(layout.predictions(model, seed), prediction_frame(combined, split, row, label))
    for name in contents.required(study, votes=False):
        if name.startswith("tables/"):
            columns = compare.columns_of(Path(name).stem) or ["model", "value"]
            write_csv(layout.root / name, pd.DataFrame([rng.random(len(columns))], columns=columns))
        elif name.startswith("figures/"):
            (layout.root / name).parent.mkdir(exist_ok=True)
            (layout.root / name).write_bytes(PICTURE)
    paths = {(m, s): layout.predictions(m, s) for m in study.models for s in study.seeds}
    write_csv(layout.table("scores"), tables.scores_table(tables.read_predictions(paths)))
    (layout.root / "benchmarks" / "train" / "resnet18").mkdir(parents=True)
    for seed in (0, 77):
        (layout.root / "benchmarks" / "train" / "resnet18" / f"seed{seed}.tsv").write_text("s\th:m:s\n2.5\t0:00:02\n")
    return layout


@pytest.fixture
def run(tmp_path: Path) -> Layout:
    return make_run(tmp_path)


@pytest.fixture
def folder(run: Layout, tmp_path: Path) -> Path:
    """A published study."""
    destination = tmp_path / "published" / "mini"
    publish(STUDY, run, destination, CODE, "2026-01-02")
    return destination


def test_a_publication_is_what_was_run_without_weights(run: Layout, folder: Path) -> None:
    found = manifest.verify(folder)
    assert found.study == "mini" and found.published == manifest.Code(commit=CODE.commit, dirty=False)
    assert found.trained == [manifest.Code(commit="abc", dirty=False)] and found.hardware == ["abacus"]
    assert found.networks == NETWORKS and found.seconds["train"] == NETWORKS * 1.5
    assert configs.load(folder / "config.yaml") == STUDY
    for name in found.files:
        content = (folder / name).read_bytes()
        if name.endswith(".gz"):
            assert gzip.decompress(content) == (run.root / name.removesuffix(".gz")).read_bytes()
        elif name.startswith("predictions/"):
            pd.testing.assert_frame_equal(read_compact(folder / name), pd.read_parquet(run.root / name))
        elif name != "config.yaml":
            assert content == (run.root / name).read_bytes()
    assert not [name for name in manifest.files_in(folder) if "weights" in name or "embeddings" in name]
    # of an earlier config's seed in the same folder
    assert "benchmarks/train/resnet18/seed0.tsv" in found.files
    assert "benchmarks/train/resnet18/seed77.tsv" not in found.files
    assert [path.name for path in folder.parent.iterdir()] == ["mini"]


def test_options_are_scored_and_published_by_val_alone(tmp_path: Path) -> None:
    """A study without a mixture is one of options: no table of it may show how they do on test."""
    study = STUDY.model_copy(update={"models": STUDY.singles})
    run = make_run(tmp_path, study)
    groups.write("scores", study, run, groups.Effort(resamples=20))
    for name in ("scores", "summary", "recall", "confusion", "pairs", "spread"):
        assert set(pd.read_csv(run.table(name))["split"]) == {"val"}
    publish(study, run, tmp_path / "published" / "mini", CODE, "2026-01-02")
    groups.write("scores", STUDY, make_run(tmp_path / "all"), groups.Effort(resamples=20))
    assert set(pd.read_csv(tmp_path / "all" / "mini" / "tables" / "summary.csv")["split"]) == {"val", "test"}


def test_publishing_again_gives_the_same_bytes(run: Layout, folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in manifest.files_in(folder)}
    publish(STUDY, run, folder, CODE, "2026-01-02")
    assert before == {name: (folder / name).read_bytes() for name in manifest.files_in(folder)}
    assert [path.name for path in folder.parent.iterdir()] == ["mini"]


@pytest.mark.parametrize(
    "lacking",
    [
        "data/summary.json",
        "predictions/mixture/seed1.parquet",
        "networks/resnet18/seed4/history.csv",
        "tables/claims.csv",
        "tables/purity.csv",
    ],
)
def test_an_unfinished_study_is_refused_and_what_it_lacks_named(run: Layout, tmp_path: Path, lacking: str) -> None:
    (run.root / lacking).unlink()
    with pytest.raises(EmorecError, match=re.escape(lacking.split("/")[-1])):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")
    assert not (tmp_path / "published").exists() or not list((tmp_path / "published").iterdir())


def test_what_was_published_stays_where_publishing_fails(run: Layout, folder: Path) -> None:
    before = manifest.verify(folder)
    frame = pd.read_parquet(run.predictions("mixture", 1))
    save_predictions(run.predictions("mixture", 1), frame.iloc[::-1].assign(p_angry=frame["p_happy"]))
    with pytest.raises(EmorecError):
        publish(STUDY, run, folder, CODE, "2026-01-02")
    assert manifest.verify(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["mini"]


def test_tables_of_other_predictions_are_refused(run: Layout, tmp_path: Path) -> None:
    stated = run.table("scores")
    stated.write_text(stated.read_text().replace("0.", "0.1", 1))
    with pytest.raises(EmorecError, match=r"scores\.csv: not made from the predictions"):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")


def test_predictions_with_more_than_predictions_are_refused(run: Layout, tmp_path: Path) -> None:
    frame = pd.read_parquet(run.predictions("resnet18", 0))
    frame.assign(pixels=0).to_parquet(run.predictions("resnet18", 0))
    with pytest.raises(EmorecError, match="column pixels is not allowed"):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")


def test_predictions_that_would_lose_digits_are_refused(run: Layout, tmp_path: Path) -> None:
    frame = pd.read_parquet(run.predictions("resnet18", 0))
    save_predictions(run.predictions("resnet18", 0), frame.assign(p_angry=frame["p_angry"] * np.float32(1 + 1e-6)))
    with pytest.raises(EmorecError, match=r"scores\.csv|whole steps"):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")


def test_the_data_s_place_is_nobody_s_business(tmp_path: Path) -> None:
    read = STUDY.model_copy(update={"data": configs.Data()})  # as FER2013 is; synthetic faces have no place
    run = make_run(tmp_path / "run", read)
    placed = read.model_copy(update={"data": configs.Data(path="/home/somebody")})
    (run.root / "config.yaml").write_text(configs.dump(placed))
    publish(read, run, tmp_path / "published" / "mini", CODE, "2026-01-02")
    assert "somebody" not in (tmp_path / "published" / "mini" / "config.yaml").read_text()


def test_another_config_than_the_run_s_is_refused(run: Layout, tmp_path: Path) -> None:
    other = STUDY.model_copy(update={"seeds": [0]})
    (run.root / "config.yaml").write_text(configs.dump(other))
    with pytest.raises(EmorecError, match="another config"):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")


def test_too_large_a_study_is_refused(run: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "LIMIT", 20_000)
    with pytest.raises(EmorecError, match=r"MB, a published study has at most .* publish fewer"):
        publish(STUDY, run, tmp_path / "published" / "mini", CODE, "2026-01-02")
    assert not list((tmp_path / "published").iterdir())


# Damage


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_damaged_file_is_named(folder: Path) -> None:
    for name in sorted(manifest.files_in(folder) - {manifest.MANIFEST}):
        before = (folder / name).read_bytes()
        _flip(folder / name)
        with pytest.raises(EmorecError, match=f"damaged {re.escape(name)};"):
            manifest.verify(folder)
        (folder / name).write_bytes(before)
    manifest.verify(folder)


def test_missing_added_and_linked_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "tables" / "scores.csv").unlink()
    (folder / "networks" / "resnet18" / "seed0" / "weights.safetensors").write_bytes(b"")
    shutil.move(folder / "config.yaml", tmp_path / "config.yaml")
    (folder / "config.yaml").symlink_to(tmp_path / "config.yaml")
    with pytest.raises(EmorecError) as error:
        manifest.verify(folder)
    said = str(error.value)
    assert "missing tables/scores.csv; damaged config.yaml; added networks/resnet18/seed0/weights" in said
    assert "\n" not in said


def test_a_manifest_cannot_allow_what_is_not_allowed(folder: Path) -> None:
    picture = folder / "data" / "faces.npz"
    picture.write_bytes(b"faces")
    told = json.loads((folder / manifest.MANIFEST).read_text())
    told["files"]["data/faces.npz"] = manifest.file_of(picture).model_dump()
    write_json(folder / manifest.MANIFEST, told)
    with pytest.raises(EmorecError, match=r"not allowed data/faces\.npz"):
        manifest.verify(folder)


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "tables/../../x.csv", "tables/x.csv/../../y.csv"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    assert manifest.not_allowed([name]) == [name]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2}', "\x00"])
def test_a_broken_manifest_is_one_line(folder: Path, content: str) -> None:
    (folder / manifest.MANIFEST).write_text(content)
    with pytest.raises(EmorecError, match=r"manifest\.json: ") as error:
        manifest.verify(folder)
    assert "\n" not in str(error.value)


# Back


def test_unpacked_is_what_pixels_and_embeddings_were_needed_for(run: Layout, folder: Path, tmp_path: Path) -> None:
    rebuild.unpack(folder, tmp_path / "again")
    there = manifest.files_in(tmp_path / "again")
    assert {name for name in there if name.startswith("tables/")} == {
        f"tables/{table}.csv" for table in contents.GIVEN_TABLES
    }
    for name in there - {manifest.ORIGIN}:
        if name.startswith("predictions/"):
            again = pd.read_parquet(tmp_path / "again" / name)
            pd.testing.assert_frame_equal(again, pd.read_parquet(run.root / name))
        else:
            assert (tmp_path / "again" / name).read_bytes() == (run.root / name).read_bytes()
    assert rebuild.origin(tmp_path / "again") == manifest.verify(folder) and rebuild.origin(run.root) is None


def test_nothing_is_unpacked_from_a_damaged_study(folder: Path, tmp_path: Path) -> None:
    _flip(folder / "predictions" / "ensemble" / "seed1.parquet")
    with pytest.raises(EmorecError, match=r"damaged predictions/ensemble/seed1\.parquet"):
        rebuild.unpack(folder, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_another_config_than_the_published_one_is_refused_by_key(folder: Path) -> None:
    changed = STUDY.model_dump(mode="json")
    assert rebuild.check(folder, configs.validate(changed, "x"))[1] == STUDY
    changed["training"]["epochs"] = 3
    with pytest.raises(EmorecError, match=r"another training\.epochs than .* --configfile"):
        rebuild.check(folder, configs.validate(changed, "x"))


def test_the_data_s_place_makes_no_other_config() -> None:
    here, there = (STUDY.model_copy(update={"data": configs.Data(path=path)}) for path in ("/here", None))
    assert rebuild.differing(rebuild.dumped(here), rebuild.dumped(there)) == []
    named = STUDY.model_copy(update={"data": configs.Data(classes="rafdb")})
    assert rebuild.differing(rebuild.dumped(here), rebuild.dumped(named)) == ["data.classes"]


def test_a_publication_that_lacks_what_this_version_needs_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "GIVEN_TABLES", (*contents.GIVEN_TABLES, "invented"))
    with pytest.raises(EmorecError, match=r"has no tables/invented\.csv, which this version"):
        rebuild.check(folder, STUDY)


def test_all_that_may_be_published_is_small_enough_to_be_named() -> None:
    """Every figure's and the report's tables have names that a publication may hold."""
    names = [contents.published_name(name) for name in contents.required(STUDY, votes=True)]
    assert not manifest.not_allowed(names)


# Weights that were brought along


def test_networks_that_are_missing_or_others_are_named(run: Layout) -> None:
    check_networks(STUDY, run)
    elsewhere = STUDY.model_copy(
        update={"training": STUDY.training.model_copy(update={"device": "cuda", "threads": 4})}
    )
    check_networks(elsewhere, run)
    longer = STUDY.model_copy(update={"training": STUDY.training.model_copy(update={"epochs": 9})})
    with pytest.raises(EmorecError, match=r"network\.json: trained with another training\.epochs"):
        check_networks(longer, run)
    record = run.network("resnet18-gate-original", 1) / "network.json"
    told = json.loads(record.read_text())
    write_json(record, told | {"classes": told["classes"][::-1]})
    with pytest.raises(EmorecError, match="another classes"):
        check_networks(STUDY, run)
    record.write_text("{}")
    with pytest.raises(EmorecError, match=r"seed1/network\.json: no network's record"):
        check_networks(STUDY, run)
    (run.network("resnet18", 3) / "weights.safetensors").unlink()
    with pytest.raises(EmorecError, match=r"resnet18/seed3/weights\.safetensors: missing"):
        check_networks(STUDY, run)


def test_the_commit_may_be_told_where_there_is_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOREC_COMMIT", "abc-dirty")
    assert checkout() == Checkout("abc", True)
    monkeypatch.setenv("EMOREC_COMMIT", "abc")
    assert checkout() == Checkout("abc", False)


# Two runs


def _scores(runs_n: int, shift: float = 0.0, state: int = 0, sd: float = 0.004) -> pd.DataFrame:
    rng = np.random.default_rng(state)
    lines = [
        (model, seed, "test", metric, base + shift + rng.normal(scale=sd))
        for model in ("single", "ensemble", "mixture")
        for seed in range(runs_n)
        for metric, base in (("accuracy", 0.7), ("macro_f1", 0.65))
    ]
    return pd.DataFrame(lines, columns=["model", "seed", "split", "metric", "value"])


def test_the_tolerance_of_a_mean_is_student_s() -> None:
    from scipy import stats

    first, second = _scores(3, state=1), _scores(4, state=2)
    spread = compare.Spread.of("scores", first, second)
    both = [run.query("metric == 'accuracy'").groupby("model")["value"] for run in (first, second)]
    df = 3 * 2 + 3 * 3
    pooled = np.sqrt(sum(((g - g.mean()) ** 2).sum() for run in both for _, g in run) / df)
    expected = stats.t.ppf(1 - 0.05 / 2 / 6, df) * pooled * np.sqrt(1 / 3 + 1 / 4)
    assert spread.tolerance("mixture", "test", "accuracy", "value") == pytest.approx(expected)


def test_faithful_reruns_agree_and_worse_ones_do_not() -> None:
    """At most one faithful rerun in twenty is called off; one that is 3 points worse is, however the seeds fall."""
    failed = [
        any(
            not number.agrees
            for number in compare.Spread.of("scores", _scores(3, state=s), _scores(3, state=s + 500)).numbers()
        )
        for s in range(60)
    ]
    assert np.mean(failed) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 60)
    for s in range(8):
        spread = compare.Spread.of("scores", _scores(3, state=s), _scores(3, -0.03, state=s + 500))
        assert any(not number.agrees for number in spread.numbers())


def test_one_seed_has_no_spread() -> None:
    assert not list(compare.Spread.of("scores", _scores(1), _scores(1, state=1)).numbers())


def _estimates(value: float, half: float) -> pd.DataFrame:
    low, high = value - half, value + half
    columns = ["model", "split", "metric", "mean", "low", "high"]
    return pd.DataFrame([["single", "test", "accuracy", value, low, high]], columns=columns)


def test_without_seeds_the_intervals_decide() -> None:
    first = {"summary": _estimates(0.70, 0.03)}
    for value, agrees in ((0.70, True), (0.749, True), (0.751, False), (0.651, True), (0.649, False)):
        (number,) = compare.numbers(first, {"summary": _estimates(value, 0.04)}, "training")
        assert number.tolerance == pytest.approx(0.05) and number.agrees == agrees


def test_exact_is_exact_and_forgets_times() -> None:
    first = pd.DataFrame(
        {"model": ["a", "b"], "label": ["x", "y"], "train_seconds": [1.0, 2.0], "value": [0.5, np.nan]}
    )
    same = first.assign(train_seconds=9.0, value=[0.5 + 1e-8, np.nan])
    assert all(number.agrees for number in compare.numbers({"t": first}, {"t": same}, "exact"))
    for other in (
        first.assign(value=[0.50001, np.nan]),
        first.assign(label=["x", "z"]),
        first.iloc[:1],
        first.assign(value=0.5),
    ):
        assert not all(number.agrees for number in compare.numbers({"t": first}, {"t": other}, "exact"))


def test_verdicts_that_are_reversed_weigh_more_than_open_ones() -> None:
    first = pd.DataFrame({"claim": ["a", "b", "c"], "verdict": ["supported", "supported", "refuted"]})
    second = first.assign(verdict=["refuted", "undecided", "refuted"])
    reversed_, open_ = compare.verdicts(first, second)
    assert len(reversed_) == 1 and "claim a: supported, in the second run refuted" in reversed_[0]
    assert len(open_) == 1 and open_[0].startswith("claim b")


def test_answers_are_compared_face_by_face() -> None:
    p = pd.DataFrame(np.eye(7)[[0, 1, 2, 3]], columns=[f"p_{e}" for e in EMOTIONS])
    first = p.assign(model="a", seed=0, split="test", row=range(4))
    second = first.copy()
    second.loc[2, ["p_fear", "p_sad"]] = 0.4, 0.6
    (number,) = compare.answers(first, second)
    assert number.second == 0.25 and not number.agrees


@pytest.mark.usefixtures("own_handlers")
def test_compare_runs_by_the_command_line(
    run: Layout, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.root / "config.yaml").write_text(configs.dump(STUDY))
    written = tmp_path / "all.csv"
    assert cli.main(["compare-runs", str(folder), str(run.root), "--write", str(written)]) == 0
    said = capsys.readouterr().out
    assert "tolerance: exact (both have the same predictions)" in said and "\nreproduced: " in said
    assert pd.read_csv(written)["agrees"].all() and len(pd.read_csv(written)) > 100

    other = make_run(tmp_path / "other", state=1)
    (other.root / "config.yaml").write_text(configs.dump(STUDY))
    assert cli.main(["compare-runs", str(folder), str(other.root)]) == 1
    said = capsys.readouterr().out
    assert "tolerance: exact (trained again" in said and "NOT reproduced" in said

    (folder / "tables" / "scores.csv").unlink()
    assert cli.main(["compare-runs", str(folder), str(run.root)]) == 1
    assert "missing tables/scores.csv" in capsys.readouterr().err


def test_the_tolerance_that_is_due_follows_from_the_records(run: Layout, tmp_path: Path) -> None:
    (run.root / "config.yaml").write_text(configs.dump(STUDY))
    again = Layout(tmp_path / "again" / "mini")
    shutil.copytree(run.root, again.root)
    frame = pd.read_parquet(run.predictions("mixture", 1))
    step = np.float32(2**-16)
    save_predictions(again.predictions("mixture", 1), frame.assign(p_angry=frame["p_angry"] + step))
    assert runs.compare_runs(run.root, again.root).tolerance == "evaluation"
    for record in again.root.glob("networks/*/*/network.json"):
        write_json(record, json.loads(record.read_text()) | {"hardware": "a GPU", "train_seconds": 0.1})
    assert runs.compare_runs(run.root, again.root).tolerance == "training"
    configured = again.root / "config.yaml"
    configured.write_text(configured.read_text().replace("width: 4", "width: 8"))
    found = runs.compare_runs(run.root, again.root)
    assert not found.reproduced and any("architecture.width" in problem for problem in found.problems)


def test_results_are_ignored_by_git_but_for_published_ones() -> None:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    assert "/results/*" in lines and "!/results/published/" in lines
    assert os.path.exists(ROOT / ".gitattributes"), "line ends changed by git would be damage"
