"""A trained model as one ONNX file: faces in, probabilities out, with all that happens between.

Input `faces`: (b, 1, 48, 48) grey values from 0 (black) to 255, uint8, or float32 where that is wanted; b is free.
Outputs `probabilities`: (b, 7) float32 in the order of EMOTIONS, and `gate`: (b, e) float32 where the model has a gate.
Axis letters: b faces, k outputs of a network, e experts.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from emorec import EMOTIONS, __version__
from emorec import config as configs
from emorec.config import SIDE, Training
from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.networks.store import Loaded
from emorec.networks.views import views_of

# What torch.onnx writes without converting, and every ONNX Runtime since 1.14 (2023) reads.
OPSET = 18
INPUTS = {"uint8": torch.uint8, "float32": torch.float32}


class Whole(nn.Module):
    """A model of a study as one module: what `predictions.combine` does to its parts' outputs, in torch.

    Args:
        kind: of the model, as in the config.
        networks: its parts, in the order of `config.parts`.
    """

    def __init__(self, kind: str, networks: Sequence[Loaded]) -> None:
        super().__init__()
        if kind not in ("single", "ensemble", "mixture"):
            raise EmorecError(f"emorec export: models of kind {kind} cannot be written as ONNX")
        self.kind = kind
        self.networks = nn.ModuleList(loaded.network for loaded in networks)
        self.records = [loaded.record for loaded in networks]
        self.experts: list[str] = []
        if kind == "mixture":
            self.experts = [configs.expert_name(record["emotions"]) for record in self.records[1:]]
            for number, record in enumerate(self.records[1:]):
                place = torch.zeros(len(record["emotions"]), len(EMOTIONS))  # (k, 7), 1 where an output is the emotion
                for output, emotion in enumerate(record["emotions"]):
                    place[output, EMOTIONS.index(emotion)] = 1
                self.register_buffer(f"place{number}", place)

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Faces (b, 1, 48, 48), 0 to 255, to probabilities (b, 7), and the gate's weights (b, e) of a mixture."""
        said = []
        for network, record in zip(self.networks, self.records, strict=True):
            how = Training(**record["spec"]["training"])
            x = (faces.float() / 255 - record["pixel_mean"]) / record["pixel_std"]
            views = views_of(x, how.views, how.crop)
            # One pass over all views keeps the file's graph small.
            h = network.embed(torch.cat(views)).unflatten(0, (len(views), -1)).mean(0)
            said.append(network.fc(h).softmax(1))
        if self.kind == "mixture":
            gate, *experts = said
            known = [p @ self.get_buffer(f"place{number}") for number, p in enumerate(experts)]
            return sum(gate[:, e : e + 1] * p for e, p in enumerate(known)), gate
        return (sum(said) / len(said),)


def export(path: Path, whole: Whole, kind: str, about: dict[str, str]) -> None:
    """Write `whole` to `path`, with `about` as the file's metadata.

    Args:
        kind: of the input, a key of INPUTS.

    Raises EmorecError where the packages of the extra `export` are not installed.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise EmorecError(f"emorec export: the package {package} is not installed; pip install 'emorec[export]'")
    import onnx

    example = torch.zeros(2, 1, SIDE, SIDE, dtype=INPUTS[kind])
    with warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        warnings.simplefilter("ignore")  # of torch's own deprecated calls
        program = torch.onnx.export(
            whole.eval().cpu(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["faces"],
            output_names=["probabilities", *(["gate"] if whole.experts else [])],
            dynamic_shapes=({0: torch.export.Dim("b", min=1)},),
            external_data=False,
            verbose=False,
        )
    model = program.model_proto
    _forget_where_it_was_made(model)
    model.producer_name, model.producer_version = "emorec", __version__
    model.doc_string = __doc__.split("Axis letters")[0].strip()
    onnx.helper.set_model_props(
        model,
        {"emotions": json.dumps(EMOTIONS), "experts": json.dumps(whole.experts), **about},
    )
    onnx.checker.check_model(model, full_check=True)
    with atomic(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _forget_where_it_was_made(model) -> None:
    """Drop the stack traces and graph signatures that torch leaves at every node: they name this machine's folders."""
    graph = model.graph
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.ClearField("metadata_props")
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")


class _quiet:
    """Silences loggers for a while: the exporter reports its progress at the level of warnings."""

    def __init__(self, *names: str) -> None:
        self.levels = {name: logging.getLogger(name).level for name in names}

    def __enter__(self) -> None:
        for name in self.levels:
            logging.getLogger(name).setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)
