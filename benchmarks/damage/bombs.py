"""Small files that declare gigabytes, or inflate to them."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image

from damage import volumes
from damage.dicom_objects import changed, picture
from damage.lies_nifti import put
from damage.lies_picture import chunks_of, ihdr, png_of, with_tag
from damage.sound import sound
from damage.study import Damaged, Expected, Study

GIGABYTES = 4  # that a stream inflates to; as many megabytes are stored
BLOCK = 2**20


@cache
def endless() -> bytes:
    """A raw deflate stream of zeros; one block repeated, since each ends with a full flush."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return first * (GIGABYTES * 1024) + last


def gzip_bomb(start: bytes = b"") -> bytes:
    """A gzip stream of `start` and gigabytes of zeros; nobody should get to its checksum."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begun = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"", mtime=0)[:10] + begun + endless() + bytes(8)


def zlib_bomb() -> bytes:
    """The same as a zlib stream."""
    return b"\x78\xda" + endless() + bytes(4)


def nifti_header(*dims: int) -> bytes:
    """A sound header with other dimensions, 352 bytes."""
    return put(volumes.nifti_content()[:352], (40, f"{len(dims)}h", dims))


def large_picture(**options: object) -> bytes:
    """A sound picture of 20 000 x 20 000, black; 1 bit a pixel to make it quickly."""
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, **options)
    return stream.getvalue()


def deflated_tiff(width: int, height: int) -> bytes:
    """A TIFF of the given size whose one strip inflates to gigabytes."""
    sound_one = sound("tif (deflate)")
    start = sound_one.spans[sound_one.opened][1].start
    content = sound_one.content()[:start] + zlib_bomb()
    for tag, value in ((256, width), (257, height), (278, height), (279, len(content) - start)):
        content = with_tag(content, tag, value)
    return content


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """A sound PNG with more chunks behind its header."""
    header, *rest = chunks_of(sound("png").content())
    return png_of([header, *chunks, *rest])


def png_of_size(width: int, height: int, data: bytes) -> bytes:
    """A PNG of one data chunk."""
    return png_of([ihdr(width, height), (b"IDAT", data), (b"IEND", b"")])


def jpeg_of_size(side: int) -> bytes:
    """A sound JPEG whose frame header says otherwise."""
    content = bytearray(sound("jpg").content())
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, side, side)
    return bytes(content)


def rle_bmp(side: int) -> bytes:
    """A run-length encoded BMP of a large size and hardly any content."""
    content = bytearray(sound("bmp").content())
    struct.pack_into("<ii", content, 18, side, side)
    struct.pack_into("<I", content, 30, 1)
    return bytes(content)


def _nrrd(sizes: str, data: bytes) -> bytes:
    lines = tuple(line.replace("encoding: raw", "encoding: gzip") for line in volumes.NRRD_LINES)
    return volumes.nrrd_content(tuple(_other(line, "sizes: ", sizes) for line in lines), data)


def _mha(sizes: str, data: bytes) -> bytes:
    lines = tuple(
        line.replace(
            "CompressedData = False", f"CompressedData = True\nCompressedDataSize = {len(data)}"
        )
        for line in volumes.META_LINES
    )
    return volumes.meta_content(tuple(_other(line, "DimSize = ", sizes) for line in lines), data)


def _other(line: str, start: str, value: str) -> str:
    return start + value if line.startswith(start) else line


def _dicom(rows: int, frames: int) -> bytes:
    """A plain object that declares more than it holds."""
    made = sound("dicom multi-frame").content()
    return changed(made, lambda one: _sized(one, rows, frames))


def _sized(made: object, rows: int, frames: int) -> None:
    made.Rows = made.Columns = rows  # pyright: ignore[reportAttributeAccessIssue]
    made.NumberOfFrames = frames  # pyright: ignore[reportAttributeAccessIssue]


def rle_dicom(rows: int) -> bytes:
    """An object of one frame in RLE, whose two segments of runs inflate 64-fold."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    from damage.dicom_objects import as_bytes

    run = b"\x81\0" * (rows * rows // 128 + 1)
    segments = struct.pack("<16I", 2, 64, 64 + len(run), *[0] * 13) + run + run
    made = picture(np.zeros((8, 8), dtype=np.int16))
    made.Rows = made.Columns = rows
    made.file_meta.TransferSyntaxUID = RLELossless
    made.PixelData = encapsulate([segments])
    made["PixelData"].is_undefined_length = True
    return as_bytes(made)


BOMBS: dict[str, tuple[tuple[str, Callable[[], bytes]], ...]] = {
    "png": (
        ("declares 40 000 x 40 000", lambda: png_of_size(40_000, 40_000, zlib_bomb())),
        ("declares 2^31 - 1 squared", lambda: png_of_size(2**31 - 1, 2**31 - 1, zlib_bomb())),
        ("is 20 000 x 20 000 and sound", lambda: large_picture(format="PNG")),
        ("is 32 x 40, its pixels inflate to 4 GB", lambda: png_of_size(32, 40, zlib_bomb())),
        ("has a comment of 4 GB", lambda: png_with((b"zTXt", b"a\0\0" + zlib_bomb()))),
        ("has a text of 4 GB", lambda: png_with((b"iTXt", b"a\0\1\0\0\0" + zlib_bomb()))),
        ("has a colour profile of 4 GB", lambda: png_with((b"iCCP", b"a\0\0" + zlib_bomb()))),
    ),
    "jpg": (
        ("declares 65 500 x 65 500", lambda: jpeg_of_size(65_500)),
        ("declares 15 000 x 15 000", lambda: jpeg_of_size(15_000)),
    ),
    "bmp": (
        ("declares 30 000 x 30 000 in RLE", lambda: rle_bmp(30_000)),
        ("declares 15 000 x 15 000 in RLE", lambda: rle_bmp(15_000)),
    ),
    "tif (deflate)": (
        ("declares 60 000 x 60 000", lambda: deflated_tiff(60_000, 60_000)),
        ("is 32 x 40, its strip inflates to 4 GB", lambda: deflated_tiff(32, 40)),
    ),
    "nii": (("declares 32 767 cubed", lambda: nifti_header(3, *[32767] * 3)),),
    "nii.gz": (
        ("declares 1600 cubed, as it inflates", lambda: gzip_bomb(nifti_header(3, *[1600] * 3))),
        ("declares 3840 voxels, inflates to 4 GB", lambda: gzip_bomb(volumes.nifti_content())),
        ("inflates to 4 GB of zeros", gzip_bomb),
        ("is gzip in gzip", lambda: volumes.zipped(gzip_bomb(volumes.nifti_content()))),
    ),
    "nrrd (gzip)": (
        ("declares 1600 cubed", lambda: _nrrd("1600 1600 1600", gzip_bomb())),
        ("declares 1920 voxels, inflates to 4 GB", lambda: _nrrd("16 20 6", gzip_bomb())),
    ),
    "mha (zlib)": (
        ("declares 1600 cubed", lambda: _mha("1600 1600 1600", zlib_bomb())),
        ("declares 1920 voxels, inflates to 4 GB", lambda: _mha("16 20 6", zlib_bomb())),
    ),
    "dicom multi-frame": (
        ("declares 65 535 x 65 535 x 6", lambda: _dicom(65_535, 6)),
        ("declares 2^31 - 1 frames", lambda: _dicom(16, 2**31 - 1)),
        ("one frame of 20 000 x 20 000 in RLE", lambda: rle_dicom(20_000)),
    ),
}


@cache
def bomb_content(kind: str, number: int) -> bytes:
    """The bytes of a bomb."""
    return BOMBS[kind][number][1]()


def bomb(study: Study, number: int) -> Damaged:
    """One of the format's bombs."""
    after = study.with_file(bomb_content(study.format, number))
    return Damaged(after, "bomb", BOMBS[study.format][number][0], Expected.REFUSED)
