"""The explorer: its data by the study's files, its bytes, and what it does in a real browser under mouse, keys, finger.

What the page should show is counted here with pandas, from the files that the page is made of.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emorec import EMOTIONS
from emorec.data.faces import Faces, load_faces
from emorec.data.votes import Votes
from emorec.errors import EmorecError
from emorec.explorer import data as explorer
from emorec.explorer.page import page
from emorec.figures.style import EMOTION_LOOKS
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions
from tests.browser import launched, opened
from tests.fake_study import make_study

MODELS = ("resnet18", "ensemble", "mixture")
EXPERTS = ("happy-neutral", "fear-surprise", "angry-disgust-sad")  # of the mixture, in its groups' order
GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))
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
            {
                "model": MODELS,
                "kind": ["single", "ensemble", "mixture"],
                "label": ["single ResNet-18", "the ensemble", NASTY],
                "foreign": ["", "", "excluded"],
                "primary": [False, False, True],
                "control": ["", "", "ensemble"],
            }
        )
        self.projections = self._projections()
        self.twins, self.votes = self._twins(), self._votes()

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

    def _twins(self) -> pd.DataFrame:
        """Every third test face has a twin, every sixth an exact one; every seventh is like none."""
        row = self.test("resnet18", 0)["row"]
        number = np.arange(len(row))
        nearest = pd.Series(number).where(number % 7 > 0)
        twin = (number % 3 == 0) & nearest.notna()
        return pd.DataFrame(
            {
                "row": row,
                "twin": twin,
                "exact": twin & (number % 6 == 0),
                "distance": nearest / 200,
                "nearest": nearest,
                "nearest_label": [EMOTIONS[n % 7] if n % 7 else None for n in number],
            }
        )

    def _votes(self) -> Votes:
        """Nine people's votes for every face; their majority is the label's emotion, another, or none of them."""
        faces = self.faces
        votes = np.zeros((len(faces), 10), np.uint8)
        most = np.where(faces.row % 4 == 1, (faces.labels + 1) % 7, np.where(faces.row % 4 == 2, 9, faces.labels))
        votes[np.arange(len(faces)), most] = 7
        votes[:, 7] = 2
        return Votes(faces.row, votes)

    def data(self, faces: Faces | None = None, **other: Any) -> dict[str, Any]:
        own = ("models", "predictions", "gates", "projections", "twins", "votes")
        return explorer.explorer_data("made-up", faces=faces, **{name: getattr(self, name) for name in own} | other)

    def compared(self, seed: int = 0) -> pd.DataFrame:
        """By test face what the page at first compares, the mixture and the ensemble: answers, twin, majority."""
        mixture, ensemble = self.test("mixture", seed), self.test("ensemble", seed)
        (p, q) = (np.round(255 * f[[f"p_{e}" for e in EMOTIONS]].to_numpy(float)) for f in (mixture, ensemble))
        most = self.votes.votes[mixture["row"]].argmax(axis=1)
        return mixture[["row", "label"]].assign(
            model=predicted(mixture),
            reference=predicted(ensemble),
            apart=np.abs(p - q).sum(axis=1) / 2,
            confidence=p.max(axis=1),
            twin=self.twins["twin"],
            majority=np.where(most < 7, most, -1),
        )


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
    rows = [*data["rows"], *data["twin_rows"]]
    for index in (0, 49, 50, 139, 140, len(rows) - 1):
        top, left = side * (index // columns), side * (index % columns)
        original = given.faces.images[given.faces.row == rows[index]][0]
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
    with pytest.raises(EmorecError, match="has no prediction"):
        given.data(projections=given.projections.assign(row=given.projections["row"] + 1000))
    with pytest.raises(EmorecError, match="twins.csv"):
        given.data(twins=given.twins[1:])
    with pytest.raises(EmorecError, match="votes.npz"):
        given.data(votes=Votes(given.votes.row[:-1], given.votes.votes[:-1]))


def test_experts_say_what_they_said_before_they_were_weighted(given: Given) -> None:
    """Of a partition without others' faces the mixture's probability is weight times expert's, which is divided out."""
    single, ensemble, mixture = given.data()["models"]
    assert single["groups"] is ensemble["groups"] is None and not single["unweighted"]
    assert [[EMOTIONS[e] for e in group] for group in mixture["groups"]] == [list(group) for group in GROUPS]
    for place, seed in enumerate(mixture["seeds"]):
        frame = given.test("mixture", seed)
        own = numbers(mixture["unweighted"][place]).reshape(-1, 7) / 255
        for expert, group in zip(EXPERTS, GROUPS, strict=True):
            weighed = frame[[f"p_{e}" for e in group]].div(frame[f"gate_{expert}"], axis=0)
            heard = frame[f"gate_{expert}"] > 0.01
            shown = own[:, [EMOTIONS.index(e) for e in group]]
            np.testing.assert_allclose(shown[heard], weighed[heard], atol=0.01)
            assert heard.any()


