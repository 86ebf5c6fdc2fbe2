"""What memory of a prediction may grow with, and to what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import curves
import pytest
from curves import curves_of, exponent, page, prediction_of
from speed.command import peak_of
from speed.curve_plot import IN_A_ROW, picture

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "curves.py"


def point(**where: int) -> dict[str, float]:
    """Memory of predictions in a process of their own."""
    words = [f"--{name}={value}" for name, value in where.items()]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--point", "--repeats=1", *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_twenty_five_members_at_512_fit_in_two_gigabytes():
    assert point(side=512, members=25, steps=3)["process_mib"] < 2048


@pytest.mark.slow
def test_steps_need_no_memory_of_their_own():
    few, many = (point(side=128, members=8, steps=steps)["mib"] for steps in (3, 60))
    assert many < few + 16


@pytest.mark.parametrize(("power", "points"), [(1, 2), (1, 3), (2, 2), (2, 5)])
def test_the_exponent_of_a_power_is_found_from_two_points_on(power: int, points: int):
    curve = {2**k: {"s": 0.1 * 2 ** (k * power), "mib": 8.0} for k in range(points)}
    assert exponent(curve, "s") == pytest.approx(power)
    assert exponent(curve, "mib") == pytest.approx(0)


MACHINE = {"threads": 2, "processor": "P", "bf16_on_cpu": False}


def result(**found: dict) -> dict:
    """As it is read from JSON."""
    base = {"command": "c", "commit": "0", "machine": MACHINE, "repeats": 3, "curves": found}
    return json.loads(json.dumps(base))


def test_the_page_has_every_curve_with_its_exponents():
    curve = {1: {"s": 1.0, "mib": 300.0}, 2: {"s": 0.5, "mib": 300.0}}
    text = page(result(processes=curve))
    assert "| processes | s | MiB |" in text
    assert "| 2 | 0.500 | 300 |" in text
    assert "| **exponent** | -1.00 | 0.00 |" in text


def test_the_exponent_of_studies_comes_from_its_upper_half():
    curve = {n: {"s": 3 + 0.1 * n, "mib": 400.0} for n in curves.STUDIES}
    slope = exponent(curves_of(result(studies=curve))["studies"], "s")
    assert 0.8 < slope < 1  # of 100, 500 and 2000, of which the start is a small part


def test_every_curve_has_a_panel_of_its_own():
    curve = {1: {"s": 1.0, "mib": 0.0}, 2: {"s": 0.5, "mib": 300.0}}
    one = picture({"side": curve})
    most = picture({str(number): curve for number in range(IN_A_ROW + 1)})
    assert (most.width, most.height) == (one.width * IN_A_ROW, one.height * 2)
    assert most.crop((0, one.height, one.width, 2 * one.height)).getcolors() != [
        (one.width * one.height, (255, 255, 255))
    ]


@pytest.mark.slow
def test_a_folder_of_studies_is_predicted_and_timed(monkeypatch):
    kept: list[str] = []
    command = curves.peak_of
    monkeypatch.setattr(
        curves, "peak_of", lambda words: kept.append(predicted(words, command)) or 200.0
    )
    found = prediction_of(3)
    assert kept == ["00000.png 00001.png 00002.png"]
    assert found["s"] > 0
    assert found["mib"] == 200.0


def predicted(words: list[str], run) -> str:
    """Run the command, and name the masks that it left."""
    run(words)
    return " ".join(sorted(one.name for one in Path(words[words.index("-o") + 1]).glob("*.png")))


def test_the_peak_of_a_command_is_its_largest_childs():
    most = "b'x' * (3 * 2**29)"  # more than any of them has without it
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', \"{most}\"])"
    # In a process of its own, for a child begins with the peak of the one that starts it.
    asks = "import sys; from speed.command import peak_of; print(peak_of(sys.argv[1:]))"
    place = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    words = [sys.executable, "-c", asks, sys.executable, "-c", starts]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=place)
    assert 1536 < float(done.stdout) < 1600
    with pytest.raises(subprocess.CalledProcessError):
        peak_of([sys.executable, "-c", "raise SystemExit(3)"])
