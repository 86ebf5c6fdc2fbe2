from __future__ import annotations

import json
from pathlib import Path

import pytest
from layout_trees import csv, msd, nnunet
from official_trees import photograph

from medsegdiff.data.datasets.folder import Folder
from medsegdiff.data.datasets.msd import MSD
from medsegdiff.data.datasets.nnunet import NNUNet
from medsegdiff.data.recognition import recognised
from medsegdiff.errors import ConfigError, DataError


def test_what_looks_like_two_layouts_is_refused_with_both_names(tmp_path: Path) -> None:
    csv(tmp_path)
    entry = {"image": "scans/left_0.nii.gz", "label": "drawn/left.nii.gz"}
    (tmp_path / "list.json").write_text(json.dumps({"training": [entry]}))
    with pytest.raises(DataError, match=r"csv and like datalist.*--layout"):
        recognised(tmp_path)
    assert recognised(tmp_path / "list.json").__name__ == "Datalist"


def test_images_in_folders_stay_folders_whatever_lies_beside_them(tmp_path: Path) -> None:
    photograph(tmp_path / "images/a.png")
    (tmp_path / "metadata.csv").write_text("image,label\na,benign\n")
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a"]}))
    (tmp_path / "dataset.json").write_text("{")
    assert recognised(tmp_path) is Folder


def test_the_decathlon_and_the_first_nnunet_are_told_apart(tmp_path: Path) -> None:
    msd(tmp_path / "msd")
    nnunet(tmp_path / "nnunet")
    assert [recognised(tmp_path / name) for name in ("msd", "nnunet")] == [MSD, NNUNet]


def test_a_layout_can_be_named(tmp_path: Path) -> None:
    msd(tmp_path)
    assert recognised(tmp_path, "folder") is Folder
    with pytest.raises(ConfigError, match=r"no layout 'dicom'.*dicom_tree"):
        recognised(tmp_path, "dicom")


def test_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file or folder"):
        recognised(tmp_path / "nowhere")


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_two_tables_are_named(ending: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.{ending}").write_text("study\timage\na\ta.png\n")
    names = f"first.{ending}, second.{ending}"
    with pytest.raises(DataError, match=f"2 lists of studies .{names}.. Give one of them"):
        recognised(tmp_path).model_validate({"root": tmp_path}).ids()
