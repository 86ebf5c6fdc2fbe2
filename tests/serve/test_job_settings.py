"""Settings of a job: the weights' own where nothing is said, refused where they are wrong."""

from __future__ import annotations

import pytest

from medsegdiff.engine.model_header import read_header
from medsegdiff.serve.description import settings_schema
from medsegdiff.serve.job_settings import checked_settings
from medsegdiff.serve.known_parts import FUSIONS
from medsegdiff.serve.refusals import Refused


@pytest.fixture(scope="module")
def models() -> list:
    schema = settings_schema(read_header("skin-lesion"), FUSIONS)
    return [{"id": "skin-lesion", "settings_schema": schema}]


def test_what_is_not_said_comes_from_the_weights(models):
    assert checked_settings({"seed": 4}, models) == {
        "model": "skin-lesion",
        "members": 8,
        "steps": 3,
        "seed": 4,
        "ensemble": "mean",
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"model": "liver"}, "Choose one of: skin-lesion"),
        ({"members": 0}, "members must be 1 to 64"),
        ({"members": 65}, "members must be 1 to 64"),
        ({"steps": 10**9}, "steps must be 1 to 250"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"members": "8"}, "members"),
        ({"members": True}, "members"),
        ({"ensemble": "median"}, "mean, staple, vote"),
        ({"device": "cuda"}, "no setting device, only model, members"),
        ({"model": ["skin-lesion"]}, "model must be a word"),
    ],
)
def test_what_cannot_be_used_is_told(models, wrong, told):
    with pytest.raises(Refused, match=told) as refused:
        checked_settings(wrong, models)
    assert refused.value.status == 422