def test_an_unheard_expert_says_nothing_and_weighted_others_are_not_divided_out(given: Given) -> None:
    deaf = given.predictions.copy()
    of = deaf["model"] == "mixture"
    deaf.loc[of, [f"p_{e}" for e in EMOTIONS]] = np.eye(7)[3]  # all to happy: two experts have no weight
    mixture = given.data(predictions=deaf)["models"][2]
    assert (numbers(mixture["unweighted"][0]).reshape(-1, 7) == 255 * np.eye(7)[3]).all()
    weighted = given.data(models=given.models.assign(foreign="down-weighted"))["models"][2]
    assert weighted["groups"] is None and weighted["unweighted"] == []


def test_twins_and_votes_are_those_of_the_files(given: Given) -> None:
    data = given.data()
    twin = given.twins["twin"].astype(int) + given.twins["exact"]
    np.testing.assert_array_equal(numbers(data["twins"]["twin"]), twin)
    np.testing.assert_array_equal(numbers(data["twins"]["row"], "<i4"), given.twins["nearest"].fillna(-1))
    assert data["twin_rows"] == given.twins["nearest"][given.twins["twin"]].tolist()
    np.testing.assert_array_equal(numbers(data["votes"]["votes"]).reshape(-1, 10), given.votes.votes[data["rows"]])
    judged = numbers(data["votes"]["majority"]).astype(int)
    np.testing.assert_array_equal(np.where(judged == 255, -1, judged), given.compared()["majority"])
    assert given.data(votes=None)["votes"] is None


def test_opens_on_the_primary_mixture_and_its_control(given: Given) -> None:
    assert given.data()["opening"] == ["mixture", "ensemble", "resnet18"]
    assert given.data(models=given.models.assign(primary=False))["opening"] == ["mixture", "ensemble", "resnet18"]
    uncontrolled = given.models.assign(control=np.nan)
    assert given.data(models=uncontrolled)["opening"] == ["mixture", "resnet18", "resnet18"]


def test_twenty_models_and_one_without_a_map(given: Given) -> None:
    copies = [given.predictions[given.predictions["model"] == "mixture"].assign(model=f"m{n}") for n in range(17)]
    gates = given.gates | {(f"m{n}", seed): given.gates["mixture", seed] for n in range(17) for seed in (0, 1)}
    many = pd.concat([given.predictions, *copies], ignore_index=True)
    data = given.data(predictions=many, gates=gates)
    assert len(data["models"]) == 20
    assert data["models"][-1]["label"] == "m16" and data["models"][-1]["maps"] == {}
    assert len(data["models"][-1]["experts"]) == 3


# ---- page


def test_page_is_one_file_with_the_same_bytes_twice(given: Given, written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert page(given.data(given.faces), synthetic=True, report=True) == text
    shell = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""<link[^>]+href="(?!data:)|\bsrc=|@import|url\(""", shell)
    assert len(text.encode()) < 400_000 and "default-src 'none'" in text
    assert "window.broken" not in shell, "a name of the config stands in the page as HTML"
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    assert embedded and json.loads(embedded[1])["models"][2]["label"] == NASTY
    assert json.loads(embedded[1])["look"]["light"] == [look.colour for look in EMOTION_LOOKS.values()]


def test_page_says_whose_faces_they_are(given: Given) -> None:
    with_faces, without = given.data(given.faces), given.data()
    assert "synthetic" in page(with_faces, synthetic=True, report=True)
    assert "not to be published" in page(with_faces, synthetic=False, report=False).replace("\n", " ")
    assert "made without them" in page(without, synthetic=False, report=False)


# ---- in the browser


