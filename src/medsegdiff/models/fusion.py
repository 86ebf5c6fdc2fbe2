"""Dynamic conditional encoding: cleaned noisy features decide what of the image is looked at."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import LayerNorm
from medsegdiff.models.ff_parser import FFParser

FusionKind = Literal["paper", "residual", "none"]
FIRST_GATE = 0.1  # above zero, or the layers behind the gate would get no gradient at first


def fusion_of(
    kind: FusionKind, features: int, space_dims: int = 2, ff_parser: bool = True
) -> nn.Module:
    """The module that joins m_I with m_x at one stage.

    Args:
        kind: "paper" and "residual" give a `DynamicFusion`, "none" an `Addition`.
        features: F of both.
        space_dims: 2 or 3.
        ff_parser: filter m_x before the two meet.
    """
    if kind == "none":
        return Addition(features, space_dims, ff_parser)
    return DynamicFusion(features, kind, space_dims, ff_parser)


class Addition(nn.Module):
    """The image's features plus the mask's: what is left when dynamic encoding is switched off."""

    def __init__(self, features: int, space_dims: int = 2, ff_parser: bool = True) -> None:
        super().__init__()
        self.parser = FFParser(features, space_dims) if ff_parser else nn.Identity()

    def forward(
        self, m_image: Float[Tensor, "#B F *S"], m_mask: Float[Tensor, "B F *S"]
    ) -> Float[Tensor, "B F *S"]:
        return m_image + self.parser(m_mask)


class DynamicFusion(nn.Module):
    r"""Attentive fusion of image features with noisy mask features.

        m_x -> FF-Parser -> LN --\
                                  x --> x m_I             ("paper")
        m_I --------------> LN --/      m_I + gate * that ("residual")

    The product is cubic and has no path on which m_I passes unchanged; the residual gate gives it
    one.

    Source: Wu et al. 2022, MedSegDiff, equation 3.
    """

    def __init__(
        self,
        features: int,
        kind: Literal["paper", "residual"],
        space_dims: int = 2,
        ff_parser: bool = True,
    ) -> None:
        super().__init__()
        self.parser = FFParser(features, space_dims) if ff_parser else nn.Identity()
        self.norm_image = LayerNorm(features)
        self.norm_mask = LayerNorm(features)
        gate = torch.full((features, *[1] * space_dims), FIRST_GATE)
        self.gate = nn.Parameter(gate) if kind == "residual" else None

    def forward(
        self, m_image: Float[Tensor, "#B F *S"], m_mask: Float[Tensor, "B F *S"]
    ) -> Float[Tensor, "B F *S"]:
        affinity = self.norm_image(m_image) * self.norm_mask(self.parser(m_mask))  # (B, F, *S)
        attended = affinity * m_image  # eq. 3
        return attended if self.gate is None else m_image + self.gate * attended
