"""The family of metrics: two label maps in, one number for each foreground class out."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from medsegdiff.component import Component
from medsegdiff.errors import DataError, GridMismatch


class Metric(Component, family=True):
    """Compare a predicted mask with its reference, class by class, on the study's own grid.

    A member of this family provides `measure` for two masks that both hold something. What is
    left is the empty-mask rule, the same for all:

        both masks empty      overlap 1    distance 0
        one of them empty     overlap 0    distance unknown (nan here, null in a report)

    Args:
        classes: number of classes with background.
    """

    is_distance: ClassVar[bool] = False
    classes: int = Field(default=2, ge=2)

    def __call__(
        self,
        prediction: Int[Tensor, "*P"],
        reference: Int[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None = None,
    ) -> Float[Tensor, "{self.classes}-1"]:
        """Measure every class but the background.

        Args:
            prediction: labels, shape (*S).
            reference: labels on the same grid, shape (*S); ignored voxels, -1, count nowhere.
            spacing_mm: size of a voxel along each axis; None measures distances in voxels.

        Returns:
            One value for each class 1 to K-1, shape (K-1,), float64.

        Raises:
            GridMismatch: the two grids differ in shape, or the spacing is not theirs.
            DataError: a label is not one of the classes.
        """
        self._check(prediction, reference, spacing_mm)
        known = reference >= 0
        values = [
            self.of_masks((prediction == index) & known, reference == index, spacing_mm)
            for index in range(1, self.classes)
        ]
        return torch.tensor(values, dtype=torch.float64)

    def of_masks(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None = None,
    ) -> float:
        """Measure one structure by the rule for empty masks; nan where unknown."""
        found, there = bool(prediction.any()), bool(reference.any())
        if found and there:
            return self.measure(prediction, reference, spacing_mm)
        if found or there:
            return math.nan if self.is_distance else 0.0
        return 0.0 if self.is_distance else 1.0

    def measure(
        self,
        prediction: Bool[Tensor, "*S"],
        reference: Bool[Tensor, "*S"],
        spacing_mm: tuple[float, ...] | None,
    ) -> float:
        """Measure one class; neither mask is empty."""
        raise NotImplementedError

    def _check(
        self, prediction: Tensor, reference: Tensor, spacing_mm: tuple[float, ...] | None
    ) -> None:
        check_same_grid(prediction.shape, reference.shape)
        if spacing_mm is not None and len(spacing_mm) != reference.ndim:
            raise GridMismatch(
                f"The masks have {reference.ndim} axes, but the spacing {spacing_mm} mm has "
                f"{len(spacing_mm)}. Give one size for each axis, or none for voxels."
            )
        check_labels(prediction, self.classes)
        check_labels(reference, self.classes)


def check_same_grid(prediction: tuple[int, ...], reference: tuple[int, ...]) -> None:
    """Refuse two grids of different shape.

    Raises:
        GridMismatch: the message names both shapes.
    """
    if tuple(prediction) != tuple(reference):
        raise GridMismatch(
            f"The prediction has the shape {tuple(prediction)}, its reference {tuple(reference)}. "
            "Compare masks on the study's own grid: resize neither, predict at native size."
        )


def check_labels(labels: Int[Tensor, "*S"], classes: int) -> None:
    """Refuse labels that are none of the classes.

    Raises:
        DataError: the message names the label.
    """
    if labels.numel() and (highest := int(labels.max())) >= classes:
        raise DataError(
            f"A mask holds the label {highest}, but there are {classes} classes with background "
            f"(0 to {classes - 1}). Compare masks of the same task."
        )
