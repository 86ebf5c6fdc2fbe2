"""The page itself, what it is made of, and what it asks first."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import Field

import medsegdiff
from medsegdiff.serve.answers import HealthAnswer, ModelsAnswer, content, refusals
from medsegdiff.serve.job_routes import Server, set_cookie
from medsegdiff.serve.refusals import Refused, not_found

PAGE = Path(__file__).parent / "page"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
SMALL_BYTES = 256 * 2**10  # slow readers of larger parts must not fill the memory
router = APIRouter()


@router.get("/", include_in_schema=False)
async def page(
    server: Server, request: Request, token: Annotated[str | None, Field(max_length=512)] = None
) -> Response:
    """The page; with the token in its address, a session and the page without it."""
    sessions, session = server.sessions, request.state.session
    if token is not None and sessions.need_a_token:
        if not sessions.is_token(token):
            raise Refused(401, "This is not the server's token. Copy the address that it printed.")
        response: Response = RedirectResponse("/", status_code=303)
    elif session is None and sessions.need_a_token:
        raise Refused(401, "Open the address that the server printed, with its token.")
    else:
        response = part_of_page("index.html")
    if session is None:
        set_cookie(request, response, sessions.issue())
    return response


@router.get("/static/{name:path}", include_in_schema=False)
async def part(name: str) -> Response:
    """A part of the page, of those that were there when the server started."""
    return part_of_page(name)


def part_of_page(name: str) -> Response:
    """A part of the page: small ones from memory, large ones piece by piece from the disk.

    Raises:
        Refused: 404, there is no such part.
    """
    path = page_parts().get(name)
    if path is None:
        raise not_found()
    kind, content = MEDIA_TYPES[path.suffix], small_content(path)
    if content is None:
        return FileResponse(path, media_type=kind)
    return Response(content, media_type=kind)


@cache
def small_content(path: Path) -> bytes | None:
    """A file of the page that is kept in memory; None of one that is too large for that."""
    return path.read_bytes() if path.stat().st_size <= SMALL_BYTES else None


@cache
def page_parts() -> dict[str, Path]:
    """The files of the page by their addresses."""
    return {
        path.relative_to(PAGE).as_posix(): path
        for path in PAGE.rglob("*")
        if path.suffix in MEDIA_TYPES
    }


@router.get(
    "/api/models", response_model=ModelsAnswer, responses=refusals(401, 503), tags=["server"]
)
async def models(server: Server) -> dict[str, Any]:
    """The models with their settings, and what the server takes."""
    settings = server.settings
    return {
        "models": [_with_thumbnails(model) for model in await server.pool.models()],
        "limits": {
            "upload_bytes": settings.upload_bytes,
            "waiting": settings.waiting,
            "seconds": settings.seconds,
        },
        "keep": settings.keep is not None,
        "run": settings.run is not None,
        "version": medsegdiff.__version__,
    }


@router.get(
    "/api/models/{model}/samples/{sample}",
    responses={**content("image/png"), **refusals(401, 404, 422, 503)},
    response_class=Response,
    tags=["server"],
)
async def thumbnail(server: Server, model: str, sample: str) -> Response:
    """A small picture of a bundled image."""
    for one in await server.pool.models():
        if one["id"] == model and any(known["id"] == sample for known in one["samples"]):
            await server.pool.ready()
            path = server.root / "thumbnails" / model / f"{sample}.png"
            return Response(await asyncio.to_thread(path.read_bytes), media_type="image/png")
    raise not_found()


@router.get("/api/health", response_model=HealthAnswer, tags=["server"])
async def health(server: Server) -> dict[str, Any]:
    """Whether new jobs are taken."""
    pool = server.pool
    state = "draining" if pool.is_draining else "ready"
    return {"state": state, "running": pool.running, "waiting": pool.waiting}


def _with_thumbnails(model: dict[str, Any]) -> dict[str, Any]:
    samples = [
        {**one, "thumbnail": f"/api/models/{model['id']}/samples/{one['id']}"}
        for one in model["samples"]
    ]
    return {**model, "samples": samples}
