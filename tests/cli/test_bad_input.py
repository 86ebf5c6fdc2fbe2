"""Bad input: one paragraph that tells the way out, no traceback, the right exit code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from layout_trees import SERIES
from official_trees import ct_series
from PIL import Image
from pydicom import dcmread

from medsegdiff.engine.model_location import weights_files
from medsegdiff.engine.weights_file import read_weights, write_weights


def assert_refused(answer, code: int, *words: str) -> None:
    assert answer.code == code, answer.err
    assert all(word in answer.err for word in words), answer.err
    assert "Traceback" not in answer.err
    assert answer.err.count("\n") == 1
    assert "error in the program" not in answer.err


@pytest.fixture
def predict(medsegdiff, trained: Path, tmp_path: Path):
    return lambda images, model=trained, *words: medsegdiff(
        "predict", "-i", images, "-o", tmp_path / "out", "-m", model, "--members", 1, *words
    )


@pytest.fixture
def photo(skin_data: Path) -> Path:
    return skin_data / "images" / "ISIC_0013084.jpg"


def test_a_truncated_png(predict, photo: Path, tmp_path: Path):
    with Image.open(photo) as image:
        image.save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert_refused(predict(tmp_path / "cut.png"), 4, "cut.png", "damaged or incomplete", "again")


def test_text_that_is_called_jpg(predict, tmp_path: Path):
    (tmp_path / "note.jpg").write_text("Dear colleague")
    assert_refused(predict(tmp_path / "note.jpg"), 4, "note.jpg", "content is not an image")


def test_an_image_of_one_pixel(predict, tmp_path: Path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert_refused(predict(tmp_path / "dot.png"), 4, "1 x 1 pixels", "at least 8")


def test_some_bad_images_among_good_ones(predict, photo: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(photo, folder)
    (folder / "note.jpg").write_text("Dear colleague")
    answer = predict(folder)
    assert answer.code == 3
    assert "1 of 2 studies failed: note. See failures.json." in answer.err
    assert (tmp_path / "out" / f"{photo.stem}.png").is_file()


@pytest.mark.slow
def test_a_very_large_image_is_done(predict, photo: Path, tmp_path: Path):
    with Image.open(photo) as image:
        image.resize((6000, 4000)).save(tmp_path / "large.jpg")
    answer = predict(tmp_path / "large.jpg")
    assert answer.code == 0
    with Image.open(tmp_path / "out" / "large.png") as mask:
        assert mask.size == (6000, 4000)


def test_a_huge_image_is_refused_with_the_memory_it_needs(predict, tmp_path: Path):
    Image.new("P", (12_000, 9_000)).save(tmp_path / "huge.png")
    assert_refused(predict(tmp_path / "huge.png"), 5, "12000 x 9000", "1.30 GB of memory")


@pytest.mark.parametrize("verb", ["train", "verify", "plan"])
def test_a_mask_of_another_size(verb, medsegdiff, skin_data: Path, tmp_path: Path, tiny_settings):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    file = data / "masks" / f"{json.loads((data / 'splits.json').read_text())['val'][0]}.png"
    Image.new("L", (200, 180), 255).save(file)
    words = ("-o", tmp_path, *tiny_settings) if verb == "train" else ()
    answer = medsegdiff(verb, data, *words)
    assert answer.code == 4
    assert f"{file} is 200 x 180 pixels but its image" in answer.err + answer.out


def test_a_folder_without_masks(medsegdiff, skin_data: Path, tmp_path: Path):
    shutil.copytree(skin_data / "images", tmp_path / "images")
    answer = medsegdiff("train", tmp_path, "-o", tmp_path / "run")
    assert_refused(answer, 4, "No study has a mask", "masks")


def test_weights_cut_in_half(predict, trained: Path, photo: Path, tmp_path: Path):
    whole = weights_files(trained)[0].read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    answer = predict(photo, tmp_path / "half.safetensors")
    assert_refused(answer, 4, "half.safetensors", "not a whole safetensors file", "copy it again")


def test_weights_with_an_unknown_key(predict, trained: Path, photo: Path, tmp_path: Path):
    content = read_weights(weights_files(trained)[0])
    first = next(iter(content.tensors.values()))
    tensors = {**content.tensors, "extra.weight": first.clone()}
    file = tmp_path / "extra.safetensors"
    write_weights(file, tensors, content.config, content.predict)
    assert_refused(predict(photo, file), 4, "extra.weight is unknown")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--sampler", "walk"), "There is no sampler named 'walk'"),
        (("--members", "-1"), "members"),
        (("ensembel=vote",), "ensembel"),
        (("vote",), "is not a setting"),
        (("ensemble=[",), "is not a setting"),
        (("seed.x=1",), "has no parts"),
        (("members=2",), "members is given twice: by a flag, and as members=2"),
        (("--device", "abacus"), "There is no device 'abacus'"),
    ],
)
def test_wrong_settings(words, told, predict, trained: Path, photo: Path):
    assert_refused(predict(photo, trained, *words), 2, told)


def test_what_is_not_there(predict, medsegdiff, photo: Path, tmp_path: Path):
    none = tmp_path / "none"
    assert_refused(predict(none), 4, "There is no file or folder", "none")
    assert_refused(predict(photo, none), 4, "There is no model at", "skin-lesion")
    assert_refused(medsegdiff("train", none, "-o", tmp_path), 4, "There is no file or folder")
    assert_refused(medsegdiff("verify", none), 4, "There is no file or folder")
    assert_refused(medsegdiff("evaluate", "-gt", none, "-p", none), 4, "There is no folder")


def test_missing_predictions_are_named(medsegdiff, skin_data: Path, tmp_path: Path):
    shutil.copy(skin_data / "masks" / "ISIC_0013084.png", tmp_path)
    answer = medsegdiff("evaluate", "-gt", skin_data / "masks", "-p", tmp_path)
    assert answer.code == 3
    assert "11 reference(s) have no prediction" in answer.err


def test_a_damaged_study_is_reported_without_its_patient(trained: Path, tmp_path: Path, medsegdiff):
    tree, out = tmp_path / "tree", tmp_path / "out"
    for number, place in enumerate(("Meier_Eva/mr", "Meier_Eva/ct")):
        ct_series(tree / place, f"{SERIES}.{number}")
        for path in (tree / place).iterdir():
            dataset = dcmread(path)
            dataset.PatientName, dataset.PatientID = "Meier^Eva", "4711"
            dataset.save_as(path)
    bad = tree / "Meier_Eva/mr/1-003.dcm"
    bad.write_bytes(bad.read_bytes()[:-300])
    answers = [
        medsegdiff("predict", "-i", tree, "-o", out, "-m", trained),
        medsegdiff("verify", tree),
        medsegdiff("report", out, "-i", tree),
    ]
    told = "".join(answer.out + answer.err for answer in answers)
    told += "".join(path.read_text(encoding="utf-8") for path in out.iterdir() if path.is_file())
    assert not re.search("meier|eva[^l]|4711", told, re.IGNORECASE)
    assert re.search(r"study_2_\w{4}/1-003.dcm", answers[0].out + answers[0].err)
    assert "1-003.dcm" in answers[1].out
    assert "1-003.dcm" in (out / "failures.json").read_text(encoding="utf-8")
