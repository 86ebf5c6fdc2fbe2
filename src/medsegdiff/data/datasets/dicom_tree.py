"""A tree of folders with DICOM series, and the segmentations that were drawn on them.

    ROOT/anything/ct/*.dcm          a series of pictures in a folder of its own: one study
    ROOT/anything/seg/liver.dcm     a DICOM SEG or RTSTRUCT, anywhere; it says which series it is of

Masks find their images by Series Instance UID, and classes by the names of segments or structures.
The names of studies are those of the folders, unless these tell the patient. A `dataset.json` in
ROOT may name the classes to read, and their numbers; other segments are then background.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration, read_declaration
from medsegdiff.data.dicom.files import has_ending, is_dicom
from medsegdiff.data.dicom.patient import Patient
from medsegdiff.data.dicom.selection import part_of
from medsegdiff.data.dicom_names import patient_names, shown, study_names, untold
from medsegdiff.data.dicom_search import Drawing, FoundDicom, folders_of, search
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.formats import Header
from medsegdiff.data.pairing import IMAGE_FOLDERS
from medsegdiff.data.segment_classes import lacking, with_classes
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError, MedSegDiffError
from medsegdiff.types import Sample

LOOKED_AT = 64  # folders, and files of each, until one is DICOM


class DicomTree(FileDataset):
    """DICOM series with their segmentations."""

    name: Literal["dicom_tree"] = "dicom_tree"
    specificity: ClassVar[int] = 20

    @classmethod
    def recognises(cls, root: Path) -> bool:
        if not root.is_dir() or any((root / name).is_dir() for name in IMAGE_FOLDERS):
            return False
        return any(map(_has_dicom, islice(folders_of(root), LOOKED_AT)))

    def load(self, study: str) -> Sample:
        with self._untold(study):
            return super().load(study)

    def header(self, study: str) -> Header:
        with self._untold(study):
            return super().header(study)

    def find(self) -> FoundStudies:
        found = search(self.root, self.with_masks)
        if not found.folders:
            raise DataError(f"{self.root} holds no series of DICOM pictures. Check the path.")
        names, notes = study_names(found.folders, self.root)
        drawn, doubled = _drawn_on(found, names)
        declaration, mixed = _with_channel(read_declaration(self.root / "dataset.json"), found)
        if found.drawings:
            declaration = with_classes(declaration, found.drawings, self.root / "dataset.json")
        classes = list(declaration.labels or {})[1:]
        masks = {study: part_of(drawing.path, classes) for study, drawing in drawn.items()}
        groups = patient_names(found.folders, names)
        studies = {
            study: StudyFiles((folder,), masks.get(study), group=groups.get(study))
            for folder, study in sorted(names.items(), key=lambda named: named[1])
        }
        about = (
            f"A DICOM tree: {count_text(len(studies))}, {len(found.drawings)} segmentation(s).",
            *notes,
            *mixed,
            *doubled,
            *_damaged(found, self.root),
            *lacking(classes, drawn),
        )
        return FoundStudies(
            studies,
            declaration,
            _alone(found, self.root),
            about,
            patients=_patients(found, names, drawn),
        )

    @contextmanager
    def _untold(self, study: str) -> Iterator[None]:
        """Errors on a study's files tell no patient."""
        files = self.study_files(study)
        try:
            yield
        except MedSegDiffError as error:
            patients = self._found.patients[study]
            text = untold(str(error), study, files, self.root, patients)
            raise type(error)(text) from None


def _has_dicom(folder: Path) -> bool:
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and has_ending(path))
    return any(is_dicom(path) for path in islice(files, LOOKED_AT))


def _drawn_on(found: FoundDicom, names: dict[Path, str]) -> tuple[dict[str, Drawing], list[str]]:
    """The segmentation of each study that has a single one, and a sentence on those with more."""
    drawn, notes = {}, []
    for folder in found.folders:
        mine = [one for one in found.drawings if one.series & folder.uids]
        study = names[folder.path]
        if len(mine) == 1:
            drawn[study] = mine[0]
        elif mine:
            listed = ", ".join(shown(one.path.name, [one.patient]) for one in mine)
            notes.append(f"{study} has several segmentations ({listed}) and none is taken.")
    return drawn, notes


def _patients(
    found: FoundDicom, names: dict[Path, str], drawn: dict[str, Drawing]
) -> dict[str, list[Patient]]:
    """Whom each study shows; where nothing can be read of it, all who are known."""
    known = [one for folder in found.folders for one in folder.patients]
    mine = {names[one.path]: list(one.patients) or known for one in found.folders}
    return {
        study: [*patients, *([drawn[study].patient] if study in drawn else [])]
        for study, patients in mine.items()
    }


def _with_channel(declared: Declaration, found: FoundDicom) -> tuple[Declaration, list[str]]:
    """Name the channel for the modality where all series have one; a sentence where they differ."""
    series = [one for folder in found.folders for one in folder.series]
    modalities = sorted({one.modality for one in series} - {""})
    if len(modalities) > 1:
        return declared, [f"Series of several modalities are mixed: {', '.join(modalities)}."]
    is_named = all(one.modality and one.channels == 1 for one in series)
    if declared.channel_names or not series or not is_named:
        return declared, []
    return declared.model_copy(update={"channel_names": tuple(modalities)}), []


def _alone(found: FoundDicom, root: Path) -> tuple[str, ...]:
    """Segmentations of series that are not there."""
    known = frozenset[str]().union(*(folder.uids for folder in found.folders))
    return tuple(
        shown(str(one.path.relative_to(root)), [one.patient])
        for one in found.drawings
        if not one.series & known
    )


def _damaged(found: FoundDicom, root: Path) -> list[str]:
    patients = [one for folder in found.folders for one in folder.patients]
    return [
        f"Left out, a damaged segmentation: {shown(str(path.relative_to(root)), patients)}. Copy "
        "it again from its source."
        for path in found.damaged
    ]
