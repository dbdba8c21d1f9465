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
from emorec.errors import EmorecError
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


@pytest.mark.parametrize(("model", "kind"), [("rich", "uint8"), ("ensemble", "float32"), ("mixture", "uint8")])
def test_onnx_runtime_agrees_for_any_number_of_faces(study: Written, tmp_path: Path, model: str, kind: str) -> None:
    import onnx

    spec, layout, options = study
    path = tmp_path / "model.onnx"
    arguments = ["--model", model, "--seed", "1", "--input", kind, "--output", str(path)]
    assert main(["export", *options, *arguments]) == 0
    images = untrained_study.faces().images
    expected = model_outputs(spec, model, load_parts(spec, layout, model, 1), images, "cpu")
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
    for folder in (Path.cwd(), Path(torch.__file__).parent, tmp_path):
        assert str(folder).encode() not in content, "the file names a folder of the machine that made it"


def test_the_file_has_the_same_bytes_twice(study: Written, tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        assert main(["export", *study[2], "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_kind_that_has_no_onnx_form_is_refused(study: Written) -> None:
    spec, layout, _ = study
    with pytest.raises(EmorecError, match="of kind oracle cannot be written as ONNX"):
        Whole("oracle", load_parts(spec, layout, "resnet18", 1))


def test_missing_packages_are_named(
    study: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["export", *study[2], "--output", str(tmp_path / "none.onnx")]) == 1
    error = capsys.readouterr().err
    assert "onnxscript is not installed; pip install 'emorec[export]'" in error and error.count("\n") == 1
    assert not (tmp_path / "none.onnx").exists()
