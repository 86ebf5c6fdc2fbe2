"""Sound volumes: the same small one, without symmetry, in every format."""

from __future__ import annotations

import gzip
import zlib

import numpy as np

from damage.study import NO_CHECKSUM, PLAIN_HEADER, Span, Study, Truth, single

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SPACING = (1.5, 0.75, 2.0)  # mm along x, y, z
ORIGIN = (-11.0, 7.0, 23.0)  # mm, left, posterior, superior (LPS)
SHAPE = (6, 20, 16)  # D, H, W


def volume_values() -> np.ndarray:
    """Intensities of a volume, (D, H, W), int16."""
    values = np.random.default_rng(2).integers(-900, 900, SHAPE, dtype=np.int16)
    values[1:4, 3:12, 2:6] += 1000
    values[1, 3:6, 2:13] += 1000
    return values


def volume_affine() -> np.ndarray:
    """Its affine: axes z, y, x; RAS+ mm."""
    lps = np.zeros((4, 4))
    for axis, mm in enumerate(SPACING):
        lps[axis, 2 - axis] = mm
    lps[:3, 3], lps[3, 3] = ORIGIN, 1
    return RAS_FROM_LPS @ lps


def volume_truth() -> Truth:
    """What must be read from a volume."""
    return Truth(volume_values()[None].astype(np.float32), volume_affine())


def nifti_content(values: np.ndarray | None = None, endian: str = "<") -> bytes:
    """A single NIfTI file; values (D, H, W)."""
    import nibabel as nib

    values = volume_values() if values is None else values
    columns = volume_affine()[:, [2, 1, 0, 3]]
    header = nib.Nifti1Header(endianness=endian)
    header.set_xyzt_units("mm")
    image = nib.Nifti1Image(values.T, columns, header, dtype=values.dtype)
    image.set_qform(columns, code=1)
    image.set_sform(columns, code=1)
    return image.to_bytes()


def nifti() -> Study:
    """Uncompressed NIfTI-1."""
    content = nifti_content()
    return single(
        "nii",
        ".nii",
        content,
        volume_truth(),
        Span("header", 0, 352, PLAIN_HEADER),
        Span("voxels", 352, len(content), NO_CHECKSUM),
    )


def zipped(content: bytes) -> bytes:
    """A gzip stream that does not depend on the clock."""
    return gzip.compress(content, mtime=0)


def nifti_gz() -> Study:
    """The same in gzip: CRC-32 and length at its end."""
    content = zipped(nifti_content())
    return single(
        "nii.gz",
        ".nii.gz",
        content,
        volume_truth(),
        Span("gzip header", 0, 10),
        Span("compressed data", 10, len(content) - 8),
        Span("gzip trailer", len(content) - 8, len(content)),
    )


NRRD_LINES = (
    "NRRD0004",
    "# written by hand",
    "type: short",
    "dimension: 3",
    "space: left-posterior-superior",
    f"sizes: {SHAPE[2]} {SHAPE[1]} {SHAPE[0]}",
    f"space directions: ({SPACING[0]},0,0) (0,{SPACING[1]},0) (0,0,{SPACING[2]})",
    "kinds: domain domain domain",
    "endian: little",
    "encoding: raw",
    f"space origin: ({ORIGIN[0]},{ORIGIN[1]},{ORIGIN[2]})",
)


def nrrd_content(lines: tuple[str, ...] = NRRD_LINES, data: bytes | None = None) -> bytes:
    """A NRRD file with attached data."""
    data = volume_values().tobytes() if data is None else data
    return "\n".join(lines).encode() + b"\n\n" + data


def nrrd() -> Study:
    """Raw NRRD."""
    content = nrrd_content()
    start = content.index(b"\n\n") + 2
    return single(
        "nrrd",
        ".nrrd",
        content,
        volume_truth(),
        Span("header", 0, start, PLAIN_HEADER),
        Span("voxels", start, len(content), NO_CHECKSUM),
    )


