"""Jobs are carried out in processes of their own, go on after a kill, and are not done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from ablation.jobs import planned
from ablation.measure import commit
from ablation.plan import BENCHMARKS
from ablation.runner import Place, commands, cores, locked, run_jobs, taken

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def place(tmp_path):
    return Place(data=DATA, work=tmp_path / "work")


def harness(grid_file, work):
    """The command that runs the first seed of table a."""
    words = ["--grid", grid_file, "--data-root", DATA, "--work", work, "--seeds", "0"]
    return [sys.executable, BENCHMARKS / "grid.py", "run", *words, "--table", "a"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock a file in this way")
def test_a_run_that_somebody_works_on_is_left_to_them(tiny, place):
    own, unet, ways, *_ = planned(tiny).jobs
    waiting = [own, ways, unet]
    first, second = taken(waiting, place), taken(waiting, place)
    assert first is not None
    assert second is not None
    assert (first.job, second.job, waiting) == (own, unet, [ways])  # same training as the first
    assert locked(place.run_folder(own) / "lock") is None
    first.lock.close()
    second.lock.close()
    third = taken(waiting, place)
    assert third is not None
    assert third.job == ways
    third.lock.close()


def test_what_is_trained_is_only_measured(tiny, place):
    job = planned(tiny).jobs[0]
    place.run_folder(job).mkdir(parents=True)
    assert [command[2] for command in commands(job, place)] == ["medsegdiff", "ablation.measure"]
    (place.run_folder(job) / "commit").write_text("a1b2c3d")
    commands(job, place)
    assert (place.run_folder(job) / "commit").read_text() == "a1b2c3d"  # goes on from there
    (place.run_folder(job) / "fold_0" / "final").mkdir(parents=True)
    assert [command[2] for command in commands(job, place)] == ["ablation.measure"]


def test_slots_have_cores_of_their_own_as_far_as_there_are_some():
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert len(set(cores(3))) == min(3, usable)
    assert len(cores(usable + 2)) == usable + 2


def test_a_failed_job_is_told_with_its_last_words(tiny, place, tmp_path):
    lines = []
    nowhere = Place(data=tmp_path / "nowhere", work=place.work)
    (sentence,) = run_jobs(planned(tiny).jobs[:1], nowhere, 1, None, lines.append)
    assert "default_0 on skin_isic2017 failed, exit code" in sentence
    assert "nowhere" in sentence
    assert lines[-1] == sentence


def test_nothing_is_started_when_the_time_is_over(tiny, place):
    lines = []
    assert run_jobs(planned(tiny).jobs, place, 1, 1e-12, lines.append) == []
    assert lines == ["6 jobs are left for another time."]


@pytest.mark.slow
def test_a_job_leaves_a_result_that_says_all(tiny, place):
    job = planned(tiny).jobs[0]
    assert run_jobs([job], place, 1, None, list) == []
    found = job.finished()
    assert found is not None
    assert (found["steps"], len(found["studies"])) == (3, 2)
    assert set(found["figures of own"]) >= {
        "dice",
        "iou",
        "hd95",
        "ece",
        "expected_dice",
        "seconds",
    }
    ways = [found[f"figures of {way}"] for way in ("own", "head", "program")]
    assert len({way["temperature"] for way in ways}) == 3  # each has its own
    assert all(0.3 <= way["threshold"] <= 0.7 for way in ways)
    assert found["trained_at"] == found["commit"] == commit()
    assert 0 < found["leakage"] < 1
    assert found["command"].startswith("medsegdiff train skin_isic2017 -o RUN ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_a_stopped_grid_goes_on_and_finished_runs_are_skipped(tiny_file, tmp_path):
    steps = tiny_file.parent / "tiny_steps.yaml"
    many = yaml.safe_load(steps.read_text())
    many["arms"]["skin_isic2017"]["default"]["steps"] = 80
    steps.write_text(yaml.safe_dump(many))
    command, work = harness(tiny_file, tmp_path / "work"), tmp_path / "work" / "tiny"
    begun = subprocess.Popen(command, stdout=subprocess.PIPE)
    while sum(f.read_text().count("loss") for f in work.glob("*/fold_0/metrics.jsonl")) < 20:
        assert begun.poll() is None
        time.sleep(0.05)
    begun.send_signal(signal.SIGTERM)
    begun.communicate()
    assert "finished unet_0" in subprocess.run(command, capture_output=True, text=True).stdout
    assert "Going on from" in next(work.glob("*default*/log.txt")).read_text()
    result = tiny_file.parent / "results" / "tiny" / "skin_isic2017" / "default_0.json"
    assert json.loads(result.read_text())["steps"] == 80
    assert "0 jobs to do" in subprocess.run(command, capture_output=True, text=True).stdout
