"""Who asks: a cookie that only this server can have made, or the token that was agreed on."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any

COOKIE = "medsegdiff_session"
TOKEN_SESSION = "token"  # all clients that show the token in a header share one
_COOKIE_FORM = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


def cookie_name(scope: Mapping[str, Any]) -> str:
    """The cookie's name at the server of a request.

    The port stands in it: browsers send cookies to all ports of a host, and two servers on one
    machine would else take each other's sessions away.
    """
    port = (scope.get("server") or ("", None))[1]
    return COOKIE if port is None else f"{COOKIE}_{port}"


class Sessions:
    """Issues sessions and knows its own again; it remembers none, so it cannot be filled up.

    A session is 128 random bits, signed with a key that lives as long as the server.

    Args:
        token: what a client must show; None asks for nothing.
    """

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode()
        self._key = secrets.token_bytes(32)

    @property
    def need_a_token(self) -> bool:
        """Whether a session is given only to who shows the token."""
        return self._token is not None

    def issue(self) -> str:
        """A new session's cookie."""
        name = secrets.token_hex(16)
        return f"{name}.{self._signature(name)}"

    def named(self, cookie: str | None) -> str | None:
        """The session of a cookie; None if this server has not issued it."""
        found = _COOKIE_FORM.fullmatch(cookie or "")
        if found is None or not hmac.compare_digest(found[2], self._signature(found[1])):
            return None
        return found[1]

    def is_token(self, given: str | None) -> bool:
        """Whether this is the token, compared in constant time."""
        return (
            self._token is not None
            and given is not None
            and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)
        )

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
