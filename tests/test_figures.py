"""Every figure draws for small and large studies, says what it must, and is written to the same bytes twice."""

from __future__ import annotations

import functools
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from emorec import EMOTIONS, SPLITS, figures
from emorec.figures import (
    confusion_difference,
    curves,
    forest,
    gate,
    pairs,
    recall,
    reliability,
    samples,
    style,
    summary,
    twins,
)
from emorec.tables.pairs import HARD_PAIRS

GROUPS = {
    "original": ("happy-neutral", "fear-surprise", "angry-disgust-sad"),
    "valence": ("happy-surprise", "angry-disgust-fear-sad-neutral"),
    "overlapping": ("angry-fear-sad-neutral", "happy-surprise", "angry-disgust", "happy-neutral"),
}
SHARES = np.array([0.139, 0.016, 0.143, 0.251, 0.168, 0.111, 0.172])


def make_models(many: bool) -> pd.DataFrame:
    """models.csv of three models, or of twenty with long names."""
    rows = [
        ("resnet18", "single", "single ResNet-18", 1, 1.0, ""),
        ("ensemble", "ensemble", "ensemble of 4 ResNets", 4, 4.0, ""),
        ("mixture", "mixture", "mixture of emotion experts", 4, 4.0, "original"),
    ]
    if many:
        rows += [
            ("mixture-valence", "mixture", "mixture by the valence grouping", 3, 3.0, "valence"),
            ("mixture-overlapping", "mixture", "mixture by the overlapping grouping", 5, 5.01, "overlapping"),
            ("ensemble-3", "ensemble", "ensemble of 3 resnet18", 3, 3.0, ""),
            ("ensemble-5", "ensemble", "ensemble of 5 resnet18", 5, 5.0, ""),
            ("resnet34", "single", "single resnet34", 1, 2.0, ""),
            ("wide", "single", "single ResNet-18 of twice the width", 1, 3.95, ""),
            ("mixture-top1", "mixture", "mixture by the original grouping, top-1 gate", 4, 4.0, "original"),
            (
                "mixture-temperature",
                "mixture",
                "mixture by the original grouping, temperature gate",
                4,
                4.0,
                "original",
            ),
            ("mixture-uniform", "mixture", "mixture by the original grouping, no gate", 3, 3.0, "original"),
            ("mixture-oracle", "oracle", "mixture by the original grouping, oracle gate", 3, 3.0, "original"),
            ("mixture-other", "mixture", "mixture by the original grouping, others other", 4, 4.0, "original"),
            ("mixture-random", "mixture", "mixture by the random grouping", 4, 4.0, "original"),
            ("mixture-spectral-2", "mixture", "mixture by the spectral-2 grouping", 3, 3.0, "valence"),
            ("fine-tuned", "fine-tuned", "mixture of emotion experts, fine-tuned", 1, 4.0, "original"),
            ("joint", "joint", "joint mixture of 3 experts", 1, 4.0, ""),
            ("joint-top2", "joint", "joint mixture of 4 experts, top 2", 1, 3.0, ""),
            ("joint-trunk", "joint", "joint mixture of 3 experts on a trunk of 2 stages", 1, 1.02, ""),
        ]
    table = pd.DataFrame(rows, columns=["model", "family", "label", "networks", "cost", "grouping"])
    table.insert(1, "kind", table["family"].replace({"fine-tuned": "mixture", "joint": "mixture"}))
    table["parameters"] = 700_000 * table["networks"]
    table["flops"] = (18.2e6 * table.pop("cost")).astype(int)
    table["train_seconds"] = 100.0 * table["networks"]
    mixture = table["kind"] == "mixture"
    table["control"] = np.where(mixture, np.where(table["model"] == "joint-trunk", "resnet18", "ensemble"), "")
    table["foreign"] = np.where(table["family"] == "mixture", "excluded", "")
    table["family"] = table["family"].replace({"oracle": "mixture"})
    networks = {
        grouping: " ".join([f"resnet18-gate-{grouping}", *(f"resnet18-expert-{group}" for group in groups)])
        for grouping, groups in GROUPS.items()
    }
    table["parts"] = table["model"].where(table["family"] != "mixture", table["grouping"].map(networks))
    table["headline"] = table["model"].isin(["resnet18", "ensemble", "mixture", "fine-tuned", "joint"])
    return table


