"""A study whose networks have random weights: enough to use models of every kind without training anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import yaml

from emorec import config
from emorec.data.faces import Faces, save_faces
from emorec.networks.build import Network, build
from emorec.networks.mixture import Mixture
from emorec.networks.store import save_network
from emorec.networks.train import Trained
from emorec.paths import Layout

STUDY = {
    "study": "untrained",
    "seeds": [3, 1],
    "data": {"source": "synthetic"},
    "architecture": {"width": 4, "depth": 10, "stem": "imagenet"},
    "training": {"epochs": 1, "device": "cpu"},
    "groupings": {"original": [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]},
    "models": {
        "resnet18": {"kind": "single"},
        # Everything that an architecture may have, and more than one view of a face.
        "rich": {
            "kind": "single",
            "architecture": {"stem": "stride2", "squeeze_excitation": 2, "whitening": True, "dropout": 0.1},
            "training": {"views": "ten-crop", "crop": 40},
        },
        "ensemble": {"kind": "ensemble", "of": "resnet18", "members": 2},
        "mixture": {"kind": "mixture", "of": "resnet18", "grouping": "original"},
        "top-1": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "top-1", "foreign": "other"},
        "temperature": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "temperature"},
        "uniform": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "uniform"},
        "oracle": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "oracle"},
        "specialists": {
            "kind": "mixture",
            "of": "resnet18",
            "grouping": "original",
            "gate": "single",
            "experts": {"start": "single", "length": "epochs", "training": {"lr": 0.02}},
        },
        "fine-tuned": {"kind": "fine-tuned", "of": "mixture"},
        "joint": {"kind": "joint", "of": "resnet18", "experts": 3, "trunk": 2},
        "sparse": {"kind": "joint", "of": "resnet18", "experts": 3, "top": 2},
    },
}


def write(folder: Path) -> tuple[config.Study, Layout, list[str]]:
    """The study, where its results lie, and the command line's options that name both."""
    path = folder / "untrained.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False), encoding="utf-8")
    study, layout = config.load(path), Layout(folder / "results" / "untrained")
    specs = config.networks(study)
    for number, part in enumerate(config.all_parts(study)):
        torch.manual_seed(number)
        network = build(specs[part.network])
        for name, buffer in network.named_buffers():  # as training would leave them: not all equal
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                buffer.uniform_(-0.2, 0.2)
        _spread(network)
        trained = Trained(network.state_dict(), [{"epoch": 1, "val_accuracy": 0.5}], 1, 0.0, "cpu", True)
        save_network(layout.network(part.network, part.seed), specs[part.network], part.seed, trained, 0.5, 0.25)
    save_faces(layout.faces, faces())
    return study, layout, ["--config", str(path), "--results", str(folder / "results")]


@torch.no_grad()
def _spread(network: Network) -> None:
    """Give each output mean 0 and deviation 1 over the faces, so that it says something different of each."""
    x = torch.from_numpy(faces().images)[:, None].float() / 64 - 2
    if isinstance(network, Mixture):
        maps = network.eval().trunk(x)
        heads = [*network.experts, *([] if network.shared else [network.gate])]
        if network.shared:
            torch.nn.init.normal_(network.gate.weight, std=3)
    else:
        maps, heads = x, [network.eval()]
    for head in heads:
        h = head.embed(maps)
        if hasattr(head, "fc"):  # an expert of one emotion has nothing to be spread
            head.fc.weight /= head.fc(h).std(0)[:, None]
            head.fc.bias.copy_(-(head.fc.weight @ h.mean(0)))


def faces(count: int = 21) -> Faces:
    """Blots for faces, of all splits and emotions."""
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (count, 12, 12), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    number = np.arange(count)
    return Faces(images, (number % 7).astype(np.uint8), (number % 3).astype(np.uint8), number.astype(np.int32))
