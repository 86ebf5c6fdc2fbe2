"""A few pixels that stand for all of an image's."""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor


def every_nth(image: Shaped[Tensor, "C *S"], most: int) -> Shaped[Tensor, "C n"]:
    """Pick at most `most` pixels, evenly spaced, shape (C, n).

    The spacing is odd, so that it does not fall into step with the rows of an image of even width.
    """
    pixels = image.flatten(1)
    step = -(-pixels.shape[1] // most)
    return pixels[:, :: step if step == 1 else step | 1]
