"""Tidying masks: the largest piece of each class, and holes."""

from __future__ import annotations

import torch

from medsegdiff.engine.postprocessing import cleaned, piece_sizes

PICTURE = torch.tensor(
    [
        [1, 1, 1, 0, 0, 2],
        [1, 0, 1, 0, 0, 0],
        [1, 1, 1, 0, 2, 2],
        [0, 0, 0, 0, 2, 2],
        [0, 1, 0, 0, 0, 0],
    ]
)


def test_nothing_asked_nothing_changed():
    assert cleaned(PICTURE, 3, keep_largest=False, fill_holes=False) is PICTURE


def test_only_the_largest_piece_of_each_class_stays():
    labels = cleaned(PICTURE, 3, keep_largest=True, fill_holes=False)
    assert labels[4, 1] == 0
    assert labels[0, 5] == 0
    assert int((labels == 1).sum()) == 8
    assert int((labels == 2).sum()) == 4


def test_holes_belong_to_the_class_around_them():
    labels = cleaned(PICTURE, 3, keep_largest=False, fill_holes=True)
    assert labels[1, 1] == 1
    assert int((labels != PICTURE).sum()) == 1


def test_another_class_inside_is_no_hole():
    labels = torch.ones(5, 5, dtype=torch.long)
    labels[2, 2] = 2
    assert torch.equal(cleaned(labels, 3, keep_largest=True, fill_holes=True), labels)


def test_an_empty_mask_stays_empty():
    empty = torch.zeros(4, 4, dtype=torch.long)
    assert torch.equal(cleaned(empty, 2, keep_largest=True, fill_holes=True), empty)


def test_the_given_labels_are_not_changed():
    before = PICTURE.clone()
    cleaned(PICTURE, 3, keep_largest=True, fill_holes=True)
    assert torch.equal(PICTURE, before)


def test_corners_connect():
    assert piece_sizes(torch.eye(3).numpy() > 0).tolist() == [3]


def test_volumes_are_tidied_too():
    volume = torch.zeros(4, 4, 4, dtype=torch.long)
    volume[:2, :2, :2] = 1
    volume[3, 3, 3] = 1
    assert int(cleaned(volume, 2, keep_largest=True, fill_holes=False).sum()) == 8
