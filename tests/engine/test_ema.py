"""Averaged weights against a naive loop."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medsegdiff.engine.ema import AveragedWeights


def moved(layer: nn.Linear, number: int) -> nn.Linear:
    with torch.no_grad():
        layer.weight.fill_(float(number**2))
        layer.bias.fill_(-float(number))
    return layer


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.998])
def test_it_is_the_weighted_mean_that_the_formula_says(decay):
    layer = moved(nn.Linear(2, 1), 0)
    averaged = AveragedWeights(layer, decay)
    expected = 0.0
    for number in range(1, 60):
        averaged.update(moved(layer, number))
        kept = min(decay, number / (9 + number))
        expected = kept * expected + (1 - kept) * number**2
    assert float(averaged.weights["weight"][0, 0]) == pytest.approx(expected, rel=1e-5)


def test_the_first_weights_are_soon_forgotten():
    averaged = AveragedWeights(moved(nn.Linear(1, 1), 100), 0.999)
    for _ in range(50):
        averaged.update(moved(nn.Linear(1, 1), 1))
    assert float(averaged.weights["weight"]) == pytest.approx(1, abs=0.1)


def test_the_module_itself_is_not_touched():
    layer = moved(nn.Linear(1, 1), 3)
    averaged = AveragedWeights(layer, 0.9)
    averaged.update(moved(layer, 4))
    assert float(layer.weight.detach()) == 16
    assert not averaged.weights["weight"].requires_grad
