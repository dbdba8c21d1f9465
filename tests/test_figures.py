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
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.text import Text

from emorec import EMOTIONS, SPLITS, figures
from emorec.figures import (
    confusion,
    confusion_difference,
    curves,
    flow,
    forest,
    gate,
    intervals,
    mean_faces,
    pairs,
    projections,
    recall,
    reliability,
    samples,
    stage,
    style,
    summary,
    twins,
    who_errs,
)
from emorec.frames import read_table
from emorec.tables.metrics import HARD_PAIRS

GROUPS = {
    "original": ("happy-neutral", "fear-surprise", "angry-disgust-sad"),
    "valence": ("happy-surprise", "angry-disgust-fear-sad-neutral"),
    "overlapping": ("angry-fear-sad-neutral", "happy-surprise", "angry-disgust", "happy-neutral"),
}
MEASURES = {"accuracy": "", "macro_f1": "", "names_group": "original", "within_group": "original"}
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
    table["primary"] = table["model"] == "mixture"
    table["gate"] = np.where(mixture, np.where(table["model"] == "mixture-uniform", "uniform", "soft"), "")
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

    for name in ("summary", "recall", "confusion", "pairs", "pair_comparisons", "gate", "projections", "curves"):
        tables[name] = []
    for name in ("reliability", "calibration", "comparisons", "error_flow", "group_scores", "routing"):
        tables[name] = []
    for name in ("twins_scores", "by_majority"):
        tables[name] = []
    pair_rates: dict[tuple, float] = {}
    for place, (model, kind) in enumerate(zip(models["model"], models["kind"], strict=True)):
        mean = 0.66 + 0.03 * (kind != "single") + 0.004 * rng.normal()
        if kind == "oracle":
            continue
        references = [] if model == "resnet18" else ["resnet18"] if kind != "mixture" else ["resnet18", "ensemble"]
        for reference, (measure, grouping) in itertools.product(references, MEASURES.items()):
            low = 0.02 * rng.normal()
            primary = model == "mixture"
            tier = "primary" if primary and (reference, measure) == ("ensemble", "accuracy") else "secondary"
            own = (tier, ["better", "worse", "not told apart"][len(tables["comparisons"]) % 3])
            own = own if primary else ("exploratory", "")
            points = (low + 0.015, low, low + 0.03)
            tables["comparisons"].append((model, reference, measure, grouping, own[0], *points, 0.01, None, own[1]))
        for reference in ["", *references]:
            mid = 0.7 if not reference else 0.0
            for measure in ("names_group", "within_group", "within_errors", "across_errors"):
                share = mid + 0.01 * rng.normal() if "errors" not in measure else 0.15 + 0.01 * rng.normal()
                row = (model, reference, "original", "", measure, 3589, share, share - 0.01, share + 0.012, 0.4, seeds)
                tables["group_scores"].append(row)
            for subset in ("all", "twins", "rest", "interaction"):
                row = (model, reference, "accuracy", "", subset, 700, mid, mid - 0.02, mid + 0.03, 0.4, seeds)
                tables["twins_scores"].append(row)
            row = (model, reference, "accuracy", 3350, mid, mid - 0.02, mid + 0.03, 0.4, seeds)
            tables["by_majority"].append(row)
        for reference in references if kind == "mixture" else []:
            for routed, decided in itertools.product((reference, model), repeat=2):
                change = 0.01 * ((routed == model) - 2 * (decided == model))
                points = (0.7 + change, 0.68 + change, 0.72 + change, change, change - 0.01, change + 0.01)
                tables["routing"].append((model, reference, "original", routed, decided, *points, 0.1, seeds))
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
                    (model, reference, first, second, (first, second) in HARD_PAIRS, base, rate)
                    + (rate - base, rate - base - 0.02, rate - base + 0.018, 0.1, 0.4, "not told apart")
                )
                confused = 300 * base
                flow = (0.2 * confused, 0.1 * confused, "sad", 0.15 * confused, 0.05 * confused, 0.9 * confused)
                tables["error_flow"].append((model, reference, first, second, confused, *flow))
        for seed, edge in itertools.product(range(seeds), range(15)):
            for scaled in (False, True):
                confidence = (edge + 0.5) / 15
                right = confidence ** (1.1 if scaled else 1.6)
                faces = 5 + 20 * edge
                tables["reliability"].append(
                    (model, seed, scaled, edge, edge / 15, (edge + 1) / 15, faces, confidence, right)
                )
        tables["calibration"] += [(model, seed, 1.4, "ece", 0.08, 0.02) for seed in range(seeds)]
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
        "summary": "model split metric mean sd seeds low high",
        "recall": "model seed split emotion support recall precision f1",
        "confusion": "model seed split true predicted count rate",
        "pairs": "model seed split first second rate",
        "pair_comparisons": "model reference first second hard reference_rate rate difference low high p p_holm "
        "verdict",
        "error_flow": "model reference first second confused to_right to_other other from_right from_other still",
        "comparisons": "model reference measure grouping tier difference low high p p_holm verdict",
        "group_scores": "model reference grouping group measure faces estimate low high p seeds",
        "routing": "mixture other grouping routed_by decided_by accuracy low high difference difference_low "
        "difference_high p seeds",
        "twins_scores": "model reference measure emotion subset count estimate low high p seeds",
        "by_majority": "model reference measure faces estimate low high p seeds",
        "gate": "model seed split emotion expert weight own",
        "projections": "model method row label predicted x y",
        "reliability": "model seed scaled bin low high faces confidence accuracy",
        "calibration": "model seed temperature metric before after",
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
    return stage.make(figure, study, **({"augment": flip} if figure == "samples" else {}))


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
        for path in figures.INPUTS[name]:
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((small / path).read_bytes())
    for path in sorted((tmp_path / "tables").iterdir()):
        table = pd.read_csv(path)
        table[table.get("model", pd.Series("resnet18", table.index)) == "resnet18"].to_csv(path, index=False)
    for name in figures.FIGURES:
        make(name, tmp_path).draw_without_rendering()
    assert "No mixture" in texts(make("gate", tmp_path))
    assert "one model only" in texts(make("forest", tmp_path))
    for name in ("confusion-difference", "pairs", "flow"):
        assert "no mixture" in texts(make(name, tmp_path)), name


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
    for path in figures.INPUTS[name]:
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
    assert all((small / path).is_file() for path in figures.INPUTS[name])


