r"""MedSegDiff as the paper has it: two encoders that talk, one decoder.

image -> stem -> I1 -> I2 -> A -> I3 -> A -> I4 -> ... -> E_I --\
                             ^          ^                        + -> deepest block -> decoder
                         FF-Parser  FF-Parser                    |        ^ skips: image + mask
x_t ---> stem -> X1 -> X2 --/--> X3 ---/---> X4 -> ... -> E_x --/
"""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from medsegdiff.models.blocks import StemStride, TimeEmbedding, cropped, stem
from medsegdiff.models.denoising_unet import SIZES, Bottleneck, Decoder, Encoder
from medsegdiff.models.fusion import FusionKind, fusion_of
from medsegdiff.models.low_resolution import LowResolution
from medsegdiff.models.network import Condition, DenoisingNetwork, SegmentationNetwork


class MedSegDiffV1(DenoisingNetwork):
    """Dynamic conditional encoding with FF-Parser, equations 2 to 6.

    Args:
        size: the paper's S, B, L, ++; `small` and `tiny` for processors.
        fusion: "paper" keeps equation 3 literally, "residual" adds a gated identity path, "none"
            adds the mask's features to the image's.
        ff_parser: filter the mask's features (equations 4 to 6) before they are fused.
        fused_stages: encoder stages, counted from 1, after which the image features are fused;
            None takes the middle two, floor(n/2) and floor(n/2) + 1 of n.
        low_resolution: extras of the coarse stages, not in the paper (simple diffusion).
        stem_stride: both stems shrink the grid so far, and the output undoes it, so that every
            stage is cheaper; meant for sides of 256 and more, not in the paper (simple diffusion).
    """

    name: Literal["medsegdiff_v1"] = "medsegdiff_v1"
    size: Literal["tiny", "small", "S", "B", "L", "++"] = "small"
    fusion: FusionKind = "paper"
    ff_parser: bool = True
    fused_stages: tuple[int, ...] | None = Field(default=None)
    low_resolution: LowResolution = LowResolution()
    stem_stride: StemStride = 1

    @model_validator(mode="after")
    def _stages_exist(self) -> MedSegDiffV1:
        count = len(SIZES[self.size].widths)
        if any(not 1 <= stage <= count for stage in self.stages_to_fuse):
            raise ValueError(
                f"fused_stages {self.fused_stages}: size {self.size} has stages 1 to {count}"
            )
        self.low_resolution.check(count)
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
        self.self_conditions = settings.self_conditioning
        size, low, stride = SIZES[settings.size], settings.low_resolution, settings.stem_stride
        widths = size.widths
        time = 4 * widths[0]
        self.time = TimeEmbedding(time)
        self.image_stem = stem(space_dims, image_channels, widths[0], stride)
        seen = settings.seen_channels(mask_channels)
        self.mask_stem = stem(space_dims, seen, widths[0], stride)
        self.image_encoder = Encoder(size, time, space_dims, low)
        self.mask_encoder = Encoder(size, time, space_dims, low)
        self.fusions = nn.ModuleDict(
            {
                str(k): fusion_of(
                    settings.fusion, widths[k - 1], space_dims, ff_parser=settings.ff_parser
                )
                for k in settings.stages_to_fuse
            }
        )
        self.deepest = Bottleneck(widths[-1], time, space_dims, low.dropout_at(len(widths)))
        self.decoder = Decoder(widths, mask_channels, time, space_dims, low, stride)

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        """The image after its own stem."""
        return Condition(features=(self.image_stem(image),))

    def denoise(
        self, x_t: Float[Tensor, "B _ *S"], t: Int[Tensor, " B"], condition: Condition
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
        out = self.decoder(self.deepest(skips.pop(), time), skips, time)
        return cropped(out, x_t.shape[2:])  # a strided stem rounds up
