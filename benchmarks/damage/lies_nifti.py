"""NIfTI-1 headers that lie.

Source: nifti1.h, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h (offsets of fields).
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from functools import partial

from damage.study import PLAUSIBLE, Expected, Lie
from damage.volumes import SHAPE, zipped

NAN, INF = float("nan"), float("inf")
DIM, DATATYPE, BITPIX, PIXDIM, VOX_OFFSET = "<8h", 70, 72, 76, 108
SLOPE, INTERCEPT, QFORM, SFORM, QUATERN, SROW, MAGIC = 112, 116, 252, 254, 256, 280, 344
FLOAT64, UINT16, RGB = 64, 512, 128

Tell = Callable[[bytes], bytes]


def put(content: bytes, *fields: tuple[int, str, tuple[float, ...]]) -> bytes:
    """Overwrite fields, each (offset, format, values)."""
    changed = bytearray(content)
    for offset, form, values in fields:
        struct.pack_into(f"<{form}", changed, offset, *values)
    return bytes(changed)


def _dims(*dims: int) -> Tell:
    return partial(put_tail, (40, f"{len(dims)}h", dims))


def _floats(offset: int, *values: float) -> Tell:
    return partial(put_tail, (offset, f"{len(values)}f", values))


def _shorts(offset: int, *values: int) -> Tell:
    return partial(put_tail, (offset, f"{len(values)}h", values))


def put_tail(*arguments: object) -> bytes:
    """`put` with the content last."""
    *fields, content = arguments
    return put(content, *fields)  # pyright: ignore[reportArgumentType]


def _qform_only(*fields: tuple[int, str, tuple[float, ...]]) -> Tell:
    return partial(put_tail, (SFORM, "h", (0,)), *fields)


D, H, W = SHAPE
LIES: tuple[Lie, ...] = (
    Lie("dim = 10 x W", _dims(3, 10 * W, H, D)),
    Lie("dim = 32767 ^ 3", _dims(3, 32767, 32767, 32767)),
    Lie("dim = 32767 ^ 7", _dims(7, *[32767] * 7)),
    Lie("dim = one slice less", _dims(3, W, H, D - 1)),
    Lie("dim = one slice more", _dims(3, W, H, D + 1)),
    Lie("dim = half as wide", _dims(3, W // 2, H, D)),
    Lie("dim = W, H exchanged", _dims(3, H, W, D), Expected.UNKNOWABLE, PLAUSIBLE),
    Lie("dim = 0", _dims(3, W, 0, D)),
    Lie("dim = -1", _dims(3, W, -1, D)),
    Lie("dim = -W x -H", _dims(3, -W, -H, D)),
    Lie("ndim = 0", _dims(0)),
    Lie("ndim = 8", _dims(8)),
    Lie("ndim = -3", _dims(-3)),
    Lie("ndim = 5, dim[5] = 7", _dims(5, W, H, D, 1, 7)),
    Lie("datatype = 9999", _shorts(DATATYPE, 9999)),
    Lie("datatype = 0", _shorts(DATATYPE, 0, 0)),
    Lie("datatype = 1 bit", _shorts(DATATYPE, 1, 1)),
    Lie("datatype = float64", _shorts(DATATYPE, FLOAT64, 64)),
    Lie("datatype = complex128", _shorts(DATATYPE, 1792, 128)),
    Lie("datatype = RGB", _shorts(DATATYPE, RGB, 24)),
    Lie("datatype = uint16", _shorts(DATATYPE, UINT16), Expected.UNKNOWABLE, PLAUSIBLE),
    Lie("datatype = float64, bitpix as before", _shorts(DATATYPE, FLOAT64)),
    Lie("bitpix = 32767", _shorts(BITPIX, 32767), Expected.NEVER_WRONG),
    Lie("bitpix = 0", _shorts(BITPIX, 0), Expected.NEVER_WRONG),
    Lie("vox_offset beyond the end", _floats(VOX_OFFSET, 1e6)),
    Lie("vox_offset = 1e30", _floats(VOX_OFFSET, 1e30)),
    Lie("vox_offset = 16 bytes further", _floats(VOX_OFFSET, 368)),
    Lie("vox_offset = inside the header", _floats(VOX_OFFSET, 112)),
    Lie("vox_offset = -352", _floats(VOX_OFFSET, -352)),
    Lie("vox_offset = NaN", _floats(VOX_OFFSET, NAN)),
    Lie("vox_offset = 352.5", _floats(VOX_OFFSET, 352.5), Expected.NEVER_WRONG),
    Lie("scl_slope = NaN", _floats(SLOPE, NAN), Expected.NEVER_WRONG),
    Lie("scl_slope = inf", _floats(SLOPE, INF), Expected.NEVER_WRONG),
    Lie("scl_slope = 0", _floats(SLOPE, 0, 3), Expected.NEVER_WRONG),
    Lie("scl_slope = 3e38", _floats(SLOPE, 3e38, 0)),
    Lie("scl_inter = NaN", _floats(SLOPE, 1, NAN)),
    Lie("scl_inter = inf", _floats(SLOPE, 1, INF)),
    Lie("srow = NaN", _floats(SROW, NAN)),
    Lie("srow = inf", _floats(SROW + 12, INF)),
    Lie("srow = all zero", _floats(SROW, *[0] * 12)),
    Lie("srow = an axis without length", _floats(SROW, 0, 0, 0, 1, 0, 1, 0, 1)),
    Lie("srow = two equal axes", _floats(SROW, *(1, 1, 0, 0) * 2, 0, 0, 1, 0)),
    Lie("pixdim = NaN beside a sform", _floats(PIXDIM + 4, NAN), Expected.NEVER_WRONG),
    Lie("pixdim = 0 beside a sform", _floats(PIXDIM + 4, 0, 0, 0), Expected.NEVER_WRONG),
    Lie("pixdim = -1 beside a sform", _floats(PIXDIM + 4, -1), Expected.NEVER_WRONG),
    Lie("pixdim = 0 for the qform", _qform_only((PIXDIM + 4, "f", (0,)))),
    Lie("pixdim = NaN for the qform", _qform_only((PIXDIM + 4, "f", (NAN,)))),
    Lie("pixdim = inf for the qform", _qform_only((PIXDIM + 4, "f", (INF,)))),
    Lie("quatern = NaN", _qform_only((QUATERN, "f", (NAN,)))),
    Lie("quatern = (1, 1, 1)", _qform_only((QUATERN, "3f", (1, 1, 1)))),
    Lie("qoffset = inf", _qform_only((QUATERN + 12, "f", (INF,)))),
    Lie("magic = ni1", partial(put_tail, (MAGIC, "4s", (b"ni1\0",)))),
    Lie("magic = n+9", partial(put_tail, (MAGIC, "4s", (b"n+9\0",)))),
    Lie("magic = nothing", partial(put_tail, (MAGIC, "4s", (b"\0\0\0\0",)))),
    Lie("sizeof_hdr = 0", partial(put_tail, (0, "i", (0,)))),
    Lie("sizeof_hdr = 540", partial(put_tail, (0, "i", (540,)))),
    Lie(
        "an extension, but no place for it",
        partial(put_tail, (348, "b", (1,))),
        Expected.NEVER_WRONG,
    ),
)


def _inside_gzip(lie: Lie) -> Lie:
    return Lie(lie.says, lambda c: zipped(lie.tell(gzip.decompress(c))), lie.expected, lie.reason)


GZIP_LIES: tuple[Lie, ...] = (
    *map(_inside_gzip, LIES),
    Lie("gzip method = 7", lambda c: c[:2] + b"\x07" + c[3:]),
    Lie("gzip length = 1 byte more", lambda c: c[:-4] + struct.pack("<I", 4193)),
    Lie("gzip CRC = 0", lambda c: c[:-8] + bytes(4) + c[-4:]),
    Lie("a second stream behind the first", lambda c: c + zipped(b"x" * 100), Expected.NEVER_WRONG),
    Lie("raw voxels in gzip without a header", lambda c: zipped(gzip.decompress(c)[352:])),
)