def write_study(folder: Path, many: bool, seeds: int) -> Path:
    """The tables and faces that the figures read, made up, in the contract's columns."""
    rng = np.random.default_rng(0)
    models = make_models(many)
    tables: dict[str, list[tuple]] = {}
    counts = {split: (SHARES * total).astype(int) for split, total in zip(SPLITS, (28709, 3589, 3589), strict=True)}

    tables["classes"] = [
        (split, emotion, int(n), n / counts[split].sum())
        for split in SPLITS
        for emotion, n in zip(EMOTIONS, counts[split], strict=True)
    ]
    for name in ("summary", "recall", "confusion", "pairs", "pair_comparisons", "gate", "projections", "curves"):
        tables[name] = []
    for name in ("reliability", "calibration", "risk_coverage", "oracle", "comparisons", "gate_use"):
        tables[name] = []
    pair_rates: dict[tuple, float] = {}
    for place, (model, kind) in enumerate(zip(models["model"], models["kind"], strict=True)):
        mean = 0.66 + 0.03 * (kind != "single") + 0.004 * rng.normal()
        if kind == "oracle":
            tables["oracle"].append((model, "mixture", 0.8, 0.79, 0.81))
            continue
        for reference, metric in itertools.product(("resnet18", "ensemble"), ("accuracy", "macro_f1")):
            if kind == "mixture":
                low = 0.02 * rng.normal()
                tables["comparisons"].append((model, reference, metric, low + 0.015, low, low + 0.03, 0.01, 0.04))
        tables["summary"].append((model, "test", "accuracy", mean, 0.004, seeds, mean - 0.014, mean + 0.015))
        tables["summary"].append((model, "val", "accuracy", 0.1, 0.004, seeds, 0.1, 0.1))
        for seed in range(seeds):
            matrix = rng.dirichlet(np.full(7, 0.6), size=7) * 0.35 + 0.65 * np.eye(7)
            for i, j in itertools.product(range(7), range(7)):
                n = counts["test"][i]
                tables["confusion"].append(
                    (model, seed, "test", EMOTIONS[i], EMOTIONS[j], int(n * matrix[i, j]), matrix[i, j])
                )
                tables["confusion"].append((model, seed, "val", EMOTIONS[i], EMOTIONS[j], 1, 1 / 7))
            for i, emotion in enumerate(EMOTIONS):
                tables["recall"].append((model, seed, "test", emotion, counts["test"][i], matrix[i, i], 0.5, 0.5))
            for first, second in itertools.combinations(EMOTIONS, 2):
                rate = (
                    0.12
                    - 0.005 * (EMOTIONS.index(first) + EMOTIONS.index(second))
                    - 0.015 * (place > 0)
                    + 0.006 * rng.normal()
                )
                tables["pairs"].append((model, seed, "test", first, second, rate))
                pair_rates[model, first, second] = rate
        for first, second in itertools.combinations(EMOTIONS, 2):
            for reference in ("resnet18", "ensemble"):
                if model == "resnet18" or (reference == "ensemble" and kind != "mixture"):
                    continue
                base, rate = pair_rates[reference, first, second], pair_rates[model, first, second]
                tables["pair_comparisons"].append(
                    (model, reference, first, second, base, rate)
                    + (rate - base, rate - base - 0.02, rate - base + 0.018, 0.1, 0.4)
                )
        for seed, edge in itertools.product(range(seeds), range(15)):
            for scaled in (False, True):
                confidence = (edge + 0.5) / 15
                right = confidence ** (1.1 if scaled else 1.6)
                faces = 5 + 20 * edge
                tables["reliability"].append(
                    (model, seed, scaled, edge, edge / 15, (edge + 1) / 15, faces, confidence, right)
                )
        tables["calibration"] += [(model, seed, 1.4, "ece", 0.08, 0.02) for seed in range(seeds)]
        for seed, percent in itertools.product(range(seeds), range(1, 101)):
            share = percent / 100
            tables["risk_coverage"].append((model, seed, share, round(3589 * share), (1 - mean) * share**2))
        if kind == "mixture":
            experts = GROUPS[models.loc[place, "grouping"] or "original"]
            if models.loc[place, "family"] == "joint":
                experts = ("1", "2", "3")
            for seed, split, emotion in itertools.product(range(seeds), ("val", "test"), EMOTIONS):
                own = np.array([emotion in expert.split("-") for expert in experts])
                weights = rng.dirichlet(1 + 6 * own)
                tables["gate"] += [
                    (model, seed, split, emotion, expert, weight, bool(is_own))
                    for expert, weight, is_own in zip(experts, weights, own, strict=True)
                ]
            for seed, (number, expert) in itertools.product(range(seeds), enumerate(experts, 1)):
                share = 2 * number / (len(experts) * (len(experts) + 1))
                tables["gate_use"].append((model, seed, "test", expert, share, share, 0.4, 0.9, model == "joint"))
    centres = rng.normal(size=(7, 2)) * 4
    labels = rng.choice(7, size=1500, p=SHARES / SHARES.sum())
    for model, method in itertools.product(models.loc[models["headline"], "model"], ("pca", "tsne")):
        places = centres[labels] * (1 + (method == "tsne")) + rng.normal(size=(1500, 2)) * 2
        tables["projections"] += [
            (model, method, row, EMOTIONS[label], EMOTIONS[label], x, y)
            for row, (label, (x, y)) in enumerate(zip(labels, places, strict=True))
        ]
    networks = [("resnet18", "classifier", 7), ("resnet34", "classifier", 7)]
    networks += [(f"resnet18-gate-{grouping}", "gate", len(groups)) for grouping, groups in GROUPS.items()]
    networks += [(model, "mixture", 7) for model in models.loc[models["family"].isin(["fine-tuned", "joint"]), "model"]]
    groups = sorted(set(itertools.chain(*GROUPS.values())))
    networks += [(f"resnet18-expert-{group}", "expert", group.count("-") + 1) for group in groups]
    for (network, role, outputs), seed in itertools.product(networks, range(seeds)):
        t = np.arange(1, 31)
        rise = 1 - np.exp(-t / 8) + 0.01 * rng.normal(size=30)
        val = 1 / outputs + (0.7 + 0.05 * (outputs < 7) - 1 / outputs) * rise
        best = int(val.argmax())
        for k, epoch in enumerate(t):
            tables["curves"].append(
                (network, seed, role, epoch, 0.1, np.log(outputs) * (1 - 0.8 * rise[k]), val[k] + 0.004 * k)
                + (np.log(outputs) * (1 - 0.55 * rise[k]) + 0.0004 * k**2, val[k], 3.0, k == best)
            )
    columns = {
        "classes": "split emotion faces share",
        "summary": "model split metric mean sd seeds low high",
        "recall": "model seed split emotion support recall precision f1",
        "confusion": "model seed split true predicted count rate",
        "pairs": "model seed split first second rate",
        "pair_comparisons": "model reference first second reference_rate rate difference low high p p_holm",
        "oracle": "model mixture accuracy low high",
        "comparisons": "model reference metric difference low high p p_holm",
        "gate": "model seed split emotion expert weight own",
        "gate_use": "model seed split expert share top_share entropy balance collapsed",
        "projections": "model method row label predicted x y",
        "reliability": "model seed scaled bin low high faces confidence accuracy",
        "calibration": "model seed temperature metric before after",
        "risk_coverage": "model seed coverage faces risk",
        "curves": "network seed role epoch lr train_loss train_accuracy val_loss val_accuracy seconds best",
    }
    (folder / "tables").mkdir(parents=True)
    (folder / "data").mkdir()
    models.to_csv(folder / "tables/models.csv", index=False)
    for name, rows in tables.items():
        pd.DataFrame(rows, columns=columns[name].split()).to_csv(folder / f"tables/{name}.csv", index=False)
    distances = np.sort(rng.random(400)) ** 0.5
    rows = [(i, "sad", d < 0.3, i < 8, d * (i >= 8), i, "sad", False) for i, d in enumerate(distances)]
    rows += [(400 + i, "sad", False, False, None, None, "", False) for i in range(90)]
    names = ["row", "label", "twin", "exact", "distance", "nearest", "nearest_label", "mirrored"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "tables/twins.csv", index=False)
    faces = rng.integers(0, 256, size=(60, 48, 48), dtype=np.uint8)
    np.savez(
        folder / "data/faces.npz",
        images=faces,
        labels=(np.arange(60) % 7).astype(np.uint8),
        split=(np.arange(60) % 3).astype(np.uint8),
        row=np.arange(60, dtype=np.int32),
    )
    (folder / "data/summary.json").write_text(json.dumps({"synthetic": True}))
    return folder


