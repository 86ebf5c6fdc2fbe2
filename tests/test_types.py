"""What the channels of a mask are: from labels to channels, and back as nnU-Net paints them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.types import BINARY, IGNORED, MaskCoding, labels_from_probability, one_hot

TUMOUR = MaskCoding(  # whole tumour, core, enhancing: stored as 2, 1 and 4
    5, regions=((1, 2, 3, 4), (1, 3, 4), (4,)), painted=(2, 1, 4)
)
CODINGS = [BINARY, MaskCoding.of_classes(2), MaskCoding.of_classes(4), TUMOUR]


def labels(classes, seed=0, low=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, classes, (2, 6, 7), generator=generator)


@pytest.mark.parametrize("coding", CODINGS)
@given(seed=st.integers(0, 99))
def test_labels_that_can_be_painted_come_back_from_their_channels(coding, seed):
    drawn = torch.tensor([0, *(coding.painted or range(1, coding.classes))])
    truth = drawn[labels(len(drawn), seed)]
    channels = coding.encode(truth)
    assert channels.shape == (2, coding.channels, 6, 7)
    assert torch.equal(
        torch.stack([labels_from_probability(one, coding=coding) for one in channels]), truth
    )


@given(seed=st.integers(0, 99))
def test_regions_survive_their_way_through_a_label_map(seed):
    channels = TUMOUR.encode(labels(5, seed))
    painted = torch.stack([labels_from_probability(one, coding=TUMOUR) for one in channels])
    assert torch.equal(TUMOUR.encode(painted), channels)


@given(seed=st.integers(0, 99), threshold=st.floats(0.1, 0.9))
def test_regions_are_painted_in_order_as_in_nnunet(seed, threshold):
    probability = torch.rand(3, 6, 7, generator=torch.Generator().manual_seed(seed))
    expected = torch.zeros(6, 7, dtype=torch.int64)
    for channel, value in enumerate((2, 1, 4)):  # nnU-Net's loop over regions_class_order
        expected[probability[channel] >= threshold] = value
    assert torch.equal(labels_from_probability(probability, threshold, TUMOUR), expected)


@pytest.mark.parametrize("coding", CODINGS)
def test_ignored_voxels_count_as_background_in_the_channels(coding):
    truth = labels(coding.classes, low=IGNORED)
    assert torch.equal(coding.encode(truth), coding.encode(truth.clamp(min=0)))
    assert not any(mask[truth == IGNORED].any() for mask in coding.masks(truth))


def test_structures_are_the_foreground_classes_or_the_regions():
    assert [mask.sum() for mask in TUMOUR.masks(torch.arange(5))] == [4, 3, 1]
    assert MaskCoding.of_classes(3).structures == ((1,), (2,))
    assert BINARY.structures == ((1,),)


def test_what_is_not_said_is_told_from_the_number_of_channels():
    assert MaskCoding.of_channels(1) == MaskCoding.of_classes(2) == BINARY
    assert MaskCoding.of_channels(3) == MaskCoding.of_classes(3)
    assert torch.equal(MaskCoding.of_channels(2).encode(labels(2)), one_hot(labels(2), 2))


def test_the_highest_entropy_is_that_of_the_channels():
    found = [coding.highest_entropy for coding in CODINGS]
    assert found == [math.log(2), math.log(2), math.log(4), math.log(2)]
