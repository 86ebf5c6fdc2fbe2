"""What the data ask for: two or three dimensions, spacing, window and batch, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from medsegdiff.data import Dataset, Grid
from medsegdiff.data.modality import modality_of
from medsegdiff.data.preparation import fitted_grid, measured_studies
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.normalise import Scope
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.engine.config import TrainConfig
from medsegdiff.engine.memory_plan import gigabytes, memory_of, planned_batch, window_that_fits
from medsegdiff.engine.volume_plan import (
    coarsened,
    network_dimensions,
    times,
    turned_grid,
    usual_orientation,
    usual_shape,
    usual_spacing,
    window_size,
)
from medsegdiff.errors import ConfigError, DataError, MedSegDiffError
from medsegdiff.types import Geometry

SIDE_ON_CPU, SIDE_ON_GPU = 96, 256
WINDOW_ON_CPU, WINDOW_ON_GPU = 48**3, 128**3  # voxels that a volume's network sees at once


@dataclass(frozen=True)
class DataPlan:
    """How a training looks at the data.

    Args:
        grid: the size of what the network sees, and how studies get there.
        scope: whose intensities they are prepared by.
        settings: of the training, with what the data decide of them.
        reasons: why, in plain words.
    """

    grid: Grid
    scope: Scope
    settings: TrainConfig
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For `plan.json`."""
        return {
            "grid": self.grid.model_dump(mode="json"),
            "intensities_of": self.scope,
            "batch_size": self.settings.batch_size,
            "reasons": list(self.reasons),
        }


def default_side(device: torch.device) -> int:
    """Geometric mean of the sides of an image's grid, where none is asked for."""
    return SIDE_ON_CPU if device.type == "cpu" else SIDE_ON_GPU


def plan_data(
    dataset: Dataset, studies: Sequence[str], settings: TrainConfig, device: torch.device
) -> DataPlan:
    """Decide what the settings leave open, by the sizes and spacings of some studies.

    Args:
        dataset: where they are.
        studies: those that may be looked at, the same for every fold: not the test split.
        settings: what is asked for goes before what is found.
        device: what it will run on.

    Raises:
        DataError: images and volumes are mixed, or no study can be read.
        ConfigError: settings that do not go with the data.
    """
    found = _geometries(dataset, studies)
    dims = {one.space_dims for one in found}
    if len(dims) != 1:
        raise DataError("Images and volumes are mixed. Train on one kind at a time.")
    if dims == {2}:
        return _plan_images(dataset, studies, settings, device)
    return _plan_volumes(found, dataset.channel_names, settings, device)


def _plan_images(
    dataset: Dataset, studies: Sequence[str], settings: TrainConfig, device: torch.device
) -> DataPlan:
    """Whole images on one grid; through windows only where the settings ask for them."""
    if settings.patch is not None:
        _check_axes(2, settings)
        grid = Tiles(size=settings.patch)
        why = f"Images are seen through windows of {times(grid.size)} pixels, as asked."
        return _plan_with_batch(grid, "data", settings, [why], device)
    side = settings.side or default_side(device)
    grid = fitted_grid(dataset, studies, side, settings.aspect)
    why = (
        f"Images are brought whole to {times(grid.size)}: their usual shape at side {side}"
        f"{'' if settings.side else f', which suits a {device.type.upper()}'}."
    )
    return _plan_with_batch(grid, "data", settings, [why], device)


