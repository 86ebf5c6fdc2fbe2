from __future__ import annotations

import torch

from medsegdiff.data.consensus import consensus


def test_most_raters_decide_and_of_equals_the_highest_class() -> None:
    raters = [[0, 0, 1, 2], [0, 1, 1, 0], [0, 1, 2, 1], [1, 0, 2, 3]]
    assert consensus([torch.tensor(one) for one in raters]).tolist() == [0, 1, 2, 3]


def test_a_single_rater_is_believed() -> None:
    assert consensus([torch.tensor([0, 2, 1])]).tolist() == [0, 2, 1]