@pytest.fixture(scope="module")
def shown(written: Path) -> Iterator[Path]:
    """The page, with one browser for all of this file."""
    with launched():
        yield written


def shares(frame: pd.DataFrame, answers: str) -> np.ndarray:
    """Of each true emotion, the share that is called so: (7, 7)."""
    table = np.zeros((7, 7))
    np.add.at(table, (frame["label"], frame[answers]), 1)
    return table / table.sum(axis=1, keepdims=True)


def listed(browser: Any) -> list[int]:
    """The rows that are listed, in their order."""
    while browser.locator("#more").is_visible():
        browser.locator("#more").click()
    labels = browser.locator("#gallery button").evaluate_all("found => found.map(b => b.getAttribute('aria-label'))")
    return [int(label.split(",")[0].removeprefix("row ")) for label in labels]


def outcomes(browser: Any) -> dict[str, int]:
    values = browser.locator("#outcomes button").evaluate_all(
        "found => found.map(b => [b.value, b.lastChild.textContent])"
    )
    return {value: int(count) for value, count in values}


def counted(frame: pd.DataFrame, truth: str = "label") -> dict[str, int]:
    own, other = frame["model"] == frame[truth], frame["reference"] == frame[truth]
    kinds = {"reference": ~own & other, "model": own & ~other, "all": own | True, "both": own & other}
    return {name: int(chosen.sum()) for name, chosen in (kinds | {"neither": ~own & ~other}).items()}


def go(browser: Any, address: str) -> None:
    browser.evaluate(
        "to => new Promise((done) => { addEventListener('hashchange', () => setTimeout(done), { once: true });"
        " location.hash = to; })",
        address,
    )


def test_opens_on_an_error_that_tells_gate_and_expert_apart(given: Given, shown: Path) -> None:
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        assert browser.evaluate("window.broken") is None
        assert browser.locator("#model option").all_inner_texts() == ["single ResNet-18", "the ensemble", NASTY]
        frame = given.compared()
        wrong = frame[(frame["model"] != frame["label"]) & (frame["reference"] == frame["label"])]
        wanted = wrong.sort_values("apart", ascending=False, kind="stable")["row"].tolist()
        assert listed(browser) == wanted and outcomes(browser) == counted(frame)

        face = browser.locator("#face")
        assert f"row {wanted[0]} of the data" in face.inner_text()
        at = given.test("mixture", 0).set_index("row").loc[wanted[0]]
        p = at[[f"p_{e}" for e in EMOTIONS]].to_numpy(float)
        tables = [re.findall(r"(\d+)\s%", text) for text in face.locator(".bars").all_inner_texts()]
        assert tables[0][::2] == [str(round(100 * round(255 * share) / 255)) for share in p]
        said = iter(map(int, tables[1]))
        for expert, group in zip(EXPERTS, GROUPS, strict=True):
            assert next(said) == pytest.approx(100 * at[f"gate_{expert}"], abs=1)
            own = p[[EMOTIONS.index(e) for e in group]]
            assert [next(said) for _ in group] == pytest.approx(list(100 * own / own.sum()), abs=1)
        sums = [p[[EMOTIONS.index(e) for e in group]].sum() for group in GROUPS]
        home = next(n for n, group in enumerate(GROUPS) if EMOTIONS[int(at["label"])] in group)
        named = "the right group is named" if home == np.argmax(sums) else "another group is named"
        best = max(GROUPS[home], key=lambda emotion: at[f"p_{emotion}"])
        verdict = face.locator(".verdict").inner_text()
        assert named in verdict and f"decides for {best}" in verdict


@pytest.mark.parametrize(
    ("address", "query", "truth"),
    [
        ("faces=twins", "twin", "label"),
        ("faces=rest", "not twin", "label"),
        ("truth=majority", "majority >= 0", "majority"),
        ("faces=doubted", "majority >= 0 and majority != label", "label"),
        ("truth=majority&faces=twins", "majority >= 0 and twin", "majority"),
        ("seed=1", "row >= 0", "label"),
    ],
)
def test_views_count_what_the_files_say(given: Given, shown: Path, address: str, query: str, truth: str) -> None:
    frame = given.compared(int(address == "seed=1")).query(query)
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        go(browser, address)
        assert outcomes(browser) == counted(frame, truth)
        browser.locator("#outcomes button[value=all]").click()
        assert sorted(listed(browser)) == sorted(frame["row"])


