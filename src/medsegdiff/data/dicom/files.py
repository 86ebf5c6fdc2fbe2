"""Opening DICOM files; nothing of a patient gets into an error's text.

Of a file's values, errors quote technical ones alone (sizes, coding, modality), and the names of
segments and structures.

Source: DICOM PS3.10, section 7.1 (the file meta information).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medsegdiff.errors import MedSegDiffError, UnreadableStudy

if TYPE_CHECKING:
    from pydicom import Dataset

ENDINGS = (".dcm", ".dicom", ".ima")
DEFLATED = "1.2.840.10008.1.2.1.99"
SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # SEG, label map
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def is_dicom(path: Path) -> bool:
    """Whether a file starts like DICOM: with the magic word after 128 bytes, or with group 0008."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or re.match(rb"\x08\x00[\x00-\x18]\x00", start) is not None


def has_ending(path: Path) -> bool:
    """Whether a name may be that of a DICOM file: .dcm, none, or the last number of a UID."""
    suffix = path.suffix.lower()
    return suffix in ("", *ENDINGS) or suffix[1:].isdigit()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into an `UnreadableStudy` that names the file.

    The texts of pydicom are left out, because they quote the values of the file.
    """
    from pydicom.config import disable_value_validation

    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="(?s).*[Ee]nd of (file|input)")
            yield
    except MedSegDiffError:
        raise
    except Exception as error:
        raise UnreadableStudy(
            f"{path} is damaged or incomplete and cannot be decoded ({type(error).__name__}). "
            "Copy it again from its source."
        ) from None


def read_dataset(path: Path, *, pixels: bool = False) -> Dataset:
    """Read a DICOM file, with its pixels or without.

    Raises:
        UnreadableStudy: there is no such file, it is not DICOM, or it is damaged.
    """
    if not path.is_file():
        raise UnreadableStudy(f"There is no file {path}. Check the name.")
    if not is_dicom(path):
        raise UnreadableStudy(
            f"{path} is not a DICOM file: the word DICM is not where it must be. Copy it again "
            "from its source, or take it out of the folder."
        )
    with reading(path):
        return _parsed(path, pixels)


def _parsed(path: Path, pixels: bool) -> Dataset:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    except InvalidDicomError:
        syntax = None  # a file of long ago, without file meta information
    if syntax == DEFLATED:  # could grow a thousandfold while it is opened
        raise UnreadableStudy(
            f"{path} is stored with the deflated transfer syntax, which is not read. Convert it "
            "with `dcmconv +te` of DCMTK."
        )
    dataset = dcmread(path, stop_before_pixels=not pixels, force=True)
    if not dataset.get("SOPClassUID"):
        raise UnreadableStudy(
            f"{path} starts like a DICOM file but does not say what it is (SOP Class UID). Copy "
            "it again from its source."
        )
    return dataset


def is_object(path: Path, kinds: Collection[str]) -> bool:
    """Whether a file is a DICOM object of one of these SOP classes; a damaged one is none."""
    if not (has_ending(path) and path.is_file() and is_dicom(path)):
        return False
    try:
        return str(read_dataset(path).SOPClassUID) in kinds
    except UnreadableStudy:
        return False


def read_object(path: Path, kinds: Collection[str], name: str) -> Dataset:
    """Read the header of an object that must be of one of these SOP classes.

    Args:
        path: of the file.
        kinds: SOP class UIDs.
        name: what they are, for errors.

    Raises:
        UnreadableStudy: it is something else, or damaged.
    """
    dataset = read_dataset(path)
    if str(dataset.SOPClassUID) not in kinds:
        raise UnreadableStudy(f"{path} is a DICOM file, but no {name}. Give another.")
    return dataset


def announced_class(path: Path) -> str:
    """The SOP class that the start of a file announces, be the rest damaged; empty without one."""
    from pydicom.filereader import read_file_meta_info

    try:
        with reading(path):
            return str(read_file_meta_info(path).get("MediaStorageSOPClassUID", ""))
    except UnreadableStudy:
        return ""


def is_image(dataset: Dataset) -> bool:
    """Whether it is a picture, by what it calls itself or holds, and no segmentation or dose."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    kind = UID(str(dataset.SOPClassUID), validation_mode=IGNORE)
    return kind not in (*SEGMENTATION, DOSE) and ("Rows" in dataset or "Image Storage" in kind.name)
