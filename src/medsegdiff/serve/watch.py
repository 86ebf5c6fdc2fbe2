"""A training that is watched: its curves, its state and its validation pictures."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from medsegdiff.engine.run_status import RunStatus, RunWatcher
from medsegdiff.serve.answers import EVENTS, content, refusals
from medsegdiff.serve.event_streams import EventStream
from medsegdiff.serve.job_routes import HEARTBEAT_SECONDS, Server
from medsegdiff.serve.refusals import Refused, not_found
from medsegdiff.serve.serving import Serving

LOOK_SECONDS = 1.0  # between two looks at the log
NOT_WATCHED = (
    "This server watches no training. Start it with --run and the training's folder (train -o)."
)
router = APIRouter(prefix="/api/run", tags=["training"])


class CurvesAnswer(BaseModel):
    """Points (step, value)."""

    loss: list[tuple[float, float]]
    dice: list[tuple[float, float]]


class BestAnswer(BaseModel):
    """The highest mean Dice of a validation."""

    step: int
    dice: float


class PictureAnswer(BaseModel):
    """A picture of a validation."""

    step: int
    url: str


class RunAnswer(BaseModel):
    """How far a training is."""

    name: str
    state: Literal["waiting", "preparing", "running", "stopped", "finished"]
    step: int
    total_steps: int | None
    eta_seconds: float | None
    best: BestAnswer | None
    curves: CurvesAnswer
    pictures: list[PictureAnswer]


@router.get("", response_model=RunAnswer, responses=refusals(401, 404))
async def run(server: Server) -> dict[str, Any]:
    """Curves, state, best and pictures; a training that has not begun is waited for."""
    return await asyncio.to_thread(shown, watched(server))


@router.get(
    "/events",
    responses={**EVENTS, **refusals(401, 404, 429)},
    response_class=StreamingResponse,
)
async def followed(server: Server, request: Request) -> EventStream:
    """The same, sent at every change; the last event is called `end`."""
    events = _stream(server, watched(server))
    return EventStream(events, request.state.session, server.streams)


@router.get(
    "/pictures/{step}",
    responses={**content("image/png"), **refusals(401, 404, 422)},
    response_class=FileResponse,
)
async def picture(server: Server, step: Annotated[int, InPath(ge=0, le=10**12)]) -> FileResponse:
    """The picture of the validation after a step."""
    found = await asyncio.to_thread(watched(server).status)
    path = found.pictures.get(step)
    if path is None or not path.is_file():
        raise not_found()
    return FileResponse(path, media_type="image/png")


class Watch:
    """The training of one folder, looked at by many.

    Args:
        folder: RUN.
    """

    def __init__(self, folder: Path) -> None:
        self._watcher = RunWatcher(folder)
        self._one_at_a_time = threading.Lock()

    def status(self) -> RunStatus:
        """Where the training stands now."""
        with self._one_at_a_time:
            return self._watcher.status()


watch_of = cache(Watch)  # one for all who look at a folder


def watched(server: Serving) -> Watch:
    """The training that this server watches.

    Raises:
        Refused: 404, none is watched.
    """
    if server.settings.run is None:
        raise Refused(404, NOT_WATCHED)
    return watch_of(server.settings.run.resolve())


def shown(watch: Watch) -> dict[str, Any]:
    """A training as the API shows it."""
    found = watch.status()
    best = None if found.best is None else {"step": found.best[0], "dice": found.best[1]}
    pictures = [{"step": step, "url": f"/api/run/pictures/{step}"} for step in found.pictures]
    return {
        "name": found.name,
        "state": found.state,
        "step": found.step,
        "total_steps": found.total_steps,
        "eta_seconds": found.eta_seconds,
        "best": best,
        "curves": {"loss": found.loss, "dice": found.dice},
        "pictures": pictures,
    }


async def _stream(server: Serving, watch: Watch) -> AsyncIterator[str]:
    told, spoken = "", time.monotonic()
    while not server.pool.is_draining:
        now = await asyncio.to_thread(shown, watch)
        text = json.dumps(now)
        if now["state"] == "finished":
            yield f"event: end\ndata: {text}\n\n"
            return
        if text != told:
            yield f"event: progress\ndata: {text}\n\n"
            told, spoken = text, time.monotonic()
        elif time.monotonic() - spoken > HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
