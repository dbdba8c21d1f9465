"""All tables of a made-up study: columns, agreement with each other, and errors that name the file."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_study import FOUND, make_study, write_all_tables

from emorec import EMOTIONS
from emorec import config as configs
from emorec.errors import EmorecError
from emorec.files import write_text
from emorec.paths import Layout
from emorec.predictions.store import read_predictions
from emorec.tables import groups
from emorec.tables.comparisons import comparisons_table
from emorec.tables.networks import classes_table, curves_table, models_table
from emorec.tables.performance import summary_table
from emorec.tables.read import Model, read_embeddings
from emorec.tables.resampled import Resampled

COLUMNS = {
    "models": "model kind family label networks parts parameters flops train_seconds train_flops "
    "grouping gate foreign start length experts primary kept_start control headline",
    "classes": "split emotion faces share",
    "scores": "model seed split metric value",
    "recall": "model seed split emotion support recall precision f1",
    "confusion": "model seed split true predicted count rate",
    "pairs": "model seed split first second rate",
    "summary": "model split metric mean sd seeds low high",
    "calibration": "model seed temperature metric before after",
    "reliability": "model seed scaled bin low high faces confidence accuracy",
    "comparisons": "model reference measure grouping tier difference low high p p_holm verdict seeds",
    "pair_comparisons": "model reference first second hard reference_rate rate difference low high p p_holm verdict "
    "seeds",
    "audit": "split other faces exact twins mirrored same_label",
    "twins": "row label twin exact distance nearest nearest_label mirrored",
    "twins_scores": "model reference measure emotion subset count estimate low high p seeds",
    "group_scores": "model reference grouping group measure faces estimate low high p seeds",
    "routing": "mixture other grouping routed_by decided_by accuracy low high difference difference_low "
    "difference_high p seeds",
    "truth": "model seed measure value",
    "planted": "first second rate",
    "gate": "model seed split emotion expert weight own",
    "gate_use": "model seed split expert share top_share entropy balance collapsed",
    "groupings": "grouping method expert emotions inside inside_chance inside_planted",
    "projections": "model method row label predicted x y",
    "representation": "model seed measure value",
    "curves": "network seed role epoch lr train_loss train_accuracy val_loss val_accuracy seconds best",
    "purity": "model reference difference low high p seeds",
    "error_flow": "model reference first second confused to_right to_other other from_right from_other still",
    "calibration_summary": "model metric state mean low high seeds",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = make_study(tmp_path_factory.mktemp("study"), faces=(140, 200, 240), epochs=4)
    write_all_tables(out, resamples=300, sample=80)
    return out


@pytest.fixture(scope="module")
def tables(study: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(study / "tables" / f"{name}.csv") for name in COLUMNS}


def _predictions(study: Path, *models: str, seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    return read_predictions(study / "predictions.parquet", list(itertools.product(models, seeds)))


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(tables: dict[str, pd.DataFrame], name: str) -> None:
    assert list(tables[name]) == COLUMNS[name].split()
    assert len(tables[name])


def test_the_same_again(study: Path, tables: dict[str, pd.DataFrame]) -> None:
    chosen = ["resnet18", "ensemble", "mixture"]
    expected = tables["summary"][tables["summary"]["model"].isin(chosen)]
    found = summary_table(_predictions(study, *chosen), 300)
    keys = ["split", "metric", "model"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


def test_tables_agree(tables: dict[str, pd.DataFrame]) -> None:
    summary = tables["summary"].set_index(["model", "split", "metric"])
    by_seed = tables["scores"].groupby(["model", "split", "metric"])["value"]
    for statistic, column in ((by_seed.mean(), "mean"), (by_seed.std(), "sd")):
        np.testing.assert_allclose(statistic.reindex(summary.index), summary[column])
    assert ((summary["low"] <= summary["mean"]) & (summary["mean"] <= summary["high"])).all()
    assert (summary["seeds"] == 2).all()

    accuracy = summary.xs("accuracy", level="metric")["mean"]
    for row in tables["comparisons"].query("measure == 'accuracy'").itertuples():
        assert row.difference == pytest.approx(accuracy[row.model, "test"] - accuracy[row.reference, "test"])
    corrected = tables["comparisons"].dropna(subset="p_holm")
    assert set(corrected["tier"]) == {"secondary"} and (corrected["p_holm"] >= corrected["p"]).all()

    pairs = tables["pairs"].query("split == 'test'").groupby(["model", "first", "second"])["rate"].mean()
    for row in tables["pair_comparisons"].itertuples():
        assert row.rate == pytest.approx(pairs[row.model, row.first, row.second])
        assert row.reference_rate == pytest.approx(pairs[row.reference, row.first, row.second])
        assert row.difference == pytest.approx(row.rate - row.reference_rate)

    confusion = tables["confusion"]
    np.testing.assert_allclose(confusion.groupby(["model", "seed", "split", "true"])["rate"].sum(), 1)
    diagonal = confusion[confusion["true"] == confusion["predicted"]]
    np.testing.assert_allclose(diagonal["rate"].to_numpy(), tables["recall"]["recall"].to_numpy())
    assert set(map(tuple, tables["comparisons"][["model", "reference"]].to_numpy())) == {
        ("resnet18-wide", "resnet18"),
        ("resnet18-balanced", "resnet18"),
        ("ensemble-3", "resnet18"),
        ("ensemble", "resnet18"),
        ("mixture", "resnet18"),
        ("mixture-top-1", "resnet18"),
        ("mixture-found", "resnet18"),
        ("mixture-random", "resnet18"),
        ("mixture-tuned", "resnet18"),
        ("joint", "resnet18"),
        ("joint-top-2", "resnet18"),
        ("joint-trunk", "resnet18"),
        ("mixture", "ensemble"),
        ("mixture-top-1", "ensemble"),
        ("mixture-found", "ensemble"),
        ("mixture-random", "ensemble-3"),
        ("mixture-tuned", "ensemble"),
        ("joint", "ensemble"),
        ("joint-top-2", "ensemble-3"),
        *itertools.product(
            ("mixture", "mixture-top-1", "mixture-found", "mixture-random", "mixture-tuned", "joint", "joint-top-2")
            + ("joint-trunk",),
            ("resnet18-wide", "resnet18-balanced"),
        ),
    }
    tiers = tables["comparisons"].groupby("tier").size()
    assert (tiers["primary"], tiers["secondary"]) == (1, 7)


def test_models_say_what_they_are(tables: dict[str, pd.DataFrame]) -> None:
    models = tables["models"].set_index("model")
    kinds = models["kind"].to_dict()
    assert kinds["mixture-oracle"] == "oracle" and kinds["mixture-tuned"] == kinds["joint-top-2"] == "mixture"
    assert models["family"]["mixture-oracle"] == "mixture" and models["family"]["mixture-tuned"] == "fine-tuned"
    assert models["gate"]["joint-top-2"] == "top-2" and models["gate"]["mixture-tuned"] == "soft"
    assert models["grouping"]["mixture-tuned"] == "original" and models["foreign"]["mixture-tuned"] == "excluded"
    assert models["experts"].dropna().astype(int).to_dict() == {
        name: 4 if name == "joint-top-2" else 3 for name, kind in kinds.items() if kind in ("mixture", "oracle")
    }
    assert list(models.index[models["headline"]]) == ["resnet18", "ensemble", "mixture", "mixture-tuned", "joint"]
    assert set(tables["projections"]["model"]) == set(models.index[models["headline"]])


def test_costs(study: Path, tables: dict[str, pd.DataFrame]) -> None:
    models = tables["models"].set_index("model")
    expected = {"resnet18": 1, "ensemble": 4, "mixture": 4, "mixture-oracle": 3, "mixture-random": 3, "joint": 1}
    assert models["networks"][list(expected)].to_dict() == expected

    assert models["parts"]["ensemble"] == "resnet18" and models["parts"]["mixture-tuned"] == "mixture-tuned"
    gate, *experts = models["parts"]["mixture"].split()
    assert "gate" in gate and len(experts) == 3 and experts == models["parts"]["mixture-oracle"].split()

    def records(network: str, seed: int) -> dict:
        folder = study / "networks" / network / f"seed{seed}"
        return json.loads((folder / "network.json").read_text())

    # Replicate 0 of the ensemble has the single's seeds 0 to 3, replicate 1 has 1 to 4.
    members = [[records("resnet18", s) for s in range(first, first + 4)] for first in (0, 1)]
    assert models["parameters"]["ensemble"] == sum(r["parameters"] for r in members[0])
    seconds = np.mean([sum(r["train_seconds"] for r in own) for own in members])
    assert models["train_seconds"]["ensemble"] == pytest.approx(seconds)
    # Four epochs of 140 // 64 steps with 64 faces, forward and twice that backward.
    assert models["train_flops"]["resnet18"] == 3 * 4 * 2 * 64 * records("resnet18", 0)["flops"]
    tuned = np.mean([records("mixture-tuned", s)["train_seconds"] for s in (0, 1)])
    assert models["train_seconds"]["mixture-tuned"] == pytest.approx(models["train_seconds"]["mixture"] + tuned)
    assert models["train_flops"]["mixture-tuned"] == pytest.approx(models["train_flops"]["mixture"] * (1 + 3 / 4))


def test_classes(tables: dict[str, pd.DataFrame]) -> None:
    np.testing.assert_allclose(tables["classes"].groupby("split")["share"].sum(), 1)
    assert tables["classes"].groupby("split")["faces"].sum().to_dict() == {"train": 140, "val": 200, "test": 240}


def test_curves(study: Path, tables: dict[str, pd.DataFrame]) -> None:
    best = tables["curves"].query("best")
    trained = len(list(study.glob("networks/*/seed*/history.csv")))
    assert len(best) == trained
    top = tables["curves"].groupby(["network", "seed"])["val_accuracy"].max()
    np.testing.assert_allclose(best.set_index(["network", "seed"])["val_accuracy"].sort_index(), top.sort_index())


def test_one_seed_covers_faces_only(study: Path) -> None:
    predictions = _predictions(study, "resnet18", "mixture", seeds=(0,))
    summary = summary_table(predictions, 100)
    assert (summary["seeds"] == 1).all() and summary["sd"].isna().all() and summary["low"].notna().all()
    models = [Model("resnet18", "single"), Model("mixture", "mixture")]
    assert (comparisons_table(Resampled(predictions, 100), models, {})["seeds"] == 1).all()


def test_missing_and_unreadable_files_are_named(study: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_text("junk")
    absent = tmp_path / "absent"
    for path, word in ((junk, "junk: no"), (absent, "absent: no such file")):
        with pytest.raises(EmorecError, match=word):
            dict(read_embeddings({("a", 0): path}))
        with pytest.raises(EmorecError, match=word):
            classes_table(path)
    layout = Layout(tmp_path)
    write_text(layout.summary, (study / "data/summary.json").read_text())
    record = layout.network("resnet18", 0) / "network.json"
    write_text(record, "junk")
    with pytest.raises(EmorecError, match=r"network\.json: no JSON"):
        models_table(configs.load(study / "config.yaml"), layout)
    with pytest.raises(EmorecError, match="network.json"):
        curves_table([tmp_path / "history.csv"])


@pytest.mark.parametrize("kept", ["no model", "no headline model"])
def test_models_of_a_gathered_study_may_lack_embeddings(study: Path, tmp_path: Path, kept: str) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    headline = set(pd.read_csv(study / "tables/models.csv").query("headline")["model"])
    others = {path.name for path in (study / "embeddings").iterdir()} - headline
    for path in (folder / "embeddings").iterdir():
        if kept == "no model" or path.name in headline:
            shutil.rmtree(path)
    written = groups.embeddings(configs.load(folder / "config.yaml"), Layout(folder), groups.Sizes(50, 50))
    assert {name: list(table) for name, table in written.items()} == {name: COLUMNS[name].split() for name in written}
    assert set(written["representation"]["model"]) == (set() if kept == "no model" else others) and others
    assert written["projections"].empty


def test_bad_embeddings_are_named(study: Path, tmp_path: Path) -> None:
    good = study / "embeddings/mixture/seed0.npz"
    with np.load(good) as file:
        arrays = dict(file)
    infinite = arrays["embeddings"].copy()
    infinite[3, 3] = np.inf
    for change, reason in (
        ({"embeddings": infinite}, "not all finite"),
        ({"label": arrays["label"][1:]}, "do not agree"),
        ({"row": arrays["row"] + 1}, "not those of"),
    ):
        np.savez(tmp_path / "bad.npz", **(arrays | change))
        with pytest.raises(EmorecError, match=reason):
            dict(read_embeddings({("mixture", 0): good, ("mixture", 1): tmp_path / "bad.npz"}))


def test_an_oracle_is_scored_and_never_ranked(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("scores", "summary", "calibration", "recall"):
        assert "mixture-oracle" in set(tables[name]["model"])
    compared = ("comparisons", "pair_comparisons", "error_flow", "purity", "twins_scores")
    for name in compared:
        assert "mixture-oracle" not in {*tables[name]["model"], *tables[name]["reference"]}, name
    for name in ("gate", "gate_use", "projections"):
        assert "mixture-oracle" not in set(tables[name]["model"])
    models = tables["models"].set_index("model")
    assert models["control"].isna()["mixture-oracle"] and not models["headline"]["mixture-oracle"]
    # What the oracle reaches is what the mixture decides within the true group.
    accuracy = tables["summary"].query("metric == 'accuracy' and split == 'test'").set_index("model")["mean"]
    scores = tables["group_scores"].query("measure == 'within_group' and grouping == 'original'")
    scores = scores[scores["reference"].isna() & scores["group"].isna()].set_index("model")["estimate"]
    assert scores["mixture"] == pytest.approx(accuracy["mixture-oracle"], abs=0.005)
    assert scores["mixture-oracle"] == pytest.approx(accuracy["mixture-oracle"])


def test_errors_flow_without_loss(tables: dict[str, pd.DataFrame]) -> None:
    flow = tables["error_flow"]
    went = flow["confused"] - flow["to_right"] - flow["to_other"] + flow["from_right"] + flow["from_other"]
    np.testing.assert_allclose(went, flow["still"])
    # The same faces as in the confusions of each model by itself.
    confusion = tables["confusion"].query("split == 'test'").groupby(["model", "true", "predicted"])["count"].mean()
    for row in flow.itertuples():
        for model, faces in ((row.reference, row.confused), (row.model, row.still)):
            assert faces == pytest.approx(
                confusion[model, row.first, row.second] + confusion[model, row.second, row.first]
            )
    assert flow["other"].isna().equals(flow["to_other"] == 0)
    # What the hard pairs of the mixture gain comes out in its accuracy: right answers won less those lost, by pair.
    own = flow.query("model == 'mixture' and reference == 'resnet18'")
    scores = tables["summary"].query("metric == 'accuracy' and split == 'test'").set_index("model")["mean"]
    gained = (own["to_right"] - own["from_right"]).sum() / 240
    assert gained == pytest.approx(scores["mixture"] - scores["resnet18"])


def test_summaries_of_seeds_agree(tables: dict[str, pd.DataFrame]) -> None:
    by_seed = tables["calibration"].groupby(["model", "metric"])[["before", "after"]].mean()
    summary = tables["calibration_summary"].set_index(["model", "metric", "state"]).sort_index()
    for (model, metric), values in by_seed.drop(index="aurc", level=1).iterrows():
        found = summary.loc[model, metric]
        assert found["mean"].to_dict() == pytest.approx({**values, "change": values["after"] - values["before"]})
        assert ((found["low"] <= found["mean"]) & (found["mean"] <= found["high"])).all()


def test_groupings(tables: dict[str, pd.DataFrame]) -> None:
    groupings = tables["groupings"]
    assert groupings.groupby("grouping", sort=False)["method"].first().to_dict() == {
        "original": "given",
        "found": "spectral",
        "random": "random",
    }
    assert list(groupings.query("grouping == 'found'")["emotions"]) == [" ".join(group) for group in FOUND["found"]]
    # By hand: the mutual confusions of the single on val, each emotion counting alike.
    rates = tables["confusion"].query("model == 'resnet18' and split == 'val'").set_index(["seed", "true", "predicted"])
    shares = []
    for seed in (0, 1):
        own = rates.loc[seed]["rate"]
        mutual = {(a, b): own[a, b] + own[b, a] for a, b in itertools.combinations(EMOTIONS, 2)}
        within = sum(rate for pair, rate in mutual.items() if any({*pair} <= set(g) for g in FOUND["found"]))
        shares.append(within / sum(mutual.values()))
    found = groupings.set_index("grouping")["inside"]["found"]
    np.testing.assert_allclose(found, np.mean(shares))
    # Sizes 2, 2 and 3 make 5 of the 21 pairs.
    np.testing.assert_allclose(groupings["inside_chance"], 5 / 21)


def test_planted_confusions_show(tables: dict[str, pd.DataFrame]) -> None:
    rates = tables["pairs"].groupby(["first", "second"])["rate"].mean()
    assert rates["sad", "neutral"] > rates["happy", "surprise"]
    assert set(tables["classes"]["emotion"]) == set(EMOTIONS)
