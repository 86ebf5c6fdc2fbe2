"""The plain deterministic baseline: the same blocks, one pass, no diffusion."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor
from typing_extensions import Self

from medsegdiff.models.blocks import StemStride
from medsegdiff.models.low_resolution import LowResolution
from medsegdiff.models.network import Condition, Network, SegmentationNetwork
from medsegdiff.models.residual_unet import ResidualUNet, check_stages


class UNet(Network):
    """A residual U-Net with a mask head, to compare everything else with.

    Args:
        widths: features at each resolution, finest first.
        blocks: residual blocks in each encoder stage; 0 leaves the finest one to the stem.
        low_resolution: extras of the coarse stages; with dropout, passes in which features are
            dropped are what other uncertainties are compared with.
        stem_stride: the stem shrinks the grid so far, so that every stage is cheaper; meant for
            sides of 256 and more (simple diffusion).
    """

    name: Literal["unet"] = "unet"
    widths: tuple[int, ...] = Field(default=(16, 32, 64, 128, 192), min_length=1)
    blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    low_resolution: LowResolution = LowResolution()
    stem_stride: StemStride = 1

    @model_validator(mode="after")
    def _stages_match(self) -> Self:
        check_stages(self.widths, self.blocks)
        self.low_resolution.check(len(self.widths))
        return self

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        unet = ResidualUNet(
            image_channels,
            mask_channels,
            self.widths,
            self.blocks,
            space_dims,
            "concat",
            self.low_resolution,
            self.stem_stride,
        )
        return UNetModule(unet)


class UNetModule(SegmentationNetwork):
    """A residual U-Net behind the contract of networks: a condition with a head, nothing else."""

    denoises = False

    def __init__(self, unet: ResidualUNet) -> None:
        super().__init__()
        self.unet = unet

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """The mask's logits; no features, for there is nobody to use them."""
        return Condition(features=(), logits=self.unet(image)[1])

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """Never called: see `denoises`."""
        raise NotImplementedError(
            "A plain U-Net does not denoise; use the logits of its condition."
        )
