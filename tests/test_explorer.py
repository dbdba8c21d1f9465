"""The explorer: its data by the study's files, its bytes, and what it does in a real browser under mouse and keys."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emorec import EMOTIONS
from emorec.data.faces import Faces, load_faces
from emorec.errors import EmorecError
from emorec.explorer import data as explorer
from emorec.explorer.page import page
from emorec.figures.style import EMOTION_COLOURS
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions
from tests.browser import opened
from tests.fake_study import make_study

MODELS = ("resnet18", "ensemble", "mixture")
EXPERTS = ("happy-neutral", "fear-surprise", "angry-disgust-sad")  # of the mixture, in its groups' order
# What a config may call a model; none of it may become HTML or a place in the template.
NASTY = "<img src=x onerror=\"window.broken=1\"></script><script>window.broken=1</script>{{data}} & 'co'"


class Given:
    """A made-up study: 140 test faces, two seeds, all but 20 faces on the maps."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_study(folder, faces=(70, 70, 140), seeds=2, epochs=2)
        path = Layout(self.folder).predictions
        asked = [(model, seed) for model in MODELS for seed in (0, 1)]
        self.predictions, self.gates = read_predictions(path, asked), read_gates(path, asked)
        self.frames = {key: self._frame(pd.read_parquet(path), *key) for key in asked}
        self.faces = load_faces(folder / "data" / "faces.npz")
        self.models = pd.DataFrame(
            {"model": MODELS, "kind": MODELS, "label": ["single ResNet-18", "the ensemble", NASTY]}
        )
        self.projections = self._projections()

    @staticmethod
    def _frame(file: pd.DataFrame, model: str, seed: int) -> pd.DataFrame:
        """A replicate's rows of the file, a column an expert's weight."""
        own = file[(file["model"] == model) & (file["seed"] == seed)].reset_index(drop=True)
        if model != "mixture":
            return own
        return own.assign(**{f"gate_{name}": w for name, w in zip(EXPERTS, np.stack(own["gate"]).T, strict=True)})

    def test(self, model: str, seed: int) -> pd.DataFrame:
        return self.frames[model, seed].query("split == 'test'").sort_values("row", ignore_index=True)

    def _projections(self) -> pd.DataFrame:
        rng = np.random.default_rng(1)
        rows = np.sort(rng.choice(self.test("resnet18", 0)["row"], 120, replace=False))
        tables = []
        for model in MODELS:
            for method in ("pca", "tsne"):
                plane = rng.normal(size=(120, 2)) * [3, 1]
                tables.append(
                    pd.DataFrame({"model": model, "method": method, "row": rows, "x": plane[:, 0], "y": plane[:, 1]})
                )
        return pd.concat(tables, ignore_index=True)

    def data(self, faces: Faces | None = None) -> dict[str, Any]:
        return explorer.explorer_data("made-up", self.models, self.predictions, self.gates, self.projections, faces)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return Given(tmp_path_factory.mktemp("explorer"))


@pytest.fixture(scope="module")
def written(given: Given) -> Path:
    path = given.folder / "explorer.html"
    path.write_text(page(given.data(given.faces), synthetic=True, report=True), encoding="utf-8")
    return path


def numbers(text: str, kind: str = "u1") -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.dtype(kind))


def predicted(frame: pd.DataFrame) -> np.ndarray:
    return frame[[f"p_{emotion}" for emotion in EMOTIONS]].to_numpy().argmax(axis=1)


# ---- data


