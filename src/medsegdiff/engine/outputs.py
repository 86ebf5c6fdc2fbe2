"""From a prediction to the files of OUT.

OUT/study.png                       the mask, in the user's label values (tif where png cannot
                                    hold them); the root holds no other image
OUT/probabilities/study.png         16 bits, 65535 is 1.0; several classes: class_0/, class_1/ ...
OUT/uncertainty/study.png           16 bits, predictive entropy as a share of its largest value
OUT/members/member_0/study.png ...  the mask of each member
OUT/previews/study.png              the outline on the image, and the uncertainty as heat
OUT/statistics.json                 of every mask; what is unknown is null, never 0
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data import LabelMap, write_labels, write_map
from medsegdiff.data.pictures import contact_sheet, heat_map, overlay
from medsegdiff.engine.postprocessing import count_pieces
from medsegdiff.files import atomic_write
from medsegdiff.types import Geometry, Prediction

SMALLEST_PREVIEW, LARGEST_PREVIEW = 256, 768  # longer side of a preview's pictures, in pixels


class Extras(Config):
    """What is written beside the mask.

    Args:
        probabilities: of each class.
        uncertainty: predictive entropy.
        members: the mask of each drawn member.
        previews: pictures for people.
    """

    probabilities: bool = False
    uncertainty: bool = False
    members: bool = False
    previews: bool = False


@dataclass(frozen=True, kw_only=True)
class StudyPrediction(Prediction):
    """A prediction that knows how its classes are stored, so that it can be written.

    Args:
        label_map: names and stored values of the classes.
    """

    label_map: LabelMap

    @classmethod
    def of(cls, prediction: Prediction, label_map: LabelMap) -> Self:
        """The same prediction, with its classes."""
        values = {one.name: getattr(prediction, one.name) for one in fields(prediction)}
        return cls(**{**values, "label_map": label_map})

    def save(self, folder: str | Path, extras: Extras | None = None) -> Path:
        """Write the mask and what else is wanted, each file atomically.

        Args:
            folder: OUT; made if it is not there.
            extras: what is written beside the mask; None writes the mask alone.

        Returns:
            The file of the mask.
        """
        extras, out = extras or Extras(), Path(folder)
        path = mask_path(out, self.study, self.label_map)
        name = f"{self.study}.png"
        if extras.probabilities:
            self._write_probabilities(out / "probabilities", name)
        if extras.uncertainty:
            share = self.uncertainty.float() / self.highest_uncertainty
            write_map(out / "uncertainty" / name, share.clamp(0, 1))
        if extras.members:
            for number, member in enumerate(self.members):
                member_file = out / "members" / f"member_{number}" / path.name
                write_labels(member_file, member.long(), self.label_map)
        if extras.previews:
            write_picture(out / "previews" / name, self.preview())
        write_labels(path, self.mask, self.label_map)  # last: where there is a mask, all is there
        return path

    def preview(self) -> Image.Image:
        """The image, the image with the mask's outline, and the uncertainty, side by side."""
        side = min(max(*self.geometry.shape, SMALLEST_PREVIEW), LARGEST_PREVIEW)
        quality = "" if self.quality is None else f", quality {self.quality:.2f}"
        image, uncertainty = thinned(self.image, side), thinned(self.uncertainty, side)
        tiles = [
            (overlay(image, side=side), self.study),
            (overlay(image, self.mask, side=side), f"mask{quality}"),
            (heat_map(uncertainty, self.highest_uncertainty, side=side), "uncertainty"),
        ]
        return contact_sheet(tiles, columns=3, side=side)

    @property
    def highest_uncertainty(self) -> float:
        """The largest entropy that there can be, in nats: ln K."""
        return math.log(self.label_map.classes)

    def statistics(self) -> dict[str, Any]:
        """Figures of the mask for `statistics.json`; what is unknown is None."""
        found = self.mask > 0
        inside = self.uncertainty[found]
        return {
            "classes": dict(_class_statistics(self.mask, self.label_map, self.geometry)),
            "mean_uncertainty_inside_nats": _rounded(float(inside.mean())) if len(inside) else None,
            "quality": None if self.quality is None else _rounded(self.quality),
            "warnings": list(self.warnings),
        }

    def _write_probabilities(self, folder: Path, name: str) -> None:
        if len(self.probability) == 1:
            write_map(folder / name, self.probability[0].clamp(0, 1))
            return
        for number, probability in enumerate(self.probability):
            write_map(folder / f"class_{number}" / name, probability.clamp(0, 1))


def mask_path(folder: Path, study: str, label_map: LabelMap) -> Path:
    """The file of a study's mask: png, or tif for values that a png cannot hold."""
    fits_png = bool(label_map.colours) or (
        min(label_map.values) >= 0 and max(label_map.values) < 2**16
    )
    return folder / f"{study}{'.png' if fits_png else '.tif'}"


def thinned(values: Float[Tensor, "*C H W"], side: int) -> Float[Tensor, "*C h w"]:
    """Every nth row and column, so that a picture of large images does not take long.

    What is left has still at least twice `side` pixels on the longer side, if there were so many.
    """
    step = max(1, max(values.shape[-2:]) // (2 * side))
    return values[..., ::step, ::step]


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, atomically."""
    atomic_write(path, lambda file: picture.save(file, format="PNG"))


def _class_statistics(
    mask: Tensor, label_map: LabelMap, geometry: Geometry
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and figures of each class but the background."""
    spacing = geometry.spacing_mm
    voxel_mm = None if spacing is None else math.prod(spacing)  # mm^2 in an image, mm^3 in a volume
    is_volume = geometry.space_dims == 3
    for index, name in enumerate(label_map.names[1:], start=1):
        where = (mask == index).numpy()
        count = int(where.sum())
        size = None if voxel_mm is None else _rounded(count * voxel_mm)
        yield (
            name,
            {
                "n_voxels": count,
                "share_of_image": _rounded(count / where.size),
                "area_mm2": None if is_volume else size,
                "volume_ml": size / 1000 if is_volume and size is not None else None,
                "n_pieces": count_pieces(where),
                "touches_border": _touches_border(where),
            },
        )


def _touches_border(where: np.ndarray) -> bool:
    """Whether the structure may go on outside of the image."""
    ends = [np.take(where, end, axis=axis) for axis in range(where.ndim) for end in (0, -1)]
    return any(bool(end.any()) for end in ends)


def _rounded(value: float) -> float:
    """Six significant digits: more is noise, and makes files differ."""
    return float(f"{value:.6g}")
