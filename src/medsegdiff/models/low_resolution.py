"""What simple diffusion does only where the grid is small: transformer blocks and dropout."""

from __future__ import annotations

from pydantic import Field

from medsegdiff.component import Config


class LowResolution(Config):
    """Extras for the coarse stages of a U-Net; by default there are none.

    A network is built before it sees a grid, so the place is the number of a stage and not a side:
    of a grid of 96 or 128, stage 4 is the one closest to 16 by 16; of 256 it is stage 5.

    Args:
        stage: the first coarse stage, counted from 1.
        transformer: attention over all positions after the blocks of that stage.
        dropout: share of features dropped in that stage and all coarser ones.

    Source: Hoogeboom et al. 2023, simple diffusion, arXiv:2301.11093, section 3.
    """

    stage: int = Field(default=4, ge=1)
    transformer: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def dropout_at(self, stage: int) -> float:
        """Share of features dropped in the stage of this number."""
        return self.dropout if stage >= self.stage else 0.0

    def attends_at(self, stage: int) -> bool:
        """Whether the stage of this number ends in attention."""
        return self.transformer and stage == self.stage

    def check(self, stages: int) -> None:
        """Refuse a coarse stage that the network does not have."""
        is_used = self.transformer or self.dropout > 0
        if is_used and self.stage > stages:
            raise ValueError(
                f"low_resolution.stage is {self.stage}, but the network has stages 1 to {stages}"
            )


EVERYWHERE_ALIKE = LowResolution()
