"""What the server says of itself is so: its OpenAPI document, and what it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fastapi.testclient import TestClient

from medsegdiff.serve.app import create_app

ERROR = {"$ref": "#/components/schemas/ErrorAnswer"}


@pytest.fixture(scope="module")
def client():
    return TestClient(create_app(), base_url="http://127.0.0.1")  # without workers


@pytest.fixture(scope="module")
def operations(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    return [(path, method, one) for path, some in paths.items() for method, one in some.items()]


def test_every_refusal_has_the_one_form(operations):
    for path, method, operation in operations:
        wrong = {code: one for code, one in operation["responses"].items() if code >= "400"}
        assert {"401", "421", "500"} <= set(wrong) or path == "/api/health", (path, method)
        for one in wrong.values():
            assert one["content"]["application/json"]["schema"] == ERROR, (path, method)


def test_every_answer_but_an_empty_one_says_what_it_holds(operations):
    for path, method, operation in operations:
        good = {code: one for code, one in operation["responses"].items() if code < "400"}
        assert good
        assert all("content" in one or code == "204" for code, one in good.items()), (path, method)


def test_every_form_is_described(operations):
    for path, method, operation in operations:
        assert ("requestBody" in operation) == (method in ("post", "put")), (path, method)


def test_a_job_s_form_takes_files_or_a_sample_but_not_both(operations):
    (send,) = (one for path, method, one in operations if (path, method) == ("/api/jobs", "post"))
    form = send["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["oneOf"] == [{"required": ["sample"]}, {"required": ["files"]}]
    assert "anyOf" not in form


def test_an_unknown_method_is_told_which_ones_are_known(client, operations):
    known: dict[str, set[str]] = {}
    for path, method, _ in operations:
        known.setdefault(path, set()).add(method.upper())
    for path, methods in known.items():
        answer = client.request("PATCH", path.replace("{job_id}", "0" * 32))
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == methods


def test_the_server_itself_never_imports_torch():
    code = "import sys, medsegdiff.serve.running; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
