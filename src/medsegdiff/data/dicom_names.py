"""What studies, patients and files of a DICOM tree are called, without telling who they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medsegdiff.data.dicom.patient import Patient
from medsegdiff.data.dicom_search import ImageFolder
from medsegdiff.data.study_files import StudyFiles, stored_in
from medsegdiff.data.study_reading import plain_files
from medsegdiff.errors import DataError

DIGITS = 4  # of a digest: enough to notice that a number now means another series


def study_names(folders: Sequence[ImageFolder], root: Path) -> tuple[dict[Path, str], list[str]]:
    """Name each study for the folders that lead to it, or by a number where these tell the patient.

    Args:
        folders: in order.
        root: of the tree.

    Returns:
        The names by folder, and a sentence if some are numbers.

    Raises:
        DataError: two folders would give one name.
    """
    names = {one.path: _joined(one.path, root) for one in folders}
    telling = [
        one for one in folders if any(who.is_named_in(names[one.path]) for who in one.patients)
    ]
    if telling:  # then a folder may tell a patient, too, of whom nothing can be read
        telling = [one for one in folders if one in telling or not one.patients]
    for number, one in enumerate(telling, start=1):
        names[one.path] = _number_name(number, one)
    _refuse_twins(names, root)
    if not telling:
        return names, []
    return names, [
        f"{len(telling)} folder(s) are named after their patients: these studies are called "
        f"{names[telling[0].path]} to {names[telling[-1].path]}, in the order of their folders."
    ]


def patient_names(folders: Sequence[ImageFolder], names: Mapping[Path, str]) -> dict[str, str]:
    """Number the patients: by study, as patient_1; studies of which nobody is said are left out.

    Args:
        folders: of the studies.
        names: of the studies, by folder.
    """
    numbers = {names[one.path]: one.patients[0].number for one in folders if one.patients}
    known = {study: numbers[study] for study in sorted(numbers) if numbers[study]}
    order = list(dict.fromkeys(known.values()))
    return {study: f"patient_{order.index(number) + 1}" for study, number in known.items()}


def shown(name: str, patients: Iterable[Patient]) -> str:
    """The name of a file for a text, unless it tells one of the patients."""
    if any(who.is_named_in(name) for who in patients):
        return "a file named after its patient"
    return name


def untold(
    text: str, study: str, files: StudyFiles, root: Path, patients: Sequence[Patient]
) -> str:
    """A text on the files of a study, with the study's name for each folder that tells a patient.

    Args:
        text: an error's.
        study: its name; a number where its folder tells the patient.
        files: of the study.
        root: of the tree.
        patients: whom the files show, as far as they say so.
    """
    folder = files.images[0]
    drawn = [] if files.mask is None else [stored_in(files.mask)]
    is_number = study != _joined(folder, root)
    places = {str(folder), folder.name, *(str(one.parent) for one in drawn)} - {"", "."}
    for place in sorted(places, key=len, reverse=True):
        if is_number or any(who.is_named_in(place) for who in patients):
            text = _replaced(text, place, study)
    for number, path in enumerate(plain_files(folder), start=1):
        if (name := shown(path.name, patients)) != path.name:
            text = _replaced(text, path.name, f"{name} (number {number})")
    for path in drawn:
        text = _replaced(text, path.name, shown(path.name, patients))
    return text


def _replaced(text: str, name: str, by: str) -> str:
    """A text with another name where this one stands by itself."""
    return re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", lambda _: by, text)


def _joined(folder: Path, root: Path) -> str:
    return "_".join(folder.relative_to(root).parts) or root.resolve().name


def _number_name(number: int, folder: ImageFolder) -> str:
    """A number, and a digest of the series, so that another series never has the same name."""
    uids = " ".join(sorted(folder.uids)).encode()
    return f"study_{number}" + (f"_{hashlib.sha256(uids).hexdigest()[:DIGITS]}" if uids else "")


def _refuse_twins(names: Mapping[Path, str], root: Path) -> None:
    found: dict[str, Path] = {}
    for path, study in names.items():
        folder = path.relative_to(root)  # a folder above may be named after a patient
        if study in found:
            raise DataError(
                f"{found[study]} and {folder} would both be study {study!r}. Rename one of the "
                "folders."
            )
        found[study] = folder
