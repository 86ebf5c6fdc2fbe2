from __future__ import annotations

import pytest
import torch
from orientations import EVERY_ORIENTATION, affine_of

from medsegdiff.data.orientation import Reorientation, orientation_of


def test_there_are_48_orientations():
    assert len(set(EVERY_ORIENTATION)) == 48


@pytest.mark.parametrize("letters", EVERY_ORIENTATION)
def test_every_orientation_is_recognised_and_undone(letters: str):
    assert orientation_of(affine_of(letters)) == letters
    values = torch.arange(2.0 * 3 * 4 * 5).view(2, 3, 4, 5)
    turn = Reorientation.between(letters, "SPL")
    turned = turn.apply(values)
    assert torch.equal(turn.undo(turned), values)
    assert tuple(turned.shape[1:]) == turn.reordered((3, 4, 5))


@pytest.mark.parametrize("letters", EVERY_ORIENTATION)
def test_the_same_patient_looks_the_same_however_it_was_stored(letters: str):
    patient = torch.arange(3.0 * 4 * 5).view(3, 4, 5)  # in SPL
    stored = Reorientation.between("SPL", letters).apply(patient)
    assert torch.equal(Reorientation.between(letters, "SPL").apply(stored), patient)


def test_a_small_angle_does_not_change_the_orientation():
    affine = affine_of("SPL")
    affine[0, 1] = 0.3
    assert orientation_of(affine) == "SPL"


def test_none_changes_nothing():
    values = torch.rand(2, 3, 4)
    assert torch.equal(Reorientation.none(2).apply(values), values)
