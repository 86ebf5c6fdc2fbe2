"""A job as MONAI Label's clients ask for it: one request, whose answer is the mask."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from medsegdiff.serve.image_sessions import linked
from medsegdiff.serve.job_settings import JobSettings
from medsegdiff.serve.jobs import Job, events
from medsegdiff.serve.refusals import Refused, not_found, own_error
from medsegdiff.serve.serving import Serving
from medsegdiff.serve.uploads import Upload

Answer = Literal["image", "json", "all", "dicom_seg"]
LOOK_SECONDS = 1.0  # between two looks whether the client is still there
NO_SCRIBBLES = "This model takes no label to start from. Send the image alone."


async def inferred(
    server: Serving,
    request: Request,
    owner: str,
    model: str,
    image: str,
    output: Answer | None,
) -> Response:
    """Run a job and answer with its mask; its files are deleted at once.

    Args:
        server: that it runs on.
        request: a form with `params` and perhaps `file`.
        owner: whose job it is.
        model: its id.
        image: an image that was sent ahead, or a bundled sample; empty where a file comes along.
        output: the mask alone, the figures alone, both (as when None), or the DICOM SEG.

    Raises:
        Refused: as when a job is sent; 422 too when it fails.
    """
    models = {one["id"]: one for one in await server.pool.models()}
    if model not in models:
        raise not_found()
    chosen = models[model]

    def adapted(upload: Upload, folder: Path) -> None:
        if _adapt(upload, chosen, image) is None:
            upload.files["files"] = linked(server.images.find(owner, image).upload, folder)

    job = await server.accepted(request, owner, adapted)
    try:
        await _ended(server, job, request)
        result = job.result()
        return await asyncio.to_thread(_answer, job.folder, result, chosen, output)
    finally:
        if job.has_ended:
            await server.jobs.delete(job)


def _adapt(upload: Upload, model: dict[str, Any], image: str) -> Upload | None:
    """Make a form of the page of one of MONAI Label's; None if its image was sent ahead."""
    if "label" in upload.files:
        raise Refused(422, NO_SCRIBBLES)
    params = upload.json("params")
    known = {name: params[name] for name in JobSettings.model_fields if name in params}
    upload.fields = {"settings": json.dumps({**known, "model": model["id"]})}
    files = upload.files.pop("file", [])
    if upload.files:
        raise Refused(422, "Send one image, in a part that is called file.")
    if files:
        upload.files["files"] = files
    elif image in {sample["id"] for sample in model["samples"]}:
        upload.fields["sample"] = image
    elif image:
        return None
    else:
        raise Refused(422, "Name an image or a session, or send a file.")
    return upload


async def _ended(server: Serving, job: Job, request: Request) -> None:
    """Wait for a job; it is cancelled when its client goes away.

    Raises:
        Refused: it has no result.
    """
    async for _ in events(job, LOOK_SECONDS):
        if await request.is_disconnected():
            await server.pool.cancel(job)
    if job.error is not None:
        is_ours = job.error["message"] == own_error(job.error["id"])
        raise Refused(500 if is_ours else 422, job.error["message"])
    if job.state != "done":
        raise Refused(422, "The job was cancelled.")


def _answer(
    folder: Path, result: dict[str, Any], model: dict[str, Any], output: Answer | None
) -> Response:
    """The answer to a finished job."""
    if output == "dicom_seg":
        return Response(_dicom_seg(folder, result), media_type="application/dicom")
    figures = {
        "label_names": {one["name"]: one["index"] for one in model["classes"] if one["index"]},
        "latencies": {"total": result["seconds"]},
        **{name: result[name] for name in ("study", "quality", "quality_words", "warnings")},
        **{name: result[name] for name in ("settings", "statistics")},
    }
    if output == "json":
        return JSONResponse(figures)
    path = folder / result["files"]["mask"]["path"]
    name = f"mask{''.join(path.suffixes)}"
    content = path.read_bytes()
    if output == "image":
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=disposition)
    return multipart(figures, name, content)


def _dicom_seg(folder: Path, result: dict[str, Any]) -> bytes:
    listed = [one["path"] for one in result["downloads"]]
    segments = [one for one in listed if one.startswith("out/dicom_seg/")]
    if not segments:
        raise Refused(422, "There is no DICOM SEG of an image that is not DICOM.")
    return (folder / segments[0]).read_bytes()


def multipart(params: Mapping[str, Any], name: str, content: bytes) -> Response:
    """Figures and mask in one answer, as a form."""
    limit = secrets.token_hex(16)
    head = (
        f'--{limit}\r\nContent-Disposition: form-data; name="params"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(params)}\r\n"
        f'--{limit}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{limit}--\r\n".encode()))
    return Response(body, media_type=f"multipart/form-data; boundary={limit}")
