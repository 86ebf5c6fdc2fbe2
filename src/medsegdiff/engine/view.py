"""What the network sees at once of a study: all of it, or a window on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from medsegdiff.data import Prepared, Window
from medsegdiff.diffusion import Noise, NoiseWindow


@dataclass(frozen=True)
class View:
    """A part of a prepared study, of the network's size.

    Args:
        image: shape (C, *S_net).
        digest: of the study, which its noise is keyed by.
        window: where the part lies in the field of the study's noise; None is all of it.
    """

    image: Float[Tensor, "C *S"]
    digest: bytes
    window: NoiseWindow | None = None

    @classmethod
    def whole(cls, prepared: Prepared) -> View:
        """All of a study that was fitted to the network's grid."""
        return cls(prepared.image, prepared.digest)

    @classmethod
    def through(cls, prepared: Prepared, window: Window, sees_slices: bool) -> View:
        """A window on a study; one slice without its depth, if `sees_slices`."""
        image = window.cut(prepared.image)
        field = tuple(prepared.image.shape[1:])
        place = NoiseWindow(field, window.corner, window.size)
        return cls(image.squeeze(1) if sees_slices else image, prepared.digest, place)

    def noise(
        self,
        members: Sequence[int],
        seed: int,
        mask_channels: int,
        device: torch.device | str = "cpu",
    ) -> Noise:
        """The noise of some members here, on a device."""
        shape = (mask_channels, *self.image.shape[1:])
        return Noise(self.digest, members, seed, shape, self.window, device)