def test_pair_sort_and_row(given: Given, shown: Path) -> None:
    frame = given.compared()
    fear, sad = EMOTIONS.index("fear"), EMOTIONS.index("sad")
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        browser.select_option("#pair", "fear-sad")
        browser.locator("#outcomes button[value=all]").click()
        confused = [
            one.row
            for one in frame.itertuples()
            if (one.label == fear and sad in (one.model, one.reference))
            or (one.label == sad and fear in (one.model, one.reference))
        ]
        assert confused and sorted(listed(browser)) == confused
        browser.select_option("#pair", "")
        browser.select_option("#sort", "confidence")
        assert listed(browser) == frame.sort_values("confidence", ascending=False, kind="stable")["row"].tolist()
        browser.select_option("#sort", "doubt")
        assert listed(browser) == frame.sort_values("confidence", kind="stable")["row"].tolist()
        browser.select_option("#sort", "row")
        assert listed(browser) == frame["row"].tolist()

        browser.locator("#row").fill("200")
        browser.keyboard.press("Enter")
        assert "row 200 of the data" in browser.locator("#face").inner_text()
        browser.locator("#row").fill("3")
        browser.keyboard.press("Enter")
        assert "Row 3 is none of the 140 faces" in browser.locator("#list-note").inner_text()

        # All of it stands in the address, and comes back from there.
        kept = listed(browser)
        browser.select_option("#matrices", "difference")
        browser.select_option("#colour", "outcome")
        browser.reload()
        browser.wait_for_selector("html[data-ready]")
        assert listed(browser) == kept and "row 200 of the data" in browser.locator("#face").inner_text()
        assert [browser.locator(f"#{name}").input_value() for name in ("sort", "matrices", "colour")] == [
            *("row", "difference", "outcome")
        ]
        # What an address cannot mean is left out.
        go(browser, "model=<b>&pair=x&cell=model:9:0&face=1e3&sort=row")
        assert browser.locator("#model").input_value() == "mixture" and browser.locator("#sort").input_value() == "row"


def test_matrices(given: Given, shown: Path) -> None:
    frame = given.compared()
    own, other = shares(frame, "model"), shares(frame, "reference")
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        shown = [re.sub("−", "-", text) for text in browser.locator(".matrix button").all_inner_texts()]
        np.testing.assert_allclose(np.array(shown, int).reshape(2, 7, 7), 100 * np.stack([own, other]), atol=0.5001)
        right = 100 * (frame["model"] == frame["label"]).mean()
        assert f"{right:.1f} % right" in browser.locator(".matrix caption").first.inner_text()

        row, column = np.argwhere((own > 0) & ~np.eye(7, dtype=bool))[0]
        browser.locator(f'[data-cell="reference:{row}:{column}"]').click()
        assert sorted(listed(browser)) == frame.query("label == @row and reference == @column")["row"].tolist()
        browser.locator("#filters button").click()
        assert len(listed(browser)) == 140

        browser.select_option("#matrices", "difference")
        shown = [re.sub("−", "-", text) for text in browser.locator(".matrix button").all_inner_texts()]
        np.testing.assert_allclose(np.array(shown, int).reshape(7, 7), 100 * (own - other), atol=0.5001)
        worse = browser.locator(".matrix button").evaluate_all("all => all.map(b => b.className === 'worse')")
        signed = (own - other) * np.where(np.eye(7, dtype=bool), 1, -1)  # right answers gained, wrong ones lost
        np.testing.assert_array_equal(np.array(worse).reshape(7, 7), signed < 0)
        browser.locator('[data-cell="difference:4:4"]').click()
        changed = frame.query("label == 4 and (model == 4) != (reference == 4)")["row"].tolist()
        assert sorted(listed(browser)) == changed


def point(browser: Any, given: Given, number: int) -> tuple[int, dict[str, float]]:
    """A row of the mixture's t-SNE map and where on the screen it is drawn."""
    own = given.projections.query("model == 'mixture' and method == 'tsne'")
    place = browser.evaluate(
        "n => { const b = canvas.getBoundingClientRect(), [x, y] = toScreen(plane().x[n], plane().y[n]);"
        " return { x: b.left + canvas.clientLeft + x, y: b.top + canvas.clientTop + y }; }",
        number,
    )
    return int(own["row"].iloc[number]), place


