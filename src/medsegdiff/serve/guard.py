"""At the door: which requests are let in at all, and which headers every answer carries.

Refused are requests by another host name (DNS rebinding), from another origin (cross-site request
forgery), and, where a token is set, from whoever has not shown it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medsegdiff.serve.refusals import Refused, shielded
from medsegdiff.serve.sessions import TOKEN_SESSION, Sessions, cookie_name
from medsegdiff.serve.settings import ServeSettings, is_loopback

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OPEN_PATHS = ("/", "/api/health")  # need no token: the first takes it, the second tells nothing
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Middleware that stands before the app.

    It leaves the session's name in `scope["state"]["session"]`; None for who has none yet.

    Args:
        app: what lies behind.
        settings: host, port and allowed origin.
        sessions: who is known.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, sessions: Sessions) -> None:
        self.app, self.settings, self.sessions = app, settings, sessions
        self.hosts = {"localhost", "127.0.0.1", "::1", settings.host.strip("[]").lower()}
        self.hosts |= {name.lower() for name in settings.allow_hosts}
        if not is_loopback(settings.host):
            self.hosts.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._finish(MutableHeaders(scope=message), headers.get("origin"), scope["path"])
            await send(message)

        try:
            self._check_host(headers.get("host", ""))
            self._check_origin(scope["method"], headers)
            scope.setdefault("state", {})["session"] = self._session(scope, headers)
        except Refused as refused:
            await refused.response(headers.get("accept", ""))(scope, receive, send_guarded)
            return
        if scope["method"] == "OPTIONS" and self._is_allowed(headers.get("origin")):
            await _preflight(send_guarded)
            return
        await shielded(self.app, scope, receive, send_guarded)

    def _check_host(self, host: str) -> None:
        name = _host_name(host)
        is_other_address = not is_loopback(self.settings.host) and _is_address(name)
        if name not in self.hosts and not is_other_address:  # addresses cannot be rebound
            raise Refused(
                421,
                "This server is not called by that name. Use the address that it printed at its "
                "start, or start it with --allow-host NAME.",
            )

    def _check_origin(self, method: str, headers: Headers) -> None:
        if method in SAFE_METHODS:
            return
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        is_own = origin is None or origin.partition("://")[2] == headers.get("host")
        if self._is_allowed(origin) or (is_own and site in ("same-origin", "none")):
            return
        raise Refused(403, "Another web page has sent this request. Open the server's own page.")

    def _is_allowed(self, origin: str | None) -> bool:
        return origin is not None and origin == self.settings.allow_origin

    def _session(self, scope: Scope, headers: Headers) -> str | None:
        session = self.sessions.named(_cookie(headers.get("cookie"), cookie_name(scope)))
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.sessions.is_token(given.strip()):
            return session or TOKEN_SESSION
        if session is None and self.sessions.need_a_token and scope["path"] not in OPEN_PATHS:
            raise Refused(
                401,
                "This server asks for its token. Open the address that it printed at its start, or "
                "send the header Authorization: Bearer TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )
        return session

    def _finish(self, headers: MutableHeaders, origin: str | None, path: str) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault(
            "Cache-Control", "no-cache" if path.startswith("/static/") else "no-store"
        )
        if self.settings.allow_origin is not None:
            headers.add_vary_header("Origin")
        if self._is_allowed(origin):
            headers["Access-Control-Allow-Origin"] = str(origin)
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _host_name(host: str) -> str:
    """The name in a Host header, without its port; empty if it is none."""
    if set(host) & set("/\\@?# \t"):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(header: str | None, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header or "").get(name)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


async def _preflight(send: Send) -> None:
    headers: Mapping[bytes, bytes] = {
        b"access-control-allow-methods": b"GET, POST, PUT, DELETE",
        b"access-control-allow-headers": b"Authorization, Content-Type, Accept",
        b"access-control-max-age": b"600",
        b"content-length": b"0",
    }
    await send({"type": "http.response.start", "status": 204, "headers": list(headers.items())})
    await send({"type": "http.response.body", "body": b""})
