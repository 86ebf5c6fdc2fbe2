"""The default network: a heavy look at the image, once, and a light denoiser, many times.

image -> residual U-Net ----------------------------> head -> logits of the condition
             | decoder features, made ready once           |
             v  1/8    1/16    full                        | + correction
x_t -> 8x8 patches -> [stage, FF-Parser, fusion] x n -> up -> shares of the full features -> logits
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from medsegdiff.models.blocks import (
    CONVOLUTION,
    AttentionBlock,
    Stage,
    StemStride,
    TimeEmbedding,
    convolution,
    resized,
)
from medsegdiff.models.detail import DetailKind, detail_of, padded
from medsegdiff.models.fusion import FusionKind, fusion_of
from medsegdiff.models.low_resolution import LowResolution
from medsegdiff.models.network import Condition, DenoisingNetwork, SegmentationNetwork
from medsegdiff.models.residual_unet import ResidualUNet, SkipKind, check_stages, resolutions

LARGEST_PATCH = {2: 8, 3: 4}  # voxels along an axis of what the denoiser sees as one
DETAIL: dict[int, DetailKind] = {2: "blended", 3: "patches"}  # by space dimensions
SKIPS: dict[int, SkipKind] = {2: "sum", 3: "concat"}  # likewise
PROJECTED = 16  # features of the image at full resolution, where the denoiser sees a projection


class MedSegDiff(DenoisingNetwork):
    """Condition network and light denoiser, joined stage by stage by FF-Parser and dynamic fusion.

    Args:
        widths: features of the condition network, finest resolution first.
        blocks: residual blocks in each of its encoder stages; 0 leaves the finest one to the stem.
        denoiser_widths: features of the denoiser, on patches and on ever coarser grids; at most as
            deep as `widths`.
        patch: voxels along each axis of what the denoiser sees as one. None takes 8, in volumes 4,
            or less if the condition network has too few resolutions for that.
        detail: how features of patches become voxels: "patches" lets each choose among the image's
            features at full resolution, "blended" lets the choice change smoothly between patches,
            "convolution" convolves there, which costs several times more. None takes "blended", in
            volumes "patches".
        skips: how the condition network's decoder takes the encoder's features: "sum" or "concat".
            None takes "sum", in volumes "concat".
        fusion: "residual" adds a gated identity path to equation 3, "paper" keeps it literally,
            "none" takes the sum of both features in its place.
        ff_parser: filter the mask's features (equations 4 to 6) before they are fused.
        low_resolution: extras of the condition network's coarse stages (simple diffusion); the
            denoiser, on patches, has its attention already.
        stem_stride: the condition network's stem shrinks the grid so far, so that every stage of it
            is cheaper; meant for sides of 256 and more (simple diffusion). At most `patch`.
    """

    name: Literal["medsegdiff"] = "medsegdiff"
    widths: tuple[int, ...] = Field(default=(16, 32, 64, 128, 192), min_length=2)
    blocks: tuple[int, ...] = (0, 1, 2, 2, 2)
    denoiser_widths: tuple[int, ...] = Field(default=(48, 96), min_length=1)
    patch: Literal[2, 4, 8, 16] | None = None
    detail: DetailKind | None = None
    skips: SkipKind | None = None
    fusion: FusionKind = "residual"
    ff_parser: bool = True
    low_resolution: LowResolution = LowResolution()
    stem_stride: StemStride = 1

    @model_validator(mode="after")
    def _stages_match(self) -> MedSegDiff:
        check_stages(self.widths, self.blocks)
        self.low_resolution.check(len(self.widths))
        if self.patch and self.patch < self.stem_stride:
            raise ValueError(
                f"patch is {self.patch}, but behind a stem_stride of {self.stem_stride} the "
                "condition network has no features so fine"
            )
        most = sum(shrunk >= (self.patch or 2) for shrunk in self.resolutions)
        if len(self.denoiser_widths) > most:
            raise ValueError(
                f"denoiser_widths has {len(self.denoiser_widths)} stages, but a condition network "
                f"of {len(self.widths)} resolutions has features for {most} of them"
            )
        return self

    @property
    def resolutions(self) -> tuple[int, ...]:
        """How far each of the condition network's features is shrunk."""
        return resolutions(len(self.widths), self.stem_stride)

    def patch_in(self, space_dims: int) -> int:
        """Voxels of a patch along each axis, in 2 or 3 dimensions."""
        found, largest = self.resolutions, LARGEST_PATCH[space_dims]
        deep_enough = found[1 : len(found) - len(self.denoiser_widths) + 1]
        return self.patch or max(shrunk for shrunk in deep_enough if shrunk <= largest)

    def detail_in(self, space_dims: int) -> DetailKind:
        """How features of patches become voxels, in 2 or 3 dimensions."""
        return self.detail or DETAIL[space_dims]

    def skips_in(self, space_dims: int) -> SkipKind:
        """How the condition network's decoder takes the encoder's features, likewise."""
        return self.skips or SKIPS[space_dims]

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
        self.self_conditions = settings.self_conditioning
        widths, inner = settings.widths, settings.denoiser_widths
        self.image_unet = ResidualUNet(
            image_channels,
            mask_channels,
            widths,
            settings.blocks,
            space_dims,
            settings.skips_in(space_dims),
            settings.low_resolution,
            settings.stem_stride,
        )
        first = settings.resolutions.index(settings.patch_in(space_dims))
        self.coarse = slice(first, first + len(inner))
        is_projected = settings.detail_in(space_dims) != "blended"
        seen = widths[0] + mask_channels  # at full resolution
        fine = PROJECTED if is_projected else seen
        self.project_fine = (
            convolution(space_dims, seen, fine, kernel=1) if is_projected else nn.Identity()
        )
        self.project = nn.ModuleList(
            convolution(space_dims, a, b, kernel=1)
            for a, b in zip(self.image_unet.feature_widths[self.coarse], inner, strict=True)
        )
        self.denoiser = LightDenoiser(settings, fine, mask_channels, space_dims)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """What the denoiser needs of the decoder's features, and the head's logits."""
        features, logits = self.image_unet(image)
        fine = self.project_fine(
            torch.cat([features[0], logits.detach().to(features[0].dtype).tanh()], dim=1)
        )
        projected = [
            project(feature)
            for project, feature in zip(self.project, features[self.coarse], strict=True)
        ]
        prepared = self.denoiser.detail.prepared(fine, projected[0])
        return Condition(features=(prepared, *projected), logits=logits)

    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        """The head's logits plus a correction; the head is not trained through them."""
        assert condition.logits is not None
        return condition.logits.detach() + self.denoiser(x_t, t, condition.features)


