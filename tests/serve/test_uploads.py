"""Uploads are streamed to files, and stopped as soon as they are too large or of another kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from medsegdiff.serve.refusals import add_refusals
from medsegdiff.serve.uploads import Store, UploadLimits, receive

LIMITS = UploadLimits(bytes=100_000, files=3)
BOUNDARY = "b"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
STORE = 150_000


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    named = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


class Receiver:
    """An app that only receives forms."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(STORE)
        self.app = FastAPI()
        self.read = 0
        add_refusals(self.app)

        @self.app.post("/")
        async def take(request: Request) -> dict[str, object]:
            upload = await receive(request, folder, LIMITS, self.store)
            files = [[path.name, given] for path, given in upload.files.get("files", [])]
            return {"fields": upload.fields, "files": files, "bytes": upload.bytes}

    def post(self, *pieces: bytes, **headers: str) -> httpx.Response:
        """Send a body piece by piece; `read` counts the pieces that were asked for."""
        self.read = 0

        async def body() -> AsyncIterator[bytes]:
            for piece in pieces:
                self.read += 1
                yield piece

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.post("/", content=body(), headers={**FORM, **headers})

        return asyncio.run(call())


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path)


def test_files_and_fields_arrive_whole_however_they_are_cut(receiver):
    content = bytes(range(256)) * 100
    form = part("settings", b'{"a": 1}') + part("files", content, "ct/a.nii.gz") + END
    for size in (1000, 7919, len(form)):
        pieces = [form[i : i + size] for i in range(0, len(form), size)]
        answer = receiver.post(*pieces).json()
        assert answer["fields"] == {"settings": '{"a": 1}'}
        assert answer["files"] == [["a.nii.gz", "ct/a.nii.gz"]]
        assert (receiver.folder / "a.nii.gz").read_bytes() == content
        (receiver.folder / "a.nii.gz").unlink()


def test_what_is_too_large_is_stopped_on_the_way(receiver):
    pieces = [part("files", b"", "a.png")[:-2], *[bytes(10_000)] * 1000]
    answer = receiver.post(*pieces)
    assert answer.status_code == 413
    assert receiver.read < 15
    assert sum(path.stat().st_size for path in receiver.folder.iterdir()) <= LIMITS.bytes


def test_what_says_that_it_is_too_large_is_not_read(receiver):
    answer = receiver.post(b"x" * 10, **{"content-length": str(2**31)})
    assert (answer.status_code, receiver.read) == (413, 0)


def test_too_many_files_are_refused(receiver):
    answer = receiver.post(*[part("files", b"x", f"{i}.png") for i in range(4)], END)
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["a.exe", "a.html", "a.nii.gz.py", "a.svg", "a.tar"])
def test_unknown_kinds_are_refused_by_name(receiver, name):
    answer = receiver.post(part("files", b"x", name), END)
    assert answer.status_code == 415
    assert name in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["../../x.png", "/etc/x.png", "..\\x.png", "%2e%2e%2fx.png"])
def test_no_name_leads_out_of_the_folder(receiver, name):
    assert receiver.post(part("files", b"x", name), END).status_code == 200
    assert [path.parent for path in receiver.folder.rglob("*")] == [receiver.folder]


@pytest.mark.parametrize(
    "body", [b"", b"no form", part("files", b"x", "a.png"), part("a", b"")[:-20], b"\x00" * 999]
)
def test_broken_forms_are_refused(receiver, body):
    assert receiver.post(body).status_code == 400


def test_other_bodies_are_refused(receiver):
    assert receiver.post(b"{}", **{"content-type": "application/json"}).status_code == 415


def test_long_text_and_long_headers_are_refused(receiver):
    assert receiver.post(part("settings", b"x" * 70_000), END).status_code == 413
    assert receiver.post(part("x" * 9_000, b"x"), END).status_code == 400


def test_the_store_has_an_end_and_gets_back_what_was_refused(receiver):
    assert receiver.post(part("files", bytes(90_000), "a.png"), END).status_code == 200
    assert receiver.post(part("files", bytes(90_000), "b.png"), END).status_code == 429
    assert receiver.store.used == 90_000


def test_a_form_of_countless_fields_is_refused_early(receiver):
    fields = part("a", b"") * 40
    answer = receiver.post(*[fields] * 100)
    assert (answer.status_code, receiver.read < 100) == (413, True)
