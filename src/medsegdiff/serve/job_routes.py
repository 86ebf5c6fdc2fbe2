"""The routes of jobs: send one, follow it, look at its result, take its files away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from medsegdiff.serve.answers import EVENTS, JobAnswer, JobId, ResultAnswer, content, form, refusals
from medsegdiff.serve.event_streams import EventStream
from medsegdiff.serve.job_settings import JobSettings
from medsegdiff.serve.jobs import Job, events
from medsegdiff.serve.refusals import not_found
from medsegdiff.serve.results import with_addresses
from medsegdiff.serve.serving import Serving, serving
from medsegdiff.serve.sessions import cookie_name

HEARTBEAT_SECONDS = 10.0
router = APIRouter(prefix="/api/jobs", tags=["jobs"])
Server = Annotated[Serving, Depends(serving)]
JobName = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The job's id.")]
FORM = form(
    {
        "properties": {
            "settings": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": JobSettings.model_json_schema(),
            },
            "name": {
                "type": "string",
                "description": "What a study of several files (a DICOM series) is called.",
            },
            "sample": {"type": "string", "description": "A bundled image's id."},
            "files": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "binary"},
                "description": "An image, a DICOM series, the channels, or one zip.",
            },
        },
        "oneOf": [{"required": ["sample"]}, {"required": ["files"]}],
    }
)
FILE_TYPES = ("application/octet-stream", "image/png", "application/json", "application/dicom")


async def own_job(server: Server, request: Request, job_id: JobName) -> Job:
    """The job of an address, if it is this session's."""
    return server.jobs.find(request.state.session, job_id)


Own = Annotated[Job, Depends(own_job)]


@router.post(
    "",
    status_code=202,
    response_model=JobId,
    responses=refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=FORM,
)
async def send(server: Server, request: Request) -> JSONResponse:
    """Send an image. A client without a session is given one."""
    session = request.state.session
    cookie = None if session else server.sessions.issue()
    job = await server.accepted(request, session or str(server.sessions.named(cookie)))
    response = JSONResponse({"id": job.id}, status_code=202)
    if cookie is not None:
        set_cookie(request, response, cookie)
    return response


@router.get("", response_model=list[JobAnswer], responses=refusals(401))
async def listed(server: Server, request: Request) -> list[dict[str, Any]]:
    """The jobs of this session, the oldest first."""
    return [state_of(server, job) for job in server.jobs.of(request.state.session)]


@router.get("/{job_id}", response_model=JobAnswer, responses=refusals(401, 404, 422))
async def state(server: Server, job: Own) -> dict[str, Any]:
    """How far a job is."""
    return state_of(server, job)


@router.get(
    "/{job_id}/events",
    responses={**EVENTS, **refusals(401, 404, 422, 429)},
    response_class=StreamingResponse,
)
async def followed(server: Server, job: Own) -> EventStream:
    """The same, sent by the server at every change; the last event is called `end`."""
    return EventStream(_stream(server, job), job.session, server.streams)


@router.delete("/{job_id}", status_code=204, responses=refusals(401, 403, 404, 422))
async def removed(server: Server, job: Own) -> Response:
    """Cancel a job, or delete one that has ended with all its files."""
    if job.has_ended:
        await server.jobs.delete(job)
    else:
        await server.pool.cancel(job)
    return Response(status_code=204)


@router.get("/{job_id}/result", response_model=ResultAnswer, responses=refusals(401, 404, 422, 503))
async def result(server: Server, job: Own) -> dict[str, Any]:
    """What a finished job has found; 404 before it is done."""
    models = await server.pool.models()
    chosen = next(model for model in models if model["id"] == job.settings["model"])
    return {**with_addresses(job.result(), job.id), "classes": chosen["classes"]}


@router.get(
    "/{job_id}/files/{file_id}",
    responses={**content(*FILE_TYPES), **refusals(401, 404, 422)},
    response_class=FileResponse,
)
async def file(job: Own, file_id: str) -> FileResponse:
    """A file of a finished job, by an id that stands in its result."""
    entry = job.result()["files"].get(file_id)
    path = None if entry is None else job.folder / entry["path"]
    if entry is None or path is None or not path.is_file():
        raise not_found()
    return FileResponse(
        path,
        media_type=_media_type(entry["path"]),
        filename=entry["file_name"],
    )


def state_of(server: Serving, job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "position": server.pool.position(job),
        "stage": job.stage,
        "fraction": job.fraction,
        "eta_seconds": job.eta_seconds,
        "error": job.error,
    }


def set_cookie(request: Request, response: Response, cookie: str) -> None:
    """Give a client its session, for as long as its browser is open.

    A link to the page on another site brings the cookie along (lax), or who follows it would get a
    new session in the place of his own; the guard refuses what other sites send.
    """
    name = cookie_name(request.scope)
    response.set_cookie(name, cookie, httponly=True, samesite="lax", path="/")


async def _stream(server: Serving, job: Job) -> AsyncIterator[str]:
    async for change in events(job, HEARTBEAT_SECONDS):
        yield ": still here\n\n" if change is None else _event("progress", state_of(server, job))
    yield _event("end", state_of(server, job))


def _event(name: str, values: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(values)}\n\n"


def _media_type(path: str) -> str:
    known = {".png": "image/png", ".json": "application/json", ".dcm": "application/dicom"}
    ending = next((one for one in known if path.endswith(one)), None)
    return known[ending] if ending else "application/octet-stream"
