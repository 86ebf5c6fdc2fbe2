"""What the data ask for: two or three dimensions, spacing, window and batch, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from medsegdiff.data import Dataset, Grid
from medsegdiff.data.orientation import Reorientation, orientation_of
from medsegdiff.data.preparation import fitted_grid, measured_studies
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.normalise import Scope
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.engine.config import TrainConfig
from medsegdiff.errors import ConfigError, DataError, MedSegDiffError
from medsegdiff.types import Geometry

SIDE_ON_CPU, SIDE_ON_GPU = 96, 256
WINDOW_ON_CPU, WINDOW_ON_GPU = 48**3, 128**3  # voxels that a volume's network sees at once
STUDY_ON_CPU = 2**20  # voxels to which a volume is coarsened, so that it is segmented in a minute
STEP = 8  # windows have multiples of it along each axis
THINNEST = 12  # slices; volumes of fewer are seen slice by slice
NEARLY_CUBES = 1.5  # a spacing so many times another's does not tell what a slice is
ANISOTROPIC = 3.0  # a spacing so many times another's: slices have little to say to each other
COMMON = 10  # percentile of the spacing across coarse slices, as in nnU-Net: few are interpolated
BATCH_OF_VOLUMES = 2
AXIAL = "SPL"
CT_NAMES = ("ct", "hu", "hounsfield")


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
        why = f"Images are seen through windows of {_times(grid.size)} pixels, as asked."
        return DataPlan(grid, "data", settings, (why,))
    side = settings.side or default_side(device)
    grid = fitted_grid(dataset, studies, side, settings.aspect)
    why = (
        f"Images are brought whole to {_times(grid.size)}: their usual shape at side {side}"
        f"{'' if settings.side else f', which suits a {device.type.upper()}'}."
    )
    return DataPlan(grid, "data", settings, (why,))


def _plan_volumes(
    found: Sequence[Geometry], channels: Sequence[str], settings: TrainConfig, device: torch.device
) -> DataPlan:
    """Orientation, dimensions, spacing and window of volumes, one after the other."""
    orientation, why_turned = _orientation(found)
    turned = [_turned(one, orientation) for one in found]
    spacing, why_spacing = _spacing(turned, settings)
    shape = _median_shape(turned, spacing)
    dims, why_dims = _dimensions(shape, spacing, settings)
    reasons = [why_turned, why_spacing, why_dims]
    if settings.spacing_mm is None and device.type == "cpu" and settings.patch is None:
        side = settings.side or SIDE_ON_CPU
        shape, spacing, why = _coarsened(shape, spacing, dims, side)
        reasons += [why] if why else []
    most = WINDOW_ON_CPU if device.type == "cpu" else WINDOW_ON_GPU
    size = settings.patch or _window(shape, dims, most, settings.side or default_side(device))
    _check_axes(3, settings)
    reasons.append(f"The network sees {_times(size)} voxels of the usual {_times(shape)} at once.")
    scope: Scope = "data" if any(one.lower() in CT_NAMES for one in channels) else "study"
    reasons.append(
        "Intensities are normalised over the data set, since CT numbers mean the same everywhere."
        if scope == "data"
        else "Intensities are normalised in each study by itself, since those of MRI mean nothing "
        "alone. A channel named CT would be normalised over the data set."
    )
    grid = Tiles(size=size, spacing_mm=spacing, orientation=orientation)
    return DataPlan(grid, scope, settings_for(grid, settings), tuple(reasons))


def settings_for(grid: Grid, settings: TrainConfig) -> TrainConfig:
    """The settings with what a grid decides of them, where nothing else is asked.

    Volumes come in small batches. They are mirrored from left to right alone: a body has no other
    symmetry, and once it lies in one orientation, that says what is front and what is back.
    """
    if not isinstance(grid, Tiles) or len(grid.size) == 2:
        return settings
    asked, changes = settings.model_fields_set, {}
    if "batch_size" not in asked and not grid.sees_slices:
        changes["batch_size"] = BATCH_OF_VOLUMES
    if "augmentation" not in asked:
        across = [i - 3 for i, letter in enumerate(grid.orientation) if letter in "LR"]
        axes = tuple(axis for axis in across if axis >= -len(grid.network_size))
        changes["augmentation"] = tuple(
            one.model_copy(update={"axes": axes}) if isinstance(one, Flip) else one
            for one in settings.augmentation
        )
    return settings.model_copy(update=changes)


@dataclass(frozen=True)
class _Turned:
    """A volume's voxels and spacing along the axes that the network will see."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None


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


def _orientation(found: Sequence[Geometry]) -> tuple[str, str]:
    """Axes so that the coarsest spacing, of most volumes, lies between slices."""
    coarsest = Counter(filter(None, map(_across_coarse_slices, found)))
    letter = coarsest.most_common(1)[0][0] if coarsest else "S"
    for letters, chosen, word in (("LR", "LSP", "sagittal"), ("AP", "PSL", "coronal")):
        if letter in letters:
            return chosen, f"Slices are {word}, for most volumes are coarsest across these."
    return AXIAL, "Slices are axial."


def _across_coarse_slices(one: Geometry) -> str | None:
    """The direction of the coarsest axis; None where voxels are nearly cubes, or unknown."""
    if one.affine is None or one.spacing_mm is None:
        return None
    if max(one.spacing_mm) <= NEARLY_CUBES * min(one.spacing_mm):
        return None
    return orientation_of(one.affine)[one.spacing_mm.index(max(one.spacing_mm))]