def flip(images: np.ndarray, seed: int) -> np.ndarray:
    """Stands for the networks' augmentation."""
    return images[:, :, ::-1] / 255.0


def make(figure: str, study: Path) -> Figure:
    """The figure of a study, drawn anew."""
    module = figures.load(figure)
    return module.make(study, flip) if figure == "samples" else module.make(study)


# Only looked at, never changed.
made = functools.cache(make)


def texts(figure: Figure) -> str:
    """All visible text, line breaks as spaces."""
    shown = [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return re.sub(r"\s+", " ", " | ".join(shown).replace("-\n", "-"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("small") / "study", many=False, seeds=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("large") / "study", many=True, seeds=5)


def misplaced(figure: Figure) -> list[str]:
    """Texts that stick out of the page, cover another text or lie on a panel that is not theirs."""
    figure.draw_without_rendering()
    drawn: list[Text] = []
    draw = Text.draw

    def record(text: Text, renderer: object) -> None:
        drawn.append(text)
        draw(text, renderer)

    # Only what is drawn counts: matplotlib keeps labels for ticks beyond the axis, too.
    with patch.object(Text, "draw", record):
        figure.canvas.draw()
    visible = [text for text in dict.fromkeys(drawn) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.axes, text.get_window_extent()) for text in visible]
    found = []
    for place, (text, axes, box) in enumerate(boxes):
        page = figure.bbox.padded(1.0)
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1):
            found.append(f"{text!r} leaves the page")
        small = box.padded(-1.0)
        for other, _, second in boxes[:place]:
            if small.overlaps(second.padded(-1.0)):
                found.append(f"{text!r} covers {other!r}")
        found += [f"{text!r} lies on a panel" for a in figure.axes if a is not axes and small.overlaps(a.bbox)]
    return found