def test_inputs_need_no_plotting_library() -> None:
    code = (
        "import sys; from emorec import figures; [figures.source(f) for f in figures.FIGURES]; "
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_names(large: Path) -> None:
    labels = pd.read_csv(large / "tables/models.csv")["label"]
    oracle, gateless = labels.str.contains("oracle"), labels.str.contains("no gate")
    shown = texts(made("forest", large))
    assert all((label in shown) != hidden for label, hidden in zip(labels, oracle | gateless, strict=True))
    for name in ("recall", "who-errs"):
        shown = texts(made(name, large))
        assert "fine-tuned" in shown and "joint mixture of 3 experts" in shown and "valence" not in shown, name
    for name in ("confusion", "confusion-difference", "recall", "projections", "gate", "samples", "mean-faces"):
        shown = texts(made(name, large))
        assert all(emotion in shown for emotion in EMOTIONS), name
    for name in ("confusion", "confusion-difference", "pairs", "projections", "reliability"):
        shown = texts(made(name, large))
        assert all(label in shown for label in labels[:3]), name
    assert "sad – neutral" in texts(made("pairs", large))


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
    models = models.assign(primary=[False, True], control=["", "one"])
    figure = confusion_difference.draw(models, confusion)
    shown = texts(figure)
    assert "Two − One" in shown and "−12.5" in shown and "+12.5" in shown
    mesh = figure.axes[0].collections[0]
    assert mesh.get_clim() == pytest.approx((-12.5, 12.5))
    # More sad faces named sad and fewer taken for neutral: both are gains, and of one colour.
    coloured = mesh.get_array().reshape(7, 7)
    sad, neutral = EMOTIONS.index("sad"), EMOTIONS.index("neutral")
    assert coloured[sad, sad] == coloured[sad, neutral] == pytest.approx(12.5)
    assert np.abs(np.delete(coloured, sad, axis=0)).max() == pytest.approx(0)
    blue, red = style.GAIN_LOSS(1.0)[2], style.GAIN_LOSS(1.0)[0]
    assert blue > red and style.GAIN_LOSS(0.0)[0] > style.GAIN_LOSS(0.0)[2]


def test_confusion_survives_an_emotion_without_faces(small: Path) -> None:
    models, table = (read_table(small / path) for path in figures.INPUTS["confusion"])
    table.loc[table["true"] == "disgust", "rate"] = np.nan
    style.save(confusion.draw(models, table), small.parent, "confusion")
    style.save(confusion_difference.draw(models, table), small.parent, "difference")


def test_looks_differ() -> None:
    models = make_models(many=True)
    looks = style.model_looks(models)
    assert list(looks) == list(models["model"])
    assert len({looks[model] for model in style.headline(models)}) == 5
    assert {style.BETTER, style.WORSE}.isdisjoint(look.colour for look in looks.values())
    emotions = style.EMOTION_LOOKS.values()
    assert len({look.colour for look in emotions}) == len({look.marker for look in emotions}) == len(EMOTIONS)
    assert set(style.EMOTION_LOOKS) == set(EMOTIONS)
    assert style.headline(models) == ["resnet18", "ensemble", "mixture", "fine-tuned", "joint"]
    assert style.contests(models) == [("mixture", "resnet18"), ("mixture", "ensemble")]
    assert style.contests(models.assign(control="resnet18")) == [("mixture", "resnet18")]
    assert style.contests(models.assign(primary=False)) == []
    assert style.core(models) == ["resnet18", "ensemble", "mixture"]
    twice = models.assign(headline=models["model"].isin(["mixture", "mixture-valence", "joint"]))
    assert len({style.model_looks(twice)[model].colour for model in style.headline(twice)}) == 3


def compared(rows: list[tuple]) -> pd.DataFrame:
    """comparisons.csv of (model, reference, measure, tier, difference, verdict), all intervals two points wide."""
    names = ["model", "reference", "measure", "tier", "difference", "verdict"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(low=table["difference"] - 0.01, high=table["difference"] + 0.01, grouping="")


def marks(figure: Figure, panel: int) -> dict[int, tuple[str, float, str]]:
    """Row: marker, place and colour of what stands in a panel of differences."""
    lines = [line for line in figure.axes[panel].lines if line.get_marker() != "None"]
    return {int(line.get_ydata()[0]): (line.get_marker(), line.get_xdata()[0], line.get_color()) for line in lines}


def test_the_forest_follows_the_verdicts_alone() -> None:
    """The interval of every row excludes zero; what is said of it is the table's to decide."""
    models = make_models(many=False)
    table = compared(
        [
            ("ensemble", "resnet18", "accuracy", "exploratory", 0.02, ""),
            ("mixture", "resnet18", "accuracy", "secondary", 0.02, "not told apart"),
            ("mixture", "ensemble", "accuracy", "primary", -0.03, "worse"),
            ("mixture", "resnet18", "macro_f1", "secondary", 0.04, "better"),
            ("mixture", "ensemble", "macro_f1", "secondary", 0.02, "not told apart"),
            ("mixture", "ensemble", "names_group", "exploratory", 0.05, ""),
        ]
    )
    figure = forest.draw(models, table)
    # Rows: the mixture's name, accuracy, macro-F1, the heading of the others, the ensemble.
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["mixture of emotion experts", "accuracy", "macro-F1", "accuracy of other models", names[4]]
    assert names[4] == "ensemble of 4 ResNets"
    hollow = (intervals.LOOKS["not told apart"].marker, intervals.LOOKS["not told apart"].colour)
    assert marks(figure, 0) == {
        1: (hollow[0], pytest.approx(2.0), hollow[1]),
        2: (">", pytest.approx(4.0), style.BETTER),
        4: ("o", pytest.approx(2.0), style.MUTED),
    }
    assert marks(figure, 1) == {
        1: ("<", pytest.approx(-3.0), style.WORSE),
        2: (hollow[0], pytest.approx(2.0), hollow[1]),
    }
    shown = texts(figure)
    assert shown.count("primary test") == 1 and "exploratory, no verdict" in shown
    intervals_drawn = figure.axes[1].collections
    ends = [
        segment[:, 0].tolist()
        for lines in intervals_drawn
        if hasattr(lines, "get_segments")
        for segment in lines.get_segments()
    ]
    assert [pytest.approx([-4.0, -2.0]), pytest.approx([1.0, 3.0])] == ends
    # A control that is the single itself needs no panel of its own.
    alone = forest.draw(models.assign(control=["", "", "resnet18"]), table[table["reference"] == "resnet18"])
    assert len(alone.axes) == 1


def test_the_forest_says_what_it_leaves_out() -> None:
    models = make_models(many=True)
    rows = [("mixture", "ensemble", "accuracy", "primary", -0.2, "worse")]
    rows += [(name, "resnet18", "accuracy", "exploratory", 0.0, "") for name in ("joint", "mixture-uniform")]
    rows += [("mixture-top1", "resnet18", "accuracy", "exploratory", -0.2, "")]
    table = compared(rows)
    assert forest.left_out(models, table) == ["mixture-top1", "mixture-uniform"]
    shown = texts(forest.draw(models, table))
    # The primary mixture is shown however far off it is, and a model that is in no comparison is not.
    assert "joint mixture of 3 experts" in shown and "mixture of emotion experts" in shown
    assert "top-1" not in shown and "no gate" not in shown and "valence" not in shown
    assert summary.shown_models(models, table) == ["resnet18", "mixture", "joint"]


@pytest.mark.parametrize(("low", "high"), [(-0.9, 0.8), (-0.8, 0.9)])
def test_a_note_lies_beside_its_interval(low: float, high: float) -> None:
    with style.context():
        figure = style.new_figure(60)
        axes, _ = figure.subplots(1, 2)
        axes.set(xlim=(-1, 1), ylim=(-1, 1))
        forest.beside(axes, 0, low, high, "vs single\nResNet-10")
        figure.draw_without_rendering()
        box = axes.texts[0].get_window_extent().transformed(axes.transData.inverted())
    assert box.x0 > high or box.x1 < low


def test_who_errs_shows_scores_errors_and_who_routes(small: Path) -> None:
    models, scores, routing = (read_table(small / path) for path in figures.INPUTS["who-errs"])
    figure = who_errs.draw(models, scores, routing)
    shown = texts(figure)
    found = scores[(scores["reference"] == "") & (scores["group"] == "")].set_index(["model", "measure"])["estimate"]
    for model in ("resnet18", "ensemble", "mixture"):
        assert f"{100 * found[model, 'names_group']:.1f}" in shown
        assert f"{100 * (found[model, 'within_errors'] + found[model, 'across_errors']):.1f}" in shown
    accuracy, differences = who_errs.crossed(routing, "mixture", "ensemble")
    # Routing by the gate adds a point, deciding by the experts takes two.
    assert accuracy == pytest.approx(np.array([[70.0, 68.0], [71.0, 69.0]]))
    assert differences[..., 0] == pytest.approx(np.array([[0.0, -2.0], [1.0, -1.0]]))
    crossings = [axes for axes in figure.axes if "ensemble decides" in texts_of(axes)]
    assert len(crossings) == 1 and "the ensemble alone" in texts_of(crossings[0])
    assert "71.0 % | Δ +1.0 (0 to +2.0)" in texts_of(crossings[0])
    assert "no grouping" in texts(who_errs.draw(models, scores[:0], routing[:0]))


def texts_of(axes: Axes) -> str:
    return " | ".join(re.sub(r"\s+", " ", text.get_text()) for text in axes.findobj(Text) if text.get_text())


def test_flow_is_of_the_pair_that_the_single_confuses_most() -> None:
    names = [
        "model",
        "reference",
        "first",
        "second",
        "confused",
        "to_right",
        "to_other",
        "other",
        "from_right",
        "from_other",
        "still",
    ]
    rows = [
        ("mixture", "resnet18", "fear", "sad", 100.0, 30.0, 10.0, "angry", 25.0, 5.0, 90.0),
        ("mixture", "resnet18", "sad", "neutral", 50.0, 45.0, 0.0, "", 45.0, 0.0, 50.0),
        ("mixture", "ensemble", "sad", "neutral", 500.0, 0.0, 0.0, "", 0.0, 0.0, 500.0),
    ]
    table = pd.DataFrame(rows, columns=names)
    assert flow.most_confused(table, "resnet18") == ("fear", "sad")
    faces = flow.streams(next(table.itertuples(index=False)))
    assert sum(n for (before, _), n in faces.items() if before == "confused") == 100
    assert sum(n for (_, after), n in faces.items() if after == "confused") == 90  # `still` of the table
    figure = flow.draw(make_models(many=False), table)
    shown = texts(figure)
    assert "fear and sad" in shown and "60 by both" in shown and "confused 90" in shown and len(figure.axes) == 1
    # Streams are as wide as their faces are many: put right in blue, newly confused in vermilion.
    widths: dict[str, list[float]] = {}
    for stream in figure.axes[0].patches:
        if isinstance(stream, PathPatch):
            edge = stream.get_path().vertices[[0, -2]][:, 1]
            widths.setdefault(to_hex(stream.get_facecolor()).upper(), []).append(edge[0] - edge[1])
    assert widths[style.BETTER] == pytest.approx([30.0]) and widths[style.WORSE] == pytest.approx([25.0])
    assert sorted(widths[style.MUTED.upper()]) == pytest.approx([5.0, 10.0, 60.0])


def test_projections_highlight_confusions_of_hard_pairs() -> None:
    points = pd.DataFrame(
        {"label": ["sad", "sad", "neutral", "angry"], "predicted": ["neutral", "sad", "sad", "happy"]}
    )
    assert projections.confused(points).tolist() == [True, False, True, False]
    models = make_models(many=False)
    table = pd.concat([points.assign(model="ensemble", method="tsne", row=range(4), x=range(4), y=range(4))])
    assert [axes.get_title() for axes in projections.draw(models, table).axes] == ["ensemble of 4 ResNets"]
    assert "published representation" in texts(projections.draw(models, table.assign(method="pca")))


def test_models_of_equal_compute_are_set_apart() -> None:
    places = summary.set_apart(np.array([0.0, 2.0, 2.001, 2.0]), 0.1)
    assert places == pytest.approx([0.0, 1.9, 2.0, 2.1], abs=0.01)
    assert summary.operations(1.11e9) == "1.11 GFLOPs"
    assert 1 in summary.ticks(-4, 7)
    rng = np.random.default_rng(0)
    some = rng.normal(size=30)
    moved = summary.set_apart(some, 0.2)
    assert np.diff(np.sort(moved)).min() > 0.2 - 1e-9
    # Nearest in least squares: no place gains by moving all of a run, so each run keeps its mean.
    assert moved.mean() == pytest.approx(some.mean())
    assert summary.set_apart(np.array([0.0, 1.0]), 0.2) == pytest.approx([0.0, 1.0])


def test_curves_show_the_parts_of_the_mixture(large: Path) -> None:
    models, table = (read_table(large / path) for path in figures.INPUTS["curves"])
    assert list(curves.parts(models, table).items()) == [
        ("resnet18", "single ResNet-18"),
        ("resnet18-gate-original", "gate"),
        ("resnet18-expert-happy-neutral", "expert: happy, neutral"),
        ("resnet18-expert-fear-surprise", "expert: fear, surprise"),
        ("resnet18-expert-angry-disgust-sad", "expert: angry, disgust, sad"),
    ]
    assert curves.title("resnet18-expert-fear-surprise-started", "original") == "expert: fear, surprise"
    assert curves.title("resnet18-expert-found-2-as-often", "found") == "expert 2"
    assert curves.title("resnet18-expert-found-3-2", "found-3") == "expert 2"
    assert curves.title("resnet18-expert-happy-split-1", "happy-split") == "expert 1"
    assert curves.title("resnet18-expert-fear-surprise-as-often", "fear-surprise") == "expert: fear, surprise"
    assert curves.title("resnet18-expert-happy-neutral", "happy") == "expert: happy, neutral"
    # The single that routes has its panel already; a mixture trained as one network has one of its own.
    routed = models.assign(parts=models["parts"].str.replace("resnet18-gate-original", "resnet18"))
    assert list(curves.parts(routed, table).values())[:2] == ["single ResNet-18", "expert: happy, neutral"]
    joint = curves.parts(models.assign(primary=models["model"] == "joint"), table)
    assert list(joint) == ["resnet18", "joint"]
    # A study of options, without a mixture, shows what there is.
    options = curves.parts(models.assign(primary=False), table)
    assert list(options)[:2] == ["resnet18", "resnet34"]


def test_curves_mark_the_kept_epoch_and_leave_the_first_steps_out(large: Path) -> None:
    models, table = (read_table(large / path) for path in figures.INPUTS["curves"])
    rows = table[table["network"] == "resnet18"]
    figure = curves.draw(models, rows)
    (ring,) = (line for line in figure.axes[1].lines if line.get_marker() == "o")
    kept = rows[rows["best"].astype(bool)]
    assert list(ring.get_xdata()) == kept["epoch"].tolist()
    assert list(ring.get_ydata()) == pytest.approx((100 * kept["val_accuracy"]).tolist())
    low, high = figure.axes[0].get_ylim()
    assert high < rows["train_loss"].max() and low < rows["train_loss"].min()


def test_pairs_are_ordered_by_the_reference(small: Path) -> None:
    models, rates, comparisons = (read_table(small / path) for path in figures.INPUTS["pairs"])
    hard, others = pairs.shown_pairs(comparisons, "resnet18")
    against = comparisons[comparisons["reference"] == "resnet18"]
    confused = against.groupby(["first", "second"])["reference_rate"].first()
    for part in (hard, others):
        assert [confused[pair] for pair in part] == sorted((confused[pair] for pair in part), reverse=True)
    assert set(map(frozenset, hard)) == set(map(frozenset, HARD_PAIRS))
    assert len(others) == pairs.OTHERS
    # Fewer confusions are better: they stand on the right of a reversed axis, in the colour of the verdict.
    told = comparisons.assign(verdict=np.where(comparisons["difference"] < 0, "better", "worse"))
    figure = pairs.draw(models, rates, told)
    (left, right), drawn = figure.axes[1].get_xlim(), marks(figure, 1)
    assert left > right and len(drawn) == len(hard + others)
    own = told[(told["model"] == "mixture") & (told["reference"] == "resnet18")].set_index(["first", "second"])
    for row, pair in enumerate(hard + others):
        colour = {"better": style.BETTER, "worse": style.WORSE}[own["verdict"][pair]]
        assert drawn[row][1:] == (pytest.approx(100 * own["difference"][pair]), colour)


def test_reliability_pools_the_faces_of_all_seeds() -> None:
    rows = [("one", 0, False, 3, 0.2, 0.3, 10, 0.25, 0.4), ("one", 1, False, 3, 0.2, 0.3, 30, 0.29, 0.2)]
    rows += [("one", 0, False, 4, 0.3, 0.4, 9, 0.35, 1.0), ("one", 0, True, 3, 0.2, 0.3, 99, 0.9, 0.9)]
    bins = ["bin", "low", "high", "faces", "confidence", "accuracy"]
    table = pd.DataFrame(rows, columns=["model", "seed", "scaled", *bins])
    found = reliability.pooled(table, "one", False)
    assert list(found.index) == [3]  # the bin of nine faces says too little
    assert found.loc[3].to_list() == pytest.approx([28.0, 25.0, 40])


def test_twins_are_counted_where_there_are_any(small: Path) -> None:
    models, scores, table = (read_table(small / path) for path in figures.INPUTS["twins"])
    shown = texts(twins.draw(models, scores, table))
    assert "exact copies: 8" in shown and "90 of the 490 test faces" in shown
    assert "No training face" in texts(twins.draw(models, scores, table.assign(distance=np.nan)))


def test_twins_show_the_change_on_them_on_others_and_between(small: Path) -> None:
    models, scores, table = (read_table(small / path) for path in figures.INPUTS["twins"])
    own = (scores["model"] == "mixture") & (scores["reference"] == "ensemble")
    for subset, value in {"twins": 0.014, "rest": -0.022, "interaction": 0.036}.items():
        scores.loc[own & (scores["subset"] == subset), "estimate"] = value
    figure = twins.draw(models, scores, table)
    names = [text.get_text().replace("\n", " ") for text in figure.axes[0].get_yticklabels()]
    row = names.index("mixture of emotion experts − ensemble of 4 ResNets")
    assert [axes.get_title() for axes in figure.axes[:3]] == list(twins.SUBSETS.values())
    assert [marks(figure, panel)[row][1] for panel in range(3)] == pytest.approx([1.4, -2.2, 3.6])


def test_gate_marks_own_experts(small: Path) -> None:
    models, table = (read_table(small / path) for path in figures.INPUTS["gate"])
    figure = gate.draw(models, table)
    # Seven emotions with one expert each.
    assert len(figure.axes[0].patches) == 7
    assert "angry, disgust, sad" in texts(figure)


def test_recall_of_one_seed_has_no_spread(small: Path, large: Path) -> None:
    for study, lines in ((small, 3 * 7), (large, 5 * 7 * 2)):
        figure = recall.draw(*(read_table(study / path) for path in figures.INPUTS["recall"]))
        assert len(figure.axes[0].lines) == lines


@pytest.mark.parametrize("synthetic", [True, False])
def test_samples_say_synthetic(synthetic: bool) -> None:
    images = np.zeros((7, 48, 48), dtype=np.uint8)
    figure = samples.draw(images, np.arange(7), synthetic=synthetic, augment=flip)
    assert ("Synthetic" in texts(figure)) is synthetic
    # An emotion without a face leaves its column empty.
    samples.draw(images[:6], np.arange(6), synthetic=synthetic, augment=flip)


def test_mean_faces_are_means_and_show_nobody() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(100, 48, 48), dtype=np.uint8)
    labels = np.where(np.arange(100) < 60, 3, 1)
    labels[99] = 0  # the only angry face
    found = dict(zip(EMOTIONS, mean_faces.mean_faces(images, labels), strict=True))
    assert found["happy"][0] == pytest.approx(sum(face.astype(float) for face in images[:60]) / 60)
    assert found["disgust"][1] == 39 and found["angry"] == (None, 1) and found["sad"] == (None, 0)
    figure = mean_faces.draw(images, labels, synthetic=False)
    pictures = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(pictures) == 2 and not any((picture == images[99]).all() for picture in pictures)
    assert "too few" in texts(figure)


def test_what_shows_people_is_not_for_publication() -> None:
    assert figures.available(None) == figures.FIGURES
    published = figures.available({"figures/mean-faces.svg": 1, "tables/twins.csv.gz": 1})
    assert "mean-faces" in published and "samples" not in published
    assert set(figures.available([])) == set(figures.FIGURES) - set(figures.OF_FACES)


def test_samples_are_chosen_by_seed() -> None:
    labels = np.arange(70) % 7
    assert samples.choose(labels, 3) == samples.choose(labels, 3)
    assert [labels[i] for i in samples.choose(labels, 3)] == list(range(7))
    assert samples.choose(np.array([0]), 0)[1] is None


def test_no_such_figure() -> None:
    with pytest.raises(KeyError):
        figures.load("../summary")


@pytest.mark.parametrize("name", ["forest-rest", "forest-majority"])
def test_the_other_forests_show_the_models_of_the_first(name: str, small: Path) -> None:
    own, first = (" ".join(texts(make(each, small)).split()) for each in (name, "forest"))
    labels = pd.read_csv(small / "tables/models.csv")["label"]
    shown = {label for label in labels if label in first}
    assert len(shown) > 2 and shown == {label for label in labels if label in own}
