"""MedSegDiff as the paper has it: two encoders that talk, one decoder.

image -> stem -> I1 -> I2 -> A -> I3 -> A -> I4 ... -> E_I --\
                           ^          ^                          + -> deepest block -> decoder ->
                           output
FF-Parser  FF-Parser                     |        ^ skips: image + mask features
x_t ---> stem -> X1 -> X2 -----> X3 -----> X4 ... ----> E_x --/
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from medsegdiff.models.blocks import (
    AttentionBlock,
    ResidualBlock,
    Stage,
    TimeEmbedding,
    convolution,
    group_norm,
    resized,
)
from medsegdiff.models.fusion import DynamicFusion, FusionKind
from medsegdiff.models.network import Condition, Network, SegmentationNetwork


class Size(NamedTuple):
    """Features and residual blocks at each resolution, finest first."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]


SIZES = {  # down-samplings at 256 by 256: S 4, B 5, L 6, ++ 6 (section 4.2 of the paper)
    "tiny": Size((8, 16, 16), (1, 1, 1)),
    "small": Size((16, 32, 64, 96, 128), (1, 1, 1, 1, 1)),
    "S": Size((64, 128, 256, 512, 512), (2, 3, 4, 6, 3)),  # stages as in ResNet34: 3, 4, 6, 3
    "B": Size((64, 128, 256, 512, 512, 512), (2, 3, 4, 6, 3, 3)),
    "L": Size((64, 128, 256, 512, 512, 512, 512), (2, 3, 4, 6, 3, 3, 3)),
    "++": Size((128, 256, 512, 512, 512, 512, 512), (2, 3, 4, 6, 3, 3, 3)),
}


class MedSegDiffV1(Network):
    """Dynamic conditional encoding with FF-Parser, equations 2 to 6.

    Args:
        size: the paper's S, B, L, ++; `small` and `tiny` for processors.
        fusion: "paper" keeps equation 3 literally, "residual" adds a gated identity path.
        fused_stages: encoder stages, counted from 1, after which the image features are fused;
            None takes the middle two, floor(n/2) and floor(n/2) + 1 of n.
    """

    name: Literal["medsegdiff_v1"] = "medsegdiff_v1"
    size: Literal["tiny", "small", "S", "B", "L", "++"] = "small"
    fusion: FusionKind = "paper"
    fused_stages: tuple[int, ...] | None = Field(default=None)

    @model_validator(mode="after")
    def _stages_exist(self) -> MedSegDiffV1:
        count = len(SIZES[self.size].widths)
        if any(not 1 <= stage <= count for stage in self.stages_to_fuse):
            raise ValueError(
                f"fused_stages {self.fused_stages}: size {self.size} has stages 1 to {count}"
            )
        return self

    @property
    def stages_to_fuse(self) -> tuple[int, ...]:
        """Numbers of the fused stages, from 1."""
        middle = len(SIZES[self.size].widths) // 2
        return (middle, middle + 1) if self.fused_stages is None else self.fused_stages

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return MedSegDiffV1Module(self, image_channels, mask_channels, space_dims)


class MedSegDiffV1Module(SegmentationNetwork):
    """See `MedSegDiffV1`; the image encoder depends on x_t and t, so the condition is the stem."""

    def __init__(
        self, settings: MedSegDiffV1, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        widths, blocks = SIZES[settings.size]
        time = 4 * widths[0]
        self.time = TimeEmbedding(time)
        self.image_stem = convolution(space_dims, image_channels, widths[0])
        self.mask_stem = convolution(space_dims, mask_channels, widths[0])
        self.image_encoder = Encoder(widths, blocks, time, space_dims)
        self.mask_encoder = Encoder(widths, blocks, time, space_dims)
        self.fusions = nn.ModuleDict(
            {
                str(k): DynamicFusion(widths[k - 1], settings.fusion, space_dims)
                for k in settings.stages_to_fuse
            }
        )
        self.deepest = Bottleneck(widths[-1], time, space_dims)
        self.decoder = Decoder(widths, mask_channels, time, space_dims)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """The image after its own stem."""
        return Condition(features=(self.image_stem(image),))

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """Equation 2: D((E_I + E_x, t), t)."""
        time = self.time(t)  # (B, E)
        m_image = condition.features[0].expand(len(x_t), *condition.features[0].shape[1:])
        m_mask = self.mask_stem(x_t)
        skips: list[Tensor] = []
        for k in range(len(self.image_encoder.stages)):
            m_image = self.image_encoder.step(k, m_image, time)
            m_mask = self.mask_encoder.step(k, m_mask, time)
            if str(k + 1) in self.fusions:
                m_image = self.fusions[str(k + 1)](m_image, m_mask)  # eq. 3 to 6
            skips.append(m_image + m_mask)  # the last: E_I + E_x of eq. 2
        return self.decoder(self.deepest(skips.pop(), time), skips, time)


class Encoder(nn.Module):
    """Residual stages, the grid halved before each but the first."""

    def __init__(
        self, widths: tuple[int, ...], blocks: tuple[int, ...], time: int, space_dims: int
    ) -> None:
        super().__init__()
        self.downs = nn.ModuleList(
            convolution(space_dims, a, b, stride=2) for a, b in pairwise(widths)
        )
        self.stages = nn.ModuleList(
            Stage(w, w, n, time, space_dims) for w, n in zip(widths, blocks, strict=True)
        )

    def step(
        self, k: int, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B G *T"]:
        """Stage k, counted from 0."""
        return self.stages[k](m if k == 0 else self.downs[k - 1](m), time)


class Bottleneck(nn.Module):
    """Residual block, attention, residual block at the coarsest grid."""

    def __init__(self, features: int, time: int, space_dims: int) -> None:
        super().__init__()
        self.before = ResidualBlock(features, features, time, space_dims)
        self.attention = AttentionBlock(features)
        self.after = ResidualBlock(features, features, time, space_dims)

    def forward(
        self, m: Float[Tensor, "B F *S"], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B F *S"]:
        return self.after(self.attention(self.before(m, time)), time)


class Decoder(nn.Module):
    """Back to the full grid, each stage joined with the encoders' features at its resolution."""

    def __init__(
        self, widths: tuple[int, ...], mask_channels: int, time: int, space_dims: int
    ) -> None:
        super().__init__()
        self.ups = nn.ModuleList(convolution(space_dims, b, a) for a, b in pairwise(widths))
        self.stages = nn.ModuleList(
            Stage(2 * width, width, 1, time, space_dims) for width in widths[:-1]
        )
        self.out = nn.Sequential(
            group_norm(widths[0]), nn.SiLU(), convolution(space_dims, widths[0], mask_channels)
        )

    def forward(
        self, m: Tensor, skips: list[Tensor], time: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B K *S"]:
        for up, stage, skip in reversed(list(zip(self.ups, self.stages, skips, strict=True))):
            m = stage(torch.cat([up(resized(m, skip)), skip], dim=1), time)
        return self.out(m).float()
