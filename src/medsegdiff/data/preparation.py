"""From a study as it was read to what the network sees, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from statistics import median

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.sampling import every_nth
from medsegdiff.data.transforms.fit_to_grid import Aspect, FitToGrid
from medsegdiff.data.transforms.normalise import Normalise
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
        labels: class numbers on the same grid, int64; None without a mask.
        raters: the same from each of several raters.
        digest: 16 bytes that depend on the decoded native intensities and on nothing else.
        undo: brings probabilities (K, *S) back to the study's own grid.
    """

    study: str
    image: Float[Tensor, "C *S"]
    labels: Int[Tensor, "*S"] | None
    digest: bytes
    undo: Callable[[Tensor], Tensor]
    raters: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Memory that the tensors take."""
        tensors = [
            self.image,
            *([] if self.labels is None else [self.labels]),
            *self.raters.values(),
        ]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Preparation(Config):
    """How images are brought to the network's grid and intensities.

    Args:
        grid: the size of the network's grid.
        intensity: the range, mean and deviation, one number a channel.
    """

    grid: FitToGrid
    intensity: Normalise

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        studies: Sequence[str],
        side: int,
        sized: Sequence[str] | None = None,
        aspect: Aspect = "keep",
    ) -> Preparation:
        """Measure intensities on the training studies, and sizes on these or more.

        Args:
            dataset: where they are.
            studies: names of the training studies; the intensities of no others are looked at.
            side: geometric mean of the grid's sides; less where the images themselves are smaller.
            sized: names of the studies whose sizes decide the grid's; the same ones for every fold,
                so that their models share a grid. None takes the training studies.
            aspect: whether images keep their shape or are squeezed into the grid's.

        Raises:
            DataError: there is no study, or one cannot be read.
        """
        if not studies:
            raise DataError("There is no training study to measure intensities on.")
        intensities = [
            every_nth(dataset.load(study).image, PIXELS_MEASURED)
            for study in measured_studies(studies)
        ]
        size = _grid_size(_shapes(dataset, measured_studies(sized or studies)), side)
        return cls(
            grid=FitToGrid(size=size, aspect=aspect),
            intensity=Normalise.fit(torch.cat(intensities, dim=1)),
        )

    @property
    def image_channels(self) -> int:
        """Number of image channels C that it was fitted on."""
        return len(self.intensity.mean)

    def prepare(self, sample: Sample) -> Prepared:
        """Bring a study to the network's grid and intensities.

        Raises:
            DataError: it has another number of channels.
        """
        if len(sample.image) != self.image_channels:
            raise DataError(
                f"Study {sample.study} has {len(sample.image)} image channel(s), but "
                f"{self.image_channels} are expected. Convert the image, or use weights trained "
                "on such images."
            )
        drawn = self.grid.draw(tuple(sample.image.shape))
        small = self.grid.resize(sample.image[None])
        image = self.grid.pad(self.intensity.apply(small, {}))[0]
        return Prepared(
            study=sample.study,
            image=image,
            labels=None if sample.labels is None else self._fitted(sample.labels),
            raters={rater: self._fitted(labels) for rater, labels in sample.raters.items()},
            digest=voxel_digest(sample.image),
            undo=partial(_undone, self.grid, tuple(drawn["native"])),
        )

    def _fitted(self, labels: Int[Tensor, "*S"]) -> Int[Tensor, "*s"]:
        return self.grid.apply_to_labels(labels[None], {})[0]


def voxel_digest(image: Float[Tensor, "C *S"]) -> bytes:
    """Hash shape and float32 intensities to 16 bytes, the same on every machine."""
    digest = blake2b(repr(tuple(image.shape)).encode(), digest_size=16)
    digest.update(image.contiguous().numpy().astype("<f4", copy=False).data)
    return digest.digest()


def _undone(grid: FitToGrid, native: tuple[int, int], mask: Float[Tensor, "K h w"]) -> Tensor:
    return grid.undo(mask[None], {"native": native})[0]


def measured_studies(studies: Sequence[str]) -> Sequence[str]:
    """The studies that stand for all: at most `STUDIES_MEASURED`, evenly spread."""
    return list(studies)[:: -(-len(studies) // STUDIES_MEASURED)]


def _shapes(dataset: Dataset, studies: Sequence[str]) -> list[tuple[int, ...]]:
    """Sizes of those that can be read; a bad one is named when it is trained on, if it ever is."""
    shapes = []
    for study in studies:
        try:
            shapes.append(dataset.shape(study))
        except MedSegDiffError:
            continue
    return shapes


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
