"""The shapes of what the API answers, for its documentation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from medsegdiff.serve.jobs import State

REASONS = {
    400: "the form is broken",
    401: "the token is missing",
    403: "sent by another web page",
    404: "there is no such thing in this session",
    408: "the upload fell silent",
    409: "somebody else's correction is there",
    413: "too large",
    415: "an unknown kind of file",
    421: "asked under a name that is not this server's",
    422: "settings or files that cannot be used",
    429: "the line is full, or this session asks for too much at once",
    500: "an error in the program, which the log tells more of under its id",
    503: "the server is being stopped, or its disk is full",
}


BYTES = {"type": "string", "format": "binary"}


class ErrorDetail(BaseModel):
    """What went wrong.

    Args:
        id: eight hex digits, under which the log may say more.
        message: what was wrong and what to do.
    """

    id: str
    message: str


class ErrorAnswer(BaseModel):
    """Every refusal and failure has this form."""

    error: ErrorDetail


class ClassAnswer(BaseModel):
    """A class of a mask: its number in layers, its name, and its colour as #rrggbb."""

    index: int
    name: str
    color: str


class SampleAnswer(BaseModel):
    """A bundled image."""

    id: str
    title: str
    thumbnail: str


class ModelAnswer(BaseModel):
    """A model that is offered."""

    id: str
    title: str
    description: str
    space_dims: int
    channel_names: list[str]
    classes: list[ClassAnswer]
    settings_schema: dict[str, Any]
    samples: list[SampleAnswer]


class LimitsAnswer(BaseModel):
    """What the server takes: bytes of an upload, jobs that wait, seconds of a job."""

    upload_bytes: int
    waiting: int
    seconds: float


class ModelsAnswer(BaseModel):
    """What the page must know before anything is sent."""

    models: list[ModelAnswer]
    limits: LimitsAnswer
    keep: bool
    run: bool
    version: str


class JobId(BaseModel):
    """A job that was taken."""

    id: str


class JobAnswer(BaseModel):
    """How far a job is.

    Args:
        position: jobs before it, while it waits.
        stage: while it runs.
        fraction: 0 to 1.
        eta_seconds: until it is done; None where nobody knows.
    """

    id: str
    name: str
    state: State
    position: int | None
    stage: Literal["reading", "drawing", "writing"] | None
    fraction: float
    eta_seconds: float | None
    error: ErrorDetail | None


class NamedLayer(BaseModel):
    """A layer of one class or region."""

    name: str
    url: str


class LayersAnswer(BaseModel):
    """What the page draws: PNG of 8 bits for an image, .nii.gz for a volume."""

    image: str
    mask: str
    probability: list[NamedLayer]
    uncertainty: str
    agreement: str
    members: list[str]


class DownloadAnswer(BaseModel):
    """A file to take away."""

    title: str
    file_name: str
    url: str
    bytes: int


class ResultAnswer(BaseModel):
    """What a finished job has found."""

    study: str
    space_dims: int
    shape: list[int]
    spacing_mm: list[float] | None
    model: str
    weights_hash: str
    settings: dict[str, Any]
    seconds: float
    classes: list[ClassAnswer]
    quality: float
    quality_words: str
    warnings: list[str]
    statistics: dict[str, Any]
    layers: LayersAnswer
    downloads: list[DownloadAnswer]


class HealthAnswer(BaseModel):
    """Whether new jobs are taken, and how many there are."""

    state: Literal["ready", "draining"]
    running: int
    waiting: int


def form(schema: dict[str, Any]) -> dict[str, Any]:
    """What a route's documentation says of its form."""
    content = {"multipart/form-data": {"schema": {"type": "object", **schema}}}
    return {"requestBody": {"required": True, "content": content}}


def content(*media_types: str, schema: Any = BYTES) -> dict[int | str, dict[str, Any]]:
    """What a route answers that is not JSON alone, for its documentation."""
    told = {one: {"schema": {} if one.endswith("json") else schema} for one in media_types}
    return {200: {"description": "Successful Response", "content": told}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may refuse, for its documentation."""
    return {one: {"model": ErrorAnswer, "description": REASONS[one]} for one in statuses}


EVENTS = content(
    "text/event-stream",
    schema={
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"enum": ["progress", "end"]},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    },
)
