"""Sentences of the report name files, and no folder that a patient's name may be in."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsegdiff.engine.report.contents import Document, Number
from medsegdiff.engine.report.wording import flattened, without_folders


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("The mask /home/anna/s1.png cannot be used.", "The mask s1.png cannot be used."),
        ("'/a/b.nii.gz' and /c/d.nii.gz differ", "'b.nii.gz' and d.nii.gz differ"),
        (r"C:\data\anna\x.dcm is cut off", "x.dcm is cut off"),
        ("../anna/x.dcm and ~/anna/y.dcm", "x.dcm and y.dcm"),
        ("Masks hold 0/255, in 1/2 of them.", "Masks hold 0/255, in 1/2 of them."),
        ("my data/anna mueller/x.png is cut off", "x.png is cut off"),
    ],
)
def test_of_a_path_the_file_is_left(words: str, left: str):
    assert without_folders(words, [Path("my data/anna mueller")]) == left


@pytest.mark.parametrize(
    ("number", "text"),
    [(Number(0.98765), "0.988"), (Number(None), "unknown"), (Number(12345), "12 345"),
     (Number(-1.5, unit="mm", digits=1), "−1.5 mm"), (Number(0), "0")],
)  # fmt: skip
def test_numbers_are_written_as_people_do(number: Number, text: str):
    assert number.text.replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_a_number_knows_its_place_and_may_be_unknown():
    document = Document("a.json", {"x/y": [{"z": 1.5}]})
    assert document.number("x/y", 0, "z") == Number(1.5, "a.json#/x~1y/0/z")
    assert document.number("x", "y").value is None


def test_settings_are_flat():
    assert flattened({"a": {"b": None, "c": [1, 2]}, "d": True}) == {
        "a.b": "not set",
        "a.c": "1, 2",
        "d": "yes",
    }
