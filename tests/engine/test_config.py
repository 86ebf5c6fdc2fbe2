"""The settings classes: frozen, and combinations that cannot work are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from medsegdiff.engine.config import RunConfig, TrainConfig
from medsegdiff.engine.settings import read_run_config
from medsegdiff.errors import ConfigError


def test_settings_are_frozen_and_survive_json():
    config = read_run_config(None, ["train.max_minutes=2.5", "predict.ensemble=staple"])
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError):
        TrainConfig().seed = 1


@pytest.mark.parametrize("objective", ["eps", "v"])
def test_recycling_needs_a_bounded_target(objective):
    with pytest.raises(ConfigError, match=r"without bound .* train.noise.recycling=0"):
        read_run_config(None, [f"model.objective={objective}"])
    read_run_config(None, [f"model.objective={objective}", "train.noise.recycling=0"])
    read_run_config(None, [f"model.objective={objective}", "model.objective.min_snr_gamma=5"])
