"""Names of uploaded files are made harmless and stay readable."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.formats.choice import image_endings
from medsegdiff.serve.file_names import LONGEST, Names, ending_of, is_known, safe_name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("lesion.jpg", "lesion.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\scan.nii.gz", "scan.nii.gz"),
        ("/absolute/x.png", "x.png"),
        ("..", "image"),
        ("", "image"),
        (".hidden.png", "hidden.png"),
        ("Ärztin 3 é.png", "Ärztin 3 é.png"),
        ("a\r\nSet-Cookie: x.png", "a__Set-Cookie_ x.png"),
        ("con.png", "_con.png"),
        ("a\x00.png", "a_.png"),
    ],
)
def test_a_name_becomes_harmless(given_name, name):
    assert safe_name(given_name) == name


@given(st.text(max_size=400))
def test_no_name_leaves_its_folder(text):
    name = safe_name(text)
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\\0\n:*?"<>|')
    assert len(name.encode()) <= LONGEST + 1
    assert not name.startswith(".")


def test_a_long_name_keeps_its_ending():
    assert safe_name("x" * 500 + ".nii.gz").endswith("x.nii.gz")


def test_equal_names_get_numbers():
    names = Names()
    told = ("a.dcm", "A.dcm", "a.dcm", "1_a.dcm")
    assert [names.unused(one) for one in told] == ["a.dcm", "1_A.dcm", "2_a.dcm", "1_1_a.dcm"]


def test_a_thousand_equal_names_are_quick():
    names, started = Names(), time.process_time()
    assert len({names.unused("a.dcm") for _ in range(20_000)}) == 20_000
    assert time.process_time() - started < 2  # minutes, if each were counted up to


def test_every_format_that_the_engine_reads_is_known():
    images = [ending for ending in image_endings() if ending != ".xml"]
    assert all(is_known(f"x{ending}") for ending in images)
    assert all(is_known(name) for name in ("x.zip", "IM0001", "1.2.840.113", "x.raw"))
    assert not any(is_known(f"x{ending}") for ending in (".exe", ".py", ".html", ".svg", ".pkl"))


def test_a_double_ending_is_one():
    assert ending_of("a.b.nii.gz") == ".nii.gz"
    assert ending_of("IM0001") == ""