def test_data_are_those_of_the_files(given: Given) -> None:
    data = given.data()
    assert data["emotions"] == list(EMOTIONS) and data["sheet"] is None
    assert [model["name"] for model in data["models"]] == list(MODELS)
    for model in data["models"]:
        assert model["seeds"] == [0, 1]
        for place, seed in enumerate(model["seeds"]):
            frame = given.test(model["name"], seed)
            assert data["rows"] == frame["row"].tolist()
            np.testing.assert_array_equal(numbers(data["labels"]), frame["label"])
            np.testing.assert_array_equal(numbers(model["predicted"][place]), predicted(frame))
            shares = numbers(model["probabilities"][place]).reshape(-1, 7) / 255
            np.testing.assert_allclose(shares, frame[[f"p_{e}" for e in EMOTIONS]], atol=0.5 / 255 + 1e-6)
            gate = frame.filter(like="gate_")
            assert model["experts"] == [column.removeprefix("gate_") for column in gate]
            if model["experts"]:
                weights = numbers(model["gate"][place]).reshape(gate.shape) / 255
                np.testing.assert_allclose(weights, gate, atol=0.5 / 255 + 1e-6)


def test_maps_keep_the_distances(given: Given) -> None:
    data = given.data()
    for model in data["models"]:
        assert list(model["maps"]) == ["pca", "tsne"]
        for method, plane in model["maps"].items():
            own = given.projections["model"] == model["name"]
            points = given.projections[own & (given.projections["method"] == method)]
            assert [data["rows"][i] for i in numbers(plane["faces"], "<u4")] == points["row"].tolist()
            found = np.stack([numbers(plane[axis], "<u2") for axis in "xy"], 1).astype(float)
            wanted = points[["x", "y"]].to_numpy()
            assert found.min() >= 0 and found.max() == 65535
            scale = np.linalg.norm(found[0] - found[1]) / np.linalg.norm(wanted[0] - wanted[1])
            for other in (5, 60, 119):
                distance = np.linalg.norm(wanted[0] - wanted[other])
                assert np.linalg.norm(found[0] - found[other]) == pytest.approx(scale * distance, abs=3)


