"""NIfTI-1 and NIfTI-2 in one file: .nii and .nii.gz.

    (x, y) -> (H, W)      (x, y, z) -> (D, H, W)      a fourth or fifth axis, RGB24 -> channels

Masks carry the header of their image: every field of place bit for bit, nothing else.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

import numpy as np

from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.volume import VolumeFormat, check_writable, geometry_of_source
from medsegdiff.data.volumes.declared import Declared
from medsegdiff.data.volumes.nifti_header import (
    copied_header,
    declared_by,
    new_header,
    raw_header,
)
from medsegdiff.data.volumes.voxels import storable
from medsegdiff.errors import UnreadableStudy
from medsegdiff.files import atomic_write

PAIRED = (".hdr", ".img", ".hdr.gz", ".img.gz")  # claimed to be refused with a reason
PACKING = 4  # of 9; masks shrink to a hundredth at any level, maps hardly at all


class Nifti(VolumeFormat):
    """One NIfTI file, compressed or not."""

    name: Literal["nifti"] = "nifti"
    endings: ClassVar[tuple[str, ...]] = (".nii.gz", ".nii")

    def claims(self, path: Path) -> bool:
        """Whether a path is named like NIfTI; pairs of files are claimed, but not read."""
        return path.name.lower().endswith((*self.endings, *PAIRED))

    def declared(self, path: Path) -> Declared:
        _refuse_twin(path)
        return declared_by(path)

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        values = storable(values)
        if source is not None and isinstance(format_of(source), Nifti):
            check_writable(path, values, declared_by(source).geometry.shape)
            header = copied_header(raw_header(source), values)
        else:
            header = new_header(geometry_of_source(path, values, source), values)
        numbers = values.astype(values.dtype.newbyteorder(header.endianness), copy=False)

        def content(file: Any) -> None:
            file.write(header.binaryblock + bytes(4))  # four zeros: no extensions
            file.write(numbers.data)

        is_packed = path.name.lower().endswith(".gz")
        atomic_write(path, (lambda file: _pack(file, content)) if is_packed else content)


def _pack(file: BinaryIO, content: Callable[[Any], None]) -> None:
    """Compress without a name or a time, so that equal masks are equal files."""
    with gzip.GzipFile("", "wb", PACKING, file, mtime=0) as packed:
        content(packed)


def _refuse_twin(path: Path) -> None:
    """Refuse x.nii beside x.nii.gz: some programs open the one when the other is asked for."""
    is_packed = path.name.lower().endswith(".gz")
    twin = path.with_name(path.name[:-3] if is_packed else f"{path.name}.gz")
    if path.is_file() and twin.is_file():
        raise UnreadableStudy(
            f"{path} lies beside {twin.name}, and other programs read the one for the other. "
            "Remove one of them."
        )
