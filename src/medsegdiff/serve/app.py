"""The web application: guard, routes, and the workers that live as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import medsegdiff
from medsegdiff.serve import job_routes, kept, monai_label, page_routes, watch
from medsegdiff.serve.answers import refusals
from medsegdiff.serve.description import description
from medsegdiff.serve.guard import Guard
from medsegdiff.serve.model_places import model_places
from medsegdiff.serve.refusals import add_refusals
from medsegdiff.serve.serving import Serving
from medsegdiff.serve.sessions import Sessions
from medsegdiff.serve.settings import ServeSettings

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(settings: ServeSettings | None = None) -> FastAPI:
    """Make the application; its workers start and end with it.

    Args:
        settings: of the server; None takes the defaults.

    Raises:
        CheckpointError: there is no model at one of the places, or its header is damaged.
    """
    settings = settings or ServeSettings()
    for model_id, place in model_places(settings.models).items():
        description(model_id, place)
    sessions = Sessions(settings.token)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.serving = serving = Serving.prepared(settings, sessions)
        serving.pool.start()
        try:
            yield
        finally:
            await serving.stop()

    app = FastAPI(
        title="MedSegDiff",
        version=medsegdiff.__version__,
        description="Segments medical images; draws several plausible masks and fuses them.",
        openapi_url="/api/openapi.json",
        responses=refusals(421, 500),
        telemetry=NO_TELEMETRY,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    add_refusals(app)
    app.include_router(page_routes.router)
    app.include_router(job_routes.router)
    app.include_router(kept.router)
    app.include_router(watch.router)
    app.include_router(monai_label.router)
    app.add_middleware(Guard, settings=settings, sessions=sessions)
    return app
