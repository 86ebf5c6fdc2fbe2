"""A folder with `images/` and `masks/`, paired by name.

    ROOT/images/a.jpg      or img/; a.nii.gz, a.nrrd, a.mha ...; a/, a folder with a DICOM series
                           a_0000.nii.gz, a_0001.nii.gz ...: as many channels as dataset.json names
    ROOT/masks/a.png       or gt/; also a_mask.png, a_Segmentation.png, a_seg.png; a.nii.gz ...;
                           a.dcm, a DICOM SEG or RTSTRUCT; not needed to predict
    ROOT/raters/r1/a.png   the same from each of several raters
    ROOT/splits.json       {"train": [...], "val": [...], "test": [...]}
    ROOT/dataset.json      channel_names, labels, label_values, colors, groups or group_pattern

A folder of images alone, or one image, is a data set without masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from medsegdiff.data.declaration import read_declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.file_names import image_files, is_image
from medsegdiff.data.pairing import IMAGE_FOLDERS, find_files
from medsegdiff.data.study_files import FoundStudies, StudyFiles


class Folder(FileDataset):
    """Images and masks in two folders, paired by name and never by position.

    The root may also be one image.
    """

    name: Literal["folder"] = "folder"

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return is_folder(root) if root.is_dir() else is_image(root)

    def find(self) -> FoundStudies:
        declaration = read_declaration(self.root / "dataset.json")
        refused: dict[str, str] = {}
        taken = None if self.with_masks else refused  # to predict, the others go on
        files = find_files(self.root, len(declaration.channel_names), taken)
        studies = {
            study: StudyFiles(
                images=files.channels.get(study, (image,)),
                mask=files.masks.get(study),
                raters={
                    rater: drawn[study] for rater, drawn in files.raters.items() if study in drawn
                },
            )
            for study, image in files.images.items()
        }
        return FoundStudies(studies, declaration, files.masks_alone, refused=refused)


def is_folder(root: Path) -> bool:
    """Whether a folder has images in it, or a folder of images; lists beside them are ignored."""
    return any((root / name).is_dir() for name in IMAGE_FOLDERS) or bool(image_files(root))
