"""Speed: what is counted, timed and computed, on works whose cost is known."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import bench
import gpu
import pytest
import torch
from speed.contender import CHUNK, Task, counted, prediction_seconds
from speed.helper import Helper
from speed.limits import larger
from speed.ours import Ours
from speed.summary import summary
from speed.tables import bounds, page
from speed.timing import alternating, seconds_of
from speed.worker import answered

from medsegdiff.engine import run_setup

SMALL = "model.network={name: medsegdiff, widths: [8, 8], blocks: [0, 1], denoiser_widths: [8]}"


def test_a_product_is_counted_by_its_operations_and_all_else_by_its_bytes():
    one, other = torch.randn(30, 40), torch.randn(40, 50)
    assert counted(lambda: one @ other).gflop == pytest.approx(2 * 30 * 40 * 50 / 1e9)
    assert counted(lambda: one @ other).moved_gb == 0
    assert counted(lambda: one + one).moved_gb == pytest.approx(3 * 4 * one.numel() / 1e9)
    assert counted(lambda: one.reshape(40, 30).T[3:]).moved_gb == 0  # views move nothing


def test_members_beyond_whole_chunks_are_a_smaller_step():
    chunks = {CHUNK: 1.0, 1: 0.3}
    assert prediction_seconds(0.5, chunks, 2 * CHUNK, 3) == pytest.approx(0.5 + 3 * 2)
    assert prediction_seconds(0.5, chunks, 3 * CHUNK + 1, 2) == pytest.approx(0.5 + 2 * 3.3)


def test_others_draw_their_members_as_it_suits_them():
    chunks = {CHUNK: 12.0, 1: 1.0}
    assert bench.fastest_seconds(0.0, chunks, 2 * CHUNK, 3) == pytest.approx(3 * 2 * CHUNK)
    chunks = {CHUNK: 4.0, 1: 1.0}
    assert bench.fastest_seconds(0.0, chunks, 2 * CHUNK, 3) == pytest.approx(3 * 2 * 4.0)


def test_works_take_turns_and_slow_ones_are_run_less_often():
    told: list[str] = []

    def turn(name: str, seconds: float) -> float:
        told.append(name)
        return seconds + len(told)  # later runs take longer

    turns = {"a": lambda: turn("a", 0.0), "b": lambda: turn("b", 5.0), "c": lambda: turn("c", 20.0)}
    found = alternating(turns, 3)
    assert "".join(told) == "abc" + "ab" * 2 + "a"
    assert (found["a"].s, found["a"].fastest, found["a"].runs) == (6.0, 4.0, 3)  # not the first
    assert (found["b"].s, found["b"].runs) == (10.0, 3)
    assert (found["c"].s, found["c"].runs) == (23.0, 1)


def test_a_work_takes_as_long_as_it_takes():
    assert seconds_of(lambda: time.sleep(0.03)) >= 0.03


def test_the_limit_is_the_most_that_was_reached():
    assert larger({"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 4.0}) == {"a": 2.0, "b": 5.0}


ECHO = """
import sys
sys.path.insert(0, sys.argv[1])
from speed.helper import answer_all
def answer(word, number):
    print("for people")
    return [word] * number