def test_a_study_of_one_model_has_every_figure(small: Path, tmp_path: Path) -> None:
    for name in figures.FIGURES:
        for path in figures.inputs(name):
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((small / path).read_bytes())
    for path in sorted((tmp_path / "tables").iterdir()):
        table = pd.read_csv(path)
        table[table.get("model", pd.Series("resnet18", table.index)) == "resnet18"].to_csv(path, index=False)
    for name in figures.FIGURES:
        make(name, tmp_path).draw_without_rendering()
    assert "No mixture" in texts(make("gate", tmp_path))
    assert "no mixture" in texts(make("forest", tmp_path))


def test_misplaced_text_is_found() -> None:
    figure = style.new_figure(50)
    figure.text(0.5, 0.5, "here")
    assert misplaced(figure) == []
    figure.text(0.51, 0.5, "there")
    figure.text(0.99, 0.1, "outside")
    assert len(misplaced(figure)) == 2


@pytest.mark.parametrize("name", figures.FIGURES)
@pytest.mark.parametrize("size", ["small", "large"])
def test_draws_in_print_size(name: str, size: str, request: pytest.FixtureRequest) -> None:
    figure = made(name, request.getfixturevalue(size))
    width, height = figure.get_size_inches() * 25.4
    assert width == pytest.approx(style.PAGE_WIDTH_MM)
    assert height <= style.PAGE_HEIGHT_MM
    assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) >= 7
    assert misplaced(figure) == []


@pytest.mark.parametrize("name", figures.FIGURES)
def test_same_bytes_from_declared_inputs_alone(name: str, small: Path, tmp_path: Path) -> None:
    for path in figures.inputs(name):
        target = tmp_path / "inputs" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((small / path).read_bytes())
    for folder, study in (("a", small), ("b", tmp_path / "inputs")):
        svg, png = style.save(make(name, study), tmp_path / folder, name)
        assert (svg.name, png.name) == (f"{name}.svg", f"{name}.png")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a/{name}.{suffix}").read_bytes() == (tmp_path / f"b/{name}.{suffix}").read_bytes()
    svg = (tmp_path / f"a/{name}.svg").read_bytes()
    assert b"<text" not in svg, "text must be outlines"
    # The made-up faces are noise, which nothing compresses.
    assert len(svg) < 350_000
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [f"{name}.png", f"{name}.svg"]


