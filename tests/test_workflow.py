"""A mini study through the real workflow: from drawn faces to both formats of the report, and what reruns when."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from emorec import EMOTIONS, SPLITS
from emorec import config as configs
from emorec.checkout import Checkout
from emorec.figures import OF_FACES, available
from emorec.paths import Layout
from emorec.predictions.store import PROBABILITIES, read_gates, read_predictions
from emorec.published.publish import publish
from emorec.published.runs import compare_runs
from tests import forked
from tests.checkout_copy import copy_checkout

ROOT = Path(__file__).resolve().parent.parent
MINI = "tests/mini.yaml"
EXPERTS = {"mixture-found": 2, "specialists": 3, "fine-tuned": 3, "joint-top-2": 3}  # where not 3 of a mixture, or none


def snakemake(
    folder: Path, *arguments: str, config: str = MINI, modules: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the workflow in a checkout; `modules` is looked in before any other place that Python imports from."""
    more = {"PYTHONPATH": os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")])} if modules else {}
    return forked.snakemake(folder, "--cores", "2", "--configfile", config, *arguments, **more)


def planned(folder: Path, config: str = MINI) -> list[str]:
    """Messages of the jobs that a run would do."""
    done = snakemake(folder, "--dry-run", config=config)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^Job \d+: (.+)$", done.stdout + done.stderr, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"), MINI)


@pytest.fixture(scope="module")
def finished(checkout: Path) -> Path:
    """The checkout after a whole run of the mini study."""
    done = snakemake(checkout)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "results/mini/report/emorec.pdf" in done.stderr
    return checkout


@pytest.fixture(scope="module")
def study(finished: Path) -> configs.Study:
    return configs.load(finished / MINI)


@pytest.fixture(scope="module")
def layout(finished: Path) -> Layout:
    return Layout(finished / "results" / "mini")


def test_every_contract_file_is_there(study: configs.Study, layout: Layout) -> None:
    assert layout.faces.exists() and layout.summary.exists() and layout.truth.exists()
    for part in configs.all_parts(study):
        names = {path.name for path in layout.network(part.network, part.seed).iterdir()}
        assert {"weights.safetensors", "history.csv", "network.json", "outputs.npz"} <= names
        assert not any("checkpoint" in name for name in names)
    for figure in available(None, photographs=False, votes=False):
        assert layout.figure(figure, "svg").stat().st_size > 1000
        assert layout.figure(figure, "png").read_bytes().startswith(b"\x89PNG")
    leftovers = [path for path in layout.root.rglob(".*") if path.is_file() and path.name != ".snakemake_timestamp"]
    assert not leftovers, "temporary files were left"


def test_predictions_and_embeddings_agree_with_the_faces(study: configs.Study, layout: Layout) -> None:
    with np.load(layout.faces) as faces:
        held = faces["split"] != SPLITS.index("train")
        row, label, split = faces["row"][held], faces["labels"][held], faces["split"][held]
    order = np.lexsort((row, split))  # in which predictions are read
    found, gates = read_predictions(layout.predictions), read_gates(layout.predictions)
    assert list(found[["model", "seed"]].drop_duplicates().itertuples(index=False, name=None)) == study.replicates
    for model, seed in study.replicates:
        frame = found[(found["model"] == model) & (found["seed"] == seed)]
        assert (frame["row"].to_numpy() == row[order]).all() and (frame["label"].to_numpy() == label[order]).all()
        assert (frame["split"].to_numpy() == np.array(SPLITS)[split[order]]).all()
        np.testing.assert_allclose(frame[PROBABILITIES].sum(axis=1), 1, atol=1e-5)
        experts = gates[model, seed].experts if (model, seed) in gates else ()
        assert len(experts) == EXPERTS.get(model, 3 if model.startswith("mixture") else 0)
        with np.load(layout.embeddings(model, seed)) as file:
            assert (file["row"] == row[split == SPLITS.index("test")]).all()
            assert file["embeddings"].dtype == np.float16


def test_ensemble_is_the_mean_of_its_members(study: configs.Study, layout: Layout) -> None:
    # Two singles of the study are members of the first ensemble; the others' outputs come from their own files.
    members = study.seeds_of_members(study.models["ensemble"])[0]
    expected = []
    for seed in members:
        with np.load(layout.network("resnet18", seed) / "outputs.npz") as file:
            powers = np.exp(file["logits"][np.lexsort((file["row"], file["split"]))].astype(float))
            expected.append(powers / powers.sum(axis=1, keepdims=True))
    frame = read_predictions(layout.predictions, [("ensemble", 0)])
    np.testing.assert_allclose(frame[PROBABILITIES], np.mean(expected, axis=0), atol=2e-5)


