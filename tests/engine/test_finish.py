"""What the end of a training leaves with the weights and beside them."""

from __future__ import annotations

import json
from pathlib import Path

from medsegdiff.engine.calibration import fit_temperature
from medsegdiff.engine.export import export_model
from medsegdiff.engine.validation import THRESHOLDS, validate
from medsegdiff.engine.weights import TrainedModel

STUDIES = ["ISIC_0014667", "ISIC_0014802"]


def test_temperature_and_threshold_are_sealed_and_written(finished_run, model, skin):
    kept = json.loads((finished_run / "fold_0" / "calibration.json").read_text(encoding="utf-8"))
    fitted = fit_temperature(model, skin, STUDIES, model.predict)
    assert kept["temperature"] == model.config.temperature == fitted.temperature != 1
    assert kept["after"]["nll"] == fitted.after.nll < kept["before"]["nll"]
    assert kept["threshold"] == model.config.threshold
    assert (
        model.config.threshold
        == validate(model, skin, STUDIES, model.predict, THRESHOLDS).threshold
    )


def test_the_training_images_are_known(model, skin):
    familiar = model.config.familiar
    assert familiar is not None
    assert familiar.studies == 8
    names, intensity = model.config.channel_names, model.config.preparation.intensity
    for study in skin.declared_splits().train:
        assert not familiar.doubts(skin.load(study).image, intensity, names)


def test_a_model_folder_keeps_them(model, tmp_path):
    export_model(model, tmp_path / "a")
    kept = json.loads((tmp_path / "a" / "calibration.json").read_text(encoding="utf-8"))
    assert kept["before"]["voxels"] > 0
    copied = TrainedModel.load(tmp_path / "a", "cpu")
    assert copied.config == model.config
    export_model(copied, tmp_path / "b")
    assert json.loads((tmp_path / "b" / "calibration.json").read_text(encoding="utf-8")) == kept


def test_weights_of_earlier_versions_have_neither():
    earlier = Path(__file__).parents[1] / "data" / "format_1" / "model.safetensors"
    config = TrainedModel.load(earlier, "cpu").config
    assert (config.temperature, config.familiar) == (1.0, None)
