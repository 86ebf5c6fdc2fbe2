"""The default network: a heavy look at the image, once, and a light denoiser, many times.

image -> residual U-Net ----------------------------> head -> logits of the condition
             | decoder features, projected once            |
             v  1/4    1/8    1/16    full                 | + correction
x_t -> 4x4 patches -> [stage, FF-Parser, fusion] x n -> up -> fuse with full resolution -> logits
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from medsegdiff.models.blocks import (
    CONVOLUTION,
    AttentionBlock,
    Stage,
    TimeEmbedding,
    convolution,
    faint,
    group_norm,
    resized,
)
from medsegdiff.models.fusion import FusionKind, fusion_of
from medsegdiff.models.low_resolution import LowResolution
from medsegdiff.models.network import Condition, Network, SegmentationNetwork
from medsegdiff.models.residual_unet import ResidualUNet, check_stages

PATCH_LEVEL = 2  # the denoiser works on patches of 4 voxels a side, as that level of the other
FINE_FEATURES = 16  # features at full resolution in the denoiser


class MedSegDiff(Network):
    """Condition network and light denoiser, joined stage by stage by FF-Parser and dynamic fusion.

    Args:
        widths: features of the condition network, finest resolution first.
        blocks: residual blocks in each of its encoder stages; 0 leaves the finest one to the stem.
        denoiser_widths: features of the denoiser at 1/4, 1/8, ... of the grid; at most as deep as
            `widths`.
        fusion: "residual" adds a gated identity path to equation 3, "paper" keeps it literally,
            "none" takes the sum of both features in its place.
        ff_parser: filter the mask's features (equations 4 to 6) before they are fused.
        low_resolution: extras of the condition network's coarse stages (simple diffusion); the
            denoiser, on patches, has its attention already.
    """

    name: Literal["medsegdiff"] = "medsegdiff"
    widths: tuple[int, ...] = Field(default=(16, 32, 64, 128, 192), min_length=PATCH_LEVEL + 1)
    blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    denoiser_widths: tuple[int, ...] = Field(default=(48, 64, 96), min_length=1)
    fusion: FusionKind = "residual"
    ff_parser: bool = True
    low_resolution: LowResolution = LowResolution()

    @model_validator(mode="after")
    def _stages_match(self) -> MedSegDiff:
        check_stages(self.widths, self.blocks)
        self.low_resolution.check(len(self.widths))
        if len(self.denoiser_widths) > len(self.widths) - PATCH_LEVEL:
            raise ValueError(
                f"denoiser_widths has {len(self.denoiser_widths)} stages, but a condition network "
                f"of {len(self.widths)} resolutions has features for "
                f"{len(self.widths) - PATCH_LEVEL} of them"
            )
        return self

    def build(
        self, image_channels: int, mask_channels: int, space_dims: int = 2
    ) -> SegmentationNetwork:
        """See `Network.build`."""
        return MedSegDiffModule(self, image_channels, mask_channels, space_dims)


class MedSegDiffModule(SegmentationNetwork):
    """See `MedSegDiff`."""

    def __init__(
        self, settings: MedSegDiff, image_channels: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        widths, inner = settings.widths, settings.denoiser_widths
        self.image_unet = ResidualUNet(
            image_channels,
            mask_channels,
            widths,
            settings.blocks,
            space_dims,
            settings.low_resolution,
        )
        coarse = widths[PATCH_LEVEL : PATCH_LEVEL + len(inner)]
        self.project_fine = convolution(
            space_dims, widths[0] + mask_channels, FINE_FEATURES, kernel=1
        )
        self.project = nn.ModuleList(
            convolution(space_dims, a, b, kernel=1) for a, b in zip(coarse, inner, strict=True)
        )
        self.denoiser = LightDenoiser(
            mask_channels, inner, settings.fusion, space_dims, settings.ff_parser
        )

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """Decoder features projected to the denoiser's widths, and the head's logits."""
        features, logits = self.image_unet(image)
        fine = self.project_fine(
            torch.cat([features[0], logits.detach().to(features[0].dtype).tanh()], dim=1)
        )
        coarse = features[PATCH_LEVEL : PATCH_LEVEL + len(self.project)]
        projected = [
            project(feature) for project, feature in zip(self.project, coarse, strict=True)
        ]
        return Condition(features=(fine, *projected), logits=logits)

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """The head's logits plus a correction; the head is not trained through them."""
        assert condition.logits is not None
        return condition.logits.detach() + self.denoiser(x_t, t, condition.features)


