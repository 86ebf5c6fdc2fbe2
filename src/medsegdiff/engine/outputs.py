"""From a prediction to the files of OUT.

OUT/study.png                       the mask, in the user's label values (tif where png cannot
                                    hold them); the root holds no other image
OUT/probabilities/study.png         16 bits, 65535 is 1.0; several classes: class_0/, class_1/ ...
                                    regions: region_1/, region_2/ ...
OUT/uncertainty/study.png           16 bits, predictive entropy as a share of its largest value
OUT/members/member_0/study.png ...  the mask of each member
OUT/previews/study.png              the outline on the image, and the uncertainty as heat
OUT/dicom_seg/study.dcm             of a DICOM study, the mask as DICOM SEG
OUT/statistics.json                 of every mask; what is unknown is null, never 0

A volume's mask and maps are stored as its image was (nii, nii.gz, nrrd, mha), a DICOM series' as
nii.gz, on the image's grid. Their probabilities and uncertainties are float32 from 0 to 1: NIfTI
knows no float16, and scaled 16-bit integers are misread by programs that skip the scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data import LabelMap, write_labels, write_map
from medsegdiff.data.contact_sheet import contact_sheet
from medsegdiff.data.formats.dicom import Dicom
from medsegdiff.data.formats.dicom_seg import write_segmentation
from medsegdiff.data.legend import legend_of
from medsegdiff.data.pictures import heat_map, overlay
from medsegdiff.data.planes import Plane, planes
from medsegdiff.engine.file_names import (
    PICTURE_ENDINGS,
    channel_names,
    mask_ending,
    seg_file,
)
from medsegdiff.engine.mask_statistics import rounded, structure_statistics
from medsegdiff.files import atomic_write
from medsegdiff.types import Prediction, inside

SMALLEST_PREVIEW, LARGEST_PREVIEW = 256, 768  # longer side of a preview's pictures, in pixels


class Extras(Config):
    """What is written beside the mask.

    Args:
        probabilities: of each class.
        uncertainty: predictive entropy.
        members: the mask of each drawn member.
        previews: pictures for people.
        dicom_seg: of a DICOM study, its mask as DICOM SEG.
    """

    probabilities: bool = False
    uncertainty: bool = False
    members: bool = False
    previews: bool = False
    dicom_seg: bool = True


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

        Raises:
            DataError: a DICOM study lacks what DICOM SEG requires; all else is written then.
        """
        extras, out = extras or Extras(), Path(folder)
        path = out / f"{self.study}{self._ending}"
        if extras.probabilities:
            self._write_probabilities(out / "probabilities")
        if extras.uncertainty:
            share = self.uncertainty.float() / self.highest_uncertainty
            self._write_map(out / "uncertainty", share)
        if extras.members:
            for number, member in enumerate(self.members):
                member_file = out / "members" / f"member_{number}" / path.name
                write_labels(member_file, member.long(), self.label_map, source=self.path)
        if extras.previews:
            write_picture(out / "previews" / f"{self.study}.png", self.preview())
        # last: where there is a mask, all is there that can be written of any study
        write_labels(path, self.mask, self.label_map, source=self.path)
        if extras.dicom_seg:
            self.save_dicom_seg(out, extras.probabilities)
        return path

    def save_dicom_seg(self, folder: str | Path, has_probability: bool = False) -> Path | None:
        """Write the mask of a DICOM study as DICOM SEG as well; regions overlap in it.

        Args:
            folder: OUT.
            has_probability: write the probabilities, too, as a second, fractional one.

        Returns:
            The file; None for a study that is not DICOM.

        Raises:
            DataError: the study lacks what the standard requires.
        """
        if self.path is None or not Dicom().claims(self.path):
            return None
        file = seg_file(Path(folder), self.study)
        names = dict(enumerate(self.label_map.structure_names, start=1))
        codes = {concept.name: concept.declared for concept in self.label_map.codes}
        drawn = self.mask.to(torch.int32).numpy()
        if self.label_map.regions:
            masks = torch.stack(self.label_map.coding.masks(self.mask)).numpy()
            write_segmentation(file, drawn * 0, names, codes, self.path, masks)
        else:
            write_segmentation(file, drawn, names, codes, self.path)
        if has_probability:
            soft = file.with_name(f"{self.study}_probability.dcm")
            maps = self.probability.float().numpy()
            write_segmentation(soft, drawn * 0, names, codes, self.path, maps)
        return file

    def preview(self) -> Image.Image:
        """The image, the image with the mask's outline, and the uncertainty, side by side.

        A volume has a row for each of three planes: axial, coronal and sagittal. Several classes or
        regions have a legend below.
        """
        side = min(max(*self.geometry.shape, SMALLEST_PREVIEW), LARGEST_PREVIEW)
        shown = planes(self.mask, self.geometry)
        tiles = [tile for plane in shown for tile in self._tiles(plane, side)]
        return contact_sheet(tiles, columns=3, side=side, legend=legend_of(self.label_map))

    def _tiles(self, plane: Plane, side: int) -> list[tuple[Image.Image, str]]:
        """The three pictures of one plane with their captions."""
        where = "" if plane.axis is None else f"  {plane.name} {plane.index}"
        channels = self.image if plane.axis is None else self.image[:1]
        image = thinned(plane.of(channels), side)
        uncertainty = thinned(plane.of(self.uncertainty), side)
        return [
            (overlay(image, side=side), f"{self.study}{where}"),
            (overlay(image, plane.of(self.mask), side=side), f"mask, quality {self.quality:.2f}"),
            (heat_map(uncertainty, self.highest_uncertainty, side=side), "uncertainty"),
        ]

    @property
    def highest_uncertainty(self) -> float:
        """The largest entropy that there can be, in nats: ln K for classes, ln 2 for regions."""
        return self.label_map.coding.highest_entropy

    def statistics(self) -> dict[str, Any]:
        """Figures of the mask for `statistics.json`; what is unknown is None."""
        doubts = self.uncertainty[self.mask > 0]
        names = self.label_map.names
        classes = {name: (index,) for index, name in enumerate(names) if index > 0}
        regions = {region.name: region.classes for region in self.label_map.regions}
        return {
            "classes": self._described(classes),
            **({"regions": self._described(regions)} if regions else {}),
            "mean_uncertainty_inside_nats": rounded(float(doubts.mean())) if len(doubts) else None,
            "quality": rounded(self.quality),
            "warnings": list(self.warnings),
        }

    def _described(self, structures: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Figures of what each one's classes cover; one mask at a time is held."""
        return {
            name: structure_statistics(inside(self.mask, classes).numpy(), self.geometry)
            for name, classes in structures.items()
        }

    @property
    def _ending(self) -> str:
        return mask_ending(self.path, self.geometry.space_dims, self.label_map)

    def _write_probabilities(self, folder: Path) -> None:
        if len(self.probability) == 1:
            self._write_map(folder, self.probability[0])
            return
        for name, probability in zip(channel_names(self.label_map), self.probability, strict=True):
            self._write_map(folder / name, probability)

    def _write_map(self, folder: Path, values: Float[Tensor, "*S"]) -> None:
        is_picture = self.geometry.space_dims == 2 and self._ending in PICTURE_ENDINGS
        ending = ".png" if is_picture else self._ending
        write_map(folder / f"{self.study}{ending}", values.clamp(0, 1), source=self.path)


def thinned(values: Float[Tensor, "*C H W"], side: int) -> Float[Tensor, "*C h w"]:
    """Every nth row and column, so that a picture of large images does not take long.

    What is left has still at least twice `side` pixels on the longer side, if there were so many.
    """
    step = max(1, max(values.shape[-2:]) // (2 * side))
    return values[..., ::step, ::step]


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, atomically."""
    atomic_write(path, lambda file: picture.save(file, format="PNG"))
