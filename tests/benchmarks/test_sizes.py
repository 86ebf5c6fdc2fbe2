"""What networks cost, counted and shown."""

from __future__ import annotations

import pytest
import sizes


def test_operations_grow_with_the_area_and_parameters_do_not():
    small, large = (sizes.sizes({"name": "concat", "size": "tiny"}, 3, side) for side in (64, 128))
    assert large["parameters_m"] == small["parameters_m"]
    assert large["step_gflop"] == pytest.approx(4 * small["step_gflop"], rel=0.2)


def test_a_network_without_a_denoiser_has_no_step():
    assert sizes.sizes({"name": "unet"}, 1, 64)["step_gflop"] is None


def test_a_line_says_what_was_trained_and_what_was_not():
    row = {
        "network": {"name": "n", "size": "big"},
        "parameters_m": 1.234,
        "look_gflop": 5.0,
        "step_gflop": None,
    }
    assert sizes.line(row) == ["`n` size=big", "1.23", "5.00", "–", "–", "–"]
    trained = {**row, "training": {"s": 0.5, "mib": 2048.0}}
    assert sizes.line(trained)[-2:] == ["0.50", "2.0"]
