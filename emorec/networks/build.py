"""From a spec to the untrained network."""

from __future__ import annotations

from emorec.config import NetworkSpec
from emorec.errors import EmorecError
from emorec.networks.constant import Constant
from emorec.networks.mixture import Mixture
from emorec.networks.resnet import ResNet

Network = ResNet | Mixture | Constant


def build(spec: NetworkSpec) -> Network:
    """The untrained network of a spec; random initialisation from torch's global generator.

    Any network has `answer`, faces to logits, representation and gate weights. Raises EmorecError where the spec's
    grouping has not been found yet.
    """
    experts = spec.mixture.experts if spec.mixture else ()
    if not all((spec.classes, *experts)):
        raise EmorecError(f"{spec.network}: the groups of grouping {spec.grouping} are not known yet; find them first")
    architecture = spec.architecture.model_dump()
    if spec.mixture:
        how = {name: getattr(spec.mixture, name) for name in ("top", "trunk", "branch_width")}
        return Mixture(experts, architecture, **how)
    return Constant() if learns_nothing(spec) else ResNet(len(spec.classes), **architecture)


def learns_nothing(spec: NetworkSpec) -> bool:
    """Whether the network is an expert that knows one emotion only."""
    return spec.mixture is None and len(spec.classes) == 1
