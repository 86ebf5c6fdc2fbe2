"""What is answered when something is refused or goes wrong: one sentence, and an id for the log."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import secrets

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medsegdiff.serve.traces import frames

LOG = logging.getLogger("medsegdiff.serve")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
PLACES = {"path": "address", "query": "address's query", "header": "headers", "body": "body"}
SENTENCES = {
    404: "There is nothing at this address. It may have been deleted: start again from the page.",
    405: "This address does not know that method. The page /api/openapi.json tells what it knows.",
}

STYLE = (
    ":root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; } "
    "main { max-width: 34rem; margin: 15vh auto; padding: 0 1rem; }"
)
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>MedSegDiff</title>'
    '<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
    "<body><main><h1>MedSegDiff</h1><p>{message}</p></main></body></html>"
)


class Refused(Exception):
    """A request that is not carried out.

    Args:
        status: HTTP status, 4xx or 503.
        message: what was wrong and what to do, in one or two sentences.
        headers: beside it, such as Retry-After.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}

    def response(self, accepted: str = "") -> Response:
        """The answer to send: a page to who asks for one, as browsers do, and else JSON.

        Args:
            accepted: the header Accept of the request.
        """
        if "text/html" in accepted:
            return refusal_page(self.status, self.message, self.headers)
        return refusal(self.status, self.message, self.headers)


def not_found() -> Refused:
    """What is not there, or belongs to another session: nobody learns which."""
    return Refused(404, SENTENCES[404])


def new_error_id() -> str:
    """Eight hex digits that stand in the answer and in the log."""
    return secrets.token_hex(4)


def refusal(
    status: int, message: str, headers: dict[str, str] | None = None, error_id: str | None = None
) -> JSONResponse:
    """The JSON of an error."""
    content = {"error": {"id": error_id or new_error_id(), "message": message}}
    return JSONResponse(content, status_code=status, headers=headers)


def refusal_page(status: int, message: str, headers: dict[str, str]) -> HTMLResponse:
    """A refusal as a person reads it, whole in itself: who is refused gets no other part."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return HTMLResponse(
        PAGE.format(style=STYLE, message=html.escape(message)),
        status_code=status,
        headers={**headers, "Content-Security-Policy": f"{policy}; frame-ancestors 'none'"},
    )


def own_error(error_id: str) -> str:
    """What is said of an error in the program itself."""
    return f"Something went wrong in the program (id {error_id}). The log has more under this id."


async def shielded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an app; an error in it becomes an answer, and its places a line of the log."""
    has_begun = False

    async def noted(message: Message) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    try:
        await app(scope, receive, noted)
    except ClientDisconnect:
        return  # nobody is there to be answered
    except Exception as error:
        error_id = new_error_id()
        LOG.error("error %s: %s", error_id, frames(error))
        if not has_begun:
            answer = refusal(500, own_error(error_id), error_id=error_id)
            await answer(scope, receive, noted)


def add_refusals(app: FastAPI) -> None:
    """Let an app answer everything that it refuses in the one form."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return error.response(request.headers.get("accept", ""))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        message = SENTENCES.get(error.status_code, "The request cannot be used.")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = _methods(request)
        return refusal(error.status_code, message, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = ", ".join(dict.fromkeys(_part(one["loc"]) for one in error.errors()))
        return refusal(422, f"This part of the request cannot be used: {wrong}.")


def _part(place: tuple[int | str, ...]) -> str:
    """A part of a request in words: where it stands, and what it is called there."""
    words = [str(one)[:40].replace("_", " ") for one in place[1:]]
    return f"{' '.join(words)} in the {PLACES.get(str(place[0]), 'request')}".strip()


def _methods(request: Request) -> str:
    """All methods of an address; the router tells those of its first route alone."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    known = (
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    )
    return ", ".join(known)