answer_all(answer)
"""


def test_a_helper_answers_until_it_is_left():
    with Helper(["-c", ECHO, str(Path(bench.__file__).parent)]) as helper:
        assert helper.ask("yes", 2) == ["yes", "yes"]
        assert helper.ask("no", 1) == ["no"]
    assert helper.process.returncode == 0


def test_a_helper_that_ended_ends_the_program():
    with Helper(["-c", "raise SystemExit(3)"]) as helper, pytest.raises(SystemExit, match="ended"):
        helper.ask("anything")


def test_only_trainings_change_what_becomes_of_freed_memory(tmp_path, monkeypatch):
    changed: list[bool] = []
    monkeypatch.setattr(run_setup, "keep_freed_memory", lambda: changed.append(True))
    task = Task(32, 2, "fp32", torch.device("cpu"))
    ours = Ours(task, tmp_path, SMALL)
    assert answered(ours, task, "peak") > 0
    assert answered(ours, task, "seconds", "predict", 2) > 0
    assert changed == []
    assert answered(ours, task, "seconds", "train_steps") > 0
    assert changed == [True]


def test_a_fresh_model_is_asked_as_a_loaded_one_is(tmp_path):
    ours = Ours(Task(32, 2, "fp32", torch.device("cpu")), tmp_path, SMALL)
    assert not ours.network.training
    assert not any(weight.requires_grad for weight in ours.network.parameters())
    assert ours.predict(3).members.shape[0] == 3


def row(name: str, **more) -> dict:
    predictions = [{"members": m, "steps": k, "s": m * k / 10} for m in (1, 8) for k in (3, 100)]
    return {
        "name": name,
        "side": 64,
        "precision": "fp32",
        "parameters": 2_000_000,
        "look_gflop": 1.0,
        "step_gflop": 0.5,
        "look_s": 0.02,
        "step_s": {"1": 0.01, "8": 0.05},
        "batch": 4,
        "train_images_per_s": 5.0,
        "train_gflop": 40.0,
        "train_moved_gb": 0.5,
        "memory_mib": None,
        "moved_gb": {"look": 0.1, "step of 1": 0.01, "step of 8": 0.2},
        "whole_s": {},
        "runs": {"look": 5, "training": 3},
        "own_steps": 3,
        "predictions": predictions,
        **more,
    }


def result(rows: list[dict]) -> dict:
    machine = {
        "processors": 2,
        "processor": "P",
        "threads": 2,
        "device": "cpu",
        "packages": {"torch": "2"},
    }
    limits = {"fp32_gflops": 100.0, "bf16_gflops": 0.3, "copy_gb_per_s": 20.0}
    return {"command": "c", "commit": "0", "machine": machine, "limits": limits, "rows": rows}


def test_tables_show_shares_of_the_peak_ratios_and_what_was_measured_whole():
    rows = [row("ours", whole_s={"1": 0.25}), row("theirs", own_steps=100)]
    text = page(result(rows))
    assert "100 GFLOP/s of float32 and 0.3 of bfloat16" in text
    assert (
        "| ours | 2.0 | 1.00 | 0.50 | 0.020 (50%) | 0.010 (50%) | 0.050 (80%) | – | 5.00 (50%)"
        in text
    )
    assert "| 1 | ours | 3 | 0.3 | 1.0 | 0.3 | 1.0 | 0.25 |" in text
    assert "| 8 | theirs | 100 | 80 | 33 | 2.4 | 1.0 | – |" in text


def test_what_was_run_once_is_named():
    rows = [row("ours"), row("theirs", runs={"look": 5, "step of 8": 1})]
    text = page(result(rows))
    assert "medians of 3 to 5 runs; of a single one: the step of 8 of theirs at 64 in fp32." in text
    assert "medians of 3 to 5 runs." in page(result(rows[:1]))


def test_the_summary_compares_what_was_measured_whole_with_the_peer():
    ours = row("medsegdiff", side=256, whole_s={"25": 0.5})
    peer = row("med-seg-diff-pytorch", side=256, own_steps=100)
    peer["predictions"] = [{"members": 25, "steps": k, "s": 10.2 * k} for k in (3, 100)]
    small = [{**one, "side": 128} for one in (ours, {**peer, "train_images_per_s": 0.5})]
    text = summary(result([ours, peer, *small]))
    assert "- 0.50 s in float32, measured whole." in text
    assert "2,000 times as long in its 100 steps and 61 times in 3, from" in text  # two digits
    assert "5.0 images/s, 10.0 times those of" in text


def test_the_bound_of_a_part_is_its_products_and_its_bytes():
    text = bounds(row("ours"), peak=100.0, copied=20.0)
    assert "| step of 8 | 50.0 | 40.0 | 10.0 | 50.0 | 100% |" in text
    assert "| look | 20.0 | 10.0 | 5.0 | 15.0 | 75% |" in text


@pytest.mark.slow
def test_the_table_of_a_gpu_is_written_and_names_what_failed(tmp_path, monkeypatch):
    fine = gpu.Row("small", "fp32", (SMALL,))
    wrong = gpu.Row("wrong", "fp32", ("model.network=nothing",))
    monkeypatch.setattr(gpu, "ROWS", (fine, wrong))
    monkeypatch.setattr(gpu, "REPEATS", 1)
    most = {"fp32_gflops": 100.0, "bf16_gflops": 1.0, "copy_gb_per_s": 20.0}
    monkeypatch.setattr(gpu, "limits", lambda _: most)  # minutes where bfloat16 is slow
    out = tmp_path / "gpu"
    words = ["--device=cpu", "--side=32", "--batch=2", f"--out={out}"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *words])
    gpu.main()
    found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert [one["name"] for one in found["rows"]] == ["small"]
    assert found["rows"][0]["prediction_s"] > 0
    assert found["left_out"][0].startswith("wrong in fp32, which failed: ")
    assert "| small | fp32 |" in out.with_suffix(".md").read_text(encoding="utf-8")
