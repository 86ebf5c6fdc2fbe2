"""LIDC-IDRI: chest CT in DICOM, with the lung nodules that four radiologists outlined, in XML.

    LIDC-IDRI/LIDC-IDRI-0001/01-01-2000-NA-NA-30178/3000566.000000-NA-03192/1-001.dcm ... 069.xml

or the XML files in folders of their own (LIDC-XML-only), matched by the Series Instance UID. Each
reading is a rater; there is no common mask, so the raters' consensus is the truth.

Source: Armato et al. 2011, Medical Physics 38, 915-931, https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.dicom.files import read_dataset
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import files_in, folders_below, some
from medsegdiff.data.formats.lidc import CORNERS, PART, Reading, read_broken_reading, read_reading
from medsegdiff.data.overruling import overruled
from medsegdiff.data.study_files import FoundStudies, StudyFiles
from medsegdiff.errors import DataError, UnreadableStudy

DEPTH = 5
LOOKED_AT = 64  # folders, to see whether one holds readings
ROOT_TAG = b"<LidcReadMessage"
START = 1024  # bytes, in which the tag stands
PATIENT = re.compile(r"LIDC-IDRI-\d{4}")
DECLARATION = Declaration(channel_names=("CT",), labels={"background": 0, "nodule": 1})


class LIDC(FileDataset):
    """Chest CT, with the nodules of 3 mm and more that each rater outlined."""

    name: Literal["lidc"] = "lidc"
    specificity: ClassVar[int] = 80

    @classmethod
    def recognises(cls, root: Path) -> bool:
        folders = islice(folders_below(root, DEPTH), LOOKED_AT)
        return any(_is_reading(path) for folder in folders for path in files_in(folder, (".xml",)))

    def find(self) -> FoundStudies:
        readings, notes = _readings(self.root)
        matched, strangers = _matched(self.root, readings)
        if not matched:
            raise DataError(
                f"{self.root} has readings of LIDC-IDRI, but no CT series (DICOM files) that they "
                "belong to. Download the images, and keep the names of the folders."
            )
        names = _names(list(matched))
        studies = {
            names[series]: StudyFiles(
                (series,),
                raters=_raters(readings[file].raters, file),
                group=_patient(series),
            )
            for series, file in matched.items()
        }
        counts = Counter(len(files.raters) for files in studies.values() if files.raters)
        raters = ", ".join(
            f"{count} with {number} raters" for number, count in sorted(counts.items())
        )
        patients = len({files.group for files in studies.values()})
        findings = [f"LIDC-IDRI: {len(studies)} CT series of {patients} patients, {raters}."]
        findings += _left_out([readings[file] for file in matched.values()])
        if strangers:
            findings.append(f"Left out, DICOM series without readings of a CT: {some(strangers)}.")
        declaration = overruled(DECLARATION, self.home / "dataset.json")
        alone = tuple(sorted(path.stem for path in set(readings) - set(matched.values())))
        return FoundStudies(dict(sorted(studies.items())), declaration, alone, (*findings, *notes))


def _left_out(readings: list[Reading]) -> list[str]:
    """What the raters marked and no mask holds."""
    counts = {
        "nodules under 3 mm, which have no outline": sum(one.small for one in readings),
        "marks on what is no nodule": sum(one.others for one in readings),
        f"outlines of fewer than {CORNERS} corners": sum(one.points for one in readings),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return [f"Left out, over all raters: {told}."] if told else []


def _is_reading(path: Path) -> bool:
    with path.open("rb") as file:
        return ROOT_TAG in file.read(START)


def _readings(root: Path) -> tuple[dict[Path, Reading], list[str]]:
    """The readings of CT below a folder, and a sentence on those that are broken or of X-rays."""
    found, notes, others = {}, [], []
    for folder in folders_below(root, DEPTH):
        for path in files_in(folder, (".xml",)):
            if not _is_reading(path):
                others.append(str(path.relative_to(root)))
                continue
            try:
                found[path] = read_reading(path)
            except UnreadableStudy as error:
                notes.append(f"Left without raters: {error}")
                found[path] = read_broken_reading(path)
    if others:
        notes.append(f"Left out, XML that is no reading of a CT: {some(others)}.")
    return found, notes


def _matched(root: Path, readings: dict[Path, Reading]) -> tuple[dict[Path, Path], list[str]]:
    """The reading of each folder of slices, and the names of folders that have none."""
    by_uid = {reading.series: path for path, reading in readings.items()}
    beside: dict[Path, list[Path]] = {}
    for path in readings:
        beside.setdefault(path.parent, []).append(path)
    found, strangers = {}, []
    for folder in folders_below(root, DEPTH):
        slices = files_in(folder, (".dcm",))
        if not slices:
            continue
        file = _only(beside.get(folder, [])) or by_uid.get(_series_of(slices[0]))
        if file is None:
            strangers.append(str(folder.relative_to(root)))
        else:
            found[folder] = file
    return found, strangers


def _only(paths: list[Path]) -> Path | None:
    return paths[0] if len(paths) == 1 else None


def _series_of(path: Path) -> str:
    """Series Instance UID of a slice; nothing where it cannot be read."""
    try:
        return str(read_dataset(path).get("SeriesInstanceUID", ""))
    except UnreadableStudy:
        return ""


def _raters(count: int, path: Path) -> dict[str, Path]:
    parts = [f"{PART}{number}" for number in range(1, count + 1)]
    return {part: path / part for part in parts}


def _patient(series: Path) -> str:
    named = [part for part in series.parts if PATIENT.fullmatch(part)]
    return named[-1] if named else series.name


def _names(series: list[Path]) -> dict[Path, str]:
    """Name each series for its patient, with its folder where a patient has several."""
    times = Counter(map(_patient, series))
    return {
        one: _patient(one) if times[_patient(one)] == 1 else f"{_patient(one)}_{one.name}"
        for one in series
    }
