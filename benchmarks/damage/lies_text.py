"""Headers of NRRD and MetaImage that lie.

Source: NRRD file format definition, https://teem.sourceforge.net/nrrd/format.html; MetaIO
documentation, https://itk.org/Wiki/MetaIO/Documentation.
"""

from __future__ import annotations

import re

from damage.study import PLAUSIBLE, Expected, Lie

HUGE = 10**9


def _line(field: str, value: str | None, separator: str) -> Lie:
    """A line of the header with another value, or without the line."""

    def tell(content: bytes) -> bytes:
        head, _, data = content.partition(END[separator])
        pattern = rf"(?m)^{re.escape(field)}{re.escape(separator)}.*\n?".encode()
        new = b"" if value is None else f"{field}{separator}{value}\n".encode()
        changed = re.sub(pattern, lambda found: new, head + b"\n", count=1).rstrip(b"\n")
        return changed + END[separator] + data

    return Lie(f"{field}{separator}{value or '(gone)'}", tell)


END = {": ": b"\n\n", " = ": b"\nElementDataFile"}


def nrrd(field: str, value: str | None = None) -> Lie:
    """A line of NRRD."""
    return _line(field, value, ": ")


def meta(field: str, value: str | None = None) -> Lie:
    """A line of MetaImage."""
    return _line(field, value, " = ")


def knowing(lie: Lie, expected: Expected) -> Lie:
    """The lie with another expectation."""
    reason = PLAUSIBLE if expected is Expected.UNKNOWABLE else ""
    return Lie(lie.says, lie.tell, expected, reason)


NRRD: tuple[Lie, ...] = (
    *(nrrd("sizes", text) for text in ("160 20 6", "16 20 5", "16 20 7", "16 0 6", "16 -20 6")),
    *(nrrd("sizes", text) for text in ("16 20", "16 20 6 1", "a b c", "nan 20 6", "1e9 1e9 1e9")),
    nrrd("sizes", f"{HUGE} {HUGE} {HUGE}"),
    nrrd("sizes"),
    *(nrrd("dimension", text) for text in ("2", "4", "0", "-3", "17", str(HUGE), "three")),
    nrrd("dimension"),
    *(nrrd("type", text) for text in ("double", "uchar", "block", "int128", "")),
    nrrd("type"),
    knowing(nrrd("type", "ushort"), Expected.UNKNOWABLE),
    *(nrrd("encoding", text) for text in ("bzip2", "hex", "ascii", "zip", "")),
    nrrd("encoding"),
    knowing(nrrd("endian", "big"), Expected.UNKNOWABLE),
    knowing(nrrd("endian"), Expected.NEVER_WRONG),
    nrrd("endian", "middle"),
    nrrd("space directions", "(nan,0,0) (0,1,0) (0,0,1)"),
    nrrd("space directions", "(inf,0,0) (0,1,0) (0,0,1)"),
    nrrd("space directions", "(0,0,0) (0,1,0) (0,0,1)"),
    nrrd("space directions", "(1,1,0) (1,1,0) (0,0,1)"),
    nrrd("space directions", "(1,0,0) (0,1,0)"),
    nrrd("space directions", "(1,0) (0,1) (0,1)"),
    nrrd("space directions", "none none none"),
    nrrd("space directions", "one two three"),
    knowing(nrrd("space directions", "(-1.5,0,0) (0,-0.75,0) (0,0,-2)"), Expected.UNKNOWABLE),
    nrrd("space origin", "(nan,0,0)"),
    nrrd("space origin", "(0,0)"),
    knowing(nrrd("space", "middle-of-nowhere"), Expected.NEVER_WRONG),  # taken as LPS, as in ITK
    knowing(nrrd("space", "scanner-xyz-time"), Expected.NEVER_WRONG),
    *(
        Lie(f"data file: {name}", lambda c, name=name: _detached(c, name))
        for name in (
            "gone.raw",
            "study.nrrd",
            "/etc/hostname",
            "../../../../../../etc/hostname",
            "LIST",
            "slice%03d.raw 1 100000000 1",
        )
    ),
    Lie("byte skip: 1000000", lambda c: c.replace(b"\n\n", b"\nbyte skip: 1000000\n\n", 1)),
    Lie("byte skip: -7", lambda c: c.replace(b"\n\n", b"\nbyte skip: -7\n\n", 1)),
    Lie("line skip: 1000000", lambda c: c.replace(b"\n\n", b"\nline skip: 1000000\n\n", 1)),
    Lie("sizes twice", lambda c: c.replace(b"\n\n", b"\nsizes: 20 16 6\n\n", 1)),
    Lie("magic = NRRD9999", lambda c: b"NRRD9999" + c[8:]),
    Lie("magic = nothing", lambda c: c[9:]),
    Lie("no blank line", lambda c: c.replace(b"\n\n", b"\n", 1)),
    Lie("a line of 1 MB", lambda c: c.replace(b"# written", b"#" * 2**20, 1), Expected.NEVER_WRONG),
    Lie(
        "bytes that are no text",
        lambda c: c.replace(b"# wr", b"#\xff\xfe", 1),
        Expected.NEVER_WRONG,
    ),
)
NRRD_RAW = (*NRRD, nrrd("encoding", "gzip"))
NRRD_GZIP = (*NRRD, nrrd("encoding", "raw"))

