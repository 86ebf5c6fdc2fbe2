"""A training is watched while it writes."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module")
def watching(tmp_path_factory, running_server):
    folder = tmp_path_factory.mktemp("watching")
    with running_server(folder, "--run", str(folder / "run"), "--jobs", "1") as server:
        server.fold = folder / "run" / "fold_0"
        yield server


def write(fold, *lines):
    fold.mkdir(parents=True, exist_ok=True)
    with (fold / "metrics.jsonl").open("a") as log:
        log.writelines(json.dumps(line) + "\n" for line in lines)


def test_a_training_is_followed_from_before_its_start_to_its_end(watching):
    with watching.client.stream("GET", "/api/run/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        assert json.loads(next(lines)[6:])["state"] == "waiting"
        write(watching.fold, {"step": 1, "loss": 0.5, "seconds": 1.0}, {"step": 1, "dice": 0.7})
        begun = json.loads(next(lines)[6:])
        assert (begun["state"], begun["step"]) == ("running", 1)
        assert begun["best"] == {"step": 1, "dice": 0.7}
        (watching.fold / "final").mkdir()
        assert json.loads(next(lines)[6:])["state"] == "finished"
        assert next(lines, None) is None


def test_validation_pictures_are_shown_by_their_step_alone(watching):
    (watching.fold / "samples").mkdir(parents=True)
    (watching.fold / "samples" / "step_0000010.png").write_bytes(b"a picture")
    (shown,) = watching.client.get("/api/run").json()["pictures"]
    assert watching.client.get(shown["url"]).content == b"a picture"
    for wrong in ("11", "-1", "..%2Fmetrics.jsonl", "1" * 40):
        assert watching.client.get(f"/api/run/pictures/{wrong}").status_code in (404, 422)


def test_a_server_without_a_training_says_how_to_watch_one(server):
    answer = server.client.get("/api/run")
    assert answer.status_code == 404
    assert "--run" in answer.json()["error"]["message"]