def _plan_volumes(
    found: Sequence[Geometry], channels: Sequence[str], settings: TrainConfig, device: torch.device
) -> DataPlan:
    """Orientation, dimensions, spacing and window of volumes, one after the other."""
    orientation, why_turned = usual_orientation(found)
    turned = [turned_grid(one, orientation) for one in found]
    spacing, why_spacing = usual_spacing(turned, settings)
    shape = usual_shape(turned, spacing)
    dims, why_dims = network_dimensions(shape, spacing, settings)
    reasons = [why_turned, why_spacing, why_dims]
    if settings.spacing_mm is None and device.type == "cpu" and settings.patch is None:
        side = settings.side or SIDE_ON_CPU
        shape, spacing, why = coarsened(shape, spacing, dims, side)
        reasons += [why] if why else []
    usual_most = WINDOW_ON_CPU if device.type == "cpu" else WINDOW_ON_GPU
    memory = memory_of(device)
    most = min(usual_most, window_that_fits(memory))
    size = settings.patch or window_size(shape, dims, most, settings.side or default_side(device))
    _check_axes(3, settings)
    why_window = f"The network sees {times(size)} voxels of the usual {times(shape)} at once"
    if settings.patch is None and dims == 3 and most < min(usual_most, prod(shape)):
        why_window += f", for {gigabytes(memory)} of memory allow no larger window in training"
    reasons.append(f"{why_window}.")
    scope: Scope = "data" if any(modality_of(one) == "CT" for one in channels) else "study"
    reasons.append(
        "Intensities are normalised over the data set, since CT numbers mean the same everywhere."
        if scope == "data"
        else "Intensities are normalised in each study by itself, since those of MRI mean nothing "
        "alone. A channel named CT would be normalised over the data set."
    )
    grid = Tiles(size=size, spacing_mm=spacing, orientation=orientation)
    return _plan_with_batch(grid, scope, settings, reasons, device)


def _plan_with_batch(
    grid: Grid, scope: Scope, settings: TrainConfig, reasons: Sequence[str], device: torch.device
) -> DataPlan:
    chosen, why = settings_for(grid, settings, device)
    return DataPlan(grid, scope, chosen, (*reasons, why))


def settings_for(
    grid: Grid, settings: TrainConfig, device: torch.device
) -> tuple[TrainConfig, str]:
    """The settings with what a grid decides of them where nothing else is asked; why the batch.

    Volumes come in small batches. They are mirrored from left to right alone: a body has no other
    symmetry, and once it lies in one orientation, that says what is front and what is back.

    Raises:
        ConfigError: a part of a batch is larger than the batch.
    """
    batch, why = planned_batch(grid, settings, memory_of(device))
    if settings.micro_batch is not None and settings.micro_batch > batch:
        raise ConfigError(
            f"train.micro_batch={settings.micro_batch} is a part of a batch, but a batch has "
            f"{batch}. Give {batch} or fewer, or a larger train.batch_size."
        )
    changes: dict[str, Any] = {}
    if batch != settings.batch_size:
        changes["batch_size"] = batch
    is_open = "augmentation" not in settings.model_fields_set
    if is_open and isinstance(grid, Tiles) and len(grid.size) == 3:
        across = [i - 3 for i, letter in enumerate(grid.orientation) if letter in "LR"]
        axes = tuple(axis for axis in across if axis >= -len(grid.network_size))
        changes["augmentation"] = tuple(
            one.model_copy(update={"axes": axes}) if isinstance(one, Flip) else one
            for one in settings.augmentation
        )
    return settings.model_copy(update=changes), why


def _geometries(dataset: Dataset, studies: Sequence[str]) -> list[Geometry]:
    """Of some studies that stand for all; a bad one is named when it is trained on."""
    found, error = [], None
    for study in measured_studies(studies):
        try:
            found.append(dataset.geometry(study))
        except MedSegDiffError as problem:
            error = problem
    if not found:
        raise error or DataError("There is no study to plan for.")
    return found


def _check_axes(dims: int, settings: TrainConfig) -> None:
    for name in ("patch", "spacing_mm"):
        value = getattr(settings, name)
        if value is not None and len(value) != dims:
            what = "images" if dims == 2 else "volumes"
            raise ConfigError(
                f"train.{name}={list(value)} has {len(value)} numbers, but the data are {what}: "
                f"give {dims}{', the first 1 for slices' if dims == 3 and name == 'patch' else ''}."
            )
