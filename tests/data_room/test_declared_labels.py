"""Labels as nnU-Net's dataset.json declares them: any numbers, regions, the ignored label."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsegdiff.data.labels import LabelMap
from medsegdiff.errors import DataError
from medsegdiff.types import IGNORED

TUMOUR = {
    "background": 0,
    "whole_tumour": [1, 2, 3, 4],
    "tumour_core": [1, 3, 4],
    "enhancing": 4,
    "ignore": 5,
}
ORDER = [2, 1, 4]


def test_regions_and_what_is_ignored_are_read_as_in_nnunet() -> None:
    label_map = LabelMap.declared(TUMOUR, regions_class_order=ORDER)
    assert label_map.values == (0, 1, 2, 3, 4)
    assert label_map.names == ("background", "label_1", "label_2", "label_3", "enhancing")
    assert label_map.structure_names == ("whole_tumour", "tumour_core", "enhancing")
    assert label_map.coding.regions == ((1, 2, 3, 4), (1, 3, 4), (4,))
    assert label_map.coding.painted == (2, 1, 4)
    assert (label_map.mask_channels, label_map.ignored) == (3, 5)


def test_ignored_voxels_are_read_as_such_and_written_back() -> None:
    raw = np.arange(6, dtype=np.uint8).reshape(2, 3)
    label_map, findings = LabelMap.recognise([raw], TUMOUR, regions_class_order=ORDER)
    assert label_map.encode(raw).tolist() == [[0, 1, 2], [3, 4, IGNORED]]
    assert np.array_equal(label_map.decode(label_map.encode(raw)), raw)
    assert "whole_tumour is a region: the voxels of 1, 2, 3, 4." in findings
    assert "Voxels of 5 count neither in training nor in figures." in findings


def test_predicted_regions_are_written_in_the_numbers_of_their_order() -> None:
    labels = {"background": 0, "whole": [10, 20], "core": 20, "ignore": 255}
    label_map = LabelMap.declared(labels, regions_class_order=[10, 20])
    painted = label_map.coding.paint(torch.tensor([[False, True, True], [False, False, True]]))
    assert label_map.decode(painted[None]).tolist() == [[0, 10, 20]]


def test_stored_values_differ_from_the_declared_numbers_if_that_is_said() -> None:
    labels = {"background": 0, "rim": 1, "whole": [1, 2], "cup": 2, "ignore": 3}
    values = {"rim": 128, "cup": 255, "ignore": 7}
    label_map = LabelMap.declared(labels, values, regions_class_order=[1, 1, 2])
    assert (label_map.values, label_map.ignored) == ((0, 128, 255), 7)
    assert label_map.coding.regions == ((1,), (1, 2), (2,))


def test_what_is_ignored_may_have_a_colour() -> None:
    colours = {"lesion": (255, 0, 0), "ignore": (9, 9, 9)}
    labels = {"background": 0, "lesion": 1, "ignore": 2}
    raw = np.asarray([[(0, 0, 0), (255, 0, 0), (9, 9, 9)]], dtype=np.uint8)
    label_map, _ = LabelMap.recognise([raw], labels, None, colours)
    assert label_map.encode(raw).tolist() == [[0, 1, IGNORED]]
    assert np.array_equal(label_map.decode(label_map.encode(raw)), raw)


def test_masks_in_undeclared_colours_are_refused_where_something_is_ignored() -> None:
    raw = np.asarray([[(0, 0, 0), (255, 0, 0)]], dtype=np.uint8)
    with pytest.raises(DataError, match='"colors"'):
        LabelMap.recognise([raw], {"background": 0, "lesion": 1, "ignore": 2})


def test_numbers_need_not_follow_one_another() -> None:
    label_map = LabelMap.declared({"background": 0, "liver": 6, "air": -1000, "spleen": 1})
    assert label_map.values == (0, -1000, 1, 6)
    assert label_map.names == ("background", "air", "spleen", "liver")


def test_noisy_masks_keep_what_is_ignored() -> None:
    labels = {"background": 0, "lesion": 100, "ignore": 200}
    raw = np.zeros((40, 40), dtype=np.uint8)
    raw[:, 10:20], raw[:, 30:] = 100, 200
    raw[:, 20], raw[:, 29] = 50, 90  # smoothed outlines; 90 is no rim of the lesion
    label_map, _ = LabelMap.recognise([raw], labels)
    assert label_map.is_noisy
    found = label_map.encode(raw)
    assert (found == found[:1]).all()
    assert found[0, :20].tolist() == [0] * 10 + [1] * 10
    assert found[0, 21:29].tolist() == [0] * 8
    assert found[0, 29] in (0, IGNORED)
    assert found[0, 30:].tolist() == [IGNORED] * 10


@pytest.mark.parametrize(
    ("labels", "order", "message"),
    [
        ({"background": 0, "whole": [1, 2], "core": 2}, None, "Give one number for each region"),
        ({"background": 0, "whole": [1, 2], "core": 2}, [1], "Give one number for each region"),
        ({"background": 0, "whole": [1, 2], "core": 2}, [2, 1], "out of its own"),
        ({"background": 0, "whole": [0, 2], "core": 2}, [2, 2], "without the background"),
        ({"background": 0, "lesion": "1"}, None, "whole number"),
        ({"background": 0, "lesion": 1, "other": 1}, None, "a number of its own"),
        ({"background": 0, "lesion": 1, "ignore": 1}, None, "a number of its own"),
        ({"background": 0, "ignore": 1}, None, "a class or more"),
    ],
)
def test_declarations_that_contradict_themselves_are_refused(labels, order, message) -> None:
    with pytest.raises(DataError, match=message):
        LabelMap.declared(labels, regions_class_order=order)


def test_a_region_has_no_value_of_its_own() -> None:
    with pytest.raises(DataError, match="a region has no value of its own"):
        LabelMap.declared({"background": 0, "all": [1, 2]}, {"all": 9}, regions_class_order=[1])


def test_the_sealed_labels_are_as_before_where_nothing_is_new() -> None:
    plain = LabelMap.declared({"background": 0, "lesion": 1})
    assert set(plain.model_dump()) == {"names", "values", "colours", "is_noisy"}
    tumour = LabelMap.declared(TUMOUR, regions_class_order=ORDER)
    assert LabelMap.model_validate_json(tumour.model_dump_json()) == tumour


def test_a_map_declares_itself_as_nnunet_would() -> None:
    label_map = LabelMap.declared(TUMOUR, regions_class_order=ORDER)
    declared = label_map.declaration()
    assert declared == {"labels": TUMOUR, "regions_class_order": ORDER}
    assert LabelMap.declared(declared["labels"], regions_class_order=ORDER) == label_map
