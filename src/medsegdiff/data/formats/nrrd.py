"""NRRD in one file, as 3D Slicer writes it.

    NRRD0004
    type: short
    dimension: 3
    space: left-posterior-superior
    sizes: 512 512 3                                  x is the fastest
    space directions: (0.8,0,0) (0,0.8,0) (0,0,1)     "none" for an axis of channels
    kinds: domain domain domain
    endian: little
    encoding: gzip
    space origin: (-235.2,-226.8,-128.7)

A mask repeats what its image says of place, word for word.

Source: Definition of NRRD File Format, https://teem.sourceforge.net/nrrd/format.html; as in ITK, a
space without a known name is taken as left-posterior-superior, and lengths as millimetres.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

import numpy as np

from medsegdiff.data.file_checks import check_magic, unreadable
from medsegdiff.data.formats.choice import format_of
from medsegdiff.data.formats.volume import VolumeFormat, check_writable, geometry_of_source
from medsegdiff.data.geometry import affine_xyz, geometry_of_lps, lps_parts
from medsegdiff.data.volumes.declared import Declared
from medsegdiff.data.volumes.nrrd_axes import Axes, axes_of, vector
from medsegdiff.data.volumes.text_header import read_fields
from medsegdiff.data.volumes.voxels import Voxels, storable
from medsegdiff.errors import DataError, UnreadableStudy
from medsegdiff.files import atomic_write
from medsegdiff.types import Geometry

NAMES = {  # the first of each is written
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("unsigned char", "uchar", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("unsigned short", "ushort", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("unsigned int", "uint", "uint32", "uint32_t"),
    "i8": ("long long int", "longlong", "long long", "signed long long", "int64", "int64_t"),
    "u8": ("unsigned long long int", "ulonglong", "unsigned long long", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
TYPES = {name: code for code, names in NAMES.items() for name in names}
ENCODINGS = {"raw": False, "gzip": True, "gz": True}
MIRRORED = {  # by space, which of the coordinates x, y run against LPS
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}


class NRRD(VolumeFormat):
    """One .nrrd file; headers with the numbers in another file are not read."""

    name: Literal["nrrd"] = "nrrd"
    endings: ClassVar[tuple[str, ...]] = (".nrrd",)

    def claims(self, path: Path) -> bool:
        """Whether a path is named like NRRD; detached headers are claimed, but not read."""
        return path.name.lower().endswith((*self.endings, ".nhdr"))

    def declared(self, path: Path) -> Declared:
        fields, offset = _fields(path)
        try:
            axes = axes_of(fields)
            return Declared(
                geometry=_geometry(fields, axes),
                voxels=_voxels(fields, axes),
                file=path,
                is_packed=ENCODINGS[fields["encoding"].lower()],
                offset=offset,
            )
        except ValueError as error:
            raise unreadable(path, error) from None

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        if not path.name.lower().endswith(".nrrd"):
            raise DataError(f"{path} would need two files. Use the ending .nrrd.")
        values = storable(values)
        if source is not None and isinstance(format_of(source), NRRD):
            check_writable(path, values, self.declared(source).geometry.shape)
            place = _copied_place(_fields(source)[0])
        else:
            place = _new_place(geometry_of_source(path, values, source))
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        header = {
            "type": NAMES[values.dtype.str[1:]][0],
            "dimension": str(values.ndim),
            **{key: place[key] for key in ("space", "space dimension") if key in place},
            "sizes": " ".join(map(str, values.shape[::-1])),
            **place,
            "kinds": " ".join(["domain"] * values.ndim),
            "endian": "little",
            "encoding": "gzip",
        }
        text = "NRRD0004\n" + "".join(f"{key}: {value}\n" for key, value in header.items())

        def content(file: BinaryIO) -> None:
            file.write(text.encode() + b"\n")
            with gzip.GzipFile("", "wb", 4, file, mtime=0) as packed:
                packed.write(little.data)

        atomic_write(path, content)


def _fields(path: Path) -> tuple[dict[str, str], int]:
    check_magic(path, "NRRD")
    if path.name.lower().endswith(".nhdr"):
        raise _detached(path)
    try:
        found, offset = read_fields(path, ":", "")
    except ValueError as error:
        raise unreadable(path, error) from None
    fields = {key.lower(): value for key, value in found.items()}
    if "data file" in fields or "datafile" in fields:
        raise _detached(path)
    return fields, offset


def _detached(path: Path) -> UnreadableStudy:
    return UnreadableStudy(
        f"{path} is a header whose numbers lie in another file, which is not read. Save it as one "
        ".nrrd file, for example with 3D Slicer."
    )


def _voxels(fields: dict[str, str], axes: Axes) -> Voxels:
    kind = TYPES.get(fields.get("type", "").lower())
    if kind is None:
        raise ValueError(f"it holds numbers of the type {fields.get('type', '')[:40]!r}")
    encoding = fields.get("encoding", "").lower()
    if encoding not in ENCODINGS:
        raise ValueError(f"it is encoded as {encoding[:40]!r}; save it as gzip or raw")
    skips = [fields.get(key, "0") for key in ("byte skip", "byteskip", "line skip", "lineskip")]
    if set(skips) != {"0"}:
        raise ValueError("its numbers do not begin where its header ends (byte skip, line skip)")
    endian = fields.get("endian", "").lower()
    if endian not in ("little", "big") and kind[1] != "1":
        raise ValueError(f"it does not say its byte order (endian), but {endian[:40]!r}")
    dtype = np.dtype((">" if endian == "big" else "<") + kind)
    return Voxels(axes.shape, axes.channels, dtype, is_interleaved=axes.is_interleaved)


def _geometry(fields: dict[str, str], axes: Axes) -> Geometry:
    dims = len(axes.shape)
    steps = axes.steps()  # columns x, y, z; (space, dims)
    if dims > len(steps):
        raise ValueError(f"it declares {dims} axes in a space of {len(steps)}")
    if dims == 2:
        sizes = np.linalg.norm(steps, axis=0)
        is_known = np.isfinite(sizes).all() and (sizes > 0).all() and axes.has_size
        return Geometry(axes.shape, tuple(map(float, sizes[::-1])) if is_known else None)
    signs = np.array(MIRRORED.get(fields.get("space", "").lower(), (1, 1, 1)))
    origin = np.array(vector(fields.get("space origin", "(0,0,0)"), 3))
    return geometry_of_lps(axes.shape, steps * signs[:, None], origin * signs)


def _copied_place(fields: dict[str, str]) -> dict[str, str]:
    """The words of another header about place, without those of an axis of channels."""
    kept = ("space", "space dimension", "space origin", "space units")
    place = {key: fields[key] for key in kept if key in fields}
    axes = axes_of(fields)
    for key in ("space directions", "spacings"):
        if key in fields:
            words = re.findall(r"\([^)]*\)|\S+", fields[key])
            place[key] = " ".join(words[axis] for axis in axes.in_space)
    return place


def _new_place(geometry: Geometry) -> dict[str, str]:
    """The same for a grid of any origin."""
    if geometry.space_dims == 2:
        sizes = geometry.spacing_mm
        return {} if sizes is None else {"spacings": " ".join(map(repr, sizes[::-1]))}
    directions, spacing, origin = lps_parts(affine_xyz(geometry))
    return {
        "space": "left-posterior-superior",
        "space directions": " ".join(map(_vector_text, (directions * spacing).T)),
        "space origin": _vector_text(origin),
    }


def _vector_text(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
