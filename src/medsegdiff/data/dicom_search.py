"""What lies in a tree of DICOM files: folders with pictures, and segmentations drawn on them.

What is damaged does not hide the rest: a folder of pictures is found all the same, to be named when
it is read, and a segmentation is listed as damaged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from medsegdiff.data.dicom.files import (
    ENDINGS,
    SEGMENTATION,
    STRUCTURE_SET,
    announced_class,
    is_dicom,
    is_object,
    read_dataset,
    reading,
)
from medsegdiff.data.dicom.patient import Patient, patient_of
from medsegdiff.data.formats import dicom_seg, rtstruct
from medsegdiff.data.formats.dicom import Series, series_in
from medsegdiff.errors import UnreadableStudy

DRAWN = (*SEGMENTATION, STRUCTURE_SET)


@dataclass(frozen=True)
class ImageFolder:
    """A folder with pictures.

    Args:
        path: of the folder.
        series: that lie in it; none where one of its files is damaged.
        patients: whom the files show that can be read.
    """

    path: Path
    series: tuple[Series, ...]
    patients: tuple[Patient, ...]

    @property
    def uids(self) -> frozenset[str]:
        """Series Instance UIDs."""
        return frozenset(one.uid for one in self.series)

    @property
    def files(self) -> list[Path]:
        """The pictures, where they can be read."""
        return [path for one in self.series for path in one.files]


@dataclass(frozen=True)
class Drawing:
    """A segmentation.

    Args:
        path: of its file.
        names: of what it outlines.
        series: Series Instance UIDs of the pictures that it was drawn on.
        patient: whom it shows.
        codes: by name, what it outlines in a terminology: value, scheme and meaning.
    """

    path: Path
    names: tuple[str, ...]
    series: frozenset[str]
    patient: Patient
    codes: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundDicom:
    """What lies in a tree.

    Args:
        folders: with pictures, in order.
        drawings: the segmentations.
        damaged: files of segmentations that cannot be read.
    """

    folders: tuple[ImageFolder, ...]
    drawings: tuple[Drawing, ...]
    damaged: tuple[Path, ...]


def search(root: Path, with_drawings: bool) -> FoundDicom:
    """Look through a tree.

    Args:
        root: of the tree.
        with_drawings: whether segmentations are looked for.
    """
    folders, drawings, damaged = [], [], []
    for folder in folders_of(root):
        found = image_folder(folder)
        folders += [found] if found else []
        if with_drawings:
            drawn, bad = drawings_in(folder, found.files if found else ())
            drawings += drawn
            damaged += bad
    return FoundDicom(tuple(folders), tuple(drawings), tuple(damaged))


def folders_of(root: Path) -> Iterator[Path]:
    """The root and all folders below it, in order; no hidden ones, no links back to above."""
    yield root
    above = {root.resolve(), *root.resolve().parents}
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.resolve() not in above:
            yield from folders_of(folder)


def image_folder(folder: Path) -> ImageFolder | None:
    """The pictures directly in a folder; None where there are none."""
    try:
        series = series_in(folder)
    except UnreadableStudy:
        return _damaged_folder(folder)
    if not series:
        return None
    return ImageFolder(folder, tuple(series), tuple(one.patient for one in series))


def _damaged_folder(folder: Path) -> ImageFolder | None:
    """A folder in which something is damaged; None where that is a segmentation alone."""
    pictures = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and not path.is_dir()
        if path.suffix.lower() in ENDINGS or (path.is_file() and is_dicom(path))
        if announced_class(path) not in DRAWN
    ]
    return ImageFolder(folder, (), tuple(_patients(pictures))) if pictures else None


def _patients(files: list[Path]) -> Iterator[Patient]:
    for path in files:
        with suppress(UnreadableStudy), reading(path):
            yield patient_of(read_dataset(path))


def drawings_in(folder: Path, pictures: Collection[Path]) -> tuple[list[Drawing], list[Path]]:
    """The segmentations directly in a folder, and the files of those that are damaged.

    Args:
        folder: where to look.
        pictures: files that are known to be none.
    """
    found, damaged = [], []
    for path in sorted(set(folder.iterdir()) - set(pictures)):
        if path.name.startswith(".") or not (path.is_file() and is_dicom(path)):
            continue
        try:
            drawing = _drawing(path)
        except UnreadableStudy:
            damaged.append(path)
            continue
        found += [drawing] if drawing else []
    return found, damaged


def _drawing(path: Path) -> Drawing | None:
    """A segmentation object or a structure set; None for any other file.

    Raises:
        UnreadableStudy: it says that it is one, and is damaged.
    """
    codes = {}
    if is_object(path, SEGMENTATION):
        codes = dicom_seg.segment_codes(path)
        names, series = dicom_seg.segment_names(path), dicom_seg.referenced_series(path)
    elif is_object(path, (STRUCTURE_SET,)):
        names, series = rtstruct.roi_names(path), rtstruct.referenced_series(path)
    elif announced_class(path) in DRAWN:
        raise UnreadableStudy(f"{path} is a damaged segmentation. Copy it again from its source.")
    else:
        return None
    with reading(path):
        patient = patient_of(read_dataset(path))
    return Drawing(path, tuple(names.values()), series, patient, codes)
