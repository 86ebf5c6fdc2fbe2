"""metrics.jsonl and progress.png."""

from __future__ import annotations

import json
import math

import pytest
from PIL import Image

from medsegdiff.engine.run_log import DICE_COLOUR, LOSS_COLOUR, RunLog, read_log, smoothed


@pytest.fixture
def path(tmp_path):
    log = RunLog(tmp_path / "metrics.jsonl", 0)
    for step in range(1, 7):
        log.add(step=step, loss=1 / step)
        if step % 3 == 0:
            log.add(step=step, dice=step / 10)
    return log.path


def test_lines_after_the_checkpoint_are_dropped(path):
    log = RunLog(path, 3)
    assert [line["step"] for line in log.lines] == [1, 2, 3, 3]
    log.add(step=4, loss=0.5)
    assert read_log(path) == log.lines


@pytest.mark.parametrize("cut", [1, 5, 14])
def test_a_cut_line_is_left_out(path, cut):
    whole = read_log(path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_log(path) == whole[: len(whole) - (cut > 1)]
    assert RunLog(path, 6).lines == read_log(path)


def test_zeros_of_a_power_cut_are_left_out(path):
    whole = read_log(path)
    path.write_bytes(path.read_bytes() + b"\0" * 40)
    assert read_log(path) == whole


def test_losses_are_kept_to_the_last_bit(tmp_path):
    log = RunLog(tmp_path / "metrics.jsonl", 0)
    log.add(step=1, loss=math.pi / 3)
    (line,) = RunLog(log.path, 1).lines
    assert line["loss"] == math.pi / 3


def test_curves_are_drawn_in_both_colours(path):
    RunLog(path, 6).draw(path.with_name("progress.png"))
    with Image.open(path.with_name("progress.png")) as picture:
        found = {colour for _, colour in picture.getcolors(10_000) or []}
    assert {LOSS_COLOUR, DICE_COLOUR} <= found


@pytest.mark.parametrize("lines", [[], [{"step": 1, "loss": None}], [{"step": 1, "loss": 0.0}]])
def test_even_an_empty_log_can_be_drawn(tmp_path, lines):
    log = RunLog(tmp_path / "metrics.jsonl", 0)
    for line in lines:
        log.add(**line)
    log.draw(tmp_path / "progress.png")
    assert json.loads(log.path.read_text() or "{}") == (lines[0] if lines else {})


def test_long_curves_are_averaged_over_equal_stretches():
    points = [(step, float(step)) for step in range(1, 1001)]
    short = smoothed(points)
    assert len(short) == 200
    assert short[0] == (3.0, 3.0)
