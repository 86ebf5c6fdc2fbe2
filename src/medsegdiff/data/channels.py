"""Grey and colour: images with as many channels as are expected."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

NEARLY_GREY = 0.02  # largest difference between channels, as a share of the largest intensity


def with_channels(image: Float[Tensor, "C H W"], wanted: int) -> Float[Tensor, "c H W"]:
    """Make colour of grey, or grey of colour that shows none; any other image stays as it is.

    Args:
        image: shape (C, H, W).
        wanted: channels that are expected.
    """
    if len(image) == 1 and wanted == 3:
        return image.repeat(3, 1, 1)
    if len(image) == 3 and wanted == 1:
        difference = (image.amax(dim=0) - image.amin(dim=0)).max()
        if difference <= NEARLY_GREY * image.max():
            return image.mean(dim=0, keepdim=True)
    return image
