"""Images out of focus."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from medsegdiff.data.transform import Drawn, Transform, happens, uniform

REACH = 4  # pixels either way: 2.7 deviations of the widest default blur


class Blur(Transform):
    """Smooth each image with a Gaussian by chance.

    Args:
        probability: for each image.
        sigma: smallest and largest deviation of the Gaussian, in pixels.
    """

    name: Literal["blur"] = "blur"
    probability: float = Field(default=0.15, ge=0, le=1)
    sigma: tuple[float, float] = (0.5, 1.5)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Drawn:
        chosen = happens(shape[0], self.probability, generator)
        return {
            "sigma": uniform((shape[0],), *self.sigma, generator) * chosen
        }  # (B,), 0 for no blur

    def apply(self, image: Float[Tensor, "B C *S"], drawn: Drawn) -> Float[Tensor, "B C *S"]:
        chosen = drawn["sigma"] > 0
        if not chosen.any():
            return image
        where = chosen.nonzero().flatten().to(image.device)
        mine = image[where]  # (b, C, *S)
        kernel = _gaussian(drawn["sigma"][chosen]).to(image)  # (b, 2 REACH + 1)
        for axis in range(2, image.ndim):
            mine = _smoothed(mine, kernel, axis)
        return image.index_put((where,), mine)


def _gaussian(sigma: Float[Tensor, "b"]) -> Float[Tensor, "b taps"]:
    distance = torch.arange(-REACH, REACH + 1)
    weight = torch.exp(-0.5 * (distance / sigma[:, None]) ** 2)
    return weight / weight.sum(dim=1, keepdim=True)


def _smoothed(image: Tensor, kernel: Float[Tensor, "b taps"], axis: int) -> Tensor:
    """Convolve along one axis, the border repeated outwards."""
    turned = image.movedim(axis, -1)
    rows = functional.pad(
        turned.flatten(1, -2), (REACH, REACH), mode="replicate"
    )  # (b, n, S + 2 REACH)
    windows = rows.unfold(-1, kernel.shape[1], 1)
    smooth = torch.einsum("bnst,bt->bns", windows, kernel)
    return smooth.reshape(turned.shape).movedim(-1, axis)
