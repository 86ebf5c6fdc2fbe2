"""Grey and colour: images with as many channels as are expected, and their names."""

from __future__ import annotations

from collections.abc import Collection

from jaxtyping import Float
from torch import Tensor

PICTURE_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
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


def names_of_channels(count: int, are_pictures: bool) -> tuple[str, ...]:
    """Names of channels that nobody has named: of colours in pictures, else numbered."""
    numbered = tuple(f"channel_{index}" for index in range(count))
    return PICTURE_CHANNELS.get(count, numbered) if are_pictures else numbered


def mixed_channels(counts: Collection[int], delivered: int) -> list[str]:
    """One sentence if studies have different numbers of channels, else nothing.

    Args:
        counts: the numbers of channels that occur.
        delivered: the number that is expected of all.
    """
    if len(counts) < 2:
        return []
    if set(counts) == {1, 3}:
        kind = "colour" if delivered == 3 else "grey"
        return [f"Grey and colour images are mixed; all are read as {kind}."]
    listed = ", ".join(map(str, sorted(counts)))
    return [f"The studies differ in their number of channels: {listed}."]