@pytest.mark.parametrize("name", figures.FIGURES)
def test_inputs_are_declared(name: str, small: Path) -> None:
    declared = figures.inputs(name)
    assert declared == figures.load(name).INPUTS
    assert all((small / path).is_file() for path in declared)


def test_inputs_need_no_plotting_library() -> None:
    code = (
        "import sys; from emorec import figures; [figures.inputs(f) for f in figures.FIGURES]; "
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_names(large: Path) -> None:
    labels = pd.read_csv(large / "tables/models.csv")["label"]
    assert all(label in texts(made("summary", large)) for label in labels)
    mixtures = pd.read_csv(large / "tables/models.csv").query("kind == 'mixture'")["label"]
    for name in ("forest", "gate-use"):
        assert all(label in texts(made(name, large)) for label in mixtures), name
    for name in ("recall", "risk-coverage"):
        shown = texts(made(name, large))
        assert "fine-tuned" in shown and "joint mixture of 3 experts" in shown and "valence" not in shown, name
    for name in ("confusion", "confusion-difference", "recall", "projections", "gate", "classes", "samples"):
        shown = texts(made(name, large))
        assert all(emotion in shown for emotion in EMOTIONS), name
    for name in ("confusion", "confusion-difference", "pairs", "projections", "reliability"):
        shown = texts(made(name, large))
        assert all(label in shown for label in labels[:3]), name
    assert "sad – neutral" in texts(made("pairs", large))
    assert "t-SNE" in texts(made("projections", large))


def test_difference_is_of_mean_rates_in_points() -> None:
    def table(model: str, seed: int, rate: float) -> list[tuple]:
        rows = [(model, seed, "test", t, p, 1, float(t == p)) for t in EMOTIONS for p in EMOTIONS]
        rows = [r for r in rows if r[3] != "sad"]
        rows += [(model, seed, "test", "sad", p, 1, {"sad": 1 - rate, "neutral": rate}.get(p, 0.0)) for p in EMOTIONS]
        return rows + [(model, seed, "val", "sad", "neutral", 1, 1.0)]

    rows = table("one", 0, 0.20) + table("one", 1, 0.30) + table("two", 0, 0.10) + table("two", 1, 0.15)
    confusion = pd.DataFrame(rows, columns=["model", "seed", "split", "true", "predicted", "count", "rate"])
    matrix = confusion_difference.differences(confusion, "two", "one")
    assert list(matrix.index) == list(matrix.columns) == list(EMOTIONS)
    assert matrix.loc["sad", "neutral"] == pytest.approx(-12.5)
    assert matrix.loc["sad", "sad"] == pytest.approx(12.5)
    assert matrix.drop(index="sad").to_numpy() == pytest.approx(0)
    models = pd.DataFrame({"model": ["one", "two"], "kind": ["single", "mixture"], "label": ["One", "Two"]})
    figure = confusion_difference.draw(models, confusion, [("two", "one")])
    shown = texts(figure)
    assert "Two − One" in shown and "−12.5" in shown and "+12.5" in shown
    mesh = figure.axes[0].collections[0]
    assert mesh.get_clim() == pytest.approx((-12.5, 12.5))


def test_confusion_survives_an_emotion_without_faces(small: Path) -> None:
    models, table = (pd.read_csv(small / path) for path in figures.inputs("confusion"))
    table.loc[table["true"] == "disgust", "rate"] = np.nan
    style.save(figures.load("confusion").draw(models, table, ["resnet18"]), small.parent, "confusion")
    style.save(confusion_difference.draw(models, table, [("mixture", "resnet18")]), small.parent, "difference")


def test_looks_differ() -> None:
    models = make_models(many=True)
    looks = style.model_looks(models)
    assert list(looks) == list(models["model"])
    assert len({looks[model] for model in style.headline(models)}) == 5
    assert [model for model, look in looks.items() if not look.filled] == ["mixture-oracle"]
    assert len(set(style.EMOTION_COLOURS.values())) == len(set(style.EMOTION_MARKERS.values())) == len(EMOTIONS)
    assert set(style.EMOTION_COLOURS) == set(style.EMOTION_MARKERS) == set(EMOTIONS)
    assert style.headline(models) == ["resnet18", "ensemble", "mixture", "fine-tuned", "joint"]
    assert style.contests(models) == [
        ("mixture", "resnet18"),
        ("mixture", "ensemble"),
        ("fine-tuned", "ensemble"),
        ("joint", "ensemble"),
    ]
    assert style.contests(make_models(many=False)) == [("mixture", "resnet18"), ("mixture", "ensemble")]
    twice = models.assign(headline=models["model"].isin(["mixture", "mixture-valence", "joint"]))
    assert len({style.model_looks(twice)[model].colour for model in style.headline(twice)}) == 3


def test_the_forest_needs_interval_and_corrected_p_value() -> None:
    rows = {"a": (0.01, 0.03, 0.01), "b": (-0.03, -0.01, 0.04), "c": (0.01, 0.03, 0.2), "d": (-0.01, 0.03, 0.01)}
    frame = pd.DataFrame(rows, index=["low", "high", "p_holm"])
    assert [forest.verdict(frame[name]) for name in rows] == ["ahead", "behind", "undecided", "undecided"]
    models = make_models(many=False).assign(control=["", "", "resnet18"])
    table = pd.DataFrame(
        [("mixture", "resnet18", metric, 0.02, 0.01, 0.03, 0.001) for metric in ("accuracy", "macro_f1")],
        columns=["model", "reference", "metric", "difference", "low", "high", "p_holm"],
    )
    figure = forest.draw(models, table)
    assert len(figure.axes) == 2 and "control" not in texts(figure)
    assert [line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"] == [">"]


def test_what_is_far_off_stands_at_the_edge_with_its_value() -> None:
    """A mixture at 45 % beside others at 66 %: the axes show the others, and its number is written."""
    models = make_models(many=False).assign(control=["", "", "resnet18"])
    scores = pd.DataFrame(
        [("resnet18", 0.66, 0.65, 0.67), ("ensemble", 0.67, 0.66, 0.68), ("mixture", 0.45, 0.44, 0.46)],
        columns=["model", "mean", "low", "high"],
    ).assign(split="test", metric="accuracy")
    figure = summary.draw(models, scores, pd.DataFrame(columns=["model", "accuracy", "low", "high"]))
    low, high = figure.axes[0].get_ylim()
    assert 60 < low < 65 and 68 < high < 72 and "45.0 %" in texts(figure)
    table = pd.DataFrame(
        [("mixture", "resnet18", metric, -0.21, -0.23, -0.19, 0.001) for metric in ("accuracy", "macro_f1")],
        columns=["model", "reference", "metric", "difference", "low", "high", "p_holm"],
    )
    figure = forest.draw(models, table)
    assert figure.axes[0].get_xlim()[0] > -19 and "−21.0" in texts(figure)
    # Not so where the interval reaches into the picture: then it is the finding.
    figure = forest.draw(models, table.assign(low=-0.5, high=0.1, p_holm=0.2))
    assert figure.axes[0].get_xlim()[0] < -50 and "−21.0" not in texts(figure)


def test_model_of_equal_compute_are_spread() -> None:
    places = summary.spread(np.array([0.0, 2.0, 2.001, 2.0]), 0.1)
    assert places == pytest.approx([0.0, 1.9, 2.0, 2.1], abs=0.01)
    assert summary.operations(1.11e9) == "1.11 GFLOPs"
    assert 1 in summary.ticks(-4, 7)
    rng = np.random.default_rng(0)
    some = rng.normal(size=30)
    moved = summary.spread(some, 0.2)
    assert np.diff(np.sort(moved)).min() > 0.2 - 1e-9
    # Nearest in least squares: no place gains by moving all of a run, so each run keeps its mean.
    assert moved.mean() == pytest.approx(some.mean())
    assert summary.spread(np.array([0.0, 1.0]), 0.2) == pytest.approx([0.0, 1.0])


def test_curves_show_the_parts_of_the_mixture(large: Path) -> None:
    models, table, weights, classes = (pd.read_csv(large / path) for path in figures.inputs("curves"))
    panels = curves.parts(models, table, weights, classes)
    assert [p.network for p in panels] == [
        "resnet18",
        "resnet18-gate-original",
        "resnet18-expert-happy-neutral",
        "resnet18-expert-fear-surprise",
        "resnet18-expert-angry-disgust-sad",
        "fine-tuned",
        "joint",
    ]
    faces = classes[classes["split"] == "val"].set_index("emotion")["faces"]
    assert panels[2].commonest == pytest.approx(faces["happy"] / (faces["happy"] + faces["neutral"]))
    assert panels[1].commonest == pytest.approx((faces["happy"] + faces["neutral"]) / faces.sum())
    only = curves.parts(models[models["kind"] == "single"], table, weights, classes)
    assert [p.network for p in only] == ["resnet18"]


def test_pairs_are_ordered_by_the_reference(small: Path) -> None:
    _, _, comparisons = (pd.read_csv(small / path) for path in figures.inputs("pairs"))
    hard, others = pairs.shown_pairs(comparisons, "resnet18")
    rates = comparisons[comparisons["reference"] == "resnet18"].groupby(["first", "second"])["reference_rate"].first()
    for part in (hard, others):
        assert [rates[pair] for pair in part] == sorted((rates[pair] for pair in part), reverse=True)
    assert set(map(frozenset, hard)) == set(map(frozenset, HARD_PAIRS))
    assert len(others) == pairs.OTHERS


def test_reliability_pools_the_faces_of_all_seeds() -> None:
    rows = [("one", 0, False, 3, 0.2, 0.3, 10, 0.25, 0.4), ("one", 1, False, 3, 0.2, 0.3, 30, 0.29, 0.2)]
    rows += [("one", 0, False, 4, 0.3, 0.4, 9, 0.35, 1.0), ("one", 0, True, 3, 0.2, 0.3, 99, 0.9, 0.9)]
    bins = ["bin", "low", "high", "faces", "confidence", "accuracy"]
    table = pd.DataFrame(rows, columns=["model", "seed", "scaled", *bins])
    found = reliability.pooled(table, "one", False)
    assert list(found.index) == [3]  # the bin of nine faces says too little
    assert found.loc[3].to_list() == pytest.approx([28.0, 25.0, 40])


def test_twins_are_counted_where_there_are_any(small: Path) -> None:
    table = pd.read_csv(small / "tables/twins.csv")
    shown = texts(twins.draw(table))
    assert "exact copies: 8" in shown and "90 of the 490 test faces" in shown
    assert "No training face" in texts(twins.draw(table.assign(distance=np.nan)))


def test_gate_marks_own_experts(small: Path) -> None:
    models, table = (pd.read_csv(small / path) for path in figures.inputs("gate"))
    figure = gate.draw(models, table)
    # Seven emotions with one expert each.
    assert len(figure.axes[0].patches) == 7
    assert "angry, disgust, sad" in texts(figure)


def test_recall_of_one_seed_has_no_spread(small: Path, large: Path) -> None:
    for study, lines in ((small, 3 * 7), (large, 5 * 7 * 2)):
        figure = recall.draw(*(pd.read_csv(study / path) for path in figures.inputs("recall")))
        assert len(figure.axes[0].lines) == lines


@pytest.mark.parametrize("synthetic", [True, False])
def test_samples_say_synthetic(synthetic: bool) -> None:
    images = np.zeros((7, 48, 48), dtype=np.uint8)
    figure = samples.draw(images, np.arange(7), synthetic=synthetic, augment=flip)
    assert ("Synthetic" in texts(figure)) is synthetic
    # An emotion without a face leaves its column empty.
    samples.draw(images[:6], np.arange(6), synthetic=synthetic, augment=flip)


def test_samples_are_chosen_by_seed() -> None:
    labels = np.arange(70) % 7
    assert samples.choose(labels, 3) == samples.choose(labels, 3)
    assert [labels[i] for i in samples.choose(labels, 3)] == list(range(7))
    assert samples.choose(np.array([0]), 0)[1] is None


def test_no_such_figure() -> None:
    with pytest.raises(KeyError):
        figures.inputs("../summary")
