"""Fixed first filters that make 3×3 patches of the training faces white, as in cifar10-airbench.

Jordan 2024 (arXiv 2404.00498), section 3.2: the eigenvectors of the patches' covariance, each divided by the root of
its eigenvalue, and their negatives, so that the ReLU after them loses nothing. They are not trained. Airbench's patches
are 2×2 in three colours; grey ones of 3×3 span about as many directions, 9 for its 12.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from emorec.size import FILTERS, KERNEL

FACES = 1000  # some two million patches: enough for a 9×9 covariance


@torch.no_grad()
def whitening_filters(x: torch.Tensor, eps: float = 5e-4) -> torch.Tensor:
    """Filters (18, 1, 3, 3) from normalised faces (n, 1, h, w); `eps` is added to the eigenvalues, as in airbench94.

    Computed on the CPU in float64, so that they do not depend on the device.
    """
    patches = F.unfold(x[:FACES].cpu(), KERNEL).transpose(1, 2).reshape(-1, KERNEL**2).double()
    covariance = patches.T @ patches / len(patches)
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    filters = eigenvectors.T / (eigenvalues + eps).sqrt()[:, None]
    return torch.cat([filters, -filters]).float().view(FILTERS, 1, KERNEL, KERNEL)
