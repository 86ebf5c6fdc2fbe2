"""A job's result is what the command line gives, alone or beside others."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_series import write_series
from PIL import Image
from pydicom import dcmread

from medsegdiff.cli.main import run
from medsegdiff.engine.demo import samples_of

ONE = '{"model": "skin-lesion", "members": 1, "steps": 1}'
SETTINGS = {"members": 3, "steps": 2, "seed": 7}
SAVED = ("--save-probabilities", "--save-uncertainty", "--save-members", "--preview")


@pytest.fixture(scope="module")
def result(server, lesion):
    return server.result(server.send(lesion, **SETTINGS))


@pytest.fixture(scope="module")
def written(lesion: Path, tmp_path_factory) -> Path:
    """What the command line writes at the same seed."""
    out = tmp_path_factory.mktemp("command") / "out"
    words = [f"--{name}={value}" for name, value in SETTINGS.items()]
    arguments = ["predict", "-i", str(lesion), "-o", str(out), "-m", "skin-lesion", *words, *SAVED]
    assert run([*arguments, "--device", "cpu"]) == 0
    return out


def test_downloads_are_the_command_line_s_files_bit_for_bit(server, result, written):
    name = "ISIC_0000460.png"
    files = {
        "Mask": written / name,
        "Probability": written / "probabilities" / name,
        "Uncertainty": written / "uncertainty" / name,
        "Preview": written / "previews" / name,
        "Mask of member 3": written / "members" / "member_2" / name,
        "Figures of the mask": written / "statistics.json",
    }
    for title, path in files.items():
        assert server.download(result, title) == path.read_bytes(), title


def picture(server, url) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(server.client.get(url).content)))


def test_layers_show_what_the_downloads_hold(server, result, lesion):
    layers, mask = result["layers"], picture(server, result["layers"]["mask"])
    stored = np.asarray(Image.open(io.BytesIO(server.download(result, "Mask"))))
    assert np.array_equal(mask * 255, stored)
    assert np.array_equal(picture(server, layers["image"]), np.asarray(Image.open(lesion)))
    probability = picture(server, layers["probability"][0]["url"])
    assert np.array_equal(probability >= 128, mask == 1)
    members = np.stack([picture(server, url) for url in layers["members"]])
    agreement = picture(server, layers["agreement"])
    assert np.array_equal(agreement, np.rint((members > 0).mean(axis=0) * 255).astype(np.uint8))


def test_a_result_says_what_was_asked_and_found(result):
    assert result["study"] == "ISIC_0000460"
    assert result["shape"] == [256, 256]
    assert result["settings"] == {"model": "skin-lesion", "ensemble": "mean", **SETTINGS}
    assert 0 < result["quality"] <= 1
    assert "expects of itself" in result["quality_words"]
    assert result["statistics"]["classes"]["lesion"]["n_voxels"] > 0
    assert [one["name"] for one in result["classes"]] == ["background", "lesion"]


def test_a_report_to_take_away_names_no_folder_of_the_server(server, result):
    report = server.download(result, "Report of the run").decode()
    assert json.loads(report)["model"] == "skin-lesion"
    assert "/" not in json.loads(report)["model"]
    assert "medsegdiff-serve" not in report


def test_masks_drawn_side_by_side_equal_those_drawn_alone(server, skin_data):
    images = sorted((skin_data / "images").iterdir())[:4]
    together = [server.send(image, **SETTINGS) for image in images]
    side_by_side = [server.download(server.result(job), "Mask") for job in together]
    alone = []
    for image in images:
        alone.append(server.download(server.result(server.send(image, **SETTINGS)), "Mask"))
    assert side_by_side == alone


def test_a_bundled_sample_is_segmented(server):
    models = server.client.get("/api/models").json()["models"]
    model = next(one for one in models if one["id"] == "skin-lesion")
    sample = model["samples"][0]
    assert server.client.get(sample["thumbnail"]).headers["content-type"] == "image/png"
    answer = server.answer(sample=sample["id"], settings=ONE)
    result = server.result(answer.json()["id"])
    assert result["study"] == sample["id"]
    assert 0 < result["quality"] <= 1  # a single mask has probabilities, too


@pytest.mark.parametrize("sample", ["ISIC_0000054", ""])
def test_a_file_and_a_sample_are_not_taken_together(server, lesion, sample):
    parts = [("files", (lesion.name, lesion.read_bytes()))]
    answer = server.answer(parts, sample=sample, settings=ONE)
    assert answer.status_code == 422
    assert "either files or a sample" in answer.text
    assert server.answer(settings=ONE).status_code == 422


@pytest.mark.slow
def test_a_volume_s_mask_is_the_command_line_s_too(server, tmp_path):
    image = samples_of("hippocampus").files("hippocampus_033")[0]
    settings = {"model": "hippocampus", "members": 2, "steps": 1, "seed": 3}
    result = server.result(server.send(image, **settings))
    words = ["-m", "hippocampus", "--members=2", "--steps=1", "--seed=3", "--device", "cpu"]
    assert run(["predict", "-i", str(image), "-o", str(tmp_path / "out"), *words]) == 0
    mask = server.download(result, "Mask")
    assert mask == (tmp_path / "out" / "hippocampus_033.nii.gz").read_bytes()
    drawn = nibabel.Nifti1Image.from_bytes(
        gzip.decompress(server.client.get(result["layers"]["mask"]).content)
    )
    stored = nibabel.Nifti1Image.from_bytes(gzip.decompress(mask))
    assert np.array_equal(np.asarray(drawn.dataobj), np.asarray(stored.dataobj))
    assert np.allclose(drawn.affine, stored.affine, atol=1e-4)


@pytest.mark.slow
def test_a_series_gets_the_masks_of_the_command_line_under_its_name(server, tmp_path):
    volume = samples_of("hippocampus").files("hippocampus_033")[0]
    series = write_series(tmp_path / "mr_7", volume)
    settings = {"model": "hippocampus", "members": 2, "steps": 1, "seed": 3}
    parts = [("files", (path.name, path.read_bytes())) for path in sorted(series.iterdir())]
    sent = server.answer(parts, settings=json.dumps(settings), name="../mr_7")
    result = server.result(sent.json()["id"])
    words = ["-m", "hippocampus", "--members=2", "--steps=1", "--seed=3", "--device", "cpu"]
    out = tmp_path / "out"
    assert run(["predict", "-i", str(series), "-o", str(out), *words]) == 0
    assert result["study"] == "mr_7"
    assert server.download(result, "Mask") == (out / "mr_7.nii.gz").read_bytes()
    segmentation = dcmread(io.BytesIO(server.download(result, "Mask as DICOM SEG")))
    written = dcmread(out / "dicom_seg" / "mr_7.dcm")
    assert np.array_equal(segmentation.pixel_array, written.pixel_array)
    assert segmentation.PatientID == written.PatientID == "1"


@pytest.mark.slow
def test_nothing_from_a_header_is_logged(server, tmp_path):
    volume = samples_of("hippocampus").files("hippocampus_033")[0]
    series = write_series(tmp_path / "mr_7", volume)
    files = sorted(series.iterdir())
    for path in files:
        slice_of_it = dcmread(path)
        slice_of_it.PatientName, slice_of_it.PatientBirthDate = "Quill^Ada", "19610203"
        slice_of_it.StudyDate = "20190807"
        slice_of_it.save_as(path)
    sound = [("files", (path.name, path.read_bytes())) for path in files]
    damaged = [("files", (path.name, path.read_bytes()[:1500])) for path in files]
    few = json.dumps({"model": "hippocampus", "members": 1, "steps": 1})
    ends = {"done": sound, "failed": damaged}
    for end, parts in ends.items():
        job = server.answer(parts, settings=few).json()["id"]
        assert server.wait(job)["state"] == end
        assert job[:8] in server.log.read_text()
    log = server.log.read_text()
    for private in ("Quill", "Ada", "19610203", "1961-02-03", "20190807", "2019-08-07"):
        assert private not in log


def test_a_damaged_image_fails_with_a_sentence_and_no_folder(server, lesion, tmp_path):
    damaged = tmp_path / "broken.jpg"
    damaged.write_bytes(lesion.read_bytes()[:2000])
    state = server.wait(server.send(damaged))
    assert state["state"] == "failed"
    assert "broken.jpg" in state["error"]["message"]
    assert "/" not in state["error"]["message"]