class LightDenoiser(nn.Module):
    """A small U-Net on patches of x_t, in which every encoder stage meets the image's features."""

    def __init__(
        self, settings: MedSegDiff, fine: int, mask_channels: int, space_dims: int
    ) -> None:
        super().__init__()
        widths = settings.denoiser_widths
        self.patch = settings.patch_in(space_dims)
        time = 2 * widths[0]
        self.time = TimeEmbedding(time)
        seen = settings.seen_channels(mask_channels)
        self.stem = CONVOLUTION[space_dims](seen, widths[0], self.patch, self.patch)
        self.encoder = nn.ModuleList(Stage(width, width, 1, time, space_dims) for width in widths)
        self.fusions = nn.ModuleList(
            fusion_of(settings.fusion, width, space_dims, settings.ff_parser) for width in widths
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
        kind = settings.detail_in(space_dims)
        self.detail = detail_of(kind, widths[0], fine, mask_channels, self.patch, space_dims)

    def forward(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], image: tuple[Tensor, ...]
    ) -> Float[Tensor, "B K *S"]:
        time = self.time(t)  # (B, E)
        fine, *coarse = image
        patches = self.stem(padded(x_t, coarse[0], self.patch))
        skips = self.encode(patches, time, coarse)
        m = self.attention(skips.pop())
        for up, stage in reversed(list(zip(self.ups, self.decoder, strict=True))):
            skip = skips.pop()
            m = stage(torch.cat([resized(up(m), skip), skip], dim=1), time)
        return self.detail(m, fine, x_t.shape[2:]).float()

    def encode(self, m: Tensor, time: Tensor, image: list[Tensor]) -> list[Tensor]:
        """Each stage, then its fusion with the image at that resolution; finest first."""
        skips: list[Tensor] = []
        for depth, (stage, fuse) in enumerate(zip(self.encoder, self.fusions, strict=True)):
            m = stage(m if depth == 0 else self.downs[depth - 1](skips[-1]), time)
            skips.append(m + fuse(image[depth], m))
        return skips
