"""Keeping a corrected mask with its image, so that a training can use both."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from medsegdiff.serve.answers import form, refusals
from medsegdiff.serve.job_routes import Own, Server
from medsegdiff.serve.jobs import Job, delete_folder
from medsegdiff.serve.refusals import LOG, Refused, new_error_id, own_error
from medsegdiff.serve.serving import Serving
from medsegdiff.serve.uploads import Upload
from medsegdiff.serve.worker_process import WorkerProcess

LONGEST_NAME, LONGEST_NOTE = 100, 1000  # letters
NOT_KEPT = (
    "This server keeps no corrections. Start it with --keep and a folder, or download the mask."
)
ANY = "any"  # as `engine.corrections` calls it, which torch comes with
TOO_SLOW = "The mask could not be kept in time. Try again."
router = APIRouter(prefix="/api/jobs", tags=["jobs"])
FORM = form(
    {
        "required": ["mask", "author"],
        "properties": {
            "mask": {
                "type": "string",
                "format": "binary",
                "description": "Class numbers: grey PNG, or .nii.gz for a volume.",
            },
            "author": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
            "note": {"type": "string", "maxLength": LONGEST_NOTE},
            "replace": {
                "type": "string",
                "enum": ["true", "false"],
                "description": "Whether to replace what others have kept of the same image.",
            },
        },
    }
)


class KeptAnswer(BaseModel):
    """Where a correction was put: its name in the data set, and what that folder is called."""

    study: str
    folder_name: str


@router.post(
    "/{job_id}/keep",
    status_code=201,
    response_model=KeptAnswer,
    responses=refusals(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra=FORM,
)
async def keep(server: Server, job: Own, request: Request) -> dict[str, str]:
    """Keep a corrected mask with its image.

    The same job may keep again. What another one has kept of the same image is replaced only with
    `replace`, and put aside even then.
    """
    dataset = server.settings.keep
    if dataset is None:
        raise Refused(404, NOT_KEPT)
    job.result()
    folder = job.folder / f"kept_{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    upload = None
    try:
        upload = await server.received(request, folder)
        order = await _order(server, job, upload, dataset.resolve())
        async with server.keeping:
            study, job.kept = await _kept(server, order)
    finally:
        if upload is not None:
            server.jobs.store.give_back(upload.bytes)
        await delete_folder(folder)
    return {"study": study, "folder_name": dataset.resolve().name}


async def _order(server: Serving, job: Job, upload: Upload, dataset: Path) -> dict[str, Any]:
    """What the process is told."""
    masks, author = upload.files.get("mask", []), upload.fields.get("author", "").strip()
    note = upload.fields.get("note", "").strip()
    if len(masks) != 1 or len(upload.paths) != 1:
        raise Refused(422, "Send one mask, in a part that is called mask.")
    if not author:
        raise Refused(422, "Say who has corrected the mask, in a part that is called author.")
    if len(author) > LONGEST_NAME or len(note) > LONGEST_NOTE:
        raise Refused(422, f"Author and note may have {LONGEST_NAME} and {LONGEST_NOTE} letters.")
    replace = upload.fields.get("replace", "false")
    if replace not in ("true", "false"):
        raise Refused(422, "The part replace is either true or false.")
    models = await server.pool.models()
    model = next(one for one in models if one["id"] == job.settings["model"])
    result = job.result()
    return {
        "dataset": str(dataset),
        "memory_gb": server.settings.memory_gb,
        "jobs": server.settings.jobs,
        "folders": [str(upload.folder), str(job.folder), str(server.root), str(dataset)],
        "correction": {
            "mask": str(masks[0][0]),
            "drawn": str(job.folder / result["files"]["mask"]["path"]),
            "images": str(job.folder / result["predicted"]),
            "out": str(job.folder / "out"),
            "channel_names": model["channel_names"],
            "settings": job.settings,
            "author": author,
            "note": note,
            "replaces": ANY if replace == "true" else job.kept,
        },
    }


async def _kept(server: Serving, order: dict[str, Any]) -> tuple[str, str]:
    """Let a process keep the correction; the name that it got, and when.

    Raises:
        Refused: 409, another one is kept; 422, the mask or the data set cannot be used; 500, an
            error in the program.
    """
    worker = await WorkerProcess.started(server.root, order, "medsegdiff.serve.kept_process")
    try:
        answer = await asyncio.wait_for(worker.receive(), server.settings.reading_seconds)
    except asyncio.TimeoutError:
        raise Refused(422, TOO_SLOW) from None
    finally:
        await worker.kill()
    if answer is not None and "study" in answer:
        return answer["study"], answer["time"]
    told = (answer or {}).get("message")
    if told is not None:
        raise Refused(409 if answer and answer["is_kept"] else 422, told)
    error_id = new_error_id()
    LOG.error("error %s in keeping: %s", error_id, (answer or {}).get("trace", "it has died"))
    raise Refused(500, own_error(error_id))
