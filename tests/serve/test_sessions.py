"""Sessions: unguessable, known again, and none of anybody else's."""

from __future__ import annotations

import pytest

from medsegdiff.serve.sessions import Sessions


def test_a_session_is_known_again_and_no_two_are_equal():
    sessions = Sessions(None)
    cookies = {sessions.issue() for _ in range(100)}
    assert len({sessions.named(one) for one in cookies}) == 100


@pytest.mark.parametrize("cookie", [None, "", "x", "0" * 32, f"{'0' * 32}.{'0' * 64}"])
def test_what_was_not_issued_is_nobody(cookie):
    assert Sessions(None).named(cookie) is None


def test_another_server_s_session_is_nobody():
    assert Sessions(None).named(Sessions(None).issue()) is None


def test_the_token_must_be_equal():
    sessions = Sessions("0123456789abcdef")
    assert sessions.is_token("0123456789abcdef")
    assert not any(map(sessions.is_token, ("0123456789abcde", "", None, "\udcff")))
    assert not Sessions(None).is_token("")
