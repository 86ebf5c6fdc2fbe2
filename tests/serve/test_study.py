"""The files of an upload become one study, or the reason why not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from medsegdiff.errors import DataError
from medsegdiff.serve.archives import ArchiveLimits
from medsegdiff.serve.study import arranged

LIMITS = ArchiveLimits(files=10, bytes=10**6)
DICOM = bytes(128) + b"DICM"


@pytest.fixture
def lay(tmp_path: Path):
    """Upload files by name and lay them out for a model of so many channels."""

    def laid(
        *given: str, channels: int = 1, content: bytes = b"x", name: str | None = None
    ) -> Path:
        upload = tmp_path / "upload"
        upload.mkdir()
        files = [upload / name.rpartition("/")[2] for name in given]
        for file in files:
            file.write_bytes(content)
        return arranged(files, given, tmp_path, channels, LIMITS, name).relative_to(tmp_path)

    return laid


@pytest.mark.parametrize("name", ["lesion.jpg", "brain.nii.gz", "scan.dcm"])
def test_one_file_is_taken_as_it_is(lay, name):
    assert lay(name) == Path("upload") / name


def test_a_header_brings_its_voxels(lay):
    assert lay("scan.mhd", "scan.raw") == Path("upload/scan.mhd")


def test_dicom_files_are_a_series_named_like_their_folder(lay, tmp_path):
    folder = lay("ct_head/a/IM1", "ct_head/a/IM2", content=DICOM)
    assert folder == Path("study/ct_head")
    assert sorted(path.name for path in (tmp_path / folder).iterdir()) == ["IM1", "IM2"]
    assert (tmp_path / "upload" / "IM1").is_file()  # the upload stays as it came


@pytest.mark.parametrize("name", ["upload", "out", "study", "ct 7"])
def test_a_series_gets_the_name_that_is_given(lay, name):
    assert lay("a/IM1", "a/IM2", content=DICOM, name=name) == Path("study") / name


def test_numbered_files_are_channels(lay, tmp_path):
    folder = tmp_path / lay("a_0000.png", "a_0001.png", channels=2)
    assert sorted(path.name for path in folder.iterdir()) == ["a_0000.png", "a_0001.png"]


def test_volumes_without_numbers_are_channels_in_their_order(lay, tmp_path):
    folder = tmp_path / lay("t2.nii.gz", "flair.nii.gz", channels=2)
    assert sorted(path.name for path in folder.iterdir()) == [
        "study_0000.nii.gz",
        "study_0001.nii.gz",
    ]


@pytest.mark.parametrize(
    ("names", "channels"),
    [(("a.png", "b.png"), 1), (("a.png", "b.png", "c.png"), 3), (("a.nii", "b.nii"), 3)],
)
def test_several_studies_are_refused_with_the_way_out(lay, names, channels):
    with pytest.raises(DataError, match=r"One study at a time.*study_0000"):
        lay(*names, channels=channels)


def test_a_zip_is_unpacked_and_gives_its_name(tmp_path):
    upload = tmp_path / "upload.zip"
    with zipfile.ZipFile(upload, "w") as archive:
        for number in range(3):
            archive.writestr(f"x/{number}.dcm", DICOM)
    folder = arranged([upload], ["ct 7.zip"], tmp_path, 1, LIMITS)
    assert folder == tmp_path / "study" / "ct 7"
    assert len(list(folder.iterdir())) == 3


def test_a_zip_comes_alone(lay):
    with pytest.raises(DataError, match="alone"):
        lay("a.zip", "b.png")
