r"""MedSegDiff-V2: a condition network and a diffusion network, joined at the top and at the bottom.

image -> residual U-Net -> head -> logits of the condition
            |  decoder features     | deepest embedding c0
            v  at 1/1 and 1/2       v
         [ anchor: gates ]     [ SS-Former ] x N
            v                       v
x_t -> encoder stages 1, 2 -> ... -> e --> decoder -> output
"""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from medsegdiff.models.anchor import UncertainSpatialAttention, anchored
from medsegdiff.models.blocks import TimeEmbedding, convolution
from medsegdiff.models.denoising_unet import Decoder, Encoder, Size
from medsegdiff.models.network import Condition, DenoisingNetwork, SegmentationNetwork
from medsegdiff.models.residual_unet import ResidualUNet
from medsegdiff.models.ss_former import SSFormer

ANCHORED_STAGES = 2  # "at the two highest resolutions"

SIZES = {  # of both U-Nets; the paper gives none
    "tiny": Size((8, 16, 16), (1, 1, 1)),
    "small": Size((16, 32, 64, 96, 128), (1, 1, 1, 1, 1)),
    "base": Size((64, 128, 256, 512, 512), (2, 3, 4, 6, 3)),  # MedSegDiff-S's
}


class MedSegDiffV2(DenoisingNetwork):
    """Anchor condition and semantic condition, each of which can be switched off.

    Args:
        size: features and blocks of both U-Nets; `small` and `tiny` for processors.
        ss_blocks: N, blocks of the SS-Former. The default of 4 is not verified against the paper.
        anchor: gate the denoiser's two finest stages by uncertain spatial attention.
        ss_former: join the deepest embeddings by the SS-Former; without it they are added, as in
            equation 2 of MedSegDiff.
        nbp_filter: filter the SS-Former's affinities; without it they are plain products.
    """

    name: Literal["medsegdiff_v2"] = "medsegdiff_v2"
    size: Literal["tiny", "small", "base"] = "small"
    ss_blocks: int = Field(default=4, ge=1)
    anchor: bool = True
    ss_former: bool = True
    nbp_filter: bool = True

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return MedSegDiffV2Module(self, image_channels, mask_channels, space_dims)


class MedSegDiffV2Module(SegmentationNetwork):
    """See `MedSegDiffV2`.

    The anchor condition goes from the condition network's decoder, where the mask is nearly
    ready, into the diffusion network's encoder, so that all that follows has it. Its gates depend
    on the image alone: they are made once, and every step and member shares them.
    """

    def __init__(
        self, settings: MedSegDiffV2, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        self.self_conditions = settings.self_conditioning
        size = SIZES[settings.size]
        widths, time = size.widths, 4 * size.widths[0]
        self.image_unet = ResidualUNet(image_channels, mask_channels, *size, space_dims, "concat")
        self.anchors = nn.ModuleList(
            UncertainSpatialAttention(width, space_dims)
            for width in widths[: ANCHORED_STAGES if settings.anchor else 0]
        )
        self.time = TimeEmbedding(time)
        self.stem = convolution(space_dims, settings.seen_channels(mask_channels), widths[0])
        self.encoder = Encoder(size, time, space_dims)
        self.semantic = (
            SSFormer(widths[-1], time, settings.ss_blocks, space_dims, settings.nbp_filter)
            if settings.ss_former
            else SummedEmbeddings()
        )
        self.decoder = Decoder(widths, mask_channels, time, space_dims)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """A gate for each anchored stage, then the deepest embedding; and the head's logits."""
        features, logits = self.image_unet(image)
        finest = features[: len(self.anchors)]
        gates = [anchor(f_c) for anchor, f_c in zip(self.anchors, finest, strict=True)]
        return Condition(features=(*gates, features[-1]), logits=logits)

    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """What the objective asks for of x_t, from its features under both conditions."""
        time = self.time(t)  # (B, E)
        *gates, c_0 = condition.features
        m, skips = self.stem(x_t), []
        for k in range(len(self.encoder.stages)):
            m = self.encoder.step(k, m, time)
            if k < len(gates):
                m = anchored(m, gates[k])
            skips.append(m)
        e = self.semantic(c_0.expand(len(x_t), *c_0.shape[1:]), skips.pop(), time)
        return self.decoder(e, skips, time)


class SummedEmbeddings(nn.Module):
    """Both deepest embeddings added: the semantic condition without a transformer."""

    def forward(self, c_0: Tensor, e: Tensor, time: Tensor) -> Tensor:
        return c_0 + e
