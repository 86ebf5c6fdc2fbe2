"""The addresses that clients of MONAI Label know.

    GET /info/                               models and their labels
    PUT /session/                            send an image ahead
    POST /infer/{model}?image=&session_id=   segment it, or the part `file`; the answer waits
    GET, PUT /datastore/                     the bundled samples, and images that are sent ahead

There is no data store: what is sent is deleted after a while. A client without a cookie shares one
session with all such clients; ids are 128 random bits. The answer holds class numbers as in /info/.

Tested with MONAI Label's own client in Python, and with the requests that stand in the source of 3D
Slicer's panel; Slicer itself was not run, nor MITK. OHIF can list the models and no more.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

import medsegdiff
from medsegdiff.serve.answers import content, form, refusals
from medsegdiff.serve.image_sessions import ImageSession
from medsegdiff.serve.job_routes import Server
from medsegdiff.serve.job_settings import JobSettings
from medsegdiff.serve.jobs import delete_folder
from medsegdiff.serve.monai_inference import Answer, inferred
from medsegdiff.serve.refusals import Refused
from medsegdiff.serve.serving import Serving

OWNER = "monai-label"  # of what clients without a session send
NO_STORE = (
    "This server keeps no labels for MONAI Label's clients. Save the label on your own disk, or "
    "correct it on the page of a server that was started with --keep."
)
router = APIRouter(tags=["MONAI Label"])
Name = Annotated[str, Query(max_length=200)]
INFER = form(
    {
        "properties": {
            "params": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": JobSettings.model_json_schema(),
            },
            "file": {"type": "string", "format": "binary"},
        }
    }
)
FILES = form(
    {
        "required": ["files"],
        "properties": {
            "files": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "binary"},
            }
        },
    }
)
FILE = form({"required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}})
MASK_TYPES = (
    "multipart/form-data",
    "application/json",
    "application/octet-stream",
    "application/dicom",
)


@router.get("/info/", responses=refusals(401, 503))
async def info(server: Server) -> dict[str, Any]:
    """What the server can do, in MONAI Label's words."""
    models = await server.pool.models()
    labels = list(dict.fromkeys(name for model in models for name in label_numbers(model)))
    return {
        "name": "MedSegDiff",
        "description": "Segments medical images; draws several plausible masks and fuses them.",
        "version": medsegdiff.__version__,
        "labels": labels,
        "models": {model["id"]: _model(model) for model in models},
        "trainers": {},
        "strategies": {},
        "scoring": {},
        "train_stats": {},
        "datastore": _counts(models),
    }


@router.put(
    "/session/",
    responses=refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=FILES,
)
async def create_session(server: Server, request: Request) -> dict[str, Any]:
    """Send an image (or the files of a DICOM series, or a zip) ahead."""
    session = await _sent(server, request)
    return {"session_id": session.id, "session_info": _session_info(server, session)}


@router.get("/session/{session_id}", responses=refusals(401, 404, 422))
async def get_session(server: Server, request: Request, session_id: str) -> dict[str, Any]:
    """What is known of an image that was sent ahead."""
    return _session_info(server, server.images.find(owner_of(request), session_id))


@router.delete("/session/{session_id}", responses=refusals(401, 403, 404, 422))
async def delete_session(server: Server, request: Request, session_id: str) -> dict[str, Any]:
    """Delete an image that was sent ahead."""
    session = server.images.find(owner_of(request), session_id)
    await server.images.delete(session)
    return _session_info(server, session)


@router.post(
    "/infer/{model}",
    responses={
        **content(*MASK_TYPES),
        **refusals(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=INFER,
    response_class=Response,
)
async def infer(
    server: Server,
    request: Request,
    model: str,
    image: Name = "",
    session_id: Name = "",
    output: Answer | None = None,
) -> Response:
    """Segment an image; `params` may hold members, steps, seed and ensemble."""
    return await inferred(server, request, owner_of(request), model, session_id or image, output)


@router.get("/datastore/", responses=refusals(401, 422, 503))
async def datastore(server: Server, output: Literal["train", "stats", "all"] | None = None) -> Any:
    """The bundled samples, which may be given as `image` to their model."""
    models = await server.pool.models()
    if output == "train":
        return []
    if output != "all":
        return _counts(models)
    samples = {one["id"]: one for model in models for one in model["samples"]}
    objects = {
        name: {"image": {"ext": "", "info": {"name": one["title"]}}, "labels": {}}
        for name, one in samples.items()
    }
    return {"name": "MedSegDiff", "description": "Bundled samples.", "objects": objects}


@router.put(
    "/datastore/",
    responses=refusals(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=FILE,
)
@router.put("/datastore/image", include_in_schema=False)
async def add_image(server: Server, request: Request, image: Name = "") -> dict[str, str]:
    """Send an image ahead under a name; it is deleted after a while."""
    session = await _sent(server, request, image or None)
    return {"image": session.name or session.id}


@router.put("/datastore/label", include_in_schema=False)
async def save_label(request: Request) -> JSONResponse:
    """Refused: there is no data store for labels."""
    raise Refused(422, NO_STORE)


@router.get("/auth/", include_in_schema=False)
async def auth() -> dict[str, bool]:
    """Nobody has a password here; a token goes into the header Authorization: Bearer."""
    return {"enabled": False}


def owner_of(request: Request) -> str:
    """Whose images and jobs these are."""
    return request.state.session or OWNER


def label_numbers(model: dict[str, Any]) -> dict[str, int]:
    """The number of each class in a mask, without the background."""
    return {one["name"]: one["index"] for one in model["classes"] if one["index"]}


def _model(model: dict[str, Any]) -> dict[str, Any]:
    schema = model["settings_schema"]["properties"]
    config = {name: _choices(one) for name, one in schema.items()}
    return {
        "type": "segmentation",
        "labels": label_numbers(model),
        "dimension": model["space_dims"],
        "description": model["description"],
        "config": config,
    }


def _choices(schema: dict[str, Any]) -> Any:
    """A setting as MONAI Label shows it: its default, or its values with the default first."""
    if "enum" not in schema:
        return schema["default"]
    return [schema["default"], *(one for one in schema["enum"] if one != schema["default"])]


def _counts(models: list[dict[str, Any]]) -> dict[str, Any]:
    samples = {one["id"] for model in models for one in model["samples"]}
    return {"total": len(samples), "completed": 0, "label_tags": {}}


async def _sent(server: Serving, request: Request, name: str | None = None) -> ImageSession:
    """Take the files of a form, and remember them."""
    server.images.check_room()
    folder = server.root / f"session_{secrets.token_hex(16)}"
    folder.mkdir(mode=0o700)
    upload = None
    try:
        upload = await server.received(request, folder)
        if not upload.paths:
            raise Refused(422, "There is no image. Send one, in a part that is called files.")
        return server.images.add(owner_of(request), upload, name)
    except BaseException:
        if upload is not None:
            server.jobs.store.give_back(upload.bytes)
        await delete_folder(folder)
        raise


def _session_info(server: Serving, session: ImageSession) -> dict[str, Any]:
    files = [path.name for path in session.upload.paths]
    created = int(session.created)
    return {
        "name": session.id,
        "image": files[0] if len(files) == 1 else "",
        "meta": {"total_files": len(files)},
        "create_ts": created,
        "last_access_ts": created,
        "expiry": int(server.images.keep_seconds),
    }
