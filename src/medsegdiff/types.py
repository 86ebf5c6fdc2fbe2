"""The values in flight: a study as it was read, and the prediction that comes back for it.

Letters in shapes: C image channels, K mask channels, R raters, M ensemble members, *S the grid
(H W or D H W).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor
from typing_extensions import Self

IGNORED = -1  # class number of voxels that count neither in the loss nor in metrics


@dataclass(frozen=True)
class Geometry:
    """Where a study's grid lies in the patient.

    Args:
        shape: voxels along each axis, (H, W) or (D, H, W).
        spacing_mm: size of a voxel along each axis; None where the file does not say (photographs).
        affine: from voxel index (one number an axis, in the order of `shape`) to scanner
            coordinates in mm, x to the patient's right, y to the front, z to the head (RAS+, as in
            NIfTI); shape (4, 4), float64; None without one.

    A volume's axes are in the order opposite to that of NIfTI and ITK: D is their third axis, W
    their first, so that a slice is an image like any other.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None
    affine: Tensor | None = None

    @property
    def space_dims(self) -> int:
        """Number of axes: 2 for an image, 3 for a volume."""
        return len(self.shape)


@dataclass(frozen=True)
class Sample:
    """One study as it was read from disk, on its own grid.

    Args:
        study: its name within the data set (a file name without its ending).
        image: stored intensities, shape (C, *S), float32.
        geometry: the grid of `image`.
        labels: class index per voxel, shape (*S), int64, 0 is background, `IGNORED` is left out of
            account; None without a mask.
        raters: the same from each of several raters, by name; empty when there is one truth.
        path: the file (of the first channel) that the image came from.
        group: the patient, so that no split tears one apart; the study itself when unknown.
        modality: as "CT", where the file says so (DICOM).
    """

    study: str
    image: Float[Tensor, "C *S"]
    geometry: Geometry
    labels: Int[Tensor, "*S"] | None = None
    raters: Mapping[str, Tensor] = field(default_factory=dict)
    path: Path | None = None
    group: str | None = None
    modality: str = ""


@dataclass(frozen=True)
class Fused:
    """What an ensemble makes of its members' masks.

    Args:
        probability: shape (K, *S), 0 to 1; K is 1 for a binary task (the foreground's). Classes
            sum to 1 over K, regions do not.
        uncertainty: predictive entropy in nats, shape (*S), 0 to ln K (binary: ln 2); with
            regions, the mean over them of their binary entropies, 0 to ln 2.
            Where a temperature is given, that of the probability at this temperature.
        mutual_information: the part of it on which the members disagree, in nats, shape (*S);
            without a temperature.
    """

    probability: Float[Tensor, "K *S"]
    uncertainty: Float[Tensor, "*S"]
    mutual_information: Float[Tensor, "*S"]


@dataclass(frozen=True)
class Prediction:
    """The answer for one study, on the study's own grid.

    Args:
        study: as in `Sample`.
        mask: class index per voxel, shape (*S), int64, 0 is background.
        probability, uncertainty, mutual_information: as in `Fused`.
        quality: Dice that the mask has on average over its structures if the probabilities come
            true, 0 to 1.
        members: the labels of each drawn mask, shape (M, *S); uint8 where that holds all classes.
        geometry: the grid of all of these.
        provenance: version, weights hash, seed, settings, seconds, device.
        warnings: in plain words, what the user should look at ("the mask is empty").
        image: the study's own image, for previews; shape (C, *S).
        path: the file that the image came from.
    """

    study: str
    mask: Int[Tensor, "*S"]
    probability: Float[Tensor, "K *S"]
    uncertainty: Float[Tensor, "*S"]
    mutual_information: Float[Tensor, "*S"]
    quality: float
    members: Integer[Tensor, "M *S"]
    geometry: Geometry
    provenance: Mapping[str, Any]
    image: Float[Tensor, "C *S"]
    warnings: tuple[str, ...] = ()
    path: Path | None = None


