"""The values in flight: a study as it was read, and the prediction that comes back for it.

Letters in shapes: C image channels, K mask channels, R raters, M ensemble members, *S the grid
(H W or D H W).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor


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
        labels: class index per voxel, shape (*S), int64, 0 is background; None without a mask.
        raters: the same from each of several raters, by name; empty when there is one truth.
        path: the file (of the first channel) that the image came from.
        group: the patient, so that no split tears one apart; the study itself when unknown.
    """

    study: str
    image: Float[Tensor, "C *S"]
    geometry: Geometry
    labels: Int[Tensor, "*S"] | None = None
    raters: Mapping[str, Tensor] = field(default_factory=dict)
    path: Path | None = None
    group: str | None = None


@dataclass(frozen=True)
class Fused:
    """What an ensemble makes of its members' masks.

    Args:
        probability: shape (K, *S), 0 to 1; K is 1 for a binary task (the foreground's), else it
            sums to 1 over K.
        uncertainty: predictive entropy in nats, shape (*S), 0 to ln K (binary: ln 2).
        mutual_information: the part of it on which the members disagree, in nats, shape (*S).
        quality: mean pairwise Dice of the members, 0 to 1; None with a single member.
    """

    probability: Float[Tensor, "K *S"]
    uncertainty: Float[Tensor, "*S"]
    mutual_information: Float[Tensor, "*S"]
    quality: float | None


@dataclass(frozen=True)
class Prediction:
    """The answer for one study, on the study's own grid.

    Args:
        study: as in `Sample`.
        mask: class index per voxel, shape (*S), int64, 0 is background.
        probability, uncertainty, mutual_information, quality: as in `Fused`.
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
    quality: float | None
    members: Integer[Tensor, "M *S"]
    geometry: Geometry
    provenance: Mapping[str, Any]
    image: Float[Tensor, "C *S"]
    warnings: tuple[str, ...] = ()
    path: Path | None = None


def labels_from_probability(
    probability: Float[Tensor, "K *S"], threshold: float = 0.5
) -> Int[Tensor, "*S"]:
    """Class per voxel: the likeliest, or foreground where one channel reaches the threshold."""
    if probability.shape[0] == 1:
        return (probability[0] >= threshold).long()
    return probability.max(dim=0).indices  # the first of equals; faster than argmax on a CPU


def one_hot(labels: Int[Tensor, "*B_S"], classes: int, dim: int = 1) -> Tensor:
    """Indicator of each class, float32, the class axis inserted at `dim`."""
    return torch.nn.functional.one_hot(labels, classes).movedim(-1, dim).float()
