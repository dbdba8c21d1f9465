"""`emorec export`: the ONNX file, run by ONNX Runtime, says what the study's own code says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emorec import EMOTIONS, config
from emorec.apply.export import OPSET, Whole
from emorec.apply.model import load_parts, model_outputs
from emorec.cli import main
from emorec.paths import Layout
from tests import untrained_study

torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("own_handlers")

Written = tuple[config.Study, Layout, list[str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return untrained_study.write(tmp_path_factory.mktemp("export"))


def run(path: Path, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of the file by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"faces": faces}), strict=True))


@pytest.mark.parametrize(
    ("model", "kind"), [("rich", "uint8"), ("ensemble", "float32"), ("mixture", "uint8"), ("sparse", "uint8")]
)
def test_onnx_runtime_agrees_for_any_number_of_faces(study: Written, tmp_path: Path, model: str, kind: str) -> None:
    import onnx

    spec, layout, options = study
    path = tmp_path / "model.onnx"
    arguments = ["--model", model, "--seed", "1", "--input", kind, "--output", str(path)]
    assert main(["export", *options, *arguments]) == 0
    images = untrained_study.faces().images
    expected = model_outputs(spec.models[model], load_parts(spec, layout, model, 1), images)
    for count in (1, 2, 21):
        said = run(path, images[:count, None].astype(kind))
        assert said["probabilities"].shape == (count, 7) and said["probabilities"].dtype == np.float32
        np.testing.assert_allclose(said["probabilities"], expected.probabilities[:count], atol=1e-4)
        assert ("gate" in said) == bool(expected.gate)
        for column, weights in enumerate(expected.gate.values()):
            np.testing.assert_allclose(said["gate"][:, column], weights[:count], atol=1e-4)
    assert np.ptp(expected.probabilities, axis=0).max() > 0.05, "all faces get the same: agreement means nothing"

    file = onnx.load(path)
    assert [(part.domain, part.version) for part in file.opset_import] == [("", OPSET)]
    about = {entry.key: entry.value for entry in file.metadata_props}
    assert json.loads(about["emotions"]) == list(EMOTIONS) and json.loads(about["experts"]) == list(expected.gate)
    assert (about["study"], about["model"], about["seed"]) == ("untrained", model, "1")
    content = path.read_bytes()
    if model == "ensemble":
        assert main(["export", *options, *arguments]) == 0
        assert path.read_bytes() == content, "another file the second time"
    for folder in (Path.cwd(), Path(torch.__file__).parent, tmp_path):
        assert str(folder).encode() not in content, "the file names a folder of the machine that made it"


@pytest.mark.parametrize("model", [name for name in untrained_study.STUDY["models"] if name != "oracle"])
def test_the_module_says_what_the_stages_say(study: Written, model: str) -> None:
    """Every kind of model before it is written, which takes seconds for each."""
    spec, layout, _ = study
    images = untrained_study.faces().images
    temperature = 0.7 if model == "temperature" else 1.0
    expected = model_outputs(spec.models[model], load_parts(spec, layout, model, 1), images, temperature)
    with torch.no_grad():
        whole = Whole(spec.models[model], load_parts(spec, layout, model, 1), temperature).eval()
        probabilities, *gate = whole(torch.from_numpy(images)[:, None])
    np.testing.assert_allclose(probabilities, expected.probabilities, atol=1e-5)
    assert whole.experts == list(expected.gate)
    for weights in gate:
        np.testing.assert_allclose(weights, np.stack(list(expected.gate.values()), 1), atol=1e-5)
    assert np.ptp(expected.probabilities, axis=0).max() > 0.05, "all faces get the same: agreement means nothing"


def test_a_gate_that_goes_by_the_labels_is_refused(
    study: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *study[2], "--model", "oracle", "--output", str(tmp_path / "none.onnx")]) == 1
    error = capsys.readouterr().err
    assert "goes by the labels" in error and error.count("\n") == 1


def test_missing_packages_are_named(
    study: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["export", *study[2], "--output", str(tmp_path / "none.onnx")]) == 1
    error = capsys.readouterr().err
    assert "onnxscript is not installed; pip install -e '.[export]'" in error and error.count("\n") == 1
    assert not (tmp_path / "none.onnx").exists()
