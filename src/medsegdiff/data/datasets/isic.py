"""The skin lesion challenges of ISIC 2016, 2017 and 2018, as they are downloaded.

    ISBI2016_ISIC_Part1_Training_Data/ISIC_0000000.jpg
    ISBI2016_ISIC_Part1_Training_GroundTruth/ISIC_0000000_Segmentation.png         and ..._Test_...

    ISBI2016_ISIC_Part3B_Training_Data/ISIC_0000000.jpg, ISIC_0000000_Segmentation.png
    ISBI2016_ISIC_Part3B_Training_GroundTruth.csv                                  and ..._Test_...

    ISIC-2017_Training_Data/ISIC_0000000.jpg, ISIC_0000000_superpixels.png
    ISIC-2017_Training_Part1_GroundTruth/ISIC_0000000_segmentation.png
                                                           and ..._Validation_..., ..._Test_v2_...
    ISIC2018_Task1-2_Training_Input/ISIC_0000000.jpg
    ISIC2018_Task1_Training_GroundTruth/ISIC_0000000_segmentation.png
                                                           and ..._Validation_..., ..._Test_...

Part 3B is the folder that the README of the MedSegDiff authors asks for.

Source: https://challenge.isic-archive.com/data/
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import SPLITS, files_in, folders_below, some, split_named
from medsegdiff.data.overruling import overruled
from medsegdiff.data.study_files import FoundStudies, StudyFiles
from medsegdiff.errors import DataError

DEPTH = 2  # a folder for each edition, or for training and test, may lie between
DECLARATION = Declaration(
    channel_names=("red", "green", "blue"),
    labels={"background": 0, "lesion": 1},
    label_values={"background": 0, "lesion": 255},
)


@dataclass(frozen=True)
class Edition:
    """One challenge.

    Args:
        title: for people.
        images: pattern of the name of a folder of images; its group is the split's name there.
        masks: name of the folder of their masks, beside it.
    """

    title: str
    images: str
    masks: str


EDITIONS = (
    Edition(
        "ISIC 2016, part 1",
        "ISBI2016_ISIC_Part1_(Training|Test)_Data",
        "ISBI2016_ISIC_Part1_{}_GroundTruth",
    ),
    Edition(
        "ISIC 2016, part 3B",
        "ISBI2016_ISIC_Part3B_(Training|Test)_Data",
        "ISBI2016_ISIC_Part3B_{}_Data",
    ),
    Edition(
        "ISIC 2017, part 1",
        "ISIC-2017_(Training|Validation|Test_v2)_Data",
        "ISIC-2017_{}_Part1_GroundTruth",
    ),
    Edition(
        "ISIC 2018, task 1",
        "ISIC2018_Task1-2_(Training|Validation|Test)_Input",
        "ISIC2018_Task1_{}_GroundTruth",
    ),
)


class ISIC(FileDataset):
    """Dermoscopic images and the masks of the lesion in each."""

    name: Literal["isic"] = "isic"
    specificity: ClassVar[int] = 80

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return next(_image_folders(root), None) is not None

    def find(self) -> FoundStudies:
        edition, folders = _one_edition(self.root)
        studies: dict[str, StudyFiles] = {}
        alone: list[str] = []
        findings = []
        for folder, split_name in sorted(folders, key=_in_order):
            split = split_named(folder, folder.parent)
            masks = _masks(folder.parent / edition.masks.format(split_name))
            images = {path.stem: path for path in files_in(_unwrapped(folder), (".jpg", ".jpeg"))}
            _refuse_twins(images, studies)
            for study, image in images.items():
                studies[study] = StudyFiles((image,), masks.get(study), split=split)
            alone += sorted(set(masks) - set(images))
            annotated = len(set(masks) & set(images))
            findings.append(f"{split}: {len(images)} images, {annotated} with a mask")
            findings += _unlisted(folder.parent / f"{folder.name[:-5]}_GroundTruth.csv", images)
        if not studies:
            raise DataError(f"{self.root} has the folders of {edition.title}, but no image (.jpg).")
        recognised = f"{edition.title}, {'; '.join(findings)}."
        return FoundStudies(
            dict(sorted(studies.items())),
            overruled(DECLARATION, self.home / "dataset.json"),
            tuple(alone),
            (recognised,),
        )


def _image_folders(root: Path) -> Iterator[tuple[Edition, Path, str]]:
    """Yield the folders of images: edition, folder, the split's name in it."""
    for folder in folders_below(root, DEPTH):
        for edition in EDITIONS:
            named = re.fullmatch(edition.images, folder.name)
            if named and folder.parent.name != folder.name:
                yield edition, folder, named[1]


def _one_edition(root: Path) -> tuple[Edition, list[tuple[Path, str]]]:
    """The edition that a folder holds; part 1 where both parts of 2016 are there."""
    found: dict[Edition, list[tuple[Path, str]]] = defaultdict(list)
    for edition, folder, split_name in _image_folders(root):
        found[edition].append((folder, split_name))
    if EDITIONS[0] in found:
        found.pop(EDITIONS[1], None)
    if len(found) != 1:
        titles = " and ".join(edition.title for edition in found) or "no challenge of ISIC"
        raise DataError(
            f"{root} holds {titles}. The editions share images, also between training and test: "
            "give the folder of one."
        )
    return next(iter(found.items()))


def _in_order(found: tuple[Path, str]) -> tuple[int, Path]:
    """Training, validation, test."""
    folder, _ = found
    return SPLITS.index(split_named(folder, folder.parent)), folder


def _unwrapped(folder: Path) -> Path:
    """The folder, or the one of the same name in it that some programs unpack."""
    inner = folder / folder.name
    return inner if inner.is_dir() else folder


def _masks(folder: Path) -> dict[str, Path]:
    """Masks by study; none where the challenge keeps them back."""
    if not folder.is_dir():
        return {}
    named = (
        (re.fullmatch("(.+)_segmentation", path.stem, re.IGNORECASE), path)
        for path in files_in(_unwrapped(folder), (".png",))
    )
    return {match[1]: path for match, path in named if match}


def _refuse_twins(images: dict[str, Path], studies: dict[str, StudyFiles]) -> None:
    twins = sorted(set(images) & set(studies))
    if twins:
        raise DataError(
            f"{some(twins)} images are there twice, as {studies[twins[0]].images[0]} and "
            f"{images[twins[0]]}. Keep one copy."
        )


def _unlisted(path: Path, images: dict[str, Path]) -> list[str]:
    """What is amiss between the list of part 3B (name, benign or malignant) and the images."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        cells = {cell for row in csv.reader(file) for cell in row}
    listed = {cell for cell in cells if re.fullmatch(r"ISIC_\d+", cell)}
    missing = sorted(listed - set(images))
    return [f"listed in {path.name} without an image: {some(missing)}"] if missing else []
