"""Valid files, most of them unusual: they must be read, and read right."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from damage import volumes
from damage.dicom_objects import as_bytes, file_name, picture, slices
from damage.lies_nifti import put
from damage.pictures import picture_values
from damage.sound import MAKERS, sound
from damage.study import Damaged, Expected, Study, Truth, single
from damage.volumes import (
    meta_content,
    nifti_content,
    nrrd_content,
    volume_truth,
    volume_values,
)

VALUES = volume_values()
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])  # about the patient's long axis


def _nifti(content: bytes, truth: Truth | None = None) -> Study:
    return single("nii", ".nii", content, truth or volume_truth())


def _like_volume(values: np.ndarray, **other: object) -> Truth:
    return replace(volume_truth(), image=values[None].astype(np.float32), **other)


def _nifti_typed(kind: str) -> Study:
    values = (VALUES % 100).astype(kind)
    return _nifti(nifti_content(values), _like_volume(values))


def _nifti_affine(columns: np.ndarray) -> Study:
    """With this affine, columns x, y, z."""
    rows = columns.astype(np.float32)
    content = put(nifti_content(), (252, "2h", (0, 1)), (280, "12f", tuple(rows[:3].ravel())))
    affine = rows.astype(np.float64)[:, [2, 1, 0, 3]]
    return _nifti(content, replace(volume_truth(), affine=affine))


def _sheared() -> np.ndarray:
    return np.array([[1, 0.3, 0.1, 5], [0, 2, 0.2, -7], [0.1, 0, 3, 9], [0, 0, 0, 1.0]])


def _nifti_scaled() -> Study:
    content = put(nifti_content(), (112, "2f", (2.5, -7)))
    return _nifti(content, _like_volume(VALUES * 2.5 - 7.0, is_mask=False))


def _nifti_extended() -> Study:
    content = nifti_content()
    content = put(content, (108, "f", (384,)), (348, "b", (1,)))
    return _nifti(
        content[:352] + struct.pack("<2i", 32, 6) + b"hello".ljust(24, b"\0") + content[352:]
    )


def _nifti_qform_only() -> Study:
    return _nifti(put(nifti_content(), (254, "h", (0,))))


def _several_streams() -> Study:
    content = nifti_content()
    parts = [gzip.compress(content[a : a + 1000], mtime=0) for a in range(0, len(content), 1000)]
    return single("nii.gz", ".nii.gz", b"".join(parts), volume_truth())


def _named_stream() -> Study:
    stream = io.BytesIO()
    with gzip.GzipFile("study.nii", "wb", fileobj=stream, mtime=1) as file:
        file.write(nifti_content())
    return single("nii.gz", ".nii.gz", stream.getvalue(), volume_truth())


def _twins() -> Study:
    other = nifti_content(VALUES + 1)
    study = sound("nii.gz")
    return replace(study, files={**study.files, "study.nii": other})


def _nrrd(
    *changes: tuple[str, str], data: bytes | None = None, truth: Truth | None = None
) -> Study:
    lines = "\n".join(volumes.NRRD_LINES)
    for old, new in changes:
        lines = lines.replace(old, new)
    content = nrrd_content(tuple(lines.split("\n")), data)
    return single("nrrd", ".nrrd", content, truth or volume_truth())


def _nrrd_ras() -> Study:
    """The same grid said in RAS."""
    return _nrrd(
        ("left-posterior-superior", "RAS"),
        ("(1.5,0,0) (0,0.75,0)", "(-1.5,0,0) (0,-0.75,0)"),
        ("(-11.0,7.0,23.0)", "(11.0,-7.0,23.0)"),
    )


def _nrrd_dos() -> Study:
    head = "\r\n".join(volumes.NRRD_LINES).encode()
    return single("nrrd", ".nrrd", head + b"\r\n\r\n" + VALUES.tobytes(), volume_truth())


def _detached_nrrd() -> Study:
    head = "\n".join([*volumes.NRRD_LINES, "data file: study.raw"]).encode() + b"\n"
    files = {"study.nhdr": head, "study.raw": VALUES.tobytes()}
    return Study("nrrd", files, "study.nhdr", volume_truth())


def _mha(*changes: tuple[str, str], data: bytes | None = None, truth: Truth | None = None) -> Study:
    lines = "\n".join(volumes.META_LINES)
    for old, new in changes:
        lines = lines.replace(old, new)
    content = meta_content(tuple(lines.split("\n")), data)
    return single("mha", ".mha", content, truth or volume_truth())


def _mha_turned() -> Study:
    """The rows of TransformMatrix are the directions of x, y and z."""
    lps = np.eye(4)
    lps[:3, :3] = TURN * np.array(volumes.SPACING)
    lps[:3, 3] = volumes.ORIGIN
    affine = volumes.RAS_FROM_LPS @ lps[:, [2, 1, 0, 3]]
    cosines = " ".join(str(x) for x in TURN.T.ravel())
    return _mha(("1 0 0 0 1 0 0 0 1", cosines), truth=replace(volume_truth(), affine=affine))


def _picture(ending: str, content: bytes, image: np.ndarray, is_mask: bool = True) -> Study:
    image = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    return single(ending[1:], ending, content, Truth(image.astype(np.float32), None, is_mask))


def _saved(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def _png_deep() -> Study:
    values = picture_values().astype(np.uint16) * 200
    return _picture(".png", _saved(Image.fromarray(values), format="PNG"), values)


def _png_palette() -> Study:
    image = Image.fromarray(picture_values()).convert("RGB").quantize(9)
    colours = np.asarray(image.convert("RGB"))
    return _picture(".png", _saved(image, format="PNG"), colours, is_mask=False)


def _png_clear() -> Study:
    grey = Image.fromarray(picture_values())
    content = _saved(Image.merge("LA", (grey, grey)), format="PNG")
    return _picture(".png", content, picture_values())


def _jpeg_turned() -> Study:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = _saved(Image.fromarray(picture_values()), format="JPEG", exif=exif)
    upright = np.rot90(np.asarray(Image.open(io.BytesIO(content))), -1)
    return _picture(".jpg", content, upright)


def _jpeg_progressive() -> Study:
    content = _saved(Image.fromarray(picture_values()), format="JPEG", progressive=True)
    return _picture(".jpg", content, np.asarray(Image.open(io.BytesIO(content))))


def _tiff(values: np.ndarray, **options: object) -> Study:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, metadata=None, **options)
    return _picture(".tif", stream.getvalue(), values, is_mask=values.dtype.kind != "f")


def _bmp_top_down() -> Study:
    """A negative height says that the first row is the uppermost."""
    content = bytearray(sound("bmp").content())
    start = int.from_bytes(content[10:14], "little")
    values = picture_values()
    struct.pack_into("<i", content, 22, -len(values))
    return _picture(".bmp", bytes(content[:start]) + values.tobytes(), values)


def _series(made: list[bytes], truth: Truth | None = None) -> Study:
    files = {file_name(d): content for d, content in enumerate(made)}
    return Study("dicom series", files, "", truth or volume_truth())


def _tilted() -> Study:
    """Each slice is moved along its rows: a gantry that leans."""
    affine = volumes.volume_affine()
    affine[:3, 0] = [0, -0.5, 2]
    truth = replace(volume_truth(), affine=affine)
    return _series([as_bytes(one) for one in slices(VALUES, (0, 0.5, 2))], truth)


def _head_first() -> Study:
    """The same series, its files written from the head to the feet."""
    return _series([as_bytes(one) for one in reversed(slices(VALUES))])


def _rewritten(uid: str) -> Study:
    """In another transfer syntax."""
    made = slices(VALUES)
    for one in made:
        if uid == RLELossless:
            one.compress(uid, generate_instance_uid=False)
            continue
        one.file_meta.TransferSyntaxUID = uid
        if uid == ExplicitVRBigEndian:
            one.PixelData = np.frombuffer(one.PixelData, "<i2").astype(">i2").tobytes()
    return _series([as_bytes(one) for one in made])


def _in_hounsfield() -> Study:
    made = slices(VALUES)
    for one in made:
        one.RescaleSlope, one.RescaleIntercept = 2, -1024
    return _series([as_bytes(one) for one in made], _like_volume(VALUES * 2.0 - 1024))


def _one_slice() -> Study:
    content = as_bytes(picture(VALUES[0]))
    truth = Truth(VALUES[:1].astype(np.float32))
    return single("dicom multi-frame", ".dcm", content, truth)


def _linked() -> Study:
    study = sound("nii.gz")
    files = {"real.nii.gz": study.content(), "study.nii.gz": Path("real.nii.gz")}
    return replace(study, files=files)


def _named(name: str) -> Study:
    study = sound("nii.gz")
    return replace(study, files={name: study.content()}, opened=name)


ODD: dict[str, Callable[[], Study]] = {
    **{f"nothing unusual: {kind}": lambda k=kind: sound(k) for kind in MAKERS},
    **{f"NIfTI of {kind}": lambda k=kind: _nifti_typed(k) for kind in ("u1", "i1", "u2", "i4")},
    **{f"NIfTI of {kind}": lambda k=kind: _nifti_typed(k) for kind in ("u4", "i8", "f4", "f8")},
    "NIfTI, big-endian": lambda: _nifti(nifti_content(VALUES.astype(">i2"), ">")),
    "NIfTI, sheared": lambda: _nifti_affine(_sheared()),
    "NIfTI, left-handed": lambda: _nifti_affine(np.diag([1, 2, 3, 1.0])),
    "NIfTI with a qform only": _nifti_qform_only,
    "NIfTI, scaled": _nifti_scaled,
    "NIfTI with an extension": _nifti_extended,
    "NIfTI, a fourth axis of 1": lambda: _nifti(
        put(nifti_content(), (40, "5h", (4, 16, 20, 6, 1)))
    ),
    "gzip in several streams": _several_streams,
    "gzip with a file name": _named_stream,
    "gzip, not compressed": lambda: single(
        "nii.gz", ".nii.gz", gzip.compress(nifti_content(), 0, mtime=0), volume_truth()
    ),
    "a link to a file": _linked,
    "a name with blanks and umlauts": lambda: _named("MRT Schädel (2) – 日本.nii.gz"),
    "a name with dots": lambda: _named("1.2.840.nii.nii.gz"),
    "an ending in capitals": lambda: _named("STUDY.NII.GZ"),
    "NRRD in RAS": _nrrd_ras,
    "NRRD, big-endian": lambda: _nrrd(
        ("endian: little", "endian: big"), data=VALUES.astype(">i2").tobytes()
    ),
    "NRRD of bytes": lambda: _nrrd(
        ("type: short", "type: uchar"),
        data=(VALUES % 100).astype(np.uint8).tobytes(),
        truth=_like_volume(VALUES % 100),
    ),
    "NRRD with DOS line ends": _nrrd_dos,
    "NRRD with keys and comments": lambda: _nrrd(
        ("type: short", "key:=value: x\n# a\ntype: int16")
    ),
    "NRRD, detached": _detached_nrrd,
    "MetaImage, big-endian": lambda: _mha(
        ("OrderMSB = False", "OrderMSB = True"), data=VALUES.astype(">i2").tobytes()
    ),
    "MetaImage, turned": _mha_turned,
    "MetaImage with other words": lambda: _mha(
        ("Offset", "Position"), ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    ),
    "PNG of 16 bits": _png_deep,
    "PNG with a palette": _png_palette,
    "PNG with transparency": _png_clear,
    "JPEG turned by EXIF": _jpeg_turned,
    "JPEG, progressive": _jpeg_progressive,
    "TIFF, big-endian": lambda: _tiff(picture_values().astype(np.uint16), byteorder=">"),
    "TIFF in tiles": lambda: _tiff(picture_values(), tile=(16, 16)),
    "TIFF in strips": lambda: _tiff(picture_values(), rowsperstrip=7),
    "TIFF of floats": lambda: _tiff(picture_values() / np.float32(7)),
    "BigTIFF": lambda: _tiff(picture_values(), bigtiff=True),
    "BMP, top row first": _bmp_top_down,
    "DICOM with a tilted gantry": _tilted,
    "DICOM from head to feet": _head_first,
    "DICOM in Hounsfield units": _in_hounsfield,
    "DICOM, implicit": lambda: _rewritten(ImplicitVRLittleEndian),
    "DICOM, big-endian": lambda: _rewritten(ExplicitVRBigEndian),
    "DICOM in RLE": lambda: _rewritten(RLELossless),
    "DICOM, one picture": _one_slice,
    "twins: .nii beside .nii.gz": _twins,
}
VALID = "valid, if unusual"
MAY_BE_REFUSED = ("twins: .nii beside .nii.gz", "NRRD, detached")


@cache
def odd_study(name: str) -> Study:
    """The study of this name."""
    return ODD[name]()


def odd(number: int) -> Damaged:
    """One of the unusual studies."""
    name = list(ODD)[number % len(ODD)]
    expected = Expected.NEVER_WRONG if name in MAY_BE_REFUSED else Expected.READ
    return Damaged(odd_study(name), VALID, name, expected)
