r"""Conditioning by concatenation: the image is more channels of the noisy mask.

image --\
         cat -> stem -> U-Net with time -> output
x_t ----/
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.models.blocks import TimeEmbedding, convolution
from medsegdiff.models.denoising_unet import SIZES, DenoisingUNet
from medsegdiff.models.network import Condition, DenoisingNetwork, SegmentationNetwork


class Concat(DenoisingNetwork):
    """The plainest conditional diffusion network, to compare with.

    Args:
        size: features as those of `medsegdiff_v1`, with twice the blocks, since that one has two
            encoders; so both cost about the same.

    Source: Wolleb et al. 2022, arXiv:2112.03145 (EnsDiff).
    """

    name: Literal["concat"] = "concat"
    size: Literal["tiny", "small", "S", "B", "L", "++"] = "small"

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return ConcatModule(self, image_channels, mask_channels, space_dims)


class ConcatModule(SegmentationNetwork):
    """See `Concat`."""

    def __init__(
        self, settings: Concat, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        self.self_conditions = settings.self_conditioning
        size = SIZES[settings.size].with_blocks(times=2)
        width, time = size.widths[0], 4 * size.widths[0]
        self.time = TimeEmbedding(time)
        seen = settings.seen_channels(mask_channels)
        self.stem = convolution(space_dims, image_channels + seen, width)
        self.unet = DenoisingUNet(size, mask_channels, time, space_dims)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """The image as it is: every step looks at it anew."""
        return Condition(features=(image,))

    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """One U-Net on both."""
        image = condition.features[0].expand(len(x_t), *condition.features[0].shape[1:])
        return self.unet(self.stem(torch.cat([image, x_t], dim=1)), self.time(t))
