"""The sound study of each format."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from damage import pictures, volumes
from damage.study import Study

MAKERS: dict[str, Callable[[], Study]] = {
    "png": pictures.png,
    "jpg": pictures.jpeg,
    "bmp": pictures.bmp,
    "tif": pictures.tiff,
    "tif (deflate)": lambda: pictures.tiff("zlib"),
    "nii": volumes.nifti,
    "nii.gz": volumes.nifti_gz,
    "nrrd": volumes.nrrd,
    "nrrd (gzip)": volumes.nrrd_gzip,
    "mha": volumes.mha,
    "mha (zlib)": volumes.mha_zlib,
    "mhd + raw": volumes.mhd,
    "dicom series": volumes.dicom_series,
    "dicom multi-frame": volumes.dicom_multi_frame,
}


@cache
def sound(kind: str) -> Study:
    """The sound study of a format."""
    return MAKERS[kind]()
