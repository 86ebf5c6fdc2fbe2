"""Train, predict, evaluate, export: what a user does, through the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_training_leaves_a_run_folder(trained: Path):
    names = {one.name for one in trained.iterdir()}
    assert {"config.json", "dataset_fingerprint.json", "environment.json", "fold_0"} <= names
    assert (trained / "fold_0" / "best").is_file()


def test_predict_then_evaluate(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    out = tmp_path / "out"
    found = medsegdiff(
        "predict", "-i", skin_data / "images", "-o", out, "-m", trained, "--save_probabilities"
    )
    assert (found.code, len(found.out.splitlines())) == (0, 12)
    assert len(list(out.glob("*.png"))) == 12
    answer = medsegdiff("evaluate", "-gt", skin_data / "masks", "-p", out, "--csv", out / "a.csv")
    assert answer.code == 0
    assert "95 % interval" in answer.out
    assert "ECE" in answer.out
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["n_studies"] == 12
    assert summary["calibration"]["ECE"] is not None


@pytest.mark.parametrize(("split", "code"), [(("--split", "test"), 3), ((), 0)])
def test_a_study_without_a_true_mask_is_told(
    skin_data: Path, tmp_path: Path, medsegdiff, split: tuple[str, ...], code: int
):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    study = json.loads((data / "splits.json").read_text())["test"][0]
    (data / "masks" / f"{study}.png").unlink()
    out = Path(shutil.copytree(skin_data / "masks", tmp_path / "out"))
    answer = medsegdiff("evaluate", "-gt", data, "-p", out, *split)
    assert answer.code == code
    assert f"1 prediction(s) have no reference and are not in the means: {study}." in answer.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["predictions_without_reference"] == [study]
    assert summary["studies_without_reference"] == ([study] if split else [])


def test_masks_have_the_images_size_and_the_users_values(
    trained: Path, head_data: Path, skin_data: Path, tmp_path: Path, medsegdiff
):
    image = next((head_data / "images").iterdir())
    answer = medsegdiff("predict", "-i", image, "-o", tmp_path, "-m", trained, "-device", "cpu")
    assert answer.code == 0
    with Image.open(image) as original, Image.open(tmp_path / f"{image.stem}.png") as mask:
        assert mask.size == original.size
        assert set(np.unique(np.asarray(mask))) <= {0, 255}


def test_json_lines_of_every_verb(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    common = ("-o", tmp_path, "-m", trained, "--split", "test", "--json")
    found = lines(medsegdiff("predict", "-i", skin_data, *common, "--preview").out)
    assert [one["status"] for one in found] == ["done", "done"]
    assert found[-1]["seconds_left"] == 0
    scores = lines(
        medsegdiff("evaluate", "-gt", skin_data, "-p", tmp_path, "--split", "test", "--json").out
    )
    assert [one.get("event") for one in scores] == [None, None, "summary"]
    assert lines(medsegdiff("info", trained, "--json").out)[0]["folds"] == 1
    models = {one["model"] for one in lines(medsegdiff("models", "--json").out)}
    assert models == {"fetal-head", "hippocampus", "nuclei", "skin-lesion"}
    assert all("is_ok" in one for one in lines(medsegdiff("doctor", tmp_path, "--json").out))


def test_settings_reach_the_prediction(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    image = skin_data / "images" / "ISIC_0013084.jpg"
    answer = medsegdiff(
        *("predict", "-i", image, "-o", tmp_path, "-m", trained, "--steps", 3, "--seed", 7),
        *("--members", 3, "ensemble=staple", "predict.keep_largest=true", "sampler.eta=0.5"),
    )
    assert answer.code == 0
    used = json.loads((tmp_path / "run_report.json").read_text(encoding="utf-8"))["predict"]
    assert (used["members"], used["seed"], used["keep_largest"]) == (3, 7, True)
    assert used["ensemble"]["name"] == "staple"
    assert (used["sampler"]["steps"], used["sampler"]["eta"]) == (3, 0.5)


def test_a_warning_about_an_image_is_said_once(trained: Path, head_data, tmp_path, medsegdiff):
    image = next((head_data / "images").iterdir())
    common = ("-i", image, "-m", trained)
    told = medsegdiff("predict", *common, "-o", tmp_path / "a").err
    assert told.count("The image is unlike the training images") == 1
    (line,) = lines(medsegdiff("predict", *common, "-o", tmp_path / "b", "--json").out)
    assert any("unlike the training images" in one for one in line["warnings"])


def test_a_prediction_goes_on(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    words = ("predict", "-i", skin_data, "-o", tmp_path, "-m", trained, "--split", "test")
    assert medsegdiff(*words).code == 0
    assert medsegdiff(*words, "--continue").out.count("done before") == 2
    refused = medsegdiff(*words, "--c", "--seed", 1)
    assert refused.code == 2
    assert "other settings" in refused.err


def test_a_training_goes_on_and_says_so(skin_data: Path, tmp_path: Path, tiny_settings, medsegdiff):
    words = ("train", skin_data, "-o", tmp_path / "run", "--max-steps", 2, *tiny_settings)
    first = medsegdiff(*words, "--json")
    assert {"started", "step", "validation", "result"} <= {one["event"] for one in lines(first.out)}
    again = medsegdiff(*words, "--c")
    assert again.code == 0
    assert "Going on from" in again.err
    assert "validation Dice" in again.out


def test_studies_without_a_mask_are_told_before_a_training(
    skin_data: Path, tmp_path: Path, tiny_settings, medsegdiff
):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    study = json.loads((data / "splits.json").read_text())["train"][0]
    (data / "masks" / f"{study}.png").unlink()
    told = f"Without a mask, and so left out of training: 1 ({study})."
    assert told in medsegdiff("plan", data, *tiny_settings[:1]).err
    words = ("train", data, "-o", tmp_path / "run", "--max-steps", 2, *tiny_settings)
    assert told in medsegdiff(*words).err


def test_an_exported_model_is_usable(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    assert medsegdiff("export", trained, "-o", tmp_path / "model").code == 0
    image = skin_data / "images" / "ISIC_0013084.jpg"
    assert medsegdiff("predict", "-i", image, "-o", tmp_path, "-m", tmp_path / "model").code == 0
    assert "million weights" in medsegdiff("info", tmp_path / "model").out


def test_verify_writes_nothing_that_was_not_asked_for(
    skin_data: Path, tmp_path: Path, medsegdiff, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert medsegdiff("verify", skin_data).code == 0
    assert not list(tmp_path.iterdir())


def test_verify_writes_a_picture_and_a_report(skin_data: Path, tmp_path: Path, medsegdiff):
    words = ("-o", tmp_path / "sheet.png", "--json", tmp_path / "r.json")
    answer = medsegdiff("verify", skin_data, *words)
    assert answer.code == 0
    assert "12 studies" in answer.out
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["ok"] is True
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 200


def test_the_demonstration_names_its_picture(tmp_path: Path, medsegdiff):
    answer = medsegdiff("demo", "-o", tmp_path / "demo.png", "--members", 1)
    assert answer.code == 0
    assert answer.out.count("Dice") == 7
    assert f"Look at {tmp_path / 'demo.png'}" in answer.err
    assert "medsegdiff train DATA -o RUN" in answer.err
    assert (tmp_path / "demo.png").is_file()


def test_the_doctor_and_the_list_of_models(tmp_path: Path, medsegdiff):
    assert "will use" in medsegdiff("doctor", tmp_path).out
    heads, *rows = medsegdiff("models").out.splitlines()
    column = heads.index("classes")
    classes = [row[column:].split()[0] for row in rows]
    assert classes == ["lesion", "fetal_head", "anterior_hippocampus,", "nucleus"]


@pytest.mark.parametrize("fold", ["x", "7"])
def test_no_such_fold(fold, skin_data: Path, tmp_path: Path, tiny_settings, medsegdiff):
    answer = medsegdiff("train", skin_data, "-o", tmp_path, "-f", fold, *tiny_settings)
    assert answer.code == 2
    assert "fold" in answer.err


def test_a_folder_named_like_the_bundled_model_does_no_harm(tmp_path, medsegdiff, monkeypatch):
    (tmp_path / "skin-lesion").mkdir()
    monkeypatch.chdir(tmp_path)
    assert medsegdiff("demo", "--members", 1).code == 0
    assert "skin-lesion" in medsegdiff("models").out


@pytest.mark.slow
def test_parts_that_run_at_the_same_time_lose_nothing(trained, skin_data, tmp_path: Path):
    words = ["-i", str(skin_data / "images"), "-o", str(tmp_path), "-m", str(trained)]
    command = [sys.executable, "-m", "medsegdiff", "predict", *words, "-num_parts", "3", "-part_id"]
    parts = [subprocess.Popen([*command, str(one)], stdout=subprocess.DEVNULL) for one in range(3)]
    assert [part.wait(300) for part in parts] == [0, 0, 0]
    studies = {one.stem for one in (skin_data / "images").iterdir()}
    report = json.loads((tmp_path / "run_report.json").read_text(encoding="utf-8"))
    assert set(report["studies"]) == {one.stem for one in tmp_path.glob("*.png")} == studies
    assert set(json.loads((tmp_path / "statistics.json").read_text(encoding="utf-8"))) == studies
    assert report["is_finished"]


def test_a_part_that_is_not_there(trained: Path, skin_data: Path, tmp_path: Path, medsegdiff):
    words = ("-i", skin_data / "images", "-o", tmp_path, "-m", trained)
    answer = medsegdiff("predict", *words, "--num-parts", 2, "--part-id", 2)
    assert answer.code == 2
    assert "part_id counts from 0 and must be below num_parts (2)" in answer.err