class LightDenoiser(nn.Module):
    """A small U-Net on patches of x_t, in which every encoder stage meets the image's features."""

    def __init__(
        self,
        mask_channels: int,
        widths: tuple[int, ...],
        fusion: FusionKind,
        space_dims: int,
        ff_parser: bool = True,
    ) -> None:
        super().__init__()
        patch = 2**PATCH_LEVEL
        time = 2 * widths[0]
        self.time = TimeEmbedding(time)
        self.patch = patch
        self.stem = CONVOLUTION[space_dims](mask_channels, widths[0], patch, stride=patch)
        self.encoder = nn.ModuleList(Stage(width, width, 1, time, space_dims) for width in widths)
        self.fusions = nn.ModuleList(
            fusion_of(fusion, width, space_dims, ff_parser) for width in widths
        )
        self.downs = nn.ModuleList(
            convolution(space_dims, a, b, stride=2) for a, b in pairwise(widths)
        )
        self.attention = AttentionBlock(widths[-1])
        self.ups = nn.ModuleList(
            convolution(space_dims, b, a, kernel=1) for a, b in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            Stage(2 * width, width, 1, time, space_dims) for width in widths[:-1]
        )
        self.to_fine = convolution(space_dims, widths[0], FINE_FEATURES, kernel=1)
        self.fine = nn.Sequential(
            group_norm(FINE_FEATURES),
            nn.SiLU(),
            convolution(space_dims, FINE_FEATURES, FINE_FEATURES),
            nn.SiLU(),
        )
        self.out = faint(convolution(space_dims, FINE_FEATURES, mask_channels, kernel=1))

    def forward(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], image: tuple[Tensor, ...]
    ) -> Float[Tensor, "B K *S"]:
        time = self.time(t)  # (B, E)
        fine, *coarse = image
        skips = self.encode(self.patches(x_t, coarse[0]), time, coarse)
        m = self.attention(skips.pop())
        for up, stage in reversed(list(zip(self.ups, self.decoder, strict=True))):
            skip = skips.pop()
            m = stage(torch.cat([resized(up(m), skip), skip], dim=1), time)
        m = upsampled(self.to_fine(m), fine) + fine  # (B, F, *S)
        return self.out(self.fine(m)).float()

    def patches(self, x_t: Float[Tensor, "B K *S"], like: Tensor) -> Float[Tensor, "B F *T"]:
        """Patches of x_t as features on the grid of the condition's features, padded if need be."""
        short = [
            self.patch * have - want
            for have, want in zip(like.shape[2:], x_t.shape[2:], strict=True)
        ]
        pads = [amount for short_by in reversed(short) for amount in (0, short_by)]
        return self.stem(functional.pad(x_t, pads))

    def encode(self, m: Tensor, time: Tensor, image: list[Tensor]) -> list[Tensor]:
        """Each stage, then its fusion with the image at that resolution; finest first."""
        skips: list[Tensor] = []
        for depth, (stage, fuse) in enumerate(zip(self.encoder, self.fusions, strict=True)):
            m = stage(m if depth == 0 else self.downs[depth - 1](skips[-1]), time)
            skips.append(m + fuse(image[depth], m))
        return skips


def upsampled(m: Float[Tensor, "B F *S"], like: Float[Tensor, "_ F *T"]) -> Float[Tensor, "B F *T"]:
    """Linear interpolation to the grid of another tensor, so that patches leave no edges."""
    mode = "bilinear" if m.ndim == 4 else "trilinear"
    return functional.interpolate(m, size=like.shape[2:], mode=mode, align_corners=False)
