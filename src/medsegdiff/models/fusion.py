"""Dynamic conditional encoding: cleaned noisy features decide what of the image is looked at."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import LayerNorm
from medsegdiff.models.ff_parser import FFParser

FusionKind = Literal["paper", "residual"]
FIRST_GATE = 0.1  # above zero, or the layers behind the gate would get no gradient at first


class DynamicFusion(nn.Module):
    """Attentive fusion of image features with noisy mask features.

        m_x -> FF-Parser -> LN --\
                                  x --> x m_I          ("paper")      m_I + gate * that 
                                  ("residual")
        m_I --------------> LN --/

    The product is cubic and has no path on which m_I passes unchanged; the residual gate gives it
    one.

    Source: Wu et al. 2022, MedSegDiff, equation 3.
    """

    def __init__(self, features: int, kind: FusionKind, space_dims: int = 2) -> None:
        super().__init__()
        self.parser = FFParser(features, space_dims)
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
