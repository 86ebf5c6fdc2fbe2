"""A server as a person starts it, and a client that speaks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

JSON = dict[str, Any]
LONG = {"members": 64, "steps": 250}  # takes minutes


@dataclass
class Running:
    """A server in a process of its own, with a client that keeps its session.

    Args:
        process: the server.
        client: whose base is the address that the server printed.
        log: the server's standard error.
        private: where it keeps its files.
        token: that it printed; empty without one.
    """

    process: subprocess.Popen[str]
    client: httpx.Client
    log: Path
    private: Path
    token: str = ""

    def send(self, *files: Path, client: httpx.Client | None = None, **settings: Any) -> str:
        """Send an image and return the job's id."""
        parts = [("files", (path.name, path.read_bytes())) for path in files]
        answer = self.answer(parts, client, settings=json.dumps(settings))
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def answer(
        self, parts: Any = None, client: httpx.Client | None = None, **fields: str
    ) -> httpx.Response:
        """What is answered to a form."""
        forced = parts or [("nothing", ("", b""))]  # a form with parts even without files
        return (client or self.client).post("/api/jobs", data=fields, files=forced)

    def state(self, job: str) -> JSON:
        """How far a job is."""
        return self.client.get(f"/api/jobs/{job}").json()

    def wait(self, job: str, *states: str, seconds: float = 300) -> JSON:
        """Wait until a job is in one of these states."""
        wanted, ends = states or ("done", "failed", "cancelled"), time.monotonic() + seconds
        while time.monotonic() < ends:
            state = self.state(job)
            if state["state"] in wanted:
                return state
            time.sleep(0.05)
        raise AssertionError(f"{job} is still {state}")

    def result(self, job: str) -> JSON:
        """The result of a job that ends well."""
        state = self.wait(job)
        assert state["state"] == "done", state
        return self.client.get(f"/api/jobs/{job}/result").json()

    def download(self, result: JSON, title: str) -> bytes:
        """A file to take away, by its title."""
        url = next(one["url"] for one in result["downloads"] if one["title"] == title)
        return self.client.get(url).content

    def workers(self) -> list[int]:
        """Numbers of the worker processes."""
        return children(self.process.pid)


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.is_file():
        pytest.skip("only Linux lists a process's children")
    return [int(one) for one in path.read_text().split()]


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Running]:
    """Start `medsegdiff serve` with further words, and end it."""
    log = folder / "log.txt"
    command = [sys.executable, "-m", "medsegdiff", "serve", "--port", "0", "--device", "cpu"]
    private = folder / "private"
    private.mkdir()
    own = {**os.environ, "TMPDIR": str(private)}
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *words], stdout=subprocess.PIPE, stderr=stderr, text=True, env=own
        )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, log.read_text()
    base, _, token = address.partition("/?token=")
    with process.stdout, httpx.Client(base_url=base, timeout=300) as client:
        try:
            yield Running(process, client, log, private, token)
        finally:
            process.terminate()
            process.terminate()
            process.wait(120)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the bundled model and its usual limits."""
    with running(tmp_path_factory.mktemp("server"), "--grace-seconds", "0") as found:
        yield found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a server of one's own with further words."""
    with ExitStack() as stack:
        yield lambda *words: stack.enter_context(running(tmp_path, *words))


@pytest.fixture(scope="session")
def running_server() -> Callable[..., Any]:
    """What starts a server that several tests share."""
    return running


@pytest.fixture(scope="session")
def lesion(skin_data: Path) -> Path:
    """A photograph."""
    return skin_data / "images" / "ISIC_0000460.jpg"
