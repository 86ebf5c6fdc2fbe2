"""An upload as it arrives: streamed to files, counted all the time, never held in memory."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from medsegdiff.serve.file_names import Names, is_known, safe_name
from medsegdiff.serve.refusals import Refused

FIELD_BYTES = 64 * 2**10  # of all text fields together
HEADER_BYTES = 8 * 2**10
FIELDS = 32
SILENCE_SECONDS = 30  # after which a client that sends nothing is given up
UPLOAD_SECONDS = 1800  # for all of an upload, however slowly it drips
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
KNOWN = "PNG, JPEG, BMP, TIFF, NIfTI, NRRD, MetaImage, DICOM, or a zip of one of these"


@dataclass(frozen=True)
class UploadLimits:
    """How much one request may bring.

    Args:
        bytes: of all its parts together.
        files: their number.
    """

    bytes: int
    files: int


class Store:
    """Counts the bytes of all uploads and results on disk; no upload is taken beyond a limit.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def take(self, count: int) -> None:
        """Use so many bytes more.

        Raises:
            Refused: 429, all is used.
        """
        if self.used + count > self.limit:
            raise Refused(
                429,
                "The server's store is full until earlier jobs are deleted. Try again later.",
                {"Retry-After": "60"},
            )
        self.used += count

    def add(self, count: int) -> None:
        """So many bytes more are used: a job that was taken has written them."""
        self.used += count

    def give_back(self, count: int) -> None:
        """The files are deleted."""
        self.used -= count


@dataclass
class Upload:
    """What a form has brought.

    Args:
        folder: where its files are.
        fields: text by name.
        files: by the field they came in, in order; each with the name as the client gave it.
        bytes: of the files.
    """

    folder: Path
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[tuple[Path, str]]] = field(default_factory=dict)
    bytes: int = 0

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [path for files in self.files.values() for path, _ in files]

    def json(self, name: str) -> dict[str, Any]:
        """A field that holds a JSON object; empty if it is not there.

        Raises:
            Refused: 422, it is something else.
        """
        try:
            value = json.loads(self.fields.get(name, "{}"))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Refused(422, f"The field {name} must be a JSON object.")
        return value


async def receive(request: Request, folder: Path, limits: UploadLimits, store: Store) -> Upload:
    """Write the files of a form to a folder as they arrive.

    Args:
        request: multipart/form-data, of any length.
        folder: exists; what a refused upload has left there is for the caller to delete.
        limits: of this request.
        store: that its bytes are taken from; on an error they are given back.

    Raises:
        Refused: 413 too large, 415 no form or an unknown kind of file, 400 a broken form, 408 the
            client has fallen silent.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Refused(415, "Send multipart/form-data with the parts settings and files.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limits.bytes + FIELD_BYTES:
        raise too_large(limits)
    form = _Form(Upload(folder), limits, store)
    try:
        await _fed(request, form, boundary)
    except BaseException as error:
        store.give_back(form.upload.bytes)
        if getattr(error, "errno", None) in NO_ROOM:
            raise Refused(503, "The disk of the server is full. Try again later.") from None
        raise
    finally:
        form.close()
    return form.upload


async def _fed(request: Request, form: _Form, boundary: bytes) -> None:
    """Hand every piece of the body to the parser, until the form has ended."""
    parser: Any = MultipartParser(boundary, form.callbacks())
    stream = request.stream().__aiter__()
    ends = time.monotonic() + UPLOAD_SECONDS
    try:
        while time.monotonic() < ends:
            piece = await asyncio.wait_for(stream.__anext__(), SILENCE_SECONDS)
            parser.write(piece)
    except StopAsyncIteration:
        pass
    except asyncio.TimeoutError:
        raise Refused(408, "The upload has stopped arriving. Try again.") from None
    except ClientDisconnect:
        raise Refused(400, "The upload was broken off.") from None
    except MultipartParseError:
        raise Refused(400, "The form is broken. Send it again.") from None
    if not form.has_ended:
        raise Refused(400, "The form ends too early. Send it again.")


def too_large(limits: UploadLimits) -> Refused:
    """More bytes than one request may bring."""
    size = f"{limits.bytes / 2**20:.0f} MB"
    return Refused(413, f"The upload is too large: at most {size} are taken at once.")


class _Form:
    """Receives the parser's events: text stays in memory up to a limit, files go to the disk."""

    def __init__(self, upload: Upload, limits: UploadLimits, store: Store) -> None:
        self.upload, self.limits, self.store = upload, limits, store
        self.has_ended = False
        self._header, self._value, self._text = bytearray(), bytearray(), bytearray()
        self._disposition, self._name = b"", ""
        self._fields = self._text_bytes = 0
        self._names = Names()
        self._file: BinaryIO | None = None

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": lambda data, start, end: self._in_header(data[start:end], False),
            "on_header_value": lambda data, start, end: self._in_header(data[start:end], True),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._in_part,
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _part_begins(self) -> None:
        self._disposition, self._text = b"", bytearray()

    def _in_header(self, data: bytes, is_value: bool) -> None:
        (self._value if is_value else self._header).extend(data)
        if len(self._header) + len(self._value) > HEADER_BYTES:
            raise Refused(400, "The form has overlong headers.")

    def _header_ends(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        given = options.get(b"filename")
        if given:  # a browser sends an empty name where no file was chosen
            self._open(given.decode("utf-8", "replace"))
            return
        self._fields += 1
        if self._fields > FIELDS:
            raise Refused(413, "The form has too many fields.")

    def _open(self, given: str) -> None:
        name = safe_name(given)
        if not is_known(name):
            raise Refused(415, f"{name} is of a kind that is not known. Known are {KNOWN}.")
        if len(self._names) >= self.limits.files:
            raise Refused(413, f"The upload has too many files: at most {self.limits.files}.")
        path = self.upload.folder / self._names.unused(name)
        self.upload.files.setdefault(self._name, []).append((path, given))
        self._file = path.open("xb")

    def _in_part(self, data: bytes, start: int, end: int) -> None:
        count = end - start
        if self._file is None:
            self._text_bytes += count
            if self._text_bytes > FIELD_BYTES:
                raise Refused(413, "The text fields of the form are too long.")
            self._text.extend(data[start:end])
            return
        if self.upload.bytes + count > self.limits.bytes:
            raise too_large(self.limits)
        self.store.take(count)
        self.upload.bytes += count
        self._file.write(memoryview(data)[start:end])

    def _part_ends(self) -> None:
        if self._file is None:
            self.upload.fields[self._name] = self._text.decode("utf-8", "replace")
        self.close()

    def _ends(self) -> None:
        self.has_ended = True
