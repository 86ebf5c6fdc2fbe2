"""A training is followed by what it writes, whole line by whole line."""

from __future__ import annotations

import json
import os

import pytest

from medsegdiff.engine.run_lock import held
from medsegdiff.engine.run_log import RunLog
from medsegdiff.engine.run_status import QUIET_SECONDS, RunWatcher


@pytest.fixture
def fold(tmp_path):
    folder = tmp_path / "run" / "fold_0"
    folder.mkdir(parents=True)
    (folder.parent / "config.json").write_text(json.dumps({"train": {"max_steps": 100}}))
    return folder


def log_steps(fold, *steps, seconds=2.0):
    log = RunLog(fold / "metrics.jsonl", steps[0] - 1)
    for step in steps:
        log.add(step=step, loss=1 / step, seconds=seconds * step)
    return log


def test_a_training_that_has_not_begun_is_waited_for(tmp_path):
    watcher = RunWatcher(tmp_path / "run")
    assert (watcher.status().state, watcher.status().loss) == ("waiting", ())


def test_a_training_that_has_begun_is_being_prepared_until_its_first_step(fold):
    watcher = RunWatcher(fold.parent)
    with held(fold):
        assert (watcher.status().state, watcher.status().name) == ("preparing", "run")
    assert watcher.status().state == "waiting"


def test_the_pace_of_the_last_steps_tells_how_long_the_rest_takes(fold):
    log_steps(fold, *range(1, 41)).add(step=40, dice=0.5)
    status = RunWatcher(fold.parent).status()
    assert (status.state, status.step, status.total_steps) == ("running", 40, 100)
    assert status.eta_seconds == pytest.approx(2.0 * 60)
    assert status.best == (40, 0.5)


def test_a_half_written_line_is_read_once_it_is_whole(fold):
    log_steps(fold, 1, 2)
    watcher = RunWatcher(fold.parent)
    file = fold / "metrics.jsonl"
    with file.open("a") as log:
        log.write('{"step": 3, "loss": 0.')
        log.flush()
        assert watcher.status().step == 2
        log.write('25, "seconds": 6.0}\n')
    assert watcher.status().loss[-1] == (3.0, 0.25)


def test_a_resumed_training_writes_its_log_anew(fold):
    log_steps(fold, *range(1, 10))
    watcher = RunWatcher(fold.parent)
    assert watcher.status().step == 9
    log_steps(fold, 5, 6)
    assert watcher.status().step == 6


def test_a_silent_training_has_stopped_and_one_with_final_weights_is_finished(fold):
    log_steps(fold, 1, 2)
    past = (fold / "metrics.jsonl").stat().st_mtime - QUIET_SECONDS - 1
    os.utime(fold / "metrics.jsonl", (past, past))
    assert RunWatcher(fold.parent).status().state == "stopped"
    (fold / "final").mkdir()
    assert RunWatcher(fold.parent).status().state == "finished"


def test_a_silent_training_runs_as_long_as_it_holds_its_folder(fold):
    with held(fold):
        log_steps(fold, *range(1, 101))
        os.utime(fold / "metrics.jsonl", (0, 0))
        status = RunWatcher(fold.parent).status()
        assert (status.state, status.eta_seconds) == ("running", 0.0)
    assert RunWatcher(fold.parent).status().state == "stopped"


def test_pictures_are_known_by_their_step_and_strange_files_are_let_be(fold):
    (fold / "samples").mkdir()
    for name in ("step_0000020.png", "step_0000003.png", "step_x.png", ".step_0000004.png.tmp"):
        (fold / "samples" / name).touch()
    log_steps(fold, 1)
    with (fold / "metrics.jsonl").open("a") as log:
        log.write('[1]\n{"step": "a"}\nnoise\n')
    status = RunWatcher(fold.parent).status()
    assert (list(status.pictures), status.step) == ([3, 20], 1)
