"""`emorec predict`: image files labelled as the study's own stages would label them, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from emorec import EMOTIONS, config
from emorec.apply.label import read_faces
from emorec.cli import main
from emorec.data.faces import load_faces
from emorec.paths import Layout
from emorec.predictions.store import read_gates, read_predictions
from tests import untrained_study

torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("own_handlers")

Written = tuple[config.Study, Layout, list[str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return untrained_study.write(tmp_path_factory.mktemp("predict"))


@pytest.fixture(scope="module")
def files(study: Written, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The test faces as PNG, which keeps every pixel."""
    folder = tmp_path_factory.mktemp("faces")
    faces = load_faces(study[1].faces)
    paths = []
    for index in np.flatnonzero(faces.split == 2):
        Image.fromarray(faces.images[index]).save(folder / f"face {faces.row[index]}.png")
        paths.append(str(folder / f"face {faces.row[index]}.png"))
    return paths


@pytest.fixture(scope="module")
def combined(study: Written) -> Written:
    """The study with its predictions."""
    spec, _, options = study
    for part in config.all_parts(spec):
        assert main(["outputs", *options, "--network", part.network, "--seed", str(part.seed)]) == 0
    assert main(["combine", *options]) == 0
    return study


@pytest.mark.parametrize("model", [name for name in untrained_study.STUDY["models"] if name != "oracle"])
def test_says_what_the_study_s_stages_say(
    combined: Written, files: list[str], model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, layout, options = combined
    expected = read_predictions(layout.predictions, [(model, 1)]).query("split == 'test'")
    gate = read_gates(layout.predictions, [(model, 1)]).get((model, 1))
    if gate:
        weights = gate.weights[gate.split == "test"].T
        expected = expected.assign(**{f"gate_{name}": w for name, w in zip(gate.experts, weights, strict=True)})
    capsys.readouterr()

    assert main(["predict", *options, "--model", model, "--seed", "1", "--csv", *files]) == 0
    said = pd.read_csv(io.StringIO(capsys.readouterr().out))
    # Stored predictions are rounded, hence the tolerance.
    numbers = [c for c in expected.columns if c.startswith(("p_", "gate_"))]
    assert [c for c in said.columns if c.startswith(("p_", "gate_"))] == numbers
    np.testing.assert_allclose(said[numbers], expected[numbers], atol=1e-4)
    best = expected[[f"p_{emotion}" for emotion in EMOTIONS]].to_numpy()
    assert said["emotion"].tolist() == [EMOTIONS[i] for i in best.argmax(axis=1)]
    np.testing.assert_allclose(said["probability"], best.max(axis=1), atol=1e-4)
    assert said["file"].tolist() == files
    assert np.ptp(best, axis=0).max() > 0.05, "all faces get the same: agreement means nothing"


def test_by_default_the_reference_with_the_first_seed(
    study: Written, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, options = study
    assert main(["predict", *options, "--json", *files]) == 0
    default = json.loads(capsys.readouterr().out)
    assert main(["predict", *options, "--json", "--model", "resnet18", "--seed", "3", *files]) == 0
    assert default == json.loads(capsys.readouterr().out)
    assert [face["file"] for face in default] == files and not any("gate" in key for key in default[0])


def test_table_has_a_line_a_face_and_its_probabilities_in_per_cent(
    study: Written, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, options = study
    assert main(["predict", *options, "--csv", *files[:3]]) == 0
    expected = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["predict", *options, *files[:3]]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["file", "emotion", "%", *EMOTIONS]
    assert len(lines) == 3 and len({len(line) for line in (head, *lines)}) == 1
    for line, file, row in zip(lines, files, expected, strict=False):
        assert line.startswith(file)
        cells = line.removeprefix(file).split()
        assert cells[0] == row["emotion"]
        assert [int(cell) for cell in cells[2:]] == [round(100 * float(row[f"p_{e}"])) for e in EMOTIONS]


def test_size_and_colour_of_a_file_do_not_matter(
    study: Written, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = Image.open(files[0])
    for form in ("RGB", "P", "RGBA"):
        grey.convert(form).save(tmp_path / f"{form}.png")
    grey.resize((240, 200), Image.Resampling.BOX).save(tmp_path / "large.bmp")
    same = [str(tmp_path / f"{form}.png") for form in ("RGB", "P", "RGBA")]
    assert main(["predict", *study[2], "--json", files[0], *same, str(tmp_path / "large.bmp")]) == 0
    original, *others, large = json.loads(capsys.readouterr().out)
    for face in others:
        assert {**face, "file": files[0]} == original
    assert sum(large[f"p_{emotion}"] for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)
    pixels = read_faces([Path(files[0]), tmp_path / "large.bmp"]).astype(float)
    assert np.abs(pixels[0] - pixels[1]).mean() < 8 < pixels[0].std()


def bomb() -> bytes:
    """A PNG of some hundred bytes that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    rest = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rest


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no image", "unreadable image"),
        (b"", "unreadable image"),
        (bomb(), "pixels"),
        (None, "no such image file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "in the format HEIC, which is not read here; save it as PNG or JPEG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "in the format AVIF, which is not read here; save it as PNG or JPEG"),
    ],
)
def test_a_file_that_is_no_face_is_named_in_one_line(
    study: Written,
    files: list[str],
    tmp_path: Path,
    content: bytes | None,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, options = study
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    assert main(["predict", *options, files[0], str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and str(path) in captured.err and reason in captured.err


def test_a_folder_stands_for_its_images(
    study: Written, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["2.png", "10.PNG", "more/1.png", "more/Ü²/3.png"]
    for name, file in zip(names, files, strict=False):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / name)
    for name in (".hidden.png", ".git/1.png", "README.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no image")
    assert main(["predict", *study[2], "--json", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert [face["file"] for face in said] == [str(tmp_path / name) for name in names]
    assert f"{tmp_path}: 1 files that are no images" in captured.err
    assert main(["predict", *study[2], "--json", *files[:4]]) == 0
    assert [{**face, "file": ""} for face in json.loads(capsys.readouterr().out)] == [{**f, "file": ""} for f in said]


def test_a_folder_without_images(study: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.txt").touch()
    assert main(["predict", *study[2], str(tmp_path)]) == 1
    assert f"{tmp_path}: a folder without image files; name" in capsys.readouterr().err


def test_a_dash_is_an_image_in_standard_input(
    study: Written, files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", *study[2], "--json", files[1]]) == 0
    (expected,) = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(files[1]).read_bytes())))
    assert main(["predict", *study[2], "--json", files[0], "-"]) == 0
    assert json.loads(capsys.readouterr().out)[1] == {**expected, "file": "-"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no image")))
    assert main(["predict", *study[2], "-"]) == 1
    assert "-: unreadable image, of no known format" in capsys.readouterr().err
    assert main(["predict", *study[2], "-", "-"]) == 1
    assert "standard input is one image" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_encode_is_escaped(
    study: Written, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, encoding: str
) -> None:
    names = ["ü.png", "\u65e5.png", "a\udcff.png"]  # the last is not UTF-8
    for name in names:
        shutil.copy(files[0], tmp_path / name)
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding=encoding))
    option = [] if form == "table" else [f"--{form}"]
    assert main(["predict", *study[2], *option, *(str(tmp_path / name) for name in names)]) == 0
    sys.stdout.flush()
    text = out.getvalue().decode(encoding)
    if form == "json":
        assert [Path(face["file"]).name for face in json.loads(text)] == names
    else:
        assert ("ü.png" in text) == (encoding != "ascii") and "a\\udcff.png" in text


def test_missing_weights_and_wrong_names(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, layout, options = untrained_study.write(tmp_path)
    weights = layout.network("resnet18-expert-fear-surprise", 3) / "weights.safetensors"
    weights.unlink()
    for arguments, message in (
        (["--model", "mixture"], f"{weights}: missing, and model mixture with seed 3 needs it; train the study"),
        (
            ["--model", "mixtrue"],
            "--model mixtrue: no such model in the study; it has resnet18, rich",
        ),
        (["--seed", "0"], "--seed 0: no such seed in the study; it has 3, 1"),
    ):
        assert main(["predict", *options, *arguments, files[0]]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1


def test_a_gate_that_needs_more_than_the_faces(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, layout, options = untrained_study.write(tmp_path)
    for model, message in (
        ("oracle", "goes by the labels"),
        (
            "temperature",
            f"{layout.predictions}: does not say the gate's temperature of temperature; run the predictions",
        ),
    ):
        assert main(["predict", *options, "--model", model, files[0]]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1


def test_help_says_what_a_face_has_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "cropped" in text and "Any size" in text and "No face is looked for" in text
