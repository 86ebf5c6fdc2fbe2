"""MetaImage, the format of ITK: .mha in one file, or .mhd beside a file with the numbers.

    ObjectType = Image
    NDims = 3
    TransformMatrix = 1 0 0 0 1 0 0 0 1     directions of the axes, one after the other, LPS
    Offset = -90 -126 -72
    ElementSpacing = 1 1 2
    DimSize = 5 4 3                         x is the fastest
    ElementType = MET_SHORT
    ElementDataFile = LOCAL

A mask repeats what its image says of place, word for word.

Source: MetaIO documentation, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from medsegdiff.data.file_checks import first_bytes, not_what_it_says, unreadable
from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.volume import VolumeFormat, check_writable, geometry_of_source
from medsegdiff.data.geometry import affine_xyz, geometry_of_lps, lps_parts
from medsegdiff.data.volumes.declared import Declared
from medsegdiff.data.volumes.text_header import data_file, numbers, read_fields, sides_of
from medsegdiff.data.volumes.text_header import whole_numbers as whole
from medsegdiff.data.volumes.voxels import Voxels, storable
from medsegdiff.errors import DataError
from medsegdiff.files import atomic_write
from medsegdiff.types import Geometry

TYPES = {"MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2"}
TYPES |= {"MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4"}
TYPES |= {"MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8"}
NAMES = {"i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "u2": "MET_USHORT"}
NAMES |= {"i4": "MET_INT", "u4": "MET_UINT", "f4": "MET_FLOAT", "i8": "MET_LONG_LONG"}
MATRIX = ("TransformMatrix", "Rotation", "Orientation")
ORIGIN = ("Offset", "Position", "Origin")
SPACING = ("ElementSpacing", "ElementSize")
BYTE_ORDER = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
LAST = "ElementDataFile"


class MetaImage(VolumeFormat):
    """One .mha file, or a .mhd file with the file that it names; written as .mha."""

    name: Literal["metaimage"] = "metaimage"
    endings: ClassVar[tuple[str, ...]] = (".mha", ".mhd")

    def declared(self, path: Path) -> Declared:
        fields, offset = _fields(path)
        try:
            return _declared(path, fields, offset)
        except ValueError as error:
            raise unreadable(path, error) from None

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        if not path.name.lower().endswith(".mha"):
            raise DataError(f"{path} would need two files. Use the ending .mha.")
        values = storable(values)
        if source is not None and isinstance(format_of(source), MetaImage):
            check_writable(path, values, self.declared(source).geometry.shape)
            place = _copied_place(_fields(source)[0], values.ndim)
        else:
            place = _new_place(geometry_of_source(path, values, source))
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        packed = zlib.compress(little.data, 4)
        header = {
            "ObjectType": "Image",
            "NDims": str(values.ndim),
            "BinaryData": "True",
            "BinaryDataByteOrderMSB": "False",
            "CompressedData": "True",
            "CompressedDataSize": str(len(packed)),
            **place,
            "DimSize": " ".join(map(str, values.shape[::-1])),
            "ElementType": NAMES[values.dtype.str[1:]],
            LAST: "LOCAL",
        }
        text = "".join(f"{key} = {value}\n" for key, value in header.items())
        atomic_write(path, text.encode() + packed)


def _fields(path: Path) -> tuple[dict[str, str], int]:
    if not re.match(rb"\s*\w+\s*=", first_bytes(path, 64)):
        raise not_what_it_says(path, "MetaImage")
    try:
        return read_fields(path, "=", LAST)
    except ValueError as error:
        raise unreadable(path, error) from None


def _declared(path: Path, fields: dict[str, str], offset: int) -> Declared:
    dims = whole([fields.get("NDims", "")], 1, "NDims")[0]
    if dims not in (2, 3, 4):
        raise ValueError(f"it declares {dims} axes")
    sizes = sides_of(fields.get("DimSize", "").split(), dims, "DimSize")
    voxels = _voxels(fields, sizes)
    is_local = fields[LAST].upper() == "LOCAL"
    skipped = whole([fields.get("HeaderSize", "0")], 1, "HeaderSize")[0]
    if skipped < 0 or (skipped and is_local):
        raise ValueError("it does not say where its numbers begin (HeaderSize)")
    found = Declared(
        geometry=_geometry(fields, dims, voxels.shape),
        voxels=voxels,
        file=path if is_local else data_file(path, fields[LAST]),
        is_packed=_is_true(fields, "CompressedData"),
        offset=offset if is_local else skipped,
    )
    _check_packed_size(fields, found)
    return found


def _voxels(fields: dict[str, str], sizes: tuple[int, ...]) -> Voxels:
    if fields.get("BinaryData", "True").lower() != "true":
        raise ValueError("its numbers are written as text; save them as binary")
    kind = fields.get("ElementType", "")
    if kind not in TYPES:
        raise ValueError(f"it holds numbers of the type {kind[:40]!r}, which are not read")
    together = sides_of([fields.get("ElementNumberOfChannels", "1")], 1, "channels")[0]
    apart = sizes[3] if len(sizes) == 4 else 1
    if min(together, apart) > 1:
        raise ValueError("it has channels and a fourth axis; save each as a file of its own")
    is_big = any(_is_true(fields, key) for key in BYTE_ORDER)
    dtype = np.dtype((">" if is_big else "<") + TYPES[kind])
    return Voxels(sizes[:3][::-1], together * apart, dtype, is_interleaved=together > 1)


def _check_packed_size(fields: dict[str, str], found: Declared) -> None:
    """Compare the length of compressed content with what the header says, if it does."""
    if not found.is_packed or "CompressedDataSize" not in fields:
        return
    size = whole([fields["CompressedDataSize"]], 1, "CompressedDataSize")[0]
    real = found.file.stat().st_size - found.offset
    if size != real:
        raise ValueError(f"it holds {real} bytes of compressed content and declares {size}")


def _geometry(fields: dict[str, str], dims: int, shape: tuple[int, ...]) -> Geometry:
    spacing = numbers(_words(fields, SPACING, ["1"] * dims), dims, "ElementSpacing")
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise ValueError(f"it declares voxels of {spacing} mm")
    identity = [str(int(value)) for value in np.eye(dims).ravel()]
    matrix = numbers(_words(fields, MATRIX, identity), dims**2, "TransformMatrix")
    origin = numbers(_words(fields, ORIGIN, ["0"] * dims), dims, "Offset")
    if dims == 2:
        return Geometry(shape, tuple(spacing[::-1]))
    steps = np.array(matrix).reshape(dims, dims)[:3, :3].T * spacing[:3]
    return geometry_of_lps(shape, steps, np.array(origin[:3]))


def _copied_place(fields: dict[str, str], dims: int) -> dict[str, str]:
    """The words of another header about place, for as many axes as a mask has."""
    source_dims = int(fields["NDims"])
    matrix = next((key for key in MATRIX if key in fields), None)
    place = {}
    if matrix is not None:
        words = np.array(fields[matrix].split()).reshape(source_dims, source_dims)
        place["TransformMatrix"] = " ".join(words[:dims, :dims].ravel())
    for names in (ORIGIN, ("CenterOfRotation",), SPACING):
        words = _words(fields, names, [])
        if words:
            place[names[0]] = " ".join(words[:dims])
    if "AnatomicalOrientation" in fields and dims == source_dims:
        place["AnatomicalOrientation"] = fields["AnatomicalOrientation"]
    return place


def _new_place(geometry: Geometry) -> dict[str, str]:
    """The same for a grid of any origin."""
    if geometry.space_dims == 2:
        return {"ElementSpacing": _text((geometry.spacing_mm or (1.0, 1.0))[::-1])}
    directions, spacing, origin = lps_parts(affine_xyz(geometry))
    return {
        "TransformMatrix": _text(directions.T.ravel()),
        "Offset": _text(origin),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _text(spacing),
    }


def _text(values: np.ndarray | tuple[float, ...]) -> str:
    """Numbers with all digits that float64 has."""
    return " ".join(repr(float(value)) for value in values)


def _words(fields: dict[str, str], names: tuple[str, ...], default: list[str]) -> list[str]:
    return next((fields[name].split() for name in names if name in fields), default)


def _is_true(fields: dict[str, str], key: str) -> bool:
    return fields.get(key, "False").lower() == "true"
