"""A trained model as one ONNX file: faces in, probabilities out, with all that happens between.

Input `faces`: (b, 1, 48, 48) grey values from 0 (black) to 255, uint8, or float32 where that is wanted; b is free.
Outputs `probabilities`: (b, 7) float32 in the order of EMOTIONS, and `gate`: (b, e) float32 where the model has a gate.
Axis letters: b faces, k outputs of a network, e experts.
"""

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from emorec import EMOTIONS, SIDE, __version__
from emorec import config as configs
from emorec.config import Training
from emorec.errors import EmorecError
from emorec.files import atomic
from emorec.networks.augment import views_of
from emorec.networks.build import Network
from emorec.networks.mixture import Mixture
from emorec.networks.store import Loaded
from emorec.predictions.combine import check_without_labels, expert_groups, joint_experts, membership, mix, places

# What torch.onnx writes without converting, and every ONNX Runtime since 1.14 (2023) reads.
OPSET = 18
INPUTS = {"uint8": torch.uint8, "float32": torch.float32}


class Whole(nn.Module):
    """A model of a study as one module: what `predictions.combine.combined` does, in torch.

    `model` is its entry in the config, `networks` its parts in the order of `config.parts`, `temperature` its gate's,
    from `apply.model.use_temperature`. Raises EmorecError for a mixture whose gate goes by the labels.
    """

    def __init__(self, model: configs.Model, networks: Sequence[Loaded], temperature: float = 1.0) -> None:
        super().__init__()
        check_without_labels(model)
        self.model, self.temperature = model, temperature
        self.networks = nn.ModuleList(loaded.network for loaded in networks)
        for network in self.networks:
            if isinstance(network, Mixture):
                network.compute_all = True
        self.records = [loaded.record for loaded in networks]
        self.experts: list[str] = []
        if model.kind == "mixture":
            groups = expert_groups(model, self.records)
            self.experts = [configs.expert_name(group) for group in groups]
            classes = [record["classes"] for record in self.records[int(model.is_routed) :]]
            self.places = [torch.from_numpy(places(own)).float() for own in classes]
            self.member = torch.from_numpy(membership(groups).T).float()
        elif isinstance(networks[0].network, Mixture):
            self.experts = joint_experts(self.records[0], len(networks[0].network.experts))

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Faces (b, 1, 48, 48), 0 to 255, to probabilities (b, 7), and the gate's weights (b, e) of a mixture."""
        networks = cast("Iterable[Network]", self.networks)
        parts = [self._part(faces, network, record) for network, record in zip(networks, self.records, strict=True)]
        logits = [own for own, _ in parts]
        if self.model.kind == "mixture":
            weights = self._weights(self.model.gate, logits)
            experts = zip(logits[int(self.model.is_routed) :], self.places, strict=True)
            shares = [own.softmax(1) @ place for own, place in experts]
            return mix(weights, torch.stack(shares, 1), torch.finfo(torch.float32).tiny), weights
        probabilities = torch.stack([own.softmax(1) for own in logits]).mean(0)
        gate = parts[0][1]
        return (probabilities,) if gate is None else (probabilities, gate)

    def _part(
        self, faces: torch.Tensor, network: Network, record: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """A network's logits (b, k), and a jointly trained mixture's gate (b, e): means over the views."""
        how = Training(**record["spec"]["training"])
        x = (faces.float() / 255 - record["pixel_mean"]) / record["pixel_std"]
        views = views_of(x, how.views, how.crop)
        # One pass over all views keeps the file's graph small.
        output = network.output(torch.cat(views))
        shape = (len(views), -1)
        gate = None if output.gate is None else output.gate.unflatten(0, shape).mean(0)
        return output.logits.unflatten(0, shape).mean(0), gate

    def _weights(self, gate: str, logits: Sequence[torch.Tensor]) -> torch.Tensor:
        if gate == "uniform":
            return torch.ones_like(logits[0][:, :1]).expand(-1, len(self.experts)) / len(self.experts)
        if gate == "single":
            return logits[0].softmax(1) @ self.member
        if gate == "top-1":
            return nn.functional.one_hot(logits[0].argmax(1), len(self.experts)).float()
        return (logits[0] / self.temperature).softmax(1)


def export(path: Path, whole: Whole, kind: str, about: dict[str, str]) -> None:
    """Write `whole` to `path`, with `about` as the file's metadata; `kind` is the input's, a key of INPUTS.

    Raises EmorecError where the packages of the extra `export` are not installed.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise EmorecError(f"emorec export: the package {package} is not installed; pip install -e '.[export]'")
    import onnx

    example = torch.zeros(2, 1, SIDE, SIDE, dtype=INPUTS[kind])
    logging.disable(logging.WARNING)  # the level at which the exporter reports its progress
    try:
        with warnings.catch_warnings():
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
    finally:
        logging.disable(logging.NOTSET)
    model = program.model_proto  # type: ignore[union-attr]  # None from the old exporter only
    _forget_where_it_was_made(model)
    model.producer_name, model.producer_version = "emorec", __version__
    model.doc_string = __doc__.split("Axis letters")[0].strip()
    props = {"emotions": json.dumps(EMOTIONS), "experts": json.dumps(whole.experts), **about}
    onnx.helper.set_model_props(model, props)
    onnx.checker.check_model(model, full_check=True)
    with atomic(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _forget_where_it_was_made(model: Any) -> None:
    """Drop the stack traces and graph signatures that torch leaves at every node: they name this machine's folders."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