@dataclass(frozen=True)
class MaskCoding:
    """What the K channels of a mask mean; nobody else decides between sigmoid and softmax.

        binary    K = 1                     sigmoid   the foreground
        classes   K = number of classes     softmax   each class, the background first
        regions   K = number of regions     sigmoid   each a set of classes; they may overlap

    Args:
        classes: their number, with the background.
        is_exclusive: whether every class has a channel and they sum to 1.
        regions: the classes of each region; empty without regions.
        painted: for each region, the class that stands for it in a label map. Regions are painted
            in order, so that later ones lie over earlier ones, as in nnU-Net.
    """

    classes: int = 2
    is_exclusive: bool = False
    regions: tuple[tuple[int, ...], ...] = ()
    painted: tuple[int, ...] = ()

    @classmethod
    def of_channels(cls, channels: int) -> Self:
        """What channels are that nothing is said about: one is binary, several are classes."""
        return cls(max(channels, 2), is_exclusive=channels > 1)

    @classmethod
    def of_classes(cls, classes: int) -> Self:
        """Two classes are a binary task, more are classes."""
        return cls(classes, is_exclusive=classes > 2)

    @property
    def structures(self) -> tuple[tuple[int, ...], ...]:
        """The classes of everything that is drawn and scored: each foreground class, or region."""
        return self.regions or tuple((index,) for index in range(1, self.classes))

    @property
    def channels(self) -> int:
        """K."""
        return self.classes if self.is_exclusive else len(self.structures)

    @property
    def highest_entropy(self) -> float:
        """The largest uncertainty that there can be, in nats."""
        return math.log(self.classes if self.is_exclusive else 2)

    def encode(self, labels: Int[Tensor, "B *S"]) -> Float[Tensor, "B K *S"]:
        """Channels of zeros and ones; ignored voxels count as background."""
        if self.is_exclusive:
            return one_hot(labels.clamp(min=0), self.classes)
        return torch.stack([inside(labels, one) for one in self.structures], dim=1).float()

    def paint(self, masks: Bool[Tensor, "K *S"]) -> Int[Tensor, "*S"]:
        """Class per voxel from the masks of all structures, later ones over earlier ones."""
        labels = torch.zeros(masks.shape[1:], dtype=torch.int64, device=masks.device)
        for mask, index in zip(masks, self.painted or range(1, self.classes), strict=True):
            labels.masked_fill_(mask, index)
        return labels

    def masks(self, labels: Integer[Tensor, "*S"]) -> list[Bool[Tensor, "*S"]]:
        """Where each structure is in a label map."""
        return [inside(labels, structure) for structure in self.structures]


BINARY = MaskCoding()


def labels_from_probability(
    probability: Float[Tensor, "K *S"], threshold: float = 0.5, coding: MaskCoding | None = None
) -> Int[Tensor, "*S"]:
    """Class per voxel: the likeliest, or what is painted where a probability reaches the threshold.

    Args:
        probability: 0 to 1, shape (K, *S).
        threshold: for binary tasks and regions.
        coding: what the channels are; None takes one as binary and several as classes.
    """
    coding = coding or MaskCoding.of_channels(len(probability))
    if coding.is_exclusive:
        return probability.max(dim=0).indices  # the first of equals; faster than argmax on a CPU
    return coding.paint(probability >= threshold)


def one_hot(labels: Int[Tensor, "*B_S"], classes: int, dim: int = 1) -> Tensor:
    """Indicator of each class, float32, the class axis inserted at `dim`."""
    return torch.nn.functional.one_hot(labels, classes).movedim(-1, dim).float()


def inside(labels: Integer[Tensor, "*S"], structure: tuple[int, ...]) -> Bool[Tensor, "*S"]:
    """Voxels whose class is one of a structure's."""
    if len(structure) == 1:
        return labels == structure[0]
    return torch.isin(labels, torch.tensor(structure, device=labels.device))
