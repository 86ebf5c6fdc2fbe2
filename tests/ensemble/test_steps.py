"""Fusion over steps: a weighted mean, later and surer steps first."""

from __future__ import annotations

import torch

from medsegdiff.ensemble import fused_steps


def test_a_single_step_comes_back_as_it_is():
    walked = torch.rand(1, 3, 2, 4, 4)
    assert torch.equal(fused_steps(walked), walked[0])


def test_equal_steps_come_back_as_they_are():
    step = torch.rand(3, 1, 4, 4)
    assert torch.allclose(fused_steps(step.expand(5, 3, 1, 4, 4)), step)


def test_a_surer_step_weighs_more():
    sure, unsure = torch.full((2, 1, 3, 3), 0.99), torch.full((2, 1, 3, 3), 0.5)
    for walked in (torch.stack([sure, unsure]), torch.stack([unsure, sure])):
        assert (fused_steps(walked) > (0.99 + 0.5) / 2).all()


def test_a_later_step_weighs_more():
    low, high = torch.full((2, 1, 3, 3), 0.2), torch.full((2, 1, 3, 3), 0.8)  # equally unsure
    assert (fused_steps(torch.stack([low, high])) > 0.5).all()


def test_the_weights_are_those_of_the_formula():
    walked = torch.tensor([0.3, 0.9]).view(2, 1, 1, 1)
    entropy = -(walked * walked.log() + (1 - walked) * (1 - walked).log()).flatten()
    weight = torch.exp(torch.sigmoid(torch.tensor([0.5, 1.0])) * (1 - entropy))
    expected = (weight * walked.flatten()).sum() / weight.sum()
    assert torch.allclose(fused_steps(walked).squeeze(), expected)


def test_classes_still_sum_to_one():
    walked = torch.rand(4, 3, 5, 6, 6).softmax(dim=2)
    assert torch.allclose(fused_steps(walked).sum(dim=1), torch.ones(3, 6, 6), atol=1e-6)
