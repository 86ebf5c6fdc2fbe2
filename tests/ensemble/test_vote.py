"""Fusion by vote."""

import torch

from medsegdiff.ensemble import Vote


def test_shares_of_votes():
    members = torch.tensor([0.4, 0.6, 0.7, 0.1]).reshape(4, 1, 1, 1)
    assert Vote()(members).probability.item() == 0.5


def test_a_sure_member_has_no_more_votes_than_an_unsure_one():
    members = torch.tensor([[0.0, 0.0, 1.0], [0.4, 0.3, 0.3], [0.4, 0.3, 0.3]])
    probability = Vote()(members[..., None, None]).probability.flatten()
    torch.testing.assert_close(probability, torch.tensor([2 / 3, 0, 1 / 3]))
