"""What a trained network says about faces: logits and penultimate representation, averaged over views of each."""

from __future__ import annotations

import numpy as np
import torch

from emorec.networks.augment import normalise
from emorec.networks.resnet import ResNet
from emorec.networks.views import views_of


@torch.no_grad()
def network_outputs(
    network: ResNet,
    images: np.ndarray,
    *,
    mean: float,
    std: float,
    device: torch.device,
    threads: int,
    views: str = "flip",
    crop: int = 48,
    batch: int = 256,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, k) float32 and features (n, d) float16 of uint8 images (n, 48, 48).

    Both are means over the face's `views` ("none", "flip" or "ten-crop" of side `crop`); in fp32, whatever the network
    was trained in.
    """
    torch.set_num_threads(threads)
    network = network.to(device, memory_format=torch.channels_last).eval()
    logits, features = [], []
    for chunk in torch.from_numpy(images).split(batch):
        seen = views_of(normalise(chunk.to(device), mean, std), views, crop)
        embedded = [network.embed(x.contiguous(memory_format=torch.channels_last)) for x in seen]
        h = sum(embedded) / len(embedded)  # the head is linear: its mean is that of the mean
        logits.append(network.fc(h).cpu())
        features.append(h.half().cpu())
    return torch.cat(logits).numpy(), torch.cat(features).numpy()
