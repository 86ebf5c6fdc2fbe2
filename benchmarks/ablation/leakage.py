"""How much of a mask a blur and a threshold read off x_t alone, without any network."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from medsegdiff.diffusion import Process, ProcessSettings
from medsegdiff.types import MaskCoding

WIDTHS = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6)  # of the blur, in sides
DRAWS = 3  # of the noise


def leakage(
    settings: ProcessSettings, labels: Tensor, coding: MaskCoding, level: float = 0.9
) -> float:
    """Mean Dice of the blurred and thresholded x_t, for the width of blur that does best.

    Noise alone has f / (0.5 + f) for masks that fill a share f of the image.

    Args:
        settings: schedule, levels and signal scale.
        labels: true masks on the network's grid, shape (N, H, W).
        coding: what the channels of the mask are; all but the background's are attacked.
        level: share of the T levels.
    """
    process = Process(settings, tuple(labels.shape[1:]), coding)
    x_0 = process.signal(labels.repeat(DRAWS, *[1] * (labels.ndim - 1)))
    t = torch.full((len(x_0),), int(level * process.last_level))
    eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(0))
    shown = slice(1 if coding.is_exclusive else 0, None)
    noisy = process.diffuse(x_0, t, eps)[:, shown].numpy()
    truth = x_0[:, shown].numpy() > 0
    side = float(np.sqrt(labels.shape[1] * labels.shape[2]))
    return max(
        _dice(gaussian_filter(noisy, (0, 0, width * side, width * side)) > 0, truth)
        for width in WIDTHS
    )


def _dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the masks that hold something."""
    shared, total = (found & truth).sum((2, 3)), found.sum((2, 3)) + truth.sum((2, 3))
    there = truth.any(axis=(2, 3))
    return float(np.mean(2 * shared[there] / total[there]))
