"""What can be shown of each study: its image, truth, prediction and uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data import LabelMap
from medsegdiff.data.channels import with_channels
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.pictures import heat_map, overlay
from medsegdiff.data.planes import Plane, planes
from medsegdiff.data.preparation import voxel_digest
from medsegdiff.engine.mask_files import DrawnMask, check_one_grid, read_drawn
from medsegdiff.engine.mask_pairs import MaskPairs, read_map, read_truth
from medsegdiff.engine.outputs import thinned
from medsegdiff.engine.report.contents import Picture
from medsegdiff.engine.report.thumbnails import thumbnail
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.types import Geometry

WIDTH = 2  # of outlines, in pixels: they are looked at from afar
IMAGE, TRUTH, PREDICTION, UNCERTAINTY = "image", "truth", "prediction", "uncertainty"


@dataclass(frozen=True)
class Shown:
    """One study, read, in the plane that is shown.

    Args:
        plane: of a volume, the axial one with most structure.
        image: shape (C, H, W); None where it is not known.
        mask, truth: class numbers, shape (H, W).
        uncertainty: 0 to 1, shape (H, W).
    """

    plane: Plane
    mask: Int[Tensor, "H W"]
    image: Float[Tensor, "C H W"] | None = None
    truth: Int[Tensor, "H W"] | None = None
    uncertainty: Float[Tensor, "H W"] | None = None

    @property
    def parts(self) -> list[str]:
        """What the pictures are."""
        known = {
            IMAGE: self.image is not None,
            TRUTH: self.truth is not None,
            PREDICTION: True,
            UNCERTAINTY: self.uncertainty is not None,
        }
        return [name for name, is_known in known.items() if is_known]

    def tiles(self, side: int) -> list[Image.Image]:
        """The pictures; where the image is not known, masks are outlined on black."""
        dark = torch.zeros(1, *self.mask.shape)
        image = thinned(dark if self.image is None else self.image, side)
        drawn = [] if self.image is None else [overlay(image, side=side)]
        if self.truth is not None:
            drawn.append(overlay(image, self.truth, side=side, width=WIDTH))
        drawn.append(overlay(image, self.mask, self.truth, side=side, width=WIDTH))
        if self.uncertainty is not None:
            drawn.append(heat_map(thinned(self.uncertainty, side), 1.0, side=side))
        return drawn


@dataclass(frozen=True)
class StudyPictures:
    """Where the parts of the pictures are.

    Args:
        out: the folder of the masks.
        label_map: how classes are stored in the masks; None where nobody knows, and nothing is
            shown.
        images: the images; None where they are not known.
        pairs: the true masks; None where they are not known.
        hashes: of the image that each study was predicted from, 32 hex digits.
        problems: why a study is not shown, or not as it should be; filled while they are drawn.
    """

    out: Path
    label_map: LabelMap | None
    images: FileDataset | None = None
    pairs: MaskPairs | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def nothing(cls, out: Path) -> Self:
        """Show nothing."""
        return cls(out, None)

    def picture(self, study: str, mask: Path, budget: int) -> tuple[Picture, list[str]] | None:
        """The thumbnail of a study, and what its parts are; None where nothing can be shown.

        Args:
            study: its name.
            mask: the file of its predicted mask.
            budget: bytes that it may take.
        """
        try:
            shown = self._read(study, mask)
        except (MedSegDiffError, OSError) as error:
            self.problems[study] = str(error)
            return None
        if shown is None:
            return None
        uri, width, height = thumbnail(shown.tiles, len(shown.parts), budget)
        plane = "" if shown.plane.axis is None else f"{shown.plane.name} slice {shown.plane.index}"
        words = f"{study}: {', '.join(shown.parts)}"
        return Picture(uri, width, height, words, plane), shown.parts

    def _read(self, study: str, mask: Path) -> Shown | None:
        if self.label_map is None:
            return None
        image = self._image(study)
        drawn = read_drawn(mask, self.label_map)
        truth = self._truth(study, drawn)
        either = drawn.labels > 0 if truth is None else (drawn.labels > 0) | (truth > 0)
        plane = planes(either.long(), drawn.geometry)[0]
        uncertainty = self._uncertainty(mask, drawn.geometry)
        if image is not None and tuple(image.shape[1:]) != drawn.geometry.shape:
            raise DataError(f"The image of {study} is not of the size of its mask.")
        return Shown(
            plane,
            plane.of(drawn.labels),
            None if image is None else plane.of(image if plane.axis is None else image[:1]),
            None if truth is None else plane.of(truth),
            None if uncertainty is None else plane.of(uncertainty),
        )

    def _image(self, study: str) -> Float[Tensor, "C *S"] | None:
        """The image, if it is the one that the mask was drawn on."""
        if self.images is None or study not in self.images.ids():
            return None
        image, known = self.images.load(study).image, self.hashes.get(study)
        alike = [image] if image.ndim == 4 else [image, *(with_channels(image, n) for n in (1, 3))]
        if known is not None and known not in [voxel_digest(one).hex() for one in alike]:
            raise DataError(
                f"The image of {study} is not the one that its mask was drawn on. Give the folder "
                "that was predicted with -i."
            )
        return image

    def _truth(self, study: str, drawn: DrawnMask) -> Int[Tensor, "*S"] | None:
        if self.pairs is None or study not in self.pairs.references:
            return None
        truth = read_truth(self.pairs, study)
        check_one_grid(truth, drawn)
        return truth.labels

    def _uncertainty(self, mask: Path, geometry: Geometry) -> Float[Tensor, "*S"] | None:
        names = dict.fromkeys((mask.name, mask.with_suffix(".png").name))
        files = [self.out / "uncertainty" / name for name in names]
        found: Sequence[Path] = [file for file in files if file.is_file()]
        values = read_map(found[0])[0] if found else None
        return values if values is not None and tuple(values.shape) == geometry.shape else None
