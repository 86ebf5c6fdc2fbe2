"""A data set of small synthetic volumes, held in memory: balls of two halves in noise."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from orientations import affine_of

from medsegdiff.data import Dataset, LabelMap, Splits
from medsegdiff.data.orientation import Reorientation
from medsegdiff.types import Geometry, Sample

STUDIES = 6


class Balls(Dataset):
    """Volumes of one patient each; class 1 is the lower half of a ball, class 2 its upper half.

    Args:
        voxels: in SPL orientation.
        spacing_mm: along these axes.
        orientation: in which they are stored.
    """

    name: Literal["balls"] = "balls"
    voxels: tuple[int, int, int] = (16, 24, 20)
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    orientation: str = "SPL"

    def ids(self) -> list[str]:
        return [f"ball_{number}" for number in range(STUDIES)]

    def annotated_ids(self) -> list[str]:
        return self.ids()

    def files(self, study: str) -> tuple[Path, ...]:
        return (Path(__file__),)

    def load(self, study: str) -> Sample:
        generator = torch.Generator().manual_seed(int(study[-1]))
        axes = [
            (torch.arange(n) - (n - 1) / 2 - float(torch.rand((), generator=generator))) * mm
            for n, mm in zip(self.voxels, self.spacing_mm, strict=True)
        ]
        z, y, x = torch.meshgrid(*axes, indexing="ij")
        radius = 0.35 * min(n * mm for n, mm in zip(self.voxels, self.spacing_mm, strict=True))
        labels = ((z**2 + y**2 + x**2) < radius**2).long() * (1 + (z > 0).long())
        image = 100.0 * labels + 10 * torch.randn(self.voxels, generator=generator) + 200
        turn = Reorientation.between("SPL", self.orientation)
        spacing = turn.reordered(self.spacing_mm)
        stored = turn.apply(image)
        geometry = Geometry(tuple(stored.shape), spacing, affine_of(self.orientation, spacing))
        return Sample(study, stored[None], geometry, turn.apply(labels), group=study)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("mri",)

    @property
    def label_map(self) -> LabelMap:
        return LabelMap(names=("background", "lower", "upper"), values=(0, 1, 2))

    def declared_splits(self, is_checked: bool = True) -> Splits:
        names = self.ids()
        return Splits(train=tuple(names[:4]), val=(names[4],), test=(names[5],))
