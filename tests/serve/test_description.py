"""The page's models are described from their headers alone, as the engine would describe them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medsegdiff.cli.main import run
from medsegdiff.data.pictures import CLASS_COLOURS
from medsegdiff.engine.demo import samples_of
from medsegdiff.engine.model_location import bundled_models
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import Ensemble
from medsegdiff.serve import known_parts
from medsegdiff.serve.description import description, sample_files


@pytest.mark.parametrize("name", bundled_models())
def test_a_header_says_what_the_loaded_model_says(name: str):
    told, model = description(name, name), TrainedModel.load(name, "cpu")
    settings = told["settings_schema"]["properties"]
    assert [one["name"] for one in told["classes"]] == list(model.config.labels.names)
    assert told["space_dims"] == len(model.config.grid_size)
    assert settings["steps"]["default"] == model.predict.sampler.steps
    assert ("staple" in settings["ensemble"]["enum"]) != model.config.preparation.grid.is_tiled
    assert [one["id"] for one in told["samples"]] == list(samples_of(name).ids())
    assert list(sample_files(name).values()) == [
        samples_of(name).study_files(study).images[0] for study in samples_of(name).ids()
    ]


def test_a_model_tells_what_it_takes():
    told = {name: description(name, name)["description"] for name in bundled_models()}
    assert "Takes colour pictures." in told["skin-lesion"]
    assert "Takes volumes (" in told["hippocampus"]


def test_parts_are_known_as_they_are():
    whole = {name: one.sees_whole_masks for name, one in Ensemble.members.items()}  # pyright: ignore
    assert whole == known_parts.FUSIONS
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in CLASS_COLOURS]
    assert [known_parts.class_colour(index) for index in range(len(colours) + 2)] == [
        "#000000",
        *colours,
        colours[0],
    ]


def test_words_that_are_refused_need_no_web_server():
    code = (
        "import sys; from medsegdiff.cli.main import run; run(['serve', '--host', '0.0.0.0']); "
        "print(sorted({'fastapi', 'uvicorn'} & {*sys.modules}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )
    assert (found.stdout, "needs a token" in found.stderr) == ("[]\n", True)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\2\0\0\0\0\0\0\0{}"])
def test_a_header_that_cannot_be_read_is_told_before_anything_starts(tmp_path, capsys, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    assert run(["serve", "--port", "0", "-m", str(tmp_path)]) == 4
    assert "header cannot be read" in capsys.readouterr().err


def test_a_model_of_one_s_own_keeps_its_name(tmp_path: Path):
    weights = bundled_models()["skin-lesion"] / "model.safetensors"
    (tmp_path / "RUN").mkdir()
    (tmp_path / "RUN" / weights.name).write_bytes(weights.read_bytes())
    assert description("RUN", str(tmp_path / "RUN"))["title"] == "RUN"
