"""The series of pictures that a folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from medsegdiff.data.dicom.files import ENDINGS, is_dicom, is_image, read_dataset, reading
from medsegdiff.data.dicom.frames import frames_of
from medsegdiff.data.dicom.patient import Patient, patient_of
from medsegdiff.data.dicom.pixels import channel_count
from medsegdiff.errors import UnreadableStudy

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Series:
    """The pictures of one series.

    Args:
        uid: the Series Instance UID; it names the series to programs and is kept out of texts.
        files: in the order of their position along the normal; by name where they have none.
        number: the Series Number; None where there is none.
        description: what a person may read: number, modality, how many files. What the scanner's
            user typed in is left out, because it may name the patient.
        modality: as "CT".
        channels: 1 for grey, 3 for colour.
        patient: who it is of; kept out of texts.
    """

    uid: str
    files: tuple[Path, ...]
    number: int | None
    description: str
    modality: str
    channels: int
    patient: Patient = field(repr=False)


def dicom_files(folder: Path) -> list[Path]:
    """List the DICOM files that lie directly in a folder, by name.

    Raises:
        UnreadableStudy: something is named like DICOM and is not, or is empty; a slice could be
            lost.
    """
    found = []
    for path in sorted(folder.iterdir()):
        is_named = path.suffix.lower() in ENDINGS
        if path.name.startswith(".") or path.name.upper() == "DICOMDIR":
            continue
        if not path.is_file():  # a folder, or a link that leads nowhere
            if is_named:
                raise _no_dicom(path)
        elif is_dicom(path):
            found.append(path)
        elif is_named or path.stat().st_size == 0:
            raise _no_dicom(path)
    return found


def _no_dicom(path: Path) -> UnreadableStudy:
    return UnreadableStudy(
        f"{path} is no DICOM file, or an empty one, among those of a series. Copy it again from "
        "its source, or take it out of the folder."
    )


def headers_by_series(folder: Path) -> dict[str, dict[Path, Dataset]]:
    """Read the headers of all pictures in a folder: by series, by file.

    Raises:
        UnreadableStudy: one of the files is damaged.
    """
    found: dict[str, dict[Path, Dataset]] = {}
    for path in dicom_files(folder):
        dataset = read_dataset(path)
        if is_image(dataset):
            with reading(path):
                channel_count(dataset, path)  # a header that ends early
                uid = str(dataset.get("SeriesInstanceUID", ""))
            found.setdefault(uid, {})[path] = dataset
    return found


def series_in(folder: Path) -> list[Series]:
    """List the series whose pictures lie directly in a folder, by number.

    Segmentations and structure sets beside them are left out.

    Raises:
        UnreadableStudy: one of the files is damaged.
    """
    found = []
    for uid, headers in headers_by_series(folder).items():
        with reading(folder):
            found.append(_series(uid, headers))
    return sorted(found, key=lambda series: (series.number is None, series.number or 0, series.uid))


def _series(uid: str, headers: dict[Path, Dataset]) -> Series:
    path, first = next(iter(headers.items()))
    number = None if first.get("SeriesNumber") is None else int(first.SeriesNumber)
    modality = str(first.get("Modality", ""))
    return Series(
        uid,
        tuple(sorted(headers, key=lambda path: _place(headers[path], path))),
        number,
        _description(number, modality, len(headers)),
        modality,
        channel_count(first, path),
        patient_of(first),
    )


def _place(dataset: Dataset, path: Path) -> tuple[float, str]:
    with reading(path):
        frame = frames_of(dataset, path)[0]
    return (0.0 if frame.axes is None else frame.height, path.name)


def _description(number: int | None, modality: str, files: int) -> str:
    start = "no number" if number is None else f"number {number}"
    return ", ".join(part for part in (start, modality, f"{files} file(s)") if part)