def test_map(given: Given, shown: Path) -> None:
    with opened(shown, viewport={"width": 1280, "height": 2600}) as browser:
        assert browser.locator("#map").input_value() == "mixture/tsne"
        row, at = point(browser, given, 7)
        browser.mouse.move(at["x"], at["y"])
        assert f"row {row} of the data" in browser.locator("#face").inner_text()

        # A rectangle lists the faces in it.
        near = []
        for number in range(120):
            other, place = point(browser, given, number)
            if max(abs(place["x"] - at["x"]), abs(place["y"] - at["y"])) < 60:
                near.append(other)
        browser.mouse.move(at["x"] - 60, at["y"] - 60)
        browser.mouse.down()
        browser.mouse.move(at["x"] + 60, at["y"] + 60)
        browser.mouse.up()
        assert row in near and sorted(listed(browser)) == sorted(near)
        browser.locator("#closer").click()
        inner = "toScreen(plane().x[7], plane().y[7])"
        assert browser.evaluate(inner) == pytest.approx(browser.evaluate("[side() / 2, height() / 2]"), abs=2)
        browser.locator("#whole").click()

        # The points are painted: the canvas is not blank where one is.
        painted = "([x, y]) => canvas.getContext('2d').getImageData(x, y, 1, 1).data[3]"
        assert browser.evaluate(painted, browser.evaluate(inner)) > 0


def test_keys_alone(given: Given, shown: Path) -> None:
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        keys = browser.keyboard
        visited = []
        for _ in range(80):
            keys.press("Tab")
            visited.append(browser.evaluate("document.activeElement.closest('[id]')?.id"))
            if visited[-1] == "canvas":
                break
        stops = ["view", "model", "reference", "seed", "truth", "faces", "pair", "outcomes", "sort", "row", "gallery"]
        stops += ["matrices", "tables", "map", "colour", "closer", "whole", "canvas"]
        assert [name for name in dict.fromkeys(visited) if name in stops] == stops
        assert visited.count("tables") == 2, "a matrix is one stop"

        # Arrows move inside a matrix and stop at its edge.
        browser.locator('[data-cell="model:0:0"]').focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowLeft", "End"):
            keys.press(key)
        assert browser.evaluate("document.activeElement.dataset.cell") == "model:2:6"
        keys.press("Enter")
        assert sorted(listed(browser)) == given.compared().query("label == 2 and model == 6")["row"].tolist()
        assert browser.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"

        # On the map, an arrow goes to a face that lies that way; Enter lists those around it.
        browser.locator("#canvas").focus()
        keys.press("ArrowRight")
        here = "plane().x[onMap().get(chosen())]"
        before = browser.evaluate(here)
        keys.press("ArrowLeft")
        assert browser.evaluate(here) < before
        assert re.fullmatch(r"Row \d+: labelled \w+, the model says \w+\.", browser.locator("#spoken").inner_text())
        row = browser.evaluate("rows[chosen()]")
        keys.press("Enter")
        assert row in listed(browser)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_chosen_face_is_seen_at_every_width(given: Given, shown: Path, width: int, scheme: str) -> None:
    size = {"width": width, "height": 844}
    with opened(shown, viewport=size, has_touch=True, is_mobile=width < 500, color_scheme=scheme) as browser:
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        browser.locator("#outcomes button[value=all]").tap()
        button = browser.locator("#gallery button").nth(11)
        button.scroll_into_view_if_needed()
        row = button.get_attribute("aria-label").split(",")[0]
        button.tap()
        assert f"{row} of the data" in browser.locator("#face").inner_text()
        box = browser.locator("#face .who").first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844 and box["x"] + box["width"] <= width
        middle = [box["x"] + 20, box["y"] + box["height"] / 2]
        assert browser.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('#face'))", middle)
        # Text and ground are far enough apart (WCAG: 4.5).
        for place in ("body", ".note", "#outcomes button", ".matrix th", ".matrix button", ".bars caption"):
            assert browser.evaluate(CONTRAST, place) > 4.5, place


# The contrast of an element's text with what lies behind it, each layer over the one below.
CONTRAST = """(place) => {
    const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
    let element = document.querySelector(place);
    const text = numbers(getComputedStyle(element).color);
    const layers = [];
    for (; element; element = element.parentElement) layers.unshift(numbers(getComputedStyle(element).backgroundColor));
    const over = (below, [r, g, b, a = 1]) => [r, g, b].map((v, i) => a * v + (1 - a) * below[i]);
    const ground = layers.reduce(over, [255, 255, 255]);
    const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const [a, b] = [light(text), light(ground)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
}"""


