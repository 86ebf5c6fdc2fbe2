"""The server as a process: where it listens, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from medsegdiff.cli.main import run
from medsegdiff.engine.model_location import bundled_models

FEW = {"members": 1, "steps": 1}
LONG = {"members": 64, "steps": 250}  # takes minutes
UPLOAD = (
    b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b"
)
SOME = {"members": 64, "steps": 3}  # takes seconds


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "needs a token"),
        (("--host", "0.0.0.0", "--token", "short"), "token"),
        (("-m", "nowhere"), "There is no model at nowhere"),
        (("--allow-origin", "*"), "allow-origin"),
    ],
)
def test_it_refuses_to_start(words, told, capsys):
    assert run(["serve", "--port", "0", *words]) in (2, 4)
    assert told in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["serve"]) == 2
    assert 'pip install -c constraints.txt ".[serve]"' in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_with_the_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [
            sys.executable,
            "-m",
            "medsegdiff",
            "serve",
            "--port",
            str(taken.getsockname()[1]),
        ]
        own = {**os.environ, "TMPDIR": str(tmp_path)}
        found = subprocess.run(command, env=own, capture_output=True, text=True, timeout=300)
    assert (found.returncode, found.stdout) == (5, "")
    assert "--port 0" in found.stderr
    assert not list(tmp_path.iterdir())


def cpu_seconds(pid: int) -> float:
    """What a process has computed, as far as the system tells."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.is_file():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_it_is_there_within_seconds_and_asks_for_its_token(tmp_path, running_server):
    started = time.monotonic()
    with running_server(tmp_path, "--token", "auto") as server:
        bearer = {"Authorization": f"Bearer {server.token}"}
        found = server.client.get("/api/models", headers=bearer).json()["models"]
        assert [one["id"] for one in found] == list(bundled_models())
        assert time.monotonic() - started < 60  # 2 s on a machine that does nothing else
        assert cpu_seconds(server.process.pid) < 2.5  # 5 s on a core that another process shares
        assert server.client.get("/api/models").status_code == 401
        assert server.client.get("/api/health").json()["state"] == "ready"
        entered = server.client.get("/", params={"token": server.token}, follow_redirects=True)
        assert "token" not in str(entered.url)
        assert server.client.get("/api/models").status_code == 200


@pytest.mark.slow
def test_who_sends_the_token_alone_shares_a_session(tmp_path, running_server):
    with running_server(tmp_path, "--jobs", "1", "--token", "auto") as server:
        address, bearer = server.client.base_url, {"Authorization": f"Bearer {server.token}"}
        with (
            httpx.Client(base_url=address, headers=bearer) as one,
            httpx.Client(base_url=address, headers=bearer) as another,
        ):
            form = {"sample": (None, "ISIC_0000054"), "settings": (None, json.dumps(FEW))}
            job = one.post("/api/jobs", files=form).json()["id"]
            assert [found["id"] for found in another.get("/api/jobs").json()] == [job]
        server.client.get("/", params={"token": server.token})
        assert server.client.get("/api/jobs").json() == []


@pytest.mark.slow
def test_a_signal_lets_the_running_job_end_and_deletes_everything(tmp_path, lesion, running_server):
    with running_server(tmp_path, "--jobs", "1", "--grace-seconds", "200") as server:
        job = server.send(lesion, **SOME)
        server.wait(job, "running")
        waiting = server.send(lesion, **SOME)
        server.process.send_signal(signal.SIGTERM)
        while server.client.get("/api/health").json()["state"] == "ready":
            time.sleep(0.05)
        assert server.answer(sample="ISIC_0000054").status_code == 503
        assert server.state(waiting)["state"] == "failed"
        state = server.wait(job)
        assert state["state"] == "done", state
        assert server.process.wait(60) == 0
    assert not list(server.private.iterdir())


@pytest.mark.slow
def test_a_job_longer_than_the_grace_is_given_up(tmp_path, lesion, running_server):
    with running_server(tmp_path, "--jobs", "1", "--grace-seconds", "1") as server:
        server.wait(server.send(lesion, **LONG), "running")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    log = server.log.read_text()
    assert "stopping: 1 job(s) that run get up to 1 s to end; Ctrl-C again ends at once" in log
    assert "cut off: the server is stopped" in log


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_in_silence(tmp_path, lesion, running_server):
    with running_server(tmp_path, "--jobs", "1", "--grace-seconds", "200") as server:
        job = server.send(lesion, **LONG)
        server.wait(job, "running")
        upload = socket.create_connection(
            (server.client.base_url.host, server.client.base_url.port)
        )
        upload.sendall(UPLOAD)
        with upload, server.client.stream("GET", f"/api/jobs/{job}/events") as events:
            next(events.iter_lines())
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(20) == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "CancelledError" not in log
    assert "cut off" in log
    assert not list(server.private.iterdir())


@pytest.mark.slow
def test_a_killed_worker_costs_one_job_and_no_name_is_logged(tmp_path, lesion, running_server):
    named = tmp_path / "Miller_Anna_1970.jpg"
    named.write_bytes(lesion.read_bytes())
    with running_server(tmp_path, "--jobs", "1") as server:
        job = server.send(named, **LONG)
        server.wait(job, "running")
        os.kill(server.workers()[0], signal.SIGKILL)
        assert "died" in server.wait(job)["error"]["message"]
        assert server.wait(server.send(named, members=1, steps=1))["state"] == "done"
    assert "Miller" not in server.log.read_text()
    assert "failed" in server.log.read_text()


@pytest.mark.slow
def test_a_killed_server_leaves_no_images_behind(tmp_path, lesion, running_server):
    with running_server(tmp_path, "--jobs", "1") as server:
        server.wait(server.send(lesion, **LONG), "running")
        assert list(server.private.glob("*/*/upload/*.jpg"))
        server.process.kill()
        ends = time.monotonic() + 30
        while list(server.private.iterdir()) and time.monotonic() < ends:
            time.sleep(0.1)
    assert not list(server.private.iterdir())


@pytest.mark.slow
def test_an_image_that_needs_too_much_memory_fails_alone(tmp_path, lesion, running_server):
    huge = tmp_path / "huge.png"
    Image.fromarray(np.zeros((8000, 8000, 3), np.uint8)).save(huge)
    with running_server(tmp_path, "--jobs", "1", "--memory-gb", "0.7") as server:
        state = server.wait(server.send(huge))
        assert state["state"] == "failed"
        assert "memory" in state["error"]["message"]
        after = server.wait(server.send(lesion, members=1, steps=1))
        assert after["state"] == "done", after["error"]


@pytest.mark.slow
def test_another_session_sees_nothing(server, lesion):
    job = server.send(lesion, members=1, steps=1)
    address = server.result(job)["layers"]["mask"]
    with httpx.Client(base_url=server.client.base_url) as other:
        other.get("/")
        for path in (f"/api/jobs/{job}", f"/api/jobs/{job}/result", f"/api/jobs/{job}/events"):
            assert other.get(path).status_code == 404
        assert other.get(address).status_code == 404
        assert other.delete(f"/api/jobs/{job}").status_code == 404
        assert other.get("/api/jobs").json() == []
    assert server.client.get(address).status_code == 200
    assert server.client.delete(f"/api/jobs/{job}").status_code == 204
    assert server.client.get(address).status_code == 404