def test_accuracy_in_the_tables_is_that_of_the_predictions(layout: Layout) -> None:
    scores = pd.read_csv(layout.table("scores"))
    for model, seed in (("resnet18", 1), ("mixture", 0)):
        frame = read_predictions(layout.predictions, [(model, seed)]).query("split == 'test'")
        right = frame[PROBABILITIES].to_numpy().argmax(axis=1) == frame["label"]
        row = scores.query("model == @model and seed == @seed and split == 'test' and metric == 'accuracy'")
        assert row["value"].item() == pytest.approx(right.mean())


def test_report_says_synthetic_and_leaves_nothing_open(layout: Layout) -> None:
    html = (layout.report / "emorec.html").read_text(encoding="utf-8")
    assert "synthetic" in html and "mixture of 3 experts" in html
    for unresolved in ("?@", "?var", "{{<", "@fig-", "@tbl-"):
        assert unresolved not in html
    assert (layout.report / "emorec.pdf").read_bytes().startswith(b"%PDF-")


def test_explorer_shows_every_model_seed_and_face(study: configs.Study, layout: Layout) -> None:
    page = (layout.report / "explorer.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)[1])
    assert [(model["name"], model["seeds"]) for model in data["models"]] == [(m, study.seeds) for m in study.models]
    frame = read_predictions(layout.predictions, [("mixture", 1)]).query("split == 'test'")
    assert data["rows"] == sorted(frame["row"]) and data["sheet"] is not None
    headline = set(pd.read_csv(layout.table("models")).query("headline")["model"])
    maps = {model["name"]: set(model["maps"]) for model in data["models"]}
    assert maps == {model: {"pca", "tsne"} if model in headline else set() for model in study.models}


def test_report_states_the_numbers_of_the_tables(layout: Layout) -> None:
    html = (layout.report / "emorec.html").read_text(encoding="utf-8")
    summary = pd.read_csv(layout.table("summary")).query("split == 'test' and metric == 'accuracy'")
    for mean in summary["mean"]:
        assert f"{100 * mean:.1f}" in html
    words = " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())
    (test,) = pd.read_csv(layout.table("comparisons")).query("tier == 'primary'").itertuples()
    said = {"better": "more accurate than", "worse": "less accurate than"}
    said["not told apart"] = "not significantly more or less accurate than"
    assert f"the mixture is {said[test.verdict]} the ensemble" in words
    low, high = (f"{100 * end:.1f}".replace("-", "−") for end in (test.low, test.high))
    assert f"{low} to {high}" in words or test.verdict == "worse"


def test_second_run_has_nothing_to_do(finished: Path) -> None:
    done = snakemake(finished)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr
    assert planned(finished) == []


def test_rendering_again_gives_the_same_bytes(finished: Path, layout: Layout) -> None:
    pages = [layout.report / name for name in ("emorec.html", "emorec.pdf", "explorer.html")]
    before = [page.read_bytes() for page in pages]
    done = snakemake(finished, "--forcerun", "stage", "explorer")
    assert done.returncode == 0, done.stderr[-2000:]
    assert before == [page.read_bytes() for page in pages]


def test_edit_of_a_figure_reruns_its_job_and_the_report(finished: Path) -> None:
    module = finished / "emorec" / "figures" / "recall.py"
    text = module.read_text()
    try:
        module.write_text(text + "\n# edited\n")
        jobs = planned(finished)
    finally:
        module.write_text(text)
    assert sorted(jobs) == [
        "figures: of the results",
        "report: HTML and PDF",
        "report: numbers, tables and figures into the text",
    ]


def test_change_of_the_mixture_leaves_singles_alone(finished: Path) -> None:
    changed = yaml.safe_load((finished / MINI).read_text())
    changed["groupings"]["original"] = [["happy", "neutral"], ["fear", "surprise", "disgust"], ["angry", "sad"]]
    (finished / "changed.yaml").write_text(yaml.safe_dump(changed))
    jobs = planned(finished, "changed.yaml")
    trained = {re.match(r"train: network (\S+),", job)[1] for job in jobs if job.startswith("train")}
    # The gate has new groups; the expert for {happy, neutral} is the one that was trained before.
    experts = {"resnet18-expert-disgust-fear-surprise", "resnet18-expert-angry-sad"}
    specialists = {f"{name}-started-as-often-epochs-1-lr-0-02" for name in experts}
    assert trained == {"resnet18-gate-original", "fine-tuned", *experts, *specialists}
    assert "predictions: networks to models" in jobs and "tables: scores, comparisons and verdicts" in jobs
    assert not [job for job in jobs if job.startswith(("data", "groupings", "tables: copies"))]


def test_change_of_an_epoch_count_retrains_all(finished: Path) -> None:
    changed = yaml.safe_load((finished / MINI).read_text())
    changed["training"]["epochs"] = 3
    (finished / "longer.yaml").write_text(yaml.safe_dump(changed))
    jobs = planned(finished, "longer.yaml")
    assert sum(job.startswith("train") for job in jobs) == len(configs.all_parts(configs.load(finished / MINI)))
    assert not any(job.startswith("data") for job in jobs)


def test_other_faces_make_all_again(finished: Path) -> None:
    changed = yaml.safe_load((finished / MINI).read_text())
    changed["data"]["synthetic"]["seed"] = 2
    (finished / "other-faces.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
    jobs = planned(finished, "other-faces.yaml")
    assert {"data: faces of study mini", "twins: faces with a copy in a later split"} <= set(jobs)
    assert sum(job.startswith("train") for job in jobs) == len(configs.all_parts(configs.load(finished / MINI)))


def test_another_primary_mixture_makes_the_tests_again(finished: Path) -> None:
    changed = yaml.safe_load((finished / MINI).read_text()) | {"primary": "mixture-found"}
    (finished / "primary.yaml").write_text(yaml.safe_dump(changed, sort_keys=False))
    jobs = planned(finished, "primary.yaml")
    tables = ["scores, comparisons and verdicts", "how well the representations separate the emotions"]
    assert {f"tables: {name}" for name in tables} <= set(jobs)
    assert not [job for job in jobs if job.startswith(("data", "train", "predictions", "tables: copies"))]


def test_a_study_without_a_mixture_ends_in_tables(checkout: Path) -> None:
    wanted = yaml.safe_load((checkout / "config" / "ablation.yaml").read_text())
    wanted["data"] = {"source": "synthetic"}
    (checkout / "singles.yaml").write_text(yaml.safe_dump(wanted))
    jobs = planned(checkout, "singles.yaml")
    assert sum(job.startswith("train") for job in jobs) == len(wanted["models"])
    assert not [job for job in jobs if job.startswith("report")]
    assert {"tables: scores, comparisons and verdicts", "figures: of the results"} <= set(jobs)


def test_snakemakes_own_report_has_captions(finished: Path) -> None:
    done = snakemake(finished, "--report", "workflow-report.html")
    assert done.returncode == 0, done.stderr[-2000:]
    page = (finished / "workflow-report.html").read_text(encoding="utf-8")
    assert "paired bootstrap over faces" in page and "emorec/figures/recall.py" in page


def test_missing_data_set_stops_before_anything_runs(checkout: Path) -> None:
    wanted = yaml.safe_load((checkout / MINI).read_text()) | {"study": "absent", "data": {"source": "fer2013"}}
    (checkout / "absent.yaml").write_text(yaml.safe_dump(wanted))
    done = snakemake(checkout, config="absent.yaml")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "kaggle" in output.lower() and "data" in output and "Traceback" not in output
    assert not (checkout / "results" / "absent").exists()


def test_unknown_key_is_refused_with_the_nearest_one(checkout: Path) -> None:
    wanted = yaml.safe_load((checkout / MINI).read_text()) | {"sedes": [0]}
    (checkout / "typo.yaml").write_text(yaml.safe_dump(wanted))
    done = snakemake(checkout, config="typo.yaml")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "sedes: unknown key; did you mean 'seeds'?" in output and "Traceback" not in output


def test_malformed_csv_leaves_no_output(checkout: Path) -> None:
    table = checkout / "broken.csv"
    table.write_text("emotion,pixels,Usage\n" + f"7,{' '.join(['0'] * 2304)},Training\n")
    wanted = yaml.safe_load((checkout / MINI).read_text()) | {
        "study": "broken",
        "data": {"source": "fer2013", "path": "broken.csv"},
    }
    (checkout / "broken.yaml").write_text(yaml.safe_dump(wanted))
    done = snakemake(checkout, config="broken.yaml")
    assert done.returncode != 0
    assert re.search(r"broken\.csv, row 2: .*7", done.stdout + done.stderr)
    assert not (checkout / "results" / "broken" / "data" / "faces.npz").exists()


def test_record_says_what_was_trained(study: configs.Study, layout: Layout) -> None:
    record = json.loads((layout.network("resnet18-gate-original", 0) / "network.json").read_text())
    assert record["role"] == "gate" and record["emotions"] == list(EMOTIONS)
    assert record["classes"] == [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]
    history = pd.read_csv(layout.network("resnet18-gate-original", 0) / "history.csv")
    assert len(history) == study.training.epochs
    assert record["val_accuracy"] == pytest.approx(history["val_accuracy"].max())


# Without training


@pytest.fixture(scope="module")
def published(finished: Path, study: configs.Study, layout: Layout) -> Path:
    """What is published of the finished study, in the same checkout."""
    folder = finished / "results" / "published" / "mini"
    publish(study, layout, folder, Checkout("c0ffee", False), "2026-01-02")
    return folder


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a torch that cannot be imported."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text("raise ImportError('torch was imported')")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_published_study_is_rebuilt_byte_for_byte_without_torch(
    finished: Path, layout: Layout, published: Path, no_torch: Path
) -> None:
    run = {name: content for name, content in _contents(layout.root).items() if not name.startswith(("logs", "bench"))}
    done = snakemake(finished, "--config", "from=published", modules=no_torch)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert not re.search(r"(train|outputs|predictions|groupings|data): ", done.stderr)
    again = Layout(finished / "results" / "from-published" / "mini")
    rebuilt = _contents(again.root)
    same = [name for name in run if name.startswith(("tables/", "figures/", "report/source/"))]
    assert len(same) > 60
    different = [name for name in same if rebuilt.get(name) != run[name]]
    # Faces are shown where they lie, and the text says what it was rebuilt from.
    faces = {f"{place}/{name}.{kind}" for place in ("figures", "report/source/figures") for name in OF_FACES
             for kind in ("svg", "png")}  # fmt: skip
    assert set(different) - faces == {"report/source/index.qmd"}
    assert b"published by `c0ffee` of 2026-01-02" in rebuilt["report/source/index.qmd"]
    assert rebuilt["report/emorec.pdf"].startswith(b"%PDF-")
    assert run == {name: content for name, content in _contents(layout.root).items() if name in run}, (
        "the run is touched"
    )
    comparison = compare_runs(published, again.root)
    assert comparison.tolerance == "exact" and comparison.reproduced


def test_a_damaged_publication_is_named_before_anything_is_written(finished: Path, published: Path) -> None:
    damaged, before = published / "predictions.parquet", _contents(finished / "results")
    content = damaged.read_bytes()
    try:
        damaged.write_bytes(content[:-100] + b"\0" + content[-99:])
        done = snakemake(finished, "--config", "from=published")
    finally:
        damaged.write_bytes(content)
    output = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in output
    assert "results/published/mini: damaged predictions.parquet; restore" in output
    assert _contents(finished / "results") == before


def test_weights_from_elsewhere_are_evaluated_and_not_trained_again(
    finished: Path, study: configs.Study, layout: Layout, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "checkout"
    shutil.copytree(finished, elsewhere, symlinks=True, ignore=shutil.ignore_patterns("results", ".snakemake"))
    brought = Layout(elsewhere / "results" / "mini")
    for number, part in enumerate(configs.all_parts(study)):
        target = brought.network(part.network, part.seed)
        target.mkdir(parents=True)
        for name in ("weights.safetensors", "history.csv", "network.json"):
            shutil.copyfile(layout.network(part.network, part.seed) / name, target / name)
            if number % 2:  # far older than the code and the faces
                os.utime(target / name, (1e9, 1e9))
    weights = {name: content for name, content in _contents(brought.root).items() if name.endswith(".safetensors")}
    wanted = "results/mini/predictions.parquet"
    done = snakemake(elsewhere, "--config", "from=weights", "--", wanted)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert (elsewhere / wanted).read_bytes() == layout.predictions.read_bytes()
    planned_jobs = re.findall(
        r"^Job \d+: (.+)$", snakemake(elsewhere, "--dry-run", "--config", "from=weights").stdout, flags=re.MULTILINE
    )
    assert "report: HTML and PDF" in planned_jobs and not any(job.startswith("train") for job in planned_jobs)
    assert weights == {n: content for n, content in _contents(brought.root).items() if n.endswith(".safetensors")}
    (brought.network("resnet18", 4) / "weights.safetensors").unlink()
    done = snakemake(elsewhere, "--dry-run", "--config", "from=weights")
    assert done.returncode != 0 and "resnet18/seed4/weights.safetensors: missing" in done.stdout + done.stderr
