"""Whole folders: a bad study is a result with its error, and the others do not notice."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest

from medsegdiff.cli.study_lines import show_predictions
from medsegdiff.data.reader import read_mask
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.outputs import Extras
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError, DataError, UnreadableStudy

STUDIES = ("ISIC_0000460", "ISIC_0013084", "ISIC_0014836")


@pytest.fixture
def images(skin_data: Path, tmp_path: Path) -> Path:
    """Three good images, a text file that calls itself an image, and half of one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for study in STUDIES:
        shutil.copy(skin_data / "images" / f"{study}.jpg", folder)
    (folder / "a_text.jpg").write_text("not an image")
    whole = (folder / f"{STUDIES[0]}.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def load(file: Path) -> object:
    return json.loads(file.read_text(encoding="utf-8"))


def test_bad_studies_do_not_stop_the_others(images: Path, model: TrainedModel, tmp_path: Path):
    results = {one.study: one for one in predict_folder(images, tmp_path / "out", model)}
    assert {study for study, one in results.items() if one.error} == {"a_text", "half"}
    assert isinstance(results["half"].error, UnreadableStudy)
    assert results["half"].prediction is None
    masks = sorted(one.stem for one in (tmp_path / "out").glob("*.png"))
    assert masks == list(STUDIES)


def test_masks_are_those_of_each_image_alone(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path / "all", model))
    for study in STUDIES:
        alone = list(predict_folder(images / f"{study}.jpg", tmp_path / "one", model))
        assert alone[0].mask_file is not None
        expected = read_mask(tmp_path / "all" / f"{study}.png").values
        np.testing.assert_array_equal(read_mask(alone[0].mask_file).values, expected)


def test_failures_and_the_report_name_every_study(
    images: Path, model: TrainedModel, tmp_path: Path
):
    list(predict_folder(images, tmp_path, model))
    failures, report = load(tmp_path / "failures.json"), load(tmp_path / "run_report.json")
    assert [one["study"] for one in failures] == ["a_text", "half"]
    assert report["studies"]["half"]["status"] == "failed"
    assert report["studies"][STUDIES[0]]["status"] == "done"
    assert len(report["studies"][STUDIES[0]]["input_hash"]) == 32
    assert (report["n_done"], report["n_failed"], report["is_finished"]) == (3, 2, True)
    assert set(load(tmp_path / "statistics.json")) == set(STUDIES)
    assert report["weights_hash"] == model.weights_hash
    assert report["threshold"] == model.config.threshold  # one, and stated


def test_a_run_that_was_stopped_is_continued(images: Path, model: TrainedModel, tmp_path: Path):
    begun = predict_folder(images, tmp_path, model)
    while next(begun).study != STUDIES[0]:
        pass
    begun.close()
    assert load(tmp_path / "run_report.json")["is_finished"] is False
    again = {one.study: one for one in predict_folder(images, tmp_path, model, is_continued=True)}
    assert again[STUDIES[0]].is_skipped  # and what was written when it was stopped
    assert load(tmp_path / "run_report.json")["n_done"] == 3
    assert again["half"].error is not None


def test_a_lost_mask_is_drawn_again(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path, model))
    (tmp_path / f"{STUDIES[1]}.png").unlink()
    again = predict_folder(images, tmp_path, model, is_continued=True)
    assert [one.study for one in again if not one.is_skipped and not one.error] == [STUDIES[1]]


def test_other_settings_are_not_continued(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path, model))
    other = with_predict(model.predict, seed=1)
    with pytest.raises(ConfigError, match=r"other settings.*--seed was 0 and is 1"):
        next(predict_folder(images, tmp_path, model, other, is_continued=True))


def test_images_are_never_overwritten(images: Path, model: TrainedModel):
    with pytest.raises(ConfigError, match="folder of the images"):
        next(predict_folder(images, images, model))


