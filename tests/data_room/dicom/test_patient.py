from __future__ import annotations

import pytest
from pydicom import Dataset

from medsegdiff.data.dicom.patient import Patient, patient_of


def patient(name: str, number: str = "", **elements: str) -> Patient:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID = name, number
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return patient_of(dataset)


@pytest.mark.parametrize(
    ("name", "number", "folder"),
    [
        ("DOE^JOHN", "", "Doe, J 1950"),
        ("MÜLLER^Änne", "", "muller_ct"),
        ("Nguyen^Thi", "", "ThiNguyen"),
        ("", "PAT-4711", "export_pat4711_ct"),
        ("", "17", "p_17"),
    ],
)
def test_a_patient_is_found_in_the_name_of_a_folder(name: str, number: str, folder: str) -> None:
    assert patient(name, number).is_named_in(folder)


@pytest.mark.parametrize(
    ("name", "number", "folder"),
    [("DOE^JOHN", "17", "p_171_ct"), ("", "", "ct"), ("Li^A", "", "liver_a")],
)
def test_other_folders_are_let_be(name: str, number: str, folder: str) -> None:
    assert not patient(name, number).is_named_in(folder)


def test_who_is_anonymous_is_never_found() -> None:
    assert not patient("X^Y", "LIDC-1", PatientIdentityRemoved="YES").is_named_in("LIDC-1")


def test_nobody_is_printed() -> None:
    assert "doe" not in repr(patient("DOE^JOHN", "4711")).lower()
    assert "4711" not in repr(patient("DOE^JOHN", "4711"))
