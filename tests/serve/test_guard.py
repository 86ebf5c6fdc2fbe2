"""Who is let in: the right host, the right origin, and the token where there is one."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from medsegdiff.serve.guard import HEADERS, Guard
from medsegdiff.serve.refusals import add_refusals
from medsegdiff.serve.sessions import COOKIE, TOKEN_SESSION, Sessions
from medsegdiff.serve.settings import ServeSettings

TOKEN = "a-token-of-some-length"
OHIF = "https://ohif.example"


def asked(
    settings: ServeSettings | None = None,
    method: str = "GET",
    path: str = "/who",
    sessions: Sessions | None = None,
    host: str = "localhost:8000",
    base: str = "http://x",
    **headers: str,
) -> httpx.Response:
    """What a small app behind the guard answers."""
    settings = settings or ServeSettings()
    app = FastAPI()
    add_refusals(app)

    @app.api_route("/who", methods=["GET", "POST"])
    @app.get("/api/health")
    def who(request: Request) -> Any:
        return request.state.session

    @app.get("/bug")
    def bug() -> None:
        raise ValueError("/secret/Miller^Anna.dcm")

    sessions = sessions or Sessions(settings.token)
    app.add_middleware(Guard, settings=settings, sessions=sessions)
    transport = httpx.ASGITransport(app)

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers={"host": host, **named})

    return asyncio.run(call())


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_this_machine_s_own_names_are_let_in(host):
    assert asked(host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[", "a@localhost"])
def test_a_rebound_name_is_refused(host):
    answer = asked(host=host)
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["error"]["message"]


def test_another_name_can_be_allowed():
    settings = ServeSettings(allow_hosts=("scanner.local",))
    assert asked(settings, host="scanner.local:8000").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
def test_another_page_cannot_change_anything(origin):
    assert asked(method="POST", origin=origin).status_code == 403


def test_a_cross_site_request_without_an_origin_cannot_either():
    assert asked(method="POST", sec_fetch_site="cross-site").status_code == 403


def test_the_page_itself_and_programs_can():
    assert asked(method="POST", origin="http://localhost:8000").status_code == 200
    assert asked(method="POST").status_code == 200


def test_one_other_origin_can_be_allowed():
    settings = ServeSettings(allow_origin=OHIF)
    answer = asked(settings, method="POST", origin=OHIF)
    assert answer.headers["access-control-allow-origin"] == OHIF
    before = asked(settings, method="OPTIONS", origin=OHIF)
    assert before.status_code == 204
    assert "POST" in before.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in asked(settings, origin="https://x.example").headers


def test_without_the_token_nothing_is_told():
    settings = ServeSettings(token=TOKEN)
    assert asked(settings).status_code == 401
    assert asked(settings, authorization="Bearer wrong").status_code == 401
    assert asked(settings, authorization=f"Basic {TOKEN}").status_code == 401
    assert asked(settings, path="/api/health").status_code == 200


def test_a_browser_reads_a_refusal_as_a_page_and_a_program_as_json():
    settings = ServeSettings(token=TOKEN)
    page = asked(settings, accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<p>This server asks for its token." in page.text
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert asked(settings, accept="*/*").json()["error"]["message"]


def test_all_who_send_the_token_alone_share_a_session_and_a_cookie_gives_another():
    settings, sessions = ServeSettings(token=TOKEN), Sessions(TOKEN)
    bearer = f"Bearer {TOKEN}"
    assert asked(settings, authorization=bearer).json() == TOKEN_SESSION
    cookie = sessions.issue()
    own = asked(settings, sessions=sessions, cookie=f"{COOKIE}={cookie}", authorization=bearer)
    assert own.json() == cookie[:32]


def test_a_cookie_counts_only_if_it_was_issued_here():
    sessions = Sessions(None)
    cookie = sessions.issue()
    assert asked(sessions=sessions, cookie=f"{COOKIE}={cookie}").json() == cookie[:32]
    assert asked(cookie=f"{COOKIE}={cookie}").json() is None
    assert asked(sessions=sessions, cookie=f"{COOKIE}={cookie[:-1]}").json() is None


def test_servers_on_two_ports_keep_their_sessions_apart():
    sessions, base = Sessions(None), "http://x:8001"
    own, other = sessions.issue(), Sessions(None).issue()
    both = f"{COOKIE}_8000={other}; {COOKIE}_8001={own}"
    assert asked(sessions=sessions, base=base, cookie=both).json() == own[:32]
    assert asked(sessions=sessions, base=base, cookie=f"{COOKIE}_8000={own}").json() is None


def test_every_answer_has_the_headers():
    for answer in (asked(), asked(host="evil.example"), asked(path="/nothing"), asked(path="/bug")):
        assert all(answer.headers[name] == value for name, value in HEADERS.items())
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_an_error_of_ours_tells_an_id_and_nothing_else(caplog):
    error = asked(path="/bug").json()["error"]
    assert error["id"] in error["message"]
    assert error["id"] in caplog.text
    assert "test_guard.py" in caplog.text
    assert "Miller" not in caplog.text + error["message"]
