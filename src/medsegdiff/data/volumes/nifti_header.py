"""The header of a NIfTI file: read without belief, and copied for a mask of the same image.

Source: NIfTI-1.1 (nifti1.h, Cox 2007) and NIfTI-2 (nifti2.h); the choice between sform, qform and
pixdim is nibabel's.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medsegdiff.data.file_checks import first_bytes, not_what_it_says, unreadable
from medsegdiff.data.geometry import geometry_of_affine
from medsegdiff.data.volumes.declared import Declared
from medsegdiff.data.volumes.stream import GZIP, exactly, opened
from medsegdiff.data.volumes.voxels import Voxels
from medsegdiff.errors import UnreadableStudy
from medsegdiff.types import Geometry

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
TYPES |= {1024: "i8", 1280: "u8", 128: "u1"}
RGB24 = 128
COMPLEX = (32, 1792, 2048)
UNIT_MM = {1: 1000.0, 3: 0.001}  # metres and micrometres; anything else is taken as millimetres
PLACE = ("dim_info", "pixdim", "xyzt_units", "qform_code", "sform_code")
PLACE += ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
PLACE += ("srow_x", "srow_y", "srow_z")
SIZES = {348: 1, 540: 2}  # of a header, by version
LONGEST_EXTENSION = 2**26  # bytes between header and numbers; real ones have kilobytes


def raw_header(path: Path) -> Nifti1Header:
    """Read the header of a .nii or .nii.gz file as it is.

    Raises:
        UnreadableStudy: there is no such file, or it is not NIfTI in one file.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    with opened(path, _is_packed(path)) as stream:
        start = exactly(stream, 4)
        order = "<" if int.from_bytes(start, "little") in SIZES else ">"
        size = int.from_bytes(start, "little" if order == "<" else "big")
        if size not in SIZES:
            raise not_what_it_says(path, "NIfTI")
        content = start + exactly(stream, size - 4)
    _check_magic(path, content[344:348] if size == 348 else content[4:12])
    kind = Nifti1Header if size == 348 else Nifti2Header
    return kind(content, order, check=False)


def declared_by(path: Path) -> Declared:
    """Read and check a header.

    Raises:
        UnreadableStudy: there is no such file, or its header contradicts itself.
    """
    raw = raw_header(path)
    try:
        space, channels = _axes(raw)
        voxels = _voxels(raw, space[::-1], channels)
        return Declared(
            geometry=_geometry(raw, space[::-1]),
            voxels=voxels,
            file=path,
            is_packed=_is_packed(path),
            skipped=_offset(raw),
        )
    except ValueError as error:
        raise unreadable(path, error) from None


def copied_header(raw: Nifti1Header, values: np.ndarray) -> Nifti1Header:
    """A new header for values on the grid of another file: every field of place bit for bit.

    So are the sides (`dim`), unless the other file has several channels.

    Args:
        raw: of the other file; version and byte order are kept, texts and intensities are not.
        values: shape (*S), in the order of `Geometry`.
    """
    new = type(raw)(endianness=raw.endianness)
    for field in PLACE:
        new[field] = raw[field]
    new = _for_values(new, values)
    _, channels = _axes(raw)
    if channels == 1:
        new["dim"] = raw["dim"]
    return new


def new_header(geometry: Geometry, values: np.ndarray) -> Nifti1Header:
    """A header for values on any grid; NIfTI-2 where a side is too long for NIfTI-1."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    is_long = max(values.shape) > np.iinfo(np.int16).max
    new = (Nifti2Header if is_long else Nifti1Header)(endianness="<")
    if geometry.spacing_mm is not None:
        new["pixdim"][1 : 1 + geometry.space_dims] = geometry.spacing_mm[::-1]
        new["xyzt_units"] = 2  # mm
    if geometry.affine is not None and geometry.space_dims == 3:
        _set_place(new, geometry.affine.numpy()[:, [2, 1, 0, 3]])
    return _for_values(new, values)


def _set_place(header: Nifti1Header, affine: np.ndarray) -> None:
    """Write an affine as sform, and as qform where its axes are at right angles."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    is_sheared = np.abs(directions.T @ directions - np.eye(3)).max() > 1e-4
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=0 if is_sheared else 1, strip_shears=True)


def _for_values(header: Nifti1Header, values: np.ndarray) -> Nifti1Header:
    header["dim"] = [values.ndim, *values.shape[::-1], *(1,) * (7 - values.ndim)]
    header.set_data_dtype(values.dtype)
    header["vox_offset"] = 352 if header.sizeof_hdr == 348 else 544
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["descrip"] = b"MedSegDiff"
    return header


