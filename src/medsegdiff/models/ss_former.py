r"""The spectrum-space transformer of MedSegDiff-V2: image and noisy mask read each other.

e --> q --\                        c' --> q --\
           M -> v of c0 -> MLP -> c'           M -> v of e -> MLP -> e'     x N
c0 -> k --/                        e  --> k --/

M: affinity of the Fourier transforms of q and k, filtered by the NBP-Filter, transformed back
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsegdiff.models.blocks import LayerNorm, Modulation, convolution, without_autocast
from medsegdiff.models.nbp_filter import AllPass, NBPFilter, magnitudes


class SSFormer(nn.Module):
    """N blocks on the deepest embeddings of both networks; each position there is a token.

    Args:
        features: F of both embeddings.
        time: features of the embedded level.
        blocks: N.
        space_dims: 2 or 3.
        nbp_filter: filter the affinities; without it all frequencies pass.

    Source: Wu et al. 2023, MedSegDiff-V2, semantic condition.
    """

    def __init__(
        self, features: int, time: int, blocks: int, space_dims: int, nbp_filter: bool = True
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SSFormerBlock(features, time, space_dims, nbp_filter) for _ in range(blocks)
        )

    def forward(
        self,
        c_0: Float[Tensor, "B F *S"],
        e: Float[Tensor, "B F *S"],
        time: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B F *S"]:
        """The noisy mask's embedding, informed by the image's."""
        for block in self.blocks:
            c_0, e = block(c_0, e, time)
        return e


class SSFormerBlock(nn.Module):
    """Two cross-attentions of the same form with weights of their own.

    The first asks with the noisy mask what of the image matters, the second asks with that what
    of the noisy mask does.
    """

    def __init__(self, features: int, time: int, space_dims: int, nbp_filter: bool) -> None:
        super().__init__()
        self.to_image = SpectrumAttention(features, time, space_dims, nbp_filter)
        self.to_mask = SpectrumAttention(features, time, space_dims, nbp_filter)

    def forward(self, c_0: Tensor, e: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        c_0 = self.to_image(e, c_0, time)  # q from e, k and v from c0
        return c_0, self.to_mask(c_0, e, time)  # q from c0, k and v from e


class SpectrumAttention(nn.Module):
    """Cross-attention whose affinity is filtered in Fourier space.

    M = F(q) F(k)^T is the Fourier transform of q k^T along both of its sides, so an inverse
    transform gives a real affinity again, and with a filter that lets all pass it gives q k^T.
    There is no softmax, for the paper has none; a layer norm keeps the scale. Attention runs in
    float32, also under autocast.
    """

    def __init__(self, features: int, time: int, space_dims: int, nbp_filter: bool) -> None:
        super().__init__()
        self.norm_asking = LayerNorm(features)
        self.norm_asked = LayerNorm(features)
        self.query = convolution(space_dims, features, features, kernel=1)
        self.key = convolution(space_dims, features, features, kernel=1)
        self.band = NBPFilter(time) if nbp_filter else AllPass()
        self.value = convolution(space_dims, features, features, kernel=1)
        self.norm = LayerNorm(features)
        self.modulate = Modulation(features, time)
        self.mlp = nn.Sequential(
            convolution(space_dims, features, 4 * features, kernel=1),
            nn.GELU(),
            convolution(space_dims, 4 * features, features, kernel=1),
        )

    def forward(
        self,
        asking: Float[Tensor, "B F *S"],
        asked: Float[Tensor, "B F *S"],
        time: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B F *S"]:
        """What is asked, plus what of it answers the one that is asking."""
        source = self.norm_asked(asked)
        query, key, value = (
            self.query(self.norm_asking(asking)),
            self.key(source),
            self.value(source),
        )
        with without_autocast(asked):
            affinity = self.affinity(query.float(), key.float(), time.float())  # (B, N, N)
            answer = value.float().flatten(2) @ affinity.transpose(1, 2)  # (B, F, N)
            answer = self.norm(answer.view(asked.shape))
        return asked + self.mlp(self.modulate(answer, time))

    def affinity(
        self,
        query: Float[Tensor, "B F *S"],
        key: Float[Tensor, "B F *S"],
        time: Float[Tensor, "B E"],
    ) -> Float[Tensor, "B N N"]:
        """How much each query has in common with each key, in the frequencies that pass."""
        size = query.shape[2:]
        axes = tuple(range(2, 2 + len(size)))
        query_waves = torch.fft.fftn(query, dim=axes, norm="ortho").flatten(2)  # (B, F, N)
        key_waves = torch.fft.rfftn(key, dim=axes, norm="ortho").flatten(2)  # (B, F, N')
        m = query_waves.transpose(1, 2) @ key_waves  # (B, N, N'), complex
        m = m * self.band(magnitudes(size, False), magnitudes(size, True), time)
        half = (*size[:-1], size[-1] // 2 + 1)
        waves = m.view(len(m), *size, *half)
        sides = tuple(range(1, waves.ndim))
        product = torch.fft.irfftn(waves, s=(*size, *size), dim=sides, norm="ortho")
        tokens = math.prod(size)
        return product.reshape(len(m), tokens, tokens) / (tokens * math.sqrt(query.shape[1]))
