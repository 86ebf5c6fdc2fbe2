"""From the words of `medsegdiff serve` to a running server, and what it says of itself."""

from __future__ import annotations

import logging
import secrets
import socket
import sys
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from medsegdiff.cli import console
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.errors import ConfigError
from medsegdiff.serve.settings import ServeSettings

AUTO = "auto"
EVERYWHERE = ("0.0.0.0", "::")


def settings_of(models: list[str] | None, token: str | None, **values: Any) -> ServeSettings:
    """Check the words of the command line.

    Raises:
        ConfigError: names each wrong one and what is expected.
    """
    chosen = models or list(bundled_models())
    secret = secrets.token_urlsafe(24) if token == AUTO else token
    try:
        return ServeSettings.model_validate({"models": chosen, "token": secret, **values})
    except ValidationError as error:
        wrong = "; ".join(_fault(one["loc"], one["msg"]) for one in error.errors())
        raise ConfigError(f"The server does not start: {wrong}.") from None


def start(settings: ServeSettings) -> None:
    """Run the server; its log goes to the standard error."""
    from medsegdiff.serve.running import serve

    log_to_console()
    serve(settings, announcer(settings))


def announcer(settings: ServeSettings) -> Callable[[str, int], None]:
    """What says where the page is, once the server listens."""

    def announce(host: str, port: int) -> None:
        name = socket.gethostname() if host in EVERYWHERE else host
        shown = f"[{name}]" if ":" in name else name
        query = f"/?token={settings.token}" if settings.token else ""
        console.result(f"http://{shown}:{port}{query}")
        console.log("Open this address in a browser. Stop with Ctrl-C. Not a medical device.")

    return announce


def log_to_console() -> None:
    """Let the server's own log lines be seen; uvicorn's only from warnings on."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("medsegdiff.serve").setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it tells what forms hold


def _fault(place: tuple[int | str, ...], message: str) -> str:
    path = ".".join(map(str, place)).replace("_", "-")
    told = message.removeprefix("Value error, ")
    return f"--{path}: {told}" if path else told
