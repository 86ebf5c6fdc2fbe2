r"""Conditioning by a sum: features of the image are added to those of the noisy mask.

image -> stem -> residual blocks --\
                                    + -> U-Net with time -> output
x_t ---> stem ---------------------/
"""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from medsegdiff.models.blocks import Stage, TimeEmbedding, convolution
from medsegdiff.models.denoising_unet import SIZES, DenoisingUNet
from medsegdiff.models.network import Condition, DenoisingNetwork, SegmentationNetwork


class Sum(DenoisingNetwork):
    """Two stems and one U-Net, to compare with.

    The image needs blocks of its own before the sum: two bare convolutions added are the same as
    one on the concatenated channels.

    Args:
        size: features as those of `medsegdiff_v1`, with twice the blocks, since that one has two
            encoders; so both cost about the same.
        image_blocks: residual blocks of the image's stem; the paper has 10 residual dense blocks.

    Source: Amit et al. 2021, SegDiff, arXiv:2112.00390.
    """

    name: Literal["sum"] = "sum"
    size: Literal["tiny", "small", "S", "B", "L", "++"] = "small"
    image_blocks: int = Field(default=4, ge=1)

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return SumModule(self, image_channels, mask_channels, space_dims)


class SumModule(SegmentationNetwork):
    """See `Sum`."""

    def __init__(
        self, settings: Sum, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        self.self_conditions = settings.self_conditioning
        size = SIZES[settings.size].with_blocks(times=2)
        width, time = size.widths[0], 4 * size.widths[0]
        self.time = TimeEmbedding(time)
        self.image_stem = nn.Sequential(
            convolution(space_dims, image_channels, width),
            Stage(width, width, settings.image_blocks, space_dims=space_dims),
        )
        seen = settings.seen_channels(mask_channels)
        self.mask_stem = convolution(space_dims, seen, width)
        self.unet = DenoisingUNet(size, mask_channels, time, space_dims)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """Features of the image at full resolution."""
        return Condition(features=(self.image_stem(image),))

    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """One U-Net on the sum."""
        return self.unet(condition.features[0] + self.mask_stem(x_t), self.time(t))
