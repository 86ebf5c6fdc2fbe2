"""Speed: what is counted, timed and computed, on works whose cost is known."""

from __future__ import annotations

import json
import sys
import time

import gpu
import pytest
import torch
from speed.contender import CHUNK, gflop, moved_gb, prediction_seconds
from speed.tables import bounds, page
from speed.timing import alternating, seconds_of


def test_a_product_is_counted_by_its_operations_and_all_else_by_its_bytes():
    one, other = torch.randn(30, 40), torch.randn(40, 50)
    assert gflop(lambda: one @ other) == pytest.approx(2 * 30 * 40 * 50 / 1e9)
    assert moved_gb(lambda: one @ other) == 0
    assert moved_gb(lambda: one + one) == pytest.approx(3 * 4 * one.numel() / 1e9)
    assert moved_gb(lambda: one.reshape(40, 30).T[3:]) == 0  # views move nothing


def test_members_beyond_whole_chunks_are_a_smaller_step():
    chunks = {CHUNK: 1.0, 1: 0.3}
    assert prediction_seconds(0.5, chunks, 2 * CHUNK, 3) == pytest.approx(0.5 + 3 * 2)
    assert prediction_seconds(0.5, chunks, 3 * CHUNK + 1, 2) == pytest.approx(0.5 + 2 * 3.3)


def test_works_take_turns_and_slow_ones_run_once(monkeypatch):
    monkeypatch.setattr("speed.timing.SLOW", 0.02)
    told: list[str] = []
    works = {"a": lambda: told.append("a"), "slow": lambda: (told.append("slow"), time.sleep(0.03))}
    found = alternating({**works, "b": lambda: told.append("b")}, 2)
    assert told == ["a", "slow", "b", "a", "b", "a", "b"]
    assert found["slow"] >= 0.03 > found["a"]
    assert seconds_of(works["slow"]) >= 0.03


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
        "step_s": {1: 0.01, 8: 0.05},
        "batch": 4,
        "train_images_per_s": 5.0,
        "train_gflop": 40.0,
        "memory_mib": None,
        "moved_gb": {"look": 0.1, "step of 1": 0.01, "step of 8": 0.2},
        "whole_s": {},
        "own_steps": 3,
        "predictions": predictions,
        **more,
    }


def test_tables_show_shares_of_the_peak_ratios_and_what_was_measured_whole():
    machine = {
        "processors": 2,
        "processor": "P",
        "threads": 2,
        "device": "cpu",
        "packages": {"torch": "2"},
    }
    limits = {"fp32_gflops": 100.0, "bf16_gflops": 0.3, "copy_gb_per_s": 20.0}
    rows = [row("ours", whole_s={1: 0.25}), row("theirs", own_steps=100)]
    text = page({"command": "c", "commit": "0", "machine": machine, "limits": limits, "rows": rows})
    assert "100 GFLOP/s of float32 and 0.3 of bfloat16" in text
    assert (
        "| ours | 2.0 | 1.00 | 0.50 | 0.020 (50%) | 0.010 (50%) | 0.050 (80%) | – | 5.00 (50%)"
        in text
    )
    assert "| 1 | ours | 3 | 0.3 | 1.0 | 0.3 | 1.0 | 0.25 |" in text
    assert "| 8 | theirs | 100 | 80 | 33 | 2.4 | 1.0 | – |" in text


def test_the_bound_of_a_part_is_its_products_and_its_bytes():
    text = bounds(row("ours"), peak=100.0, copied=20.0)
    assert "| step of 8 | 50.0 | 40.0 | 10.0 | 50.0 | 100% |" in text
    assert "| look | 20.0 | 10.0 | 5.0 | 15.0 | 75% |" in text


@pytest.mark.slow
def test_the_table_of_a_gpu_is_written_and_names_what_failed(tmp_path, monkeypatch):
    small = "{name: medsegdiff, widths: [8, 8], blocks: [0, 1], denoiser_widths: [8]}"
    fine = gpu.Row("small", "fp32", (f"model.network={small}",))
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