def test_each_face_is_in_its_place_on_the_sheet(given: Given) -> None:
    shuffled = np.random.default_rng(0).permutation(len(given.faces))
    faces = Faces(*(getattr(given.faces, name)[shuffled] for name in ("images", "labels", "split", "row")))
    data = given.data(faces)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["sheet"]["webp"]))).convert("L")).astype(float)
    side, columns = data["sheet"]["side"], data["sheet"]["columns"]
    for index in (0, 49, 50, 139):
        top, left = side * (index // columns), side * (index % columns)
        original = given.faces.images[given.faces.row == data["rows"][index]][0]
        assert np.abs(sheet[top : top + side, left : left + side] - original).mean() < 12
        assert np.abs(sheet[top : top + side, left : left + side] - given.faces.images[0]).mean() > 20 or index == 0


def test_faces_and_projections_of_another_study_are_refused(given: Given) -> None:
    faces = given.faces
    other = Faces(faces.images, faces.labels, faces.split, faces.row + 5)
    with pytest.raises(EmorecError, match="not those that were predicted"):
        given.data(other)
    wrong = Faces(faces.images, (faces.labels + 1) % 7, faces.split, faces.row)
    with pytest.raises(EmorecError, match="not those that were predicted"):
        given.data(wrong)
    foreign = given.projections.assign(row=given.projections["row"] + 1000)
    with pytest.raises(EmorecError, match="has no prediction"):
        explorer.explorer_data("made-up", given.models, given.predictions, given.gates, foreign, None)


def test_twenty_models_and_one_without_a_map(given: Given) -> None:
    copies = [given.predictions[given.predictions["model"] == "mixture"].assign(model=f"m{n}") for n in range(17)]
    gates = given.gates | {(f"m{n}", seed): given.gates["mixture", seed] for n in range(17) for seed in (0, 1)}
    many = pd.concat([given.predictions, *copies], ignore_index=True)
    data = explorer.explorer_data("many", given.models, many, gates, given.projections, None)
    assert len(data["models"]) == 20
    assert data["models"][-1]["label"] == "m16" and data["models"][-1]["maps"] == {}
    assert len(data["models"][-1]["experts"]) == 3


# ---- page


def test_page_is_one_file_with_the_same_bytes_twice(given: Given, written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert page(given.data(given.faces), synthetic=True, report=True) == text
    shell = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""<link[^>]+href="(?!data:)|\bsrc=|@import|url\(""", shell)
    assert len(text.encode()) < 3_000_000
    assert "window.broken" not in shell, "a name of the config stands in the page as HTML"
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    assert embedded and json.loads(embedded[1])["models"][2]["label"] == NASTY
    assert json.loads(embedded[1])["look"]["light"] == list(EMOTION_COLOURS.values())


def test_page_says_whose_faces_they_are(given: Given) -> None:
    with_faces, without = given.data(given.faces), given.data()
    assert "synthetic" in page(with_faces, synthetic=True, report=True)
    assert "not to be published" in page(with_faces, synthetic=False, report=False).replace("\n", " ")
    assert "made without them" in page(without, synthetic=False, report=False)


# ---- in the browser


POINTS = "Bokeh.documents[0].get_model_by_name('points')"
# Where on the screen a point of the map is, by its number.
POINT = f"""(number) => {{
    const {{ x_range, y_range }} = Bokeh.documents[0].get_model_by_name("map");
    const drawn = Object.values(Bokeh.index.roots ?? Bokeh.index)[0];
    const {{ left, right, top, bottom }} = drawn.frame.bbox;
    const box = drawn.el.getBoundingClientRect();
    const {{ x, y }} = {POINTS}.data;
    const at = (value, range, from, to) => from + ((value - range.start) / (range.end - range.start)) * (to - from);
    return {{ x: box.left + at(x[number], x_range, left, right), y: box.top + at(y[number], y_range, bottom, top) }};
}}"""


def shown_percent(shares: pd.Series) -> list[str]:
    """As the page shows them, from 255ths."""
    return [str(round(100 * round(255 * share) / 255)) for share in shares]


def confusion(browser: Any) -> np.ndarray:
    return np.array(browser.locator("#confusion button").all_inner_texts(), int).reshape(7, 7)


def counted(frame: pd.DataFrame) -> np.ndarray:
    table = np.zeros((7, 7), int)
    np.add.at(table, (frame["label"], predicted(frame)), 1)
    return table


def listed(browser: Any) -> list[str]:
    return browser.locator("#gallery button").evaluate_all("found => found.map(b => b.getAttribute('aria-label'))")


def test_mouse(given: Given, written: Path) -> None:
    with opened(written, viewport={"width": 1200, "height": 1600}) as browser:
        assert browser.evaluate("window.broken") is None
        assert browser.locator("#model option").all_inner_texts() == ["single ResNet-18", "the ensemble", NASTY]
        frame = given.test("resnet18", 0)
        np.testing.assert_array_equal(confusion(browser), counted(frame))

        # A click on a cell lists its faces and marks those on the map.
        row, column = np.argwhere((counted(frame) > 1) & ~np.eye(7, dtype=bool))[0]
        browser.locator(f'#confusion button[data-row="{row}"][data-column="{column}"]').click()
        wanted = frame[(frame["label"] == row) & (predicted(frame) == column)]
        truth, said = EMOTIONS[row], EMOTIONS[column]
        assert listed(browser) == [f"row {r}, labelled {truth}, called {said}" for r in wanted["row"]]
        browser.wait_for_timeout(200)  # Bokeh reports a selection later
        assert browser.locator("#gallery-title").inner_text() == f"True {truth}, called {said}"
        on_map = given.projections.query("model == 'resnet18' and method == 'tsne'")["row"]
        marked = browser.evaluate(f"{POINTS}.selected.indices")
        assert on_map.iloc[marked].tolist() == [r for r in wanted["row"] if r in set(on_map)]

        # Another model and seed: matrix, answers and the note about the map follow.
        browser.select_option("#model", index=2)
        browser.select_option("#seed", label="1")
        frame = given.test("mixture", 1)
        np.testing.assert_array_equal(confusion(browser), counted(frame))
        right = 100 * (frame["label"] == predicted(frame)).mean()
        assert f"{right:.1f} % of 140 faces right" in browser.locator("#accuracy").inner_text()
        note = browser.locator("#map-note").inner_text()
        assert "stays that of seed 0" in note and "A sample of 120 of 140 faces" in note

        # Pointing at a face shows it, its probabilities and the gate's weights.
        browser.locator("#clear").click()
        point = browser.evaluate(POINT, 7)
        browser.mouse.move(point["x"], point["y"])
        browser.locator("#face .who").wait_for()
        shown = re.search(r"row (\d+) of the data", browser.locator("#face").inner_text())
        at = frame.set_index("row").loc[int(shown[1])]
        assert browser.locator("#face .face").count() == 1
        tables = browser.locator("#face .bars").all_inner_texts()
        assert re.findall(r"(\d+) %", tables[0]) == shown_percent(at[[f"p_{e}" for e in EMOTIONS]])
        assert re.findall(r"(\d+) %", tables[1]) == shown_percent(at[[c for c in frame if c.startswith("gate_")]])

        # Colours follow the choice.
        colours = browser.evaluate(f"{POINTS}.data.colour")
        faces = browser.evaluate(f"{POINTS}.data.face")
        assert colours == [EMOTION_COLOURS[EMOTIONS[frame["label"][face]]] for face in faces]
        browser.select_option("#colour", "prediction")
        assert browser.evaluate(f"{POINTS}.data.colour") == [
            EMOTION_COLOURS[EMOTIONS[predicted(frame)[f]]] for f in faces
        ]
        browser.select_option("#method", "pca")
        browser.select_option("#mapmaker", label="the ensemble")
        assert "The map is that of the ensemble" in browser.locator("#map-note").inner_text()


def test_keys_alone(given: Given, written: Path) -> None:
    with opened(written, viewport={"width": 1200, "height": 900}) as browser:
        keys = browser.keyboard
        visited = []
        for _ in range(30):
            keys.press("Tab")
            visited.append(browser.evaluate("document.activeElement.closest('[id]')?.id"))
            if visited[-1] == "confusion":
                break
        stops = ["model", "seed", "colour", "method", "mapmaker", "map", "confusion"]
        assert [name for name in dict.fromkeys(visited) if name in stops] == stops

        # The matrix has one stop; arrows move inside it and stop at its edge.
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowLeft", "End"):
            keys.press(key)
        assert browser.evaluate("[...Object.values(document.activeElement.dataset)].join()") == "2,6"
        keys.press("Enter")
        frame = given.test("resnet18", 0)
        wanted = frame[(frame["label"] == 2) & (predicted(frame) == 6)]
        assert listed(browser) == [f"row {r}, labelled fear, called neutral" for r in wanted["row"]]
        assert browser.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"

        # On the map, an arrow goes to a face that lies that way.
        browser.locator("#map").focus()
        keys.press("ArrowRight")
        ring = "Bokeh.documents[0].get_model_by_name('ring').data"
        before = browser.evaluate(ring)
        keys.press("ArrowLeft")
        after = browser.evaluate(ring)
        assert after["x"][0] < before["x"][0]
        assert re.fullmatch(r"Row \d+: labelled \w+, called \w+\.", browser.locator("#spoken").inner_text())
        keys.press("Enter")
        assert browser.locator("#gallery-title").inner_text() == "The nearest on the map"
        assert len(listed(browser)) == 24


def test_phone_dark_and_without_pictures(given: Given, tmp_path: Path) -> None:
    path = tmp_path / "explorer.html"
    path.write_text(page(given.data(), synthetic=False, report=False), encoding="utf-8")
    phone = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    with opened(path, **phone) as browser:
        assert browser.evaluate("document.documentElement.scrollWidth") <= 400
        assert browser.locator(".face").count() == 0
        browser.locator("#gallery button").nth(2).tap()
        row = given.test("resnet18", 0)["row"][2]
        assert f"row {row} of the data" in browser.locator("#face").inner_text()
        assert "without the pictures" in browser.locator("#face").inner_text()
        background = browser.evaluate("Bokeh.documents[0].get_model_by_name('map').background_fill_color")
        assert "#14181d" in json.dumps(background)
