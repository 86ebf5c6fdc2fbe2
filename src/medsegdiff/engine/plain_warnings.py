"""What the user should look at before trusting a mask, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from torch import Tensor

from medsegdiff.data.modality import other_modality
from medsegdiff.engine.config import ModelConfig
from medsegdiff.engine.postprocessing import piece_sizes
from medsegdiff.types import Sample

SMALLEST_SHARE, LARGEST_SHARE = 1e-5, 0.995  # of the image that a believable foreground covers
# Pieces and holes of less than so many voxels of the network's grid are tiny. Noise has more than
# one in a hundred of these voxels, and masks of nuclei and vessels at 96 x 96 no more than 0.6.
TINY, MANY, SHARE = 4, 0.01, 0.05


def mask_warnings(mask: Int[Tensor, "*S"], grid_voxels: int) -> Iterator[str]:
    """Say what is wrong with a mask.

    Args:
        mask: class per voxel.
        grid_voxels: that the study has on the network's grid.
    """
    share = int((mask > 0).sum()) / mask.numel()
    if share < SMALLEST_SHARE:
        yield "The mask is empty: nothing of the foreground classes was found."
    elif share > LARGEST_SHARE:
        yield (
            "The mask covers nearly the whole image: check that the image is of the kind that the "
            "model was trained on."
        )
    elif is_noise((mask > 0).numpy(), grid_voxels):
        yield "The mask is in many tiny pieces, as noise is: do not trust it."


def image_warnings(sample: Sample, model: ModelConfig) -> Iterator[str]:
    """Say what is unusual in an image, before a mask is drawn for it.

    Args:
        sample: the study.
        model: what the weights mean.
    """
    known = other_modality(sample.modality, model.channel_names)
    if known:
        yield (
            f"The image is {sample.modality}, but the model was trained on {known} "
            f"({', '.join(model.channel_names)}): do not trust the mask."
        )
    if model.familiar is None:
        return
    doubts = model.familiar.doubts(sample.image, model.preparation.intensity, model.channel_names)
    if doubts:
        yield (
            f"The image is unlike the training images: {', '.join(doubts)}. Check that it is of "
            "the same kind before you trust the mask."
        )


def is_noise(mask: np.ndarray, grid_voxels: int) -> bool:
    """Whether a mask falls into tiny pieces, or is full of tiny holes.

    Args:
        mask: bool, at native size; not empty.
        grid_voxels: that it has on the network's grid; pieces are tiny by its measure.
    """
    smallest = TINY * mask.size / grid_voxels
    sizes = np.concatenate([piece_sizes(mask), piece_sizes(~mask, across_corners=False)])
    tiny = sizes[sizes < smallest]
    return bool(len(tiny) >= MANY * grid_voxels and tiny.sum() >= SHARE * mask.sum())
