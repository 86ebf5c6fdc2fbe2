"""DDTI: ultrasound images of the thyroid, with nodules outlined in the XML file of each case.

    1.xml        one file a case: age, TI-RADS, and outlines by the number of the image
    1_1.jpg      images of the case: case_image
    1_2.jpg

Source: Pedraza et al. 2015, An open access thyroid ultrasound image database, SPIE 9287,
https://doi.org/10.1117/12.2073532
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import files_in, folders_below
from medsegdiff.data.formats.ddti import PART, outlines_by_image
from medsegdiff.data.overruling import overruled
from medsegdiff.data.study_files import FoundStudies, StudyFiles
from medsegdiff.errors import DataError, UnreadableStudy

DEPTH = 2  # archives hold a folder, or a folder in a folder
LOOKED_AT = 64  # files of a folder, to see whether it holds cases
IMAGES = (".jpg", ".jpeg", ".png")
IMAGE = re.compile(r"(\d+)_(\d+)")
DECLARATION = Declaration(labels={"background": 0, "nodule": 1})


class DDTI(FileDataset):
    """Images of the thyroid, with the outlined nodules of each; a case is a patient."""

    name: Literal["ddti"] = "ddti"
    specificity: ClassVar[int] = 80

    @classmethod
    def recognises(cls, root: Path) -> bool:
        return any(_holds_cases(folder) for folder in folders_below(root, DEPTH))

    def find(self) -> FoundStudies:
        images = self._images()
        drawn, broken = self._drawn()
        studies = {
            study: StudyFiles((path,), drawn.get(study), group=study.partition("_")[0])
            for study, path in sorted(images.items())
        }
        if not studies:
            raise DataError(f"{self.root} has cases of DDTI, but no image such as 1_1.jpg.")
        cases = len({files.group for files in studies.values()})
        outlined = len(set(drawn) & set(images))
        recognised = (
            f"DDTI: {len(studies)} images of {cases} cases, {outlined} with outlined nodules."
        )
        alone = tuple(sorted(set(drawn) - set(images)))
        return FoundStudies(
            studies,
            overruled(DECLARATION, self.home / "dataset.json"),
            alone,
            (recognised, *broken),
        )

    def _images(self) -> dict[str, Path]:
        """Images by study, which is named for its case and its number."""
        found: dict[str, Path] = {}
        for folder in folders_below(self.root, DEPTH):
            for path in files_in(folder, IMAGES):
                if IMAGE.fullmatch(path.stem) and found.setdefault(path.stem, path) != path:
                    raise DataError(
                        f"{found[path.stem]} and {path} would both be study {path.stem!r}. Keep "
                        "one copy of the data."
                    )
        return found

    def _drawn(self) -> tuple[dict[str, Path], list[str]]:
        """Masks by study, and a sentence on each case whose outlines cannot be read."""
        found: dict[str, Path] = {}
        broken = []
        for path in _cases(self.root) if self.with_masks else ():
            try:
                images = outlines_by_image(path)
            except UnreadableStudy as error:
                broken.append(f"Left without a mask: {error}")
                continue
            for image in images:
                found[f"{path.stem}_{image}"] = path / f"{PART}{image}"
        return found, broken


def _cases(root: Path) -> list[Path]:
    folders = folders_below(root, DEPTH)
    return [
        path for folder in folders for path in files_in(folder, (".xml",)) if path.stem.isdigit()
    ]


def _holds_cases(folder: Path) -> bool:
    """Whether a case and an image of it lie in a folder."""
    cases = {path.stem for path in files_in(folder, (".xml",)) if path.stem.isdigit()}
    if not cases:
        return False
    matches = (IMAGE.fullmatch(path.stem) for path in files_in(folder, IMAGES)[:LOOKED_AT])
    return any(match and match[1] in cases for match in matches)
