"""Which studies are trained on: declared splits, folds by patient, all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from medsegdiff.data import Folder
from medsegdiff.engine.run_splits import FOLDS, every_fold, left_out, splits_of
from medsegdiff.errors import ConfigError, DataError


@pytest.fixture
def undeclared(skin_data: Path, tmp_path: Path) -> Path:
    """The same images without splits; two images to a patient."""
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    (data / "splits.json").unlink()
    settings = json.loads((data / "dataset.json").read_text())
    names = sorted(path.stem for path in (data / "images").iterdir())
    groups = {name: f"patient {i // 2}" for i, name in enumerate(names)}
    (data / "dataset.json").write_text(json.dumps({**settings, "groups": groups}))
    return data


def test_fold_0_takes_the_declared_splits(skin):
    declared, splits = skin.declared_splits(), splits_of(skin, 0, seed=5)
    assert splits == declared
    assert len(splits.train) == 8


def test_other_folds_never_touch_the_declared_test_split(skin):
    test = set(splits_of(skin, 0, 0).test)
    validated = []
    for fold in range(1, FOLDS):
        splits = splits_of(skin, fold, 0)
        assert not test & {*splits.train, *splits.val}
        validated += splits.val
    assert len(validated) == len(set(validated))


def test_no_patient_is_torn_apart(undeclared):
    data = Folder(root=undeclared)
    for fold in range(FOLDS):
        splits = splits_of(data, fold, seed=1)
        assert not splits.shared_groups(data.group)
        assert len(splits.train) + len(splits.val) == 12


def test_every_study_is_validated_once(undeclared):
    data = Folder(root=undeclared)
    validated = [study for fold in range(FOLDS) for study in splits_of(data, fold, 1).val]
    assert sorted(validated) == data.ids()


def test_all_trains_on_everything_but_the_test_split(skin):
    splits = splits_of(skin, "all", 0)
    assert sorted({*splits.train, *splits.test}) == skin.ids()
    assert splits.val == splits_of(skin, 0, 0).val


def test_declared_validation_studies_without_masks_are_replaced(skin_data, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    for study in ("ISIC_0014667", "ISIC_0014802"):
        (data / "masks" / f"{study}.png").unlink()
    splits = splits_of(Folder(root=data), 0, 0)
    assert splits.train
    assert splits.val
    assert not {*splits.train, *splits.val} & {*splits.test, "ISIC_0014667", "ISIC_0014802"}


def test_too_few_patients_for_five_folds_are_divided_in_two(undeclared):
    keep = sorted((undeclared / "images").iterdir())[:4]  # two patients
    for path in (undeclared / "images").iterdir():
        if path not in keep:
            path.unlink()
            (undeclared / "masks" / f"{path.stem}.png").unlink()
    splits = splits_of(Folder(root=undeclared), 0, 0)
    assert (len(splits.train), len(splits.val)) == (2, 2)
    with pytest.raises(DataError, match="cannot be divided"):
        splits_of(Folder(root=undeclared), 1, 0)
    assert every_fold(Folder(root=undeclared), 0) == [splits]


def test_one_patient_is_too_few(undeclared):
    for path in sorted((undeclared / "images").iterdir())[2:]:
        path.unlink()
        (undeclared / "masks" / f"{path.stem}.png").unlink()
    with pytest.raises(DataError, match=r"1 patient\(s\)"):
        splits_of(Folder(root=undeclared), 0, 0)


def test_studies_without_a_mask_are_named(undeclared):
    names = sorted(path.stem for path in (undeclared / "images").iterdir())
    assert left_out(Folder(root=undeclared)) == ""
    for name in names[2:]:
        (undeclared / "masks" / f"{name}.png").unlink()
    told = f"left out of training: 10 ({', '.join(names[2:7])} ...)."
    assert told in left_out(Folder(root=undeclared))
    with pytest.raises(DataError, match=r"1 patient\(s\)") as refused:
        splits_of(Folder(root=undeclared), 0, 0)
    assert told in str(refused.value)


def test_a_study_to_test_on_is_not_left_out(skin_data, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    tested = json.loads((data / "splits.json").read_text())["test"][0]
    (data / "masks" / f"{tested}.png").unlink()
    assert left_out(Folder(root=data)) == ""


def test_images_without_masks_teach_nothing(skin_data, tmp_path):
    shutil.copytree(skin_data / "images", tmp_path / "images")
    with pytest.raises(DataError, match="give the folder that holds both"):
        splits_of(Folder(root=tmp_path), 0, 0)
    (tmp_path / "masks").mkdir()
    mask = next((skin_data / "masks").iterdir())
    shutil.copy(mask, tmp_path / "masks" / "other.png")
    with pytest.raises(DataError, match=r"masks of other names: 1 \(other\)"):
        splits_of(Folder(root=tmp_path), 0, 0)


@pytest.mark.parametrize("fold", [-1, 5])
def test_there_is_no_such_fold(skin, fold):
    with pytest.raises(ConfigError, match="choose 0 to 4 or all"):
        splits_of(skin, fold, 0)