def _turned(one: Geometry, orientation: str) -> _Turned:
    turn = Reorientation.none(3)
    if one.affine is not None:
        turn = Reorientation.between(orientation_of(one.affine), orientation)
    spacing = None if one.spacing_mm is None else turn.reordered(one.spacing_mm)
    return _Turned(tuple(int(n) for n in turn.reordered(one.shape)), spacing)


def _spacing(
    turned: Sequence[_Turned], settings: TrainConfig
) -> tuple[tuple[float, ...] | None, str]:
    """The usual spacing along each axis; across coarse slices a finer one."""
    if settings.spacing_mm is not None:
        return settings.spacing_mm, f"Spacing {_mm(settings.spacing_mm)}, as asked."
    known = [one.spacing_mm for one in turned if one.spacing_mm is not None]
    if not known:
        return None, "Voxels are taken as they are, for no file says how large they are."
    usual = [median(one[axis] for one in known) for axis in range(3)]
    coarse = max(range(3), key=lambda axis: usual[axis])
    if usual[coarse] > ANISOTROPIC * min(usual):
        ordered = sorted(one[coarse] for one in known)
        usual[coarse] = max(ordered[len(ordered) * COMMON // 100], min(usual))
    spacing = tuple(float(f"{one:.6g}") for one in usual)
    return spacing, f"Spacing {_mm(spacing)}, the usual one of {len(known)} studies."


def _median_shape(turned: Sequence[_Turned], spacing: tuple[float, ...] | None) -> tuple[int, ...]:
    shapes = []
    for one in turned:
        scale = (1.0,) * 3
        if spacing is not None and one.spacing_mm is not None:
            scale = tuple(old / new for old, new in zip(one.spacing_mm, spacing, strict=True))
        shapes.append([n * factor for n, factor in zip(one.shape, scale, strict=True)])
    return tuple(max(1, round(median(sides))) for sides in zip(*shapes, strict=True))


def _dimensions(
    shape: tuple[int, ...], spacing: tuple[float, ...] | None, settings: TrainConfig
) -> tuple[int, str]:
    """Whether the network sees volumes or their slices."""
    if settings.patch is not None:
        dims = 2 if settings.patch[0] == 1 else 3
        return dims, f"A {dims}-D network, as the window asks."
    if settings.dimensions is not None:
        return settings.dimensions, f"A {settings.dimensions}-D network, as asked."
    if shape[0] < THINNEST:
        return 2, f"A 2-D network on slices: there are only {shape[0]} of them, usually."
    if spacing is not None and max(spacing) > ANISOTROPIC * min(spacing):
        ratio = max(spacing) / min(spacing)
        return 2, f"A 2-D network on slices, which lie {ratio:.1f} times as far apart as pixels."
    return 3, "A 3-D network: slices are close enough to say something about each other."


def _coarsened(
    shape: tuple[int, ...], spacing: tuple[float, ...] | None, dims: int, side: int
) -> tuple[tuple[int, ...], tuple[float, ...] | None, str]:
    """A coarser spacing where a processor would take minutes for a volume."""
    axes = range(3) if dims == 3 else range(1, 3)
    most = STUDY_ON_CPU if dims == 3 else side**2
    factor = (math.prod(shape[axis] for axis in axes) / most) ** (1 / len(axes))
    if spacing is None or factor <= 1.05:
        return shape, spacing, ""
    coarser = tuple(
        float(f"{one * (factor if axis in axes else 1):.4g}") for axis, one in enumerate(spacing)
    )
    smaller = tuple(
        max(1, round(n * old / new)) for n, old, new in zip(shape, spacing, coarser, strict=True)
    )
    why = (
        f"Coarsened to {_mm(coarser)}, so that a processor without a GPU segments a volume in "
        "about a minute; train.spacing_mm asks for another."
    )
    return smaller, coarser, why


def _window(shape: tuple[int, ...], dims: int, most: int, side: int) -> tuple[int, ...]:
    """The usual study, shortened along its longest axes until it is not larger than allowed."""
    lead = shape[:1] if dims == 2 else ()
    size = [_multiple(n) for n in shape[len(lead) :]]
    most = most if dims == 3 else side**2 * 3 // 2
    while math.prod(size) > most and max(size) > STEP:
        size[size.index(max(size))] -= STEP
    return (1, *size) if dims == 2 else tuple(size)


def _multiple(n: int) -> int:
    return max(1, math.ceil(n / STEP)) * STEP


def _check_axes(dims: int, settings: TrainConfig) -> None:
    for name in ("patch", "spacing_mm"):
        value = getattr(settings, name)
        if value is not None and len(value) != dims:
            what = "images" if dims == 2 else "volumes"
            raise ConfigError(
                f"train.{name}={list(value)} has {len(value)} numbers, but the data are {what}: "
                f"give {dims}{', the first 1 for slices' if dims == 3 and name == 'patch' else ''}."
            )


def _times(numbers: Sequence[int]) -> str:
    return " x ".join(map(str, numbers))


def _mm(spacing: Sequence[float]) -> str:
    return f"{' x '.join(f'{one:g}' for one in spacing)} mm"
