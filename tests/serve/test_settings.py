"""Settings of the server: only this machine, unless a token is given."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from medsegdiff.serve.settings import ServeSettings, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(host):
    assert is_loopback(host)
    assert ServeSettings(host=host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "scanner.local", ""])
def test_other_hosts_need_one(host):
    with pytest.raises(ValidationError, match="needs a token"):
        ServeSettings(host=host)
    assert ServeSettings(host=host, token="0123456789abcdef").host == host


def test_a_short_token_is_refused():
    with pytest.raises(ValidationError, match="16"):
        ServeSettings(token="secret")


@pytest.mark.parametrize("origin", ["ohif.example", "https://ohif.example/", "*", "https://a b"])
def test_an_allowed_origin_is_one_origin(origin):
    with pytest.raises(ValidationError, match="allow_origin"):
        ServeSettings(allow_origin=origin)
