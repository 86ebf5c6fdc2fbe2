"""Whatever data set there is: it lists its studies, and reads each one alike every time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layout_trees import TREES as LAYOUTS
from official_trees import TREES as OFFICIAL
from official_trees import built

from medsegdiff.data import Dataset
from medsegdiff.data.recognition import recognised
from medsegdiff.errors import DataError

SHIPPED = {
    name: member
    for name, member in Dataset.members.items()
    if member.__module__.startswith("medsegdiff.")
}
DATA = Path(__file__).parent.parent / "data"
EXAMPLES = {  # a data set needs data: settings that open some of it
    "folder": [{"root": DATA / "skin_isic2017"}, {"root": DATA / "us_fetalhead_hc18"}],
    **{
        name: [{"root": built(fill)} for fill in trees]
        for name, trees in {**OFFICIAL, **LAYOUTS}.items()
    },
}
every_dataset = pytest.mark.parametrize(
    "settings",
    [{"name": name, **given} for name in sorted(SHIPPED) for given in EXAMPLES.get(name, [{}])],
    ids=lambda settings: f"{settings['name']}-{Path(settings.get('root', '')).name}",
)


def test_there_are_data_sets_and_each_has_an_example() -> None:
    assert "folder" in SHIPPED
    assert set(SHIPPED) == set(EXAMPLES), "name some data for the new data set in EXAMPLES"


@every_dataset
def test_studies_are_listed_once_and_in_order(settings: dict[str, object]) -> None:
    first, second = (Dataset.model_validate(settings).ids() for _ in range(2))
    assert first
    assert first == second == sorted(set(first))


@every_dataset
def test_every_study_is_a_whole_sample(settings: dict[str, object]) -> None:
    dataset = Dataset.model_validate(settings)
    for study in dataset.ids():
        sample = dataset.load(study)
        assert sample.study == study
        assert sample.image.dtype == torch.float32
        assert sample.image.isfinite().all()
        assert tuple(sample.image.shape[1:]) == sample.geometry.shape == dataset.shape(study)
        assert len(sample.image) == len(dataset.channel_names)


@every_dataset
def test_labels_are_classes_on_the_grid_of_the_image(settings: dict[str, object]) -> None:
    dataset = Dataset.model_validate(settings)
    assert (dataset.label_map is None) == (not dataset.annotated_ids())
    for study in dataset.annotated_ids():
        classes = len(dataset.label_map.names)
        labels = dataset.load(study).labels
        assert labels is not None
        assert labels.shape == dataset.load(study).geometry.shape
        assert labels.dtype == torch.int64
        assert 0 <= labels.min() <= labels.max() < classes


@every_dataset
def test_a_study_reads_the_same_twice(settings: dict[str, object]) -> None:
    dataset, again = Dataset.model_validate(settings), Dataset.model_validate(settings)
    study = dataset.ids()[-1]
    assert torch.equal(dataset.load(study).image, again.load(study).image)


@every_dataset
def test_declared_splits_tear_no_patient_apart(settings: dict[str, object]) -> None:
    dataset = Dataset.model_validate(settings)
    splits = dataset.declared_splits()
    if splits is None:
        return  # folds are made by patient
    groups = [
        {dataset.group(study) for study in part} for part in (splits.train, splits.val, splits.test)
    ]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert {*splits.train, *splits.val, *splits.test} == set(dataset.ids())


@every_dataset
def test_a_layout_is_recognised_as_what_it_is(settings: dict[str, object]) -> None:
    assert recognised(Path(str(settings["root"]))).model_fields["name"].default == settings["name"]


@every_dataset
def test_an_unknown_study_is_named(settings: dict[str, object]) -> None:
    with pytest.raises(DataError, match="no-such-study"):
        Dataset.model_validate(settings).load("no-such-study")


@every_dataset
def test_settings_survive_json(settings: dict[str, object]) -> None:
    dataset = Dataset.model_validate(settings)
    assert Dataset.model_validate_json(dataset.model_dump_json()) == dataset
