"""A tree of folders with DICOM series, and the segmentations that were drawn on them.

    ROOT/anything/ct/*.dcm          a series of pictures in a folder of its own: one study
    ROOT/anything/seg/liver.dcm     a DICOM SEG or RTSTRUCT, anywhere; it says which series it is of

Masks find their images by Series Instance UID, and classes by the names of segments or structures.
The names of studies are those of the folders. A `dataset.json` in ROOT may name the classes to
read, in order; other segments are then background.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from medsegdiff.data.declaration import Declaration, read_declaration
from medsegdiff.data.dicom.files import has_ending, is_dicom
from medsegdiff.data.dicom.selection import part_of
from medsegdiff.data.dicom.series import dicom_files
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.formats import dicom_seg, rtstruct
from medsegdiff.data.formats.dicom import Series, series_in
from medsegdiff.data.pairing import IMAGE_FOLDERS
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

LOOKED_AT = 64  # folders, and files of each, until one is DICOM


class _Drawing(NamedTuple):
    """A segmentation, the names of what it outlines, and the series that it was drawn on."""

    path: Path
    names: tuple[str, ...]
    series: frozenset[str]


class DicomTree(FileDataset):
    """DICOM series with their segmentations."""

    name: Literal["dicom_tree"] = "dicom_tree"
    specificity: ClassVar[int] = 20

    @classmethod
    def recognises(cls, root: Path) -> bool:
        if not root.is_dir() or any((root / name).is_dir() for name in IMAGE_FOLDERS):
            return False
        return any(map(_has_dicom, islice(_folders(root), LOOKED_AT)))

    def find(self) -> FoundStudies:
        series, drawings = _looked_through(self.root)
        if not series:
            raise DataError(f"{self.root} holds no series of DICOM pictures. Check the path.")
        declaration = _with_classes(read_declaration(self.root / "dataset.json"), drawings)
        classes = list(declaration.labels or {})[1:]
        studies, notes = {}, []
        for folder, found in series.items():
            mine = [one for one in drawings if one.series & {one.uid for one in found}]
            study = _study(folder, self.root)
            if len(mine) > 1:
                listed = ", ".join(one.path.name for one in mine)
                notes.append(f"{study} has several segmentations ({listed}) and none is taken.")
            mask = part_of(mine[0].path, classes) if len(mine) == 1 else None
            studies[study] = StudyFiles((folder,), mask, group=found[0].patient)
        known = {one.uid for found in series.values() for one in found}
        alone = tuple(
            str(one.path.relative_to(self.root)) for one in drawings if not one.series & known
        )
        note = f"A DICOM tree: {count_text(len(studies))}, {len(drawings)} segmentation(s)."
        return FoundStudies(dict(sorted(studies.items())), declaration, alone, (note, *notes))


def _folders(root: Path) -> Iterator[Path]:
    """The root and all folders below it, in order; no hidden ones, no links back to above."""
    yield root
    above = {root.resolve(), *root.resolve().parents}
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.resolve() not in above:
            yield from _folders(folder)


def _has_dicom(folder: Path) -> bool:
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and has_ending(path))
    return any(is_dicom(path) for path in islice(files, LOOKED_AT))


def _looked_through(root: Path) -> tuple[dict[Path, list[Series]], list[_Drawing]]:
    """All series by folder, and all segmentations, of a tree."""
    series, drawings = {}, []
    for folder in _folders(root):
        found = series_in(folder)
        if found:
            series[folder] = found
        pictures = {path for one in found for path in one.files}
        drawings += [
            drawing
            for path in dicom_files(folder)
            if path not in pictures and (drawing := _drawing(path)) is not None
        ]
    return series, drawings


def _drawing(path: Path) -> _Drawing | None:
    """A segmentation object or a structure set; None for any other file."""
    if dicom_seg.DicomSeg().claims(path):
        names = dicom_seg.segment_names(path)
        return _Drawing(path, tuple(names.values()), dicom_seg.referenced_series(path))
    if rtstruct.RTStruct().claims(path):
        names = rtstruct.roi_names(path)
        return _Drawing(path, tuple(names.values()), rtstruct.referenced_series(path))
    return None


def _with_classes(declared: Declaration, drawings: Sequence[_Drawing]) -> Declaration:
    """The declared classes, else all segments and structures by name."""
    if declared.labels or not drawings:
        return declared
    names = sorted({name for one in drawings for name in one.names})
    labels = {name: value for value, name in enumerate(("background", *names))}
    return declared.model_copy(update={"labels": labels})


def _study(folder: Path, root: Path) -> str:
    """The folders that lead to a series, as one name."""
    return "_".join(folder.relative_to(root).parts) or root.resolve().name