def nrrd_gzip() -> Study:
    """NRRD with gzip data: CRC-32 and length at its end, but not over the header."""
    lines = tuple(line.replace("encoding: raw", "encoding: gzip") for line in NRRD_LINES)
    content = nrrd_content(lines, zipped(volume_values().tobytes()))
    start = content.index(b"\n\n") + 2
    return single(
        "nrrd (gzip)",
        ".nrrd",
        content,
        volume_truth(),
        Span("header", 0, start, PLAIN_HEADER),
        Span("gzip header", start, start + 10),
        Span("compressed data", start + 10, len(content) - 8),
        Span("gzip trailer", len(content) - 8, len(content)),
    )


META_LINES = (
    "ObjectType = Image",
    "NDims = 3",
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    "CompressedData = False",
    "TransformMatrix = 1 0 0 0 1 0 0 0 1",
    f"Offset = {ORIGIN[0]} {ORIGIN[1]} {ORIGIN[2]}",
    "CenterOfRotation = 0 0 0",
    "AnatomicalOrientation = RAI",
    f"ElementSpacing = {SPACING[0]} {SPACING[1]} {SPACING[2]}",
    f"DimSize = {SHAPE[2]} {SHAPE[1]} {SHAPE[0]}",
    "ElementType = MET_SHORT",
    "ElementDataFile = LOCAL",
)


def meta_content(lines: tuple[str, ...] = META_LINES, data: bytes | None = None) -> bytes:
    """A MetaImage with attached data."""
    data = volume_values().tobytes() if data is None else data
    return "\n".join(lines).encode() + b"\n" + data


def mha() -> Study:
    """Raw MetaImage."""
    content = meta_content()
    start = content.index(b"LOCAL\n") + 6
    return single(
        "mha",
        ".mha",
        content,
        volume_truth(),
        Span("header", 0, start, PLAIN_HEADER),
        Span("voxels", start, len(content), NO_CHECKSUM),
    )


def mha_zlib() -> Study:
    """MetaImage with zlib data: Adler-32 at its end, but not over the header."""
    data = zlib.compress(volume_values().tobytes())
    lines = list(META_LINES)
    lines[4] = "CompressedData = True"
    lines.insert(5, f"CompressedDataSize = {len(data)}")
    content = meta_content(tuple(lines), data)
    start = content.index(b"LOCAL\n") + 6
    return single(
        "mha (zlib)",
        ".mha",
        content,
        volume_truth(),
        Span("header", 0, start, PLAIN_HEADER),
        Span("compressed data", start, len(content) - 4),
        Span("Adler-32", len(content) - 4, len(content)),
    )


def mhd() -> Study:
    """MetaImage header and raw voxels in two files."""
    header = "\n".join([*META_LINES[:-1], "ElementDataFile = study.raw"]).encode()
    data = volume_values().tobytes()
    spans = {
        "study.mhd": (Span("header", 0, len(header), PLAIN_HEADER),),
        "study.raw": (Span("voxels", 0, len(data), NO_CHECKSUM),),
    }
    files = {"study.mhd": header, "study.raw": data}
    return Study("mhd + raw", files, "study.mhd", volume_truth(), spans)


def dicom_series() -> Study:
    """One CT slice a file."""
    from damage.dicom_objects import series_files

    files = series_files(volume_values())
    spans = {name: _dicom_spans(content) for name, content in files.items()}
    return Study("dicom series", files, "", volume_truth(), spans)


def dicom_multi_frame() -> Study:
    """One enhanced MR file."""
    from damage.dicom_objects import enhanced_file

    content = enhanced_file(volume_values())
    spans = _dicom_spans(content)
    return single("dicom multi-frame", ".dcm", content, volume_truth(), *spans)


def _dicom_spans(content: bytes) -> tuple[Span, ...]:
    start = content.index(b"\xe0\x7f\x10\x00OW") + 12  # tag, kind and length of the pixel data
    return (
        Span("preamble", 0, 128),
        Span("header", 128, start, PLAIN_HEADER),
        Span("pixels", start, len(content), NO_CHECKSUM),
    )