META: tuple[Lie, ...] = (
    *(meta("DimSize", text) for text in ("160 20 6", "16 20 5", "16 20 7", "16 0 6", "16 -20 6")),
    *(meta("DimSize", text) for text in ("16 20", "a b c", "nan 20 6", "1e9 1e9 1e9", "")),
    meta("DimSize", f"{HUGE} {HUGE} {HUGE}"),
    meta("DimSize"),
    *(meta("NDims", text) for text in ("2", "4", "0", "-3", "17", str(HUGE), "three")),
    meta("NDims"),
    *(meta("ElementType", text) for text in ("MET_DOUBLE", "MET_UCHAR", "MET_OTHER", "MET_NONE")),
    meta("ElementType"),
    knowing(meta("ElementType", "MET_USHORT"), Expected.UNKNOWABLE),
    knowing(meta("BinaryDataByteOrderMSB", "True"), Expected.UNKNOWABLE),
    meta("BinaryData", "False"),
    meta("TransformMatrix", "nan 0 0 0 1 0 0 0 1"),
    meta("TransformMatrix", "inf 0 0 0 1 0 0 0 1"),
    meta("TransformMatrix", "0 0 0 0 1 0 0 0 1"),
    meta("TransformMatrix", "1 0 0 1 0 0 0 0 1"),
    meta("TransformMatrix", "1 0 0 1"),
    meta("TransformMatrix", "one"),
    knowing(meta("TransformMatrix", "-1 0 0 0 -1 0 0 0 -1"), Expected.UNKNOWABLE),
    meta("Offset", "nan 0 0"),
    meta("Offset", "0 0"),
    *(meta("ElementSpacing", text) for text in ("0 1 1", "nan 1 1", "inf 1 1", "1 1")),
    knowing(meta("ElementSpacing", "-1.5 0.75 2"), Expected.REFUSED),
    Lie("ElementNumberOfChannels = 2", lambda c: _more(c, b"ElementNumberOfChannels = 2")),
    Lie("ElementNumberOfChannels = 0", lambda c: _more(c, b"ElementNumberOfChannels = 0")),
    Lie(
        "ElementNumberOfChannels = 1e9", lambda c: _more(c, b"ElementNumberOfChannels = 1000000000")
    ),
    Lie("HeaderSize = 1000000", lambda c: _more(c, b"HeaderSize = 1000000")),
    Lie("HeaderSize = -7", lambda c: _more(c, b"HeaderSize = -7")),
    *(
        Lie(f"ElementDataFile = {name}", lambda c, name=name: _elsewhere(c, name))
        for name in ("gone.raw", "LIST", "/etc/hostname", "../../../../etc/hostname", "", ".")
    ),
    Lie("ElementDataFile gone", lambda c: c.replace(b"ElementDataFile", b"Nothing", 1)),
)
MHA_RAW = (*META, meta("CompressedData", "True"))
MHA_ZLIB = (
    *META,
    meta("CompressedData", "False"),
    *(
        knowing(meta("CompressedDataSize", text), Expected.NEVER_WRONG)
        for text in ("0", "7", "-1", "1000000", str(10**18), "many")
    ),
    knowing(meta("CompressedDataSize"), Expected.NEVER_WRONG),
)
MHD = (
    *META,
    meta("CompressedData", "True"),
    Lie("ElementDataFile = study.mhd", lambda c: _elsewhere(c, "study.mhd")),
    Lie("ElementDataFile = LOCAL", lambda c: _elsewhere(c, "LOCAL")),
)


def _detached(content: bytes, name: str) -> bytes:
    return content.replace(b"\n\n", f"\ndata file: {name}\n\n".encode(), 1)


def _more(content: bytes, line: bytes) -> bytes:
    return content.replace(b"\nElementDataFile", b"\n" + line + b"\nElementDataFile", 1)


def _elsewhere(content: bytes, name: str) -> bytes:
    return re.sub(
        rb"ElementDataFile = [^\n]*", f"ElementDataFile = {name}".encode(), content, count=1
    )
