"""Fusion by the mean."""

import torch

from medsegdiff.ensemble import Mean


def test_one_member_is_itself():
    member = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    assert torch.equal(Mean()(member).probability, member[0])


def test_each_member_has_the_same_weight():
    members = torch.tensor([0.1, 0.2, 0.9]).reshape(3, 1, 1, 1)
    torch.testing.assert_close(Mean()(members).probability, torch.full((1, 1, 1), 0.4))


def test_half_precision_is_fused_in_single():
    members = torch.full((100, 1, 2, 2), 0.3, dtype=torch.bfloat16)
    fused = Mean()(members)
    assert fused.probability.dtype == torch.float32
    torch.testing.assert_close(fused.probability, members[0].float())


def test_eight_members(benchmark):
    members = torch.rand(8, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    assert benchmark(Mean(), members).probability.shape == (1, 256, 256)
