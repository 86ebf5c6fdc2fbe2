"""What the grids of volumes ask for: which axis is a slice, what spacing, what window, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from medsegdiff.data.orientation import Reorientation, orientation_of
from medsegdiff.engine.config import TrainConfig
from medsegdiff.types import Geometry

STUDY_ON_CPU = 2**20  # voxels to which a volume is coarsened, so that it is segmented in a minute
STEP = 8  # windows have multiples of it along each axis
THINNEST = 12  # slices; volumes of fewer are seen slice by slice
NEARLY_CUBES = 1.5  # a spacing so many times another's does not tell what a slice is
ANISOTROPIC = 3.0  # a spacing so many times another's: slices have little to say to each other
COMMON = 10  # percentile of the spacing across coarse slices, as in nnU-Net: few are interpolated
AXIAL = "SPL"


@dataclass(frozen=True)
class TurnedGrid:
    """A volume's voxels and spacing along the axes that the network will see."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None


def usual_orientation(found: Sequence[Geometry]) -> tuple[str, str]:
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


def turned_grid(one: Geometry, orientation: str) -> TurnedGrid:
    """A volume's grid with its axes in the order of an orientation such as "SPL"."""
    turn = Reorientation.none(3)
    if one.affine is not None:
        turn = Reorientation.between(orientation_of(one.affine), orientation)
    spacing = None if one.spacing_mm is None else turn.reordered(one.spacing_mm)
    return TurnedGrid(tuple(int(n) for n in turn.reordered(one.shape)), spacing)


def usual_spacing(
    turned: Sequence[TurnedGrid], settings: TrainConfig
) -> tuple[tuple[float, ...] | None, str]:
    """The usual spacing along each axis; across coarse slices a finer one."""
    if settings.spacing_mm is not None:
        return settings.spacing_mm, f"Spacing {millimetres(settings.spacing_mm)}, as asked."
    known = [one.spacing_mm for one in turned if one.spacing_mm is not None]
    if not known:
        return None, "Voxels are taken as they are, for no file says how large they are."
    usual = [median(one[axis] for one in known) for axis in range(3)]
    coarse = max(range(3), key=lambda axis: usual[axis])
    if usual[coarse] > ANISOTROPIC * min(usual):
        ordered = sorted(one[coarse] for one in known)
        usual[coarse] = max(ordered[len(ordered) * COMMON // 100], min(usual))
    spacing = tuple(float(f"{one:.6g}") for one in usual)
    return spacing, f"Spacing {millimetres(spacing)}, the usual one of {len(known)} studies."


def usual_shape(turned: Sequence[TurnedGrid], spacing: tuple[float, ...] | None) -> tuple[int, ...]:
    """The median number of voxels along each axis, at one spacing for all."""
    shapes = []
    for one in turned:
        scale = (1.0,) * 3
        if spacing is not None and one.spacing_mm is not None:
            scale = tuple(old / new for old, new in zip(one.spacing_mm, spacing, strict=True))
        shapes.append([n * factor for n, factor in zip(one.shape, scale, strict=True)])
    return tuple(max(1, round(median(sides))) for sides in zip(*shapes, strict=True))


def network_dimensions(
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


def coarsened(
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
        f"Coarsened to {millimetres(coarser)}, so that a processor without a GPU segments a volume "
        "in about a minute; train.spacing_mm asks for another."
    )
    return smaller, coarser, why


def window_size(shape: tuple[int, ...], dims: int, most: int, side: int) -> tuple[int, ...]:
    """The usual study, shortened along its longest axes until it is not larger than allowed."""
    lead = shape[:1] if dims == 2 else ()
    size = [_multiple(n) for n in shape[len(lead) :]]
    most = most if dims == 3 else side**2 * 3 // 2
    while math.prod(size) > most and max(size) > STEP:
        size[size.index(max(size))] -= STEP
    return (1, *size) if dims == 2 else tuple(size)


def _multiple(n: int) -> int:
    return max(1, math.ceil(n / STEP)) * STEP


def times(numbers: Sequence[int]) -> str:
    """A shape in words, as "40 x 56 x 40"."""
    return " x ".join(map(str, numbers))


def millimetres(spacing: Sequence[float]) -> str:
    """A spacing in words, as "5 x 1 x 1 mm"."""
    return f"{' x '.join(f'{one:g}' for one in spacing)} mm"
