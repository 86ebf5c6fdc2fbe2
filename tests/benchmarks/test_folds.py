"""The folds of a cross-validation hold what the data set may be judged on, each study once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from folds import write_folds
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.errors import DataError

STUDIES = [f"eye_{number}" for number in range(14)]


def data_set(root: Path, splits: dict[str, list[str]] | None) -> Path:
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
        for study in STUDIES:
            Image.fromarray(np.eye(8, dtype=np.uint8)).save(root / part / f"{study}.png")
    if splits:
        (root / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    return root


def test_every_study_is_validated_once_and_no_test_study_is_seen(tmp_path: Path):
    splits = {"train": STUDIES[:9], "val": STUDIES[9:11], "test": STUDIES[11:]}
    made = write_folds(data_set(tmp_path / "eyes", splits), tmp_path / "out", {})
    assert [one.name for one in made] == [f"eyes_fold_{number}" for number in range(5)]
    found = [Folder(root=one).declared_splits() for one in made]
    assert Counter(study for one in found for study in one.val) == Counter(STUDIES[:11])
    assert all({*one.train, *one.val} == {*STUDIES[:11]} for one in found)
    assert not any(one.test for one in found)
    assert Folder(root=made[0]).load(found[0].val[0]).labels is not None


def test_without_declared_splits_nothing_is_written(tmp_path: Path):
    with pytest.raises(DataError, match=r"no splits\.json"):
        write_folds(data_set(tmp_path / "eyes", None), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_labels_may_be_declared_anew(tmp_path: Path):
    source = data_set(tmp_path / "eyes", {"train": STUDIES[:9], "val": STUDIES[9:]})
    before = {"name": "eyes", "labels": {"background": 0, "rim": 1, "cup": 2}}
    (source / "dataset.json").write_text(json.dumps(before), encoding="utf-8")
    labels = {"background": 0, "disc": [1, 2], "cup": 2}
    made = write_folds(source, tmp_path / "out", {"labels": labels, "regions_class_order": [1, 2]})
    assert Folder(root=made[3]).label_map.structure_names == ("disc", "cup")
    assert json.loads((made[3] / "dataset.json").read_text())["name"] == "eyes"