def _is_packed(path: Path) -> bool:
    """Whether a file is compressed, as its ending must say.

    Raises:
        UnreadableStudy: it is missing, empty, a pair, or content and ending disagree.
    """
    start, name = first_bytes(path), path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        raise _pair(path)
    is_packed = start.startswith(GZIP)
    if is_packed and name.endswith(".nii"):
        raise UnreadableStudy(f"{path} is compressed with gzip. Give it the ending .nii.gz.")
    if not is_packed and name.endswith(".gz"):
        raise UnreadableStudy(
            f"{path} is named like a gzip file but its content is not compressed. Give a NIfTI "
            "file the ending .nii, or copy it again from its source."
        )
    return is_packed


def _check_magic(path: Path, magic: bytes) -> None:
    if magic in (b"n+1\0", b"n+2\0\r\n\x1a\n"):
        return
    if magic[:2] == b"ni":
        raise _pair(path)
    raise UnreadableStudy(
        f"{path} is no NIfTI file but may be one of Analyze 7.5, which does not say where left and "
        "right are. Convert it to NIfTI (.nii.gz) with the program that wrote it."
    )


def _pair(path: Path) -> UnreadableStudy:
    return UnreadableStudy(
        f"{path} is one of a pair of files (.hdr and .img), which is not read. Convert the pair to "
        "one file, .nii.gz, for example with `fslchfiletype NIFTI_GZ`."
    )


def _axes(raw: Nifti1Header) -> tuple[tuple[int, ...], int]:
    """Sides in space, (x, y) or (x, y, z), and the number of channels."""
    count = int(raw["dim"][0])
    if not 2 <= count <= 7:
        raise ValueError(f"it declares {count} axes")
    sizes = [int(size) for size in raw["dim"][1 : count + 1]]
    if min(sizes) < 1:
        raise ValueError(f"it declares the sides {sizes}")
    others = [size for size in sizes[3:] if size > 1]
    if len(others) > 1:
        raise ValueError(
            f"it has {len(others)} axes besides those of space ({others}), where one at most is "
            "read; save each as a file of its own"
        )
    return tuple(sizes[:3]), math.prod(others)


def _voxels(raw: Nifti1Header, shape: tuple[int, ...], channels: int) -> Voxels:
    code = int(raw["datatype"])
    if code not in TYPES:
        kind = "complex numbers" if code in COMPLEX else f"numbers of the NIfTI type {code}"
        raise ValueError(f"it holds {kind}, which are not read; save real numbers or integers")
    dtype = np.dtype(raw.endianness + TYPES[code])
    colours = 3 if code == RGB24 else 1
    if int(raw["bitpix"]) not in (0, 8 * dtype.itemsize * colours):
        raise ValueError(f"it declares {raw['bitpix']} bits a voxel, which its type does not have")
    if code == RGB24:
        if channels > 1:
            raise ValueError("it holds several channels of colours; save each as a file")
        return Voxels(shape, 3, dtype, is_interleaved=True)
    return Voxels(shape, channels, dtype, False, *_scaling(raw))


def _scaling(raw: Nifti1Header) -> tuple[float, float]:
    """Slope and intercept; 0 and NaN stand for none."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise ValueError(f"its scaling is not finite: times {slope}, plus {intercept}")
    return slope, intercept


def _offset(raw: Nifti1Header) -> int:
    offset, least = float(raw["vox_offset"]), int(raw.sizeof_hdr) + 4
    if not (least <= offset <= LONGEST_EXTENSION and offset == int(offset)):
        raise ValueError(f"its numbers are declared to begin at byte {offset}")
    return int(offset)


def _geometry(raw: Nifti1Header, shape: tuple[int, ...]) -> Geometry:
    unit = UNIT_MM.get(int(raw["xyzt_units"]) & 7, 1.0)
    if len(shape) == 2:
        sizes = [abs(float(size)) * unit for size in raw["pixdim"][2:0:-1]]
        is_known = all(math.isfinite(size) and size > 0 for size in sizes)
        return Geometry(shape, tuple(sizes) if is_known else None)
    affine = np.array(_affine(raw), dtype=np.float64)
    affine[:3] *= unit
    return geometry_of_affine(shape, affine)


def _affine(raw: Nifti1Header) -> Any:
    """From (x, y, z) to RAS+ in the file's unit: the sform, else the qform, else from pixdim."""
    from nibabel.nifti1 import xform_codes

    if int(raw["sform_code"]) in xform_codes.value_set() - {0}:
        return raw.get_sform()
    sizes = raw["pixdim"][1:4]
    if not (np.isfinite(sizes).all() and sizes.all()):
        raise ValueError(f"it declares voxels of {', '.join(map(str, sizes))} mm")
    fixed = raw.copy()
    fixed["pixdim"][1:4] = np.abs(sizes)
    if fixed["pixdim"][0] not in (-1, 1):
        fixed["pixdim"][0] = 1  # as the standard says of 0
    if int(raw["qform_code"]) in xform_codes.value_set() - {0}:
        return fixed.get_qform()
    return fixed.get_base_affine()
