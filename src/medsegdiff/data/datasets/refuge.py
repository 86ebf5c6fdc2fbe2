"""REFUGE and REFUGE-2: fundus photographs with the optic disc and cup, as they are downloaded.

    Training400/Glaucoma/g0001.jpg, Training400/Non-Glaucoma/n0001.jpg
    Annotation-Training400/Disc_Cup_Masks/Glaucoma/g0001.bmp, .../Non-Glaucoma/n0001.bmp
    REFUGE-Validation400/V0001.jpg      REFUGE-Validation400-GT/Disc_Cup_Masks/V0001.bmp
    REFUGE-Test400/T0001.jpg            REFUGE-Test-GT/Disc_Cup_Masks/{G,N}/T0001.bmp

or, as copies have it, `{train,val,test}/images/g0001.jpg` and `{train,val,test}/mask/g0001.bmp`.
Masks hold 0 in the cup, 128 in the rest of the disc and 255 elsewhere.

Source: Orlando et al. 2020, REFUGE Challenge, Medical Image Analysis 59, 101570.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import SPLITS, files_in, folders_below, split_named
from medsegdiff.data.overruling import overruled
from medsegdiff.data.study_files import FoundStudies, StudyFiles
from medsegdiff.errors import DataError

DEPTH = 5
FOLDERS_LOOKED_AT = 256  # of a tree that may be another's and large
LOOKED_AT = 8  # files of a folder, to see whether they are named as in the challenge
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
OFFICIAL_MASKS = re.compile("disc_cup_masks?", re.IGNORECASE)
COPIED_MASKS = re.compile("masks?|gts?", re.IGNORECASE)
OTHER = re.compile("crop|square|illustrat|side_by_side|fovea", re.IGNORECASE)  # made from these
STUDY = re.compile(r"[gnvt]\d{4}", re.IGNORECASE)
DECLARATION = Declaration(
    channel_names=("red", "green", "blue"),
    labels={"background": 0, "optic disc rim": 1, "optic cup": 2},
    label_values={"background": 255, "optic disc rim": 128, "optic cup": 0},
)


class REFUGE(FileDataset):
    """Fundus photographs, one eye each, with masks of the optic disc's rim and its cup."""

    name: Literal["refuge"] = "refuge"
    specificity: ClassVar[int] = 80

    @classmethod
    def recognises(cls, root: Path) -> bool:
        folders = islice(folders_below(root, DEPTH), FOLDERS_LOOKED_AT)
        return any(_is_mask_folder(folder, root) for folder in folders)

    def find(self) -> FoundStudies:
        images, masks = _told_apart(self.root)
        if not images:
            raise DataError(
                f"{self.root} has masks of REFUGE, but no photograph. Unpack the images "
                "(Training400.zip, REFUGE-Validation400.zip, REFUGE-Test400.zip) beside them."
            )
        studies = {
            study: StudyFiles((path,), masks.get(study), split=split_named(path.parent, self.root))
            for study, path in sorted(images.items())
        }
        alone = tuple(sorted(set(masks) - set(images)))
        return FoundStudies(
            studies, overruled(DECLARATION, self.home / "dataset.json"), alone, (_counted(studies),)
        )


def _is_mask_folder(folder: Path, root: Path) -> bool:
    """Whether a folder holds masks by its official name, or by a copy's name and its files."""
    if OFFICIAL_MASKS.fullmatch(folder.name):
        return True
    if not COPIED_MASKS.fullmatch(folder.name) or split_named(folder, root) is None:
        return False
    return any(map(_is_study, files_in(folder, ENDINGS)[:LOOKED_AT]))


def _is_study(path: Path) -> bool:
    return STUDY.fullmatch(path.stem) is not None


def _told_apart(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by study, by the names of their folders."""
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for folder in folders_below(root, DEPTH):
        within = folder.relative_to(root).parts
        if any(map(OTHER.search, within)):
            continue
        are_masks = any(
            OFFICIAL_MASKS.fullmatch(name) or COPIED_MASKS.fullmatch(name) for name in within
        )
        into = masks if are_masks else images
        for path in filter(_is_study, files_in(folder, ENDINGS)):
            if into.setdefault(path.stem, path) != path:
                raise DataError(
                    f"{into[path.stem]} and {path} would both be study {path.stem!r}. Keep one "
                    "copy of the data."
                )
    return images, masks


def _counted(studies: dict[str, StudyFiles]) -> str:
    images = Counter(files.split for files in studies.values())
    drawn = Counter(files.split for files in studies.values() if files.mask)
    parts = [
        f"{split or 'no split'}: {images[split]} images, {drawn[split]} with a mask"
        for split in (*SPLITS, None)
        if images[split]
    ]
    return f"REFUGE, {'; '.join(parts)}."