def write_table(path: Path, faces: Faces, labels: np.ndarray | None = None) -> Path:
    """The faces like fer2013.csv."""
    usages = ("Training", "PublicTest", "PrivateTest")
    lines = ["emotion,pixels,Usage"]
    for label, split, image in zip(faces.labels if labels is None else labels, faces.split, faces.images, strict=True):
        lines.append(f"{label},{' '.join(map(str, image.ravel()))},{usages[split]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def drawn(browser: Any, tiles: Sequence[int]) -> np.ndarray:
    """Tiles (n, 48, 48) of the sheet that the page shows."""
    script = """async (tiles) => {
        const image = new Image();
        image.src = css("--sheet").slice(5, -2);
        await image.decode();
        const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
        pen.drawImage(image, 0, 0);
        const tile = (n) => pen.getImageData(48 * (n % 50), 48 * Math.floor(n / 50), 48, 48).data;
        return tiles.map((n) => [...tile(n)].filter((_, i) => i % 4 === 0));
    }"""
    return np.array(browser.evaluate(script, list(tiles))).reshape(-1, 48, 48)


def test_reader_shows_the_page_their_own_table(given: Given, shown: Path, tmp_path: Path) -> None:
    path = tmp_path / "explorer.html"
    path.write_text(page(given.data(), synthetic=False, report=False), encoding="utf-8")
    rows = [*given.data()["rows"], *given.data()["twin_rows"]]
    with opened(path, viewport={"width": 1280, "height": 900}) as browser:
        assert browser.locator(".face").count() == 0
        assert "without the pictures" in browser.locator("#face").inner_text()
        browser.locator("#own summary").click()
        note = browser.locator("#own-note")

        other = (given.faces.labels + 1) % 7
        browser.set_input_files("#own-file", write_table(tmp_path / "other.csv", given.faces, other))
        browser.wait_for_selector("#own-note:has-text('is not the face that was predicted')")
        (tmp_path / "short.csv").write_text("emotion,pixels,Usage\n0,1 2 3,Training\n", encoding="utf-8")
        browser.set_input_files("#own-file", tmp_path / "short.csv")
        browser.wait_for_selector(f"#own-note:has-text('lacks {len(rows)} faces')")
        (tmp_path / "thin.csv").write_text("emotion,pixels,Usage\n" + "0,1 2 3,Training\n" * 10, encoding="utf-8")
        browser.set_input_files("#own-file", tmp_path / "thin.csv")
        browser.wait_for_selector("#own-note:has-text('does not hold 48')")
        (tmp_path / "wrong.csv").write_text("<b>a</b>,b\n", encoding="utf-8")
        browser.set_input_files("#own-file", tmp_path / "wrong.csv")
        browser.wait_for_selector("#own-note:has-text('no columns')")
        assert browser.locator(".face").count() == 0

        browser.set_input_files("#own-file", write_table(tmp_path / "fer2013.csv", given.faces))
        browser.wait_for_selector("#own-note:has-text('are those of')")
        assert "fer2013.csv" in note.inner_text() and browser.locator("#gallery .face").count() > 0
        tiles = [0, 51, 139, 140, len(rows) - 1]
        np.testing.assert_array_equal(drawn(browser, tiles), given.faces.images[[rows[tile] for tile in tiles]])


def test_twin_is_beside_the_face(given: Given, shown: Path) -> None:
    with opened(shown, viewport={"width": 1280, "height": 900}) as browser:
        for number, said, pictures in (
            (6, "exact twin", 2),
            (3, "Its twin", 2),
            (1, "No twin", 1),
            (7, "No training face", 1),
        ):
            row = given.twins["row"][number]
            go(browser, f"face={row}")
            face = browser.locator("#face")
            assert f"row {row} of the data" in face.inner_text() and said in face.inner_text()
            assert face.locator(".face").count() == pictures
            if number != 7:
                assert f"row {number}, labelled {EMOTIONS[number % 7]}" in face.inner_text()
        assert "FER+’s votes: " in face.inner_text() and "contempt 2" in face.inner_text()
