"""Parameters and operations of networks by formula, and the widths that are chosen by them."""

from typing import Any

from emorec import EMOTIONS
from emorec.config.sections import Architecture, Joint
from emorec.config.specs import NetworkSpec
from emorec.size import Size, resnet_size, width_nearest


def network_size(architecture: Architecture, outputs: int, side: int, **trunk: Any) -> Size:
    """Size of one residual network on images of that side, with so many outputs; `trunk` as `resnet_size` takes it."""
    keys = ("width", "depth", "stem", "squeeze_excitation", "whitening")
    return resnet_size(outputs, **{k: getattr(architecture, k) for k in keys}, side=side, **trunk)


def spec_size(spec: NetworkSpec) -> Size:
    """Parameters of the network of a spec, and operations of one image: of a mixture, with the experts that answer."""
    side = spec.training.crop
    if spec.mixture is None:
        # The expert of a single emotion has nothing to learn.
        return network_size(spec.architecture, len(spec.classes), side) if len(spec.classes) > 1 else Size()
    mixture, experts = spec.mixture, len(spec.mixture.experts)
    if not mixture.parts:
        model = Joint(kind="joint", of=spec.network, experts=experts, top=mixture.top, trunk=mixture.trunk)
        return joint_size(spec.architecture, side, model, mixture.branch_width)
    outputs = [experts, *(len(classes) for classes in mixture.experts)]
    return sum((network_size(spec.architecture, k, side) for k in outputs if k > 1), Size())


def joint_size(architecture: Architecture, side: int, model: Joint, width: int) -> Size:
    """Size of a joint mixture: parameters of all experts, operations of those that answer for a face."""
    answering = model.top or model.experts
    if not model.trunk:
        expert = network_size(architecture, len(EMOTIONS), side)
        experts = Size(expert.parameters * model.experts, expert.flops * answering)
        return network_size(architecture, model.experts, side) + experts
    shape = {"trunk_width": architecture.width, "trunk_stages": model.trunk}
    narrow = architecture.model_copy(update={"width": width})
    branch = network_size(narrow, len(EMOTIONS), side, **shape, whole=False)
    whole = network_size(narrow, len(EMOTIONS), side, **shape)
    trunk = Size(whole.parameters - branch.parameters, whole.flops - branch.flops)
    features = architecture.width * 2 ** (model.trunk - 1)
    gate = Size((features + 1) * model.experts, 2 * features * model.experts)
    return trunk + gate + Size(branch.parameters * model.experts, branch.flops * answering)


def branch_width(architecture: Architecture, side: int, model: Joint) -> int:
    """The width of branches on a trunk that brings the whole to the single's operations."""
    single = network_size(architecture, len(EMOTIONS), side).flops
    return width_nearest(single, lambda w: joint_size(architecture, side, model, w).flops, architecture.width)
