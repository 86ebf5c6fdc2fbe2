"""The anchor condition of MedSegDiff-V2: the image says where the noisy mask is to be looked at.

f_c -> max with its Gaussian blur -> 1x1 convolution -> sigmoid -> gate;  f_d' = gate f_d + f_d
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import convolution

REACH = 2  # voxels that the Gaussian sees to each side; the paper gives no size
FIRST_SIGMA = 1.0  # its deviation in voxels at first; the paper gives none


class UncertainSpatialAttention(nn.Module):
    """A gate for the denoiser's features, made from the condition network's.

    The blur widens what the condition network found, since its edges are uncertain, and the
    maximum keeps what it was sure of: f_anc = max(f_c * k_Gauss, f_c). The gate is
    sigmoid(Conv1x1(f_anc)), one channel for all features.

    Source: Wu et al. 2023, MedSegDiff-V2, anchor condition.
    """

    def __init__(self, features: int, space_dims: int) -> None:
        super().__init__()
        self.smoothing = GaussianSmoothing()
        self.to_gate = convolution(space_dims, features, 1, kernel=1)

    def forward(self, f_c: Float[Tensor, "B F *S"]) -> Float[Tensor, "B 1 *S"]:
        f_anc = torch.maximum(self.smoothing(f_c), f_c)  # (B, F, *S)
        return self.to_gate(f_anc).sigmoid()


def anchored(f_d: Float[Tensor, "B F *S"], gate: Float[Tensor, "#B 1 *S"]) -> Tensor:
    """f_d' = gate f_d + f_d: nothing is lost where the gate is shut."""
    return gate * f_d + f_d


class GaussianSmoothing(nn.Module):
    """Convolution with a Gaussian of learned width, one for all features and axes.

    The weights sum to 1; beyond the border the outermost value holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor([FIRST_SIGMA]).log())

    def forward(self, m: Float[Tensor, "B F *S"]) -> Float[Tensor, "B F *S"]:
        offsets = torch.arange(-REACH, REACH + 1)
        weights = (-0.5 * (offsets.to(self.log_sigma) / self.log_sigma.exp()).square()).softmax(0)
        for axis in range(2, m.ndim):
            at = torch.arange(m.shape[axis])
            near = [
                m.index_select(axis, (at + offset).clamp(0, len(at) - 1).to(m.device))
                for offset in offsets.tolist()
            ]
            m = (torch.stack(near, dim=-1) @ weights.to(m.dtype)).to(m.dtype)
        return m
