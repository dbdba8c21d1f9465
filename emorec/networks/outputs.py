"""What a trained network gives for faces: logits, representation and gate weights, averaged over views of each."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from emorec.networks.augment import normalise, views_of
from emorec.networks.build import Network
from emorec.networks.device import on_device
from emorec.networks.resnet import Output


@torch.no_grad()
def network_outputs(
    network: Network,
    images: np.ndarray,
    *,
    mean: float,
    std: float,
    device: torch.device,
    threads: int,
    views: str = "flip",
    crop: int = 48,
    batch: int = 256,
) -> Output[np.ndarray]:
    """Logits (n, k) float32, representation (n, d) float16, gate weights (n, e) float32 for uint8 images (n, 48, 48).

    All are means over the face's `views` ("none", "flip" or "ten-crop" of side `crop`); in fp32, whatever the network
    was trained in (on CUDA with convolutions in TF32, as torch has it). A mixture's logits are means of log p, so that
    its softmax is, as a ResNet's, the normalised geometric mean over the views; its gate weights, some of which may be
    zero, are arithmetic means.
    """
    torch.set_num_threads(threads)
    network = on_device(network, device).eval()
    logits, features, gate = [], [], []
    for chunk in torch.from_numpy(images).split(batch):
        seen = views_of(normalise(chunk.to(device), mean, std), views, crop)
        outputs = [network.output(x.contiguous(memory_format=torch.channels_last)) for x in seen]
        logits.append(_mean([output.logits for output in outputs]))
        features.append(_mean([output.features for output in outputs]).half())
        if weights := [output.gate for output in outputs if output.gate is not None]:
            gate.append(_mean(weights))
    return Output(torch.cat(logits).numpy(), torch.cat(features).numpy(), torch.cat(gate).numpy() if gate else None)


def _mean(of_views: list[torch.Tensor]) -> torch.Tensor:
    return (cast(torch.Tensor, sum(of_views)) / len(of_views)).cpu()
