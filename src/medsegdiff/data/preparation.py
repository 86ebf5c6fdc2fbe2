"""From a study as it was read to what the network sees, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import median

import torch
from jaxtyping import Float, Int
from pydantic import SerializeAsAny
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.grid import Grid, Placement
from medsegdiff.data.patches import foreground_voxels
from medsegdiff.data.sampling import every_nth
from medsegdiff.data.transforms.fit_to_grid import Aspect, FitToGrid
from medsegdiff.data.transforms.normalise import Normalise, Scope
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.types import Sample

STUDIES_MEASURED = 256  # the sizes and intensities of so many stand for all
PIXELS_MEASURED = 2**14  # of each of them
MULTIPLE = 16  # four halvings of the network's grid


@dataclass(frozen=True)
class Prepared:
    """A study on the network's grid.

    Args:
        study: its name.
        image: mean 0, deviation 1, shape (C, *S), float32.
        labels: class numbers on the same grid; None without a mask.
        digest: 16 bytes that depend on the decoded native intensities and on nothing else.
        placement: the way back to the study's own grid.
        raters: labels from each of several raters.
        foreground: for each class, where some of its voxels are, shape (n, axes); only on grids
            that are seen through windows.
    """

    study: str
    image: Float[Tensor, "C *S"]
    labels: Int[Tensor, "*S"] | None
    digest: bytes
    placement: Placement
    raters: Mapping[str, Tensor] = field(default_factory=dict)
    foreground: tuple[Int[Tensor, "_ axes"], ...] = ()

    def undo(self, values: Float[Tensor, "K *S"]) -> Tensor:
        """Bring probabilities (K, *S) back to the study's own grid."""
        return self.placement.undo(values)

    @property
    def size_bytes(self) -> int:
        """Memory that the tensors take."""
        tensors = [
            self.image,
            *([] if self.labels is None else [self.labels]),
            *self.raters.values(),
            *self.foreground,
        ]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Preparation(Config):
    """How studies are brought to the network's grid and intensities.

    Args:
        grid: the size of what the network sees, and how studies get there.
        intensity: the range, mean and deviation, one number a channel.
    """

    grid: SerializeAsAny[Grid]
    intensity: Normalise

    @classmethod
    def fit(
        cls, grid: Grid, dataset: Dataset, studies: Sequence[str], scope: Scope = "data"
    ) -> Preparation:
        """Measure intensities on the training studies; those of no others are looked at.

        Raises:
            DataError: there is no study, or one cannot be read.
        """
        if not studies:
            raise DataError("There is no training study to measure intensities on.")
        intensities = [
            every_nth(dataset.load(study).image, PIXELS_MEASURED)
            for study in measured_studies(studies)
        ]
        return cls(grid=grid, intensity=Normalise.fit(torch.cat(intensities, dim=1), scope))

    @property
    def image_channels(self) -> int:
        """Number of image channels C that it was fitted on."""
        return len(self.intensity.mean)

    def prepare(self, sample: Sample) -> Prepared:
        """Bring a study to the network's grid and intensities.

        Raises:
            DataError: it has another number of channels or axes.
        """
        if len(sample.image) != self.image_channels:
            raise DataError(
                f"Study {sample.study} has {len(sample.image)} image channel(s), but "
                f"{self.image_channels} are expected. Convert the image, or use weights trained "
                "on such images."
            )
        placement = self.grid.placed(sample.geometry)
        small = placement.resize(sample.image)
        intensity = self.intensity.for_study(sample.image)
        labels = None if sample.labels is None else placement.labels(sample.labels)
        is_searched = self.grid.is_tiled and labels is not None
        return Prepared(
            study=sample.study,
            image=placement.pad(intensity.apply(small[None], {})[0]),
            labels=labels,
            digest=voxel_digest(sample.image),
            placement=placement,
            raters={rater: placement.labels(one) for rater, one in sample.raters.items()},
            foreground=foreground_voxels(labels) if is_searched and labels is not None else (),
        )


def voxel_digest(image: Float[Tensor, "C *S"]) -> bytes:
    """Hash shape and float32 intensities to 16 bytes, the same on every machine."""
    digest = blake2b(repr(tuple(image.shape)).encode(), digest_size=16)
    digest.update(image.contiguous().numpy().astype("<f4", copy=False).data)
    return digest.digest()


def measured_studies(studies: Sequence[str]) -> Sequence[str]:
    """The studies that stand for all: at most `STUDIES_MEASURED`, evenly spread."""
    every = max(1, -(-len(studies) // STUDIES_MEASURED))
    return list(studies)[::every]


def fitted_grid(
    dataset: Dataset, studies: Sequence[str], side: int, aspect: Aspect = "keep"
) -> FitToGrid:
    """A grid for whole images, of their usual shape.

    Args:
        dataset: where they are.
        studies: names of those whose sizes decide; the same for every fold, so that models share a
            grid. One that cannot be read is left out: it is named when it is trained on.
        side: geometric mean of the grid's sides; less where the images themselves are smaller.
        aspect: whether images keep their shape or are squeezed into the grid's.

    Raises:
        DataError: none can be read.
    """
    shapes = []
    for study in measured_studies(studies):
        try:
            shapes.append(dataset.shape(study))
        except MedSegDiffError:
            continue
    if not shapes:
        raise DataError(
            "There is no training study that can be read. Look at them with `medsegdiff verify`."
        )
    return FitToGrid(size=_grid_size(shapes, side), aspect=aspect)


def _grid_size(shapes: Sequence[tuple[int, ...]], side: int) -> tuple[int, int]:
    """The median shape scaled to `side`, in multiples of 16, no larger than the images."""
    native = [median(shape[axis] for shape in shapes) for axis in range(2)]
    aspect = math.exp(median(math.log(shape[0] / shape[1]) for shape in shapes))
    wanted = side * aspect**0.5, side / aspect**0.5
    height, width = (
        max(min(round(want / MULTIPLE), math.ceil(mine / MULTIPLE)), 1) * MULTIPLE
        for want, mine in zip(wanted, native, strict=True)
    )
    return height, width