def test_a_split_of_a_data_set(skin_data: Path, model: TrainedModel, tmp_path: Path):
    found = [one.study for one in predict_folder(skin_data, tmp_path, model, split="test")]
    assert sorted(found) == sorted(load(skin_data / "splits.json")["test"])
    with pytest.raises(ConfigError, match="no split 'best'"):
        next(predict_folder(skin_data, tmp_path, model, split="best"))
    with pytest.raises(DataError, match="give its own folder, not that of its images"):
        next(predict_folder(skin_data / "images", tmp_path, model, split="test"))


def test_no_images_are_refused(model: TrainedModel, tmp_path: Path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        next(predict_folder(tmp_path / "in", tmp_path / "out", model))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", ["masks", "images"])
def test_what_belongs_to_a_data_set_is_never_overwritten(folder, skin_data, model, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    before = {path: path.read_bytes() for path in sorted((data / "masks").iterdir())}
    with pytest.raises(ConfigError, match="another folder with -o"):
        next(predict_folder(data, data / folder, model, split="test"))
    assert {path: path.read_bytes() for path in sorted((data / "masks").iterdir())} == before


def test_a_changed_image_is_drawn_again(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path, model))
    shutil.copy(images / f"{STUDIES[0]}.jpg", images / f"{STUDIES[1]}.jpg")
    again = {one.study: one for one in predict_folder(images, tmp_path, model, is_continued=True)}
    assert not again[STUDIES[1]].is_skipped
    assert again[STUDIES[0]].is_skipped


def test_masks_of_other_settings_do_not_stay(images: Path, model: TrainedModel, tmp_path: Path):
    list(predict_folder(images, tmp_path, model))
    other = with_predict(model.predict, seed=1)
    with pytest.raises(ConfigError, match=r"masks of 2 studies .* other settings"):
        next(predict_folder(images / f"{STUDIES[0]}.jpg", tmp_path, model, other))
    list(predict_folder(images, tmp_path, model, other))  # all anew


def test_another_study_joins_those_of_the_same_settings(images, model, tmp_path):
    for study in STUDIES[:2]:
        list(predict_folder(images / f"{study}.jpg", tmp_path, model))
    assert set(load(tmp_path / "statistics.json")) == set(STUDIES[:2])
    assert load(tmp_path / "run_report.json")["n_done"] == 2


def test_a_failed_study_keeps_no_mask_of_an_earlier_image(images, model, tmp_path):
    list(predict_folder(images, tmp_path, model))
    (images / f"{STUDIES[0]}.jpg").write_text("not an image")
    list(predict_folder(images, tmp_path, model, is_continued=True))
    assert not (tmp_path / f"{STUDIES[0]}.png").exists()
    assert set(load(tmp_path / "statistics.json")) == set(STUDIES[1:])
    assert load(tmp_path / "run_report.json")["n_done"] == 2


def test_probabilities_of_other_settings_do_not_stay(images, model, tmp_path):
    list(predict_folder(images, tmp_path, model, extras=Extras(probabilities=True)))
    other = with_predict(model.predict, seed=1)
    with pytest.raises(ConfigError, match=r"probabilities/ that were drawn with other settings"):
        next(predict_folder(images, tmp_path, model, other))


def test_no_study_is_held_while_the_next_is_drawn(images: Path, model: TrainedModel, tmp_path):
    held: list[weakref.ref] = []

    def watched(progress, warn):
        for result in predict_folder(images, tmp_path / "out", model, progress=progress, warn=warn):
            assert not any(one() for one in held)
            if result.prediction is not None:
                held.append(weakref.ref(result.prediction))
            yield result
            del result

    assert show_predictions(watched, is_json=True) == 3
    assert len(held) == len(STUDIES)


@pytest.mark.parametrize("twin", ["{}.png", "{}.jpeg"])
def test_twins_are_refused_and_the_others_go_on(images: Path, model: TrainedModel, tmp_path, twin):
    shutil.copy(images / f"{STUDIES[0]}.jpg", images / twin.format(STUDIES[0]))
    results = {one.study: one for one in predict_folder(images, tmp_path / "out", model)}
    assert {study for study, one in results.items() if one.error} == {"a_text", "half", STUDIES[0]}
    assert "would both be study" in str(results[STUDIES[0]].error)
