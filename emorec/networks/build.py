"""From a spec to its network: untrained, or with the weights of the trained networks that it starts from.

Axis letters: k outputs, d features.
"""

import math
from collections.abc import Sequence

import torch

from emorec import EMOTIONS
from emorec.config import NetworkSpec
from emorec.errors import EmorecError
from emorec.networks.mixture import Mixture
from emorec.networks.resnet import Constant, ResNet
from emorec.plain import plain

Network = ResNet | Mixture | Constant
Weights = dict[str, torch.Tensor]


def build(spec: NetworkSpec) -> Network:
    """The untrained network of a spec; random initialisation from torch's global generator.

    Raises EmorecError where the spec's grouping has not been found yet.
    """
    experts = spec.mixture.experts if spec.mixture else ()
    if not all((spec.classes, *experts)):
        raise EmorecError(f"{spec.network}: the groups of grouping {spec.grouping} are not known yet; find them first")
    architecture = spec.architecture.model_dump()
    if spec.mixture:
        return Mixture(spec.mixture, architecture)
    return Constant() if learns_nothing(spec) else ResNet(len(spec.classes), **architecture)


def learns_nothing(spec: NetworkSpec) -> bool:
    """Whether the network is an expert that knows one emotion only."""
    return spec.mixture is None and len(spec.classes) == 1


def start_from(network: Network, spec: NetworkSpec, parts: Sequence[Weights]) -> None:
    """Give the network the weights of the trained `parts` that its spec starts from, if from any.

    Raises EmorecError where one of these is missing or does not fit.
    """
    names = [part.network for part in spec.starts(0)]
    wanted = ", ".join(names)
    if len(parts) != len(names):
        raise EmorecError(f"{spec.network}: starts from {wanted}; {len(parts)} networks given; train these first")
    try:
        if isinstance(network, Mixture) and parts:
            network.start_from(parts)
        elif parts:
            network.load_state_dict(specialist(parts[0], spec.classes))
    except (RuntimeError, KeyError, IndexError) as error:
        raise EmorecError(f"{spec.network}: cannot start from {wanted} ({plain(error)}); train them again") from None


def specialist(single: Weights, classes: Sequence[Sequence[str]]) -> Weights:
    """The weights of a trained single network, its head (7, d) cut to one of these classes, (k, d).

    An output for one emotion is the single's. That for several, all others', has the mean of their weights and biases,
    plus ln m for m emotions: its logit is then at most the ln Σ exp of theirs (Jensen), and equal where they are alike,
    so that the start says "one of the others" nearly as often as the single says their names.
    """
    weight, bias = single["fc.weight"], single["fc.bias"]
    rows = [[EMOTIONS.index(emotion) for emotion in group] for group in classes]
    cut = {
        "fc.weight": torch.stack([weight[own].mean(0) for own in rows]),
        "fc.bias": torch.stack([bias[own].mean() + math.log(len(own)) for own in rows]),
    }
    return {**single, **cut}
