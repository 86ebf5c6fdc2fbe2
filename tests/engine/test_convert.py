"""Copies in another layout hold the same studies, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import layout_trees
import numpy as np
import official_trees
import pytest
import SimpleITK as sitk
import torch
from official_trees import SHAPE, VOLUME, built, nifti, noise, tumour

from medsegdiff.data import PreparedCache, verify
from medsegdiff.data.dicom.writing import write_segmentation
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.fingerprint import DatasetFingerprint
from medsegdiff.data.memory import PICTURE_ENDINGS
from medsegdiff.diffusion import Process
from medsegdiff.engine.config import ModelConfig, RunConfig
from medsegdiff.engine.convert import convert
from medsegdiff.engine.data_plan import DataPlan
from medsegdiff.engine.distributed import Team
from medsegdiff.engine.opening import open_data
from medsegdiff.engine.run_setup import checked_splits, planned_model
from medsegdiff.engine.training_batch import BatchMaker, TrainingBatch
from medsegdiff.errors import ConfigError, DataError

FOLDERS = ("imagesTr", "labelsTr", "imagesTs")
TREES = [
    layout_trees.nnunet,
    layout_trees.msd,
    layout_trees.datalist,
    layout_trees.csv,
    layout_trees.bids,
    layout_trees.dicom_tree,
    official_trees.isic2018,
    official_trees.refuge,
    official_trees.ddti,
    official_trees.brats2020,
    official_trees.lidc,
]


def assert_same(one: FileDataset, other: FileDataset, studies: list[str] | None = None) -> None:
    assert one.ids() == other.ids()
    assert one.annotated_ids() == other.annotated_ids()
    assert one.channel_names == other.channel_names
    for study in studies or one.ids():
        first, second = one.load(study), other.load(study)
        assert first.group == second.group
        assert first.image.equal(second.image)
        assert (first.labels is None) == (second.labels is None)
        assert first.labels is None or first.labels.equal(second.labels)
        assert first.geometry.shape == second.geometry.shape
        if first.geometry.affine is not None:  # NIfTI keeps float32
            torch.testing.assert_close(first.geometry.affine, second.geometry.affine)


@pytest.mark.parametrize("layout", ["nnunet", "folders"])
@pytest.mark.parametrize("fill", TREES)
def test_every_layout_is_converted(tmp_path: Path, fill: Callable[[Path], None], layout) -> None:
    root = built(fill)
    source = open_data(root / "list.json" if fill is layout_trees.datalist else root)
    done = convert(source, tmp_path / "copy", layout)
    copy = open_data(tmp_path / "copy")
    assert copy.model_dump()["name"] == {"nnunet": "nnunet", "folders": "folder"}[layout]
    assert list(done.written) == source.ids()
    assert not done.failed
    assert source.declared_splits() in (None, copy.declared_splits())
    assert_same(source, copy)


def test_classes_of_any_value_become_numbers_for_nnunet(skin_data: Path, tmp_path: Path) -> None:
    convert(open_data(skin_data), tmp_path / "copy", "nnunet")
    about = json.loads((tmp_path / "copy/dataset.json").read_text())
    assert about["labels"] == {"background": 0, "lesion": 1}
    assert about["file_ending"] in PICTURE_ENDINGS
    label_map = open_data(tmp_path / "copy").label_map
    assert label_map is not None
    assert label_map.values == (0, 1)
    assert_same(open_data(skin_data), open_data(tmp_path / "copy"))


def test_plain_folders_keep_values_and_bytes(skin_data: Path, tmp_path: Path) -> None:
    convert(open_data(skin_data), tmp_path / "copy", "folders")
    study = open_data(skin_data).ids()[0]
    for copied in open_data(tmp_path / "copy").files(study):
        original = skin_data / copied.relative_to(tmp_path / "copy")
        assert copied.read_bytes() == original.read_bytes()


def test_regions_and_ignored_voxels_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "source"
    layout_trees.nnunet(root)
    drawn = tumour(3)
    drawn[0] = 4
    nifti(root / "labelsTr/a.nii.gz", np.where(drawn == 4, 9, drawn))
    about = json.loads((root / "dataset.json").read_text())
    labels = {"background": 0, "whole": [1, 2, 3], "core": [1, 3], "ignore": 9}
    about |= {"labels": labels, "regions_class_order": [2, 1]}
    (root / "dataset.json").write_text(json.dumps(about))
    convert(open_data(root), tmp_path / "copy", "nnunet")
    written = json.loads((tmp_path / "copy/dataset.json").read_text())
    assert written["labels"] == {**labels, "ignore": 4}
    assert written["regions_class_order"] == [2, 1]
    assert_same(open_data(root), open_data(tmp_path / "copy"))


@pytest.mark.parametrize("layout", ["nnunet", "folders"])
@pytest.mark.parametrize("shape", [VOLUME, SHAPE])
def test_no_channel_of_an_image_in_two_files_is_lost(
    tmp_path: Path, layout, shape: tuple[int, ...]
) -> None:
    root = tmp_path / "source"
    for seed, study in enumerate("ab"):
        for folder, values in (
            ("images", np.stack([noise(10 * seed + k, shape) for k in range(3)], axis=-1)),
            ("masks", (noise(seed, shape) > 30).astype(np.uint8)),
        ):
            (root / folder).mkdir(parents=True, exist_ok=True)
            image = sitk.GetImageFromArray(values, isVector=folder == "images")
            sitk.WriteImage(image, str(root / f"{folder}/{study}.mhd"))
    source = open_data(root)
    assert len(source.load("a").image) == 3
    convert(source, tmp_path / "copy", layout)
    assert_same(source, open_data(tmp_path / "copy"))


@pytest.mark.parametrize("layout", ["nnunet", "folders"])
def test_a_copy_says_whose_the_data_are(tmp_path: Path, layout) -> None:
    root = tmp_path / "source"
    layout_trees.nnunet(root)
    about = json.loads((root / "dataset.json").read_text())
    whose = {"name": "T", "source": "a hospital", "licence": "CC0", "citation": ["A", "B"]}
    (root / "dataset.json").write_text(json.dumps({**about, **whose, "numTest": 7}))
    convert(open_data(root), tmp_path / "copy", layout)
    written = json.loads((tmp_path / "copy/dataset.json").read_text())
    assert whose.items() <= written.items()
    assert "numTest" not in written


@pytest.mark.parametrize("layout", ["nnunet", "folders"])
def test_terms_come_along(tmp_path: Path, layout) -> None:
    layout_trees.nnunet(tmp_path / "source")
    for name in ("LICENSE_CC_BY.txt", "licence.md", "ATTRIBUTION.md", "notes.txt"):
        (tmp_path / "source" / name).write_text(name)
    convert(open_data(tmp_path / "source"), tmp_path / "copy", layout)
    names = {"LICENSE_CC_BY.txt", "licence.md", "ATTRIBUTION.md"}
    copied = [*(tmp_path / "copy").glob("*.txt"), *(tmp_path / "copy").glob("*.md")]
    assert {one.name: one.read_text() for one in copied} == {name: name for name in names}


@pytest.mark.parametrize("layout", ["nnunet", "folders"])
def test_terms_among_the_images_come_along(tmp_path: Path, layout) -> None:
    layout_trees.nnunet(tmp_path / "source")
    (tmp_path / "source/imagesTr/LICENSE.txt").write_text("no trade")
    convert(open_data(tmp_path / "source"), tmp_path / "copy", layout)
    assert (tmp_path / "copy/LICENSE.txt").read_text() == "no trade"


def test_codes_of_segments_are_kept(tmp_path: Path) -> None:
    official_trees.ct_series(tmp_path / "source/ct", layout_trees.SERIES)
    (tmp_path / "source/seg").mkdir()
    drawn, names = np.zeros((4, 16, 20), int), {1: "Liver", 2: "Thing"}
    drawn[1, 4:8, 4:8], drawn[2, 4:8, 4:8] = 1, 2
    code = ("10200004", "SCT", "Liver")
    segmentation = tmp_path / "source/seg/seg.dcm"
    write_segmentation(segmentation, drawn, names, {"Liver": code}, tmp_path / "source/ct")
    convert(open_data(tmp_path / "source"), tmp_path / "copy", "nnunet")
    assert json.loads((tmp_path / "copy/dataset.json").read_text())["codes"] == {"Liver": [*code]}
    label_map = open_data(tmp_path / "copy").label_map
    assert label_map is not None
    assert [one.declared for one in label_map.codes] == [[*code]]
    about = {"labels": {"background": 0, "Liver": 1, "Thing": 2}, "codes": {}}
    about["codes"] = {"Thing": ["49755003", "SCT", "Thing"]}
    (tmp_path / "source/dataset.json").write_text(json.dumps(about))
    label_map = open_data(tmp_path / "source").label_map
    assert label_map is not None
    assert {one.name for one in label_map.codes} == {"Liver", "Thing"}  # one declared, one read


def test_the_name_of_a_bids_set_is_kept(tmp_path: Path) -> None:
    layout_trees.bids(tmp_path / "source")
    convert(open_data(tmp_path / "source"), tmp_path / "copy", "nnunet")
    assert json.loads((tmp_path / "copy/dataset.json").read_text())["name"] == "tumours"


def without_masks(skin_data: Path, root: Path, names: list[str]) -> Path:
    """The skin images without splits, and without the masks of these studies."""
    shutil.copytree(skin_data, root)
    (root / "splits.json").unlink()
    for name in names:
        (root / f"masks/{name}.png").unlink()
    return root


def test_studies_without_a_mask_are_none_to_train_on_for_nnunet(
    skin_data: Path, tmp_path: Path
) -> None:
    studies = open_data(skin_data).ids()
    source = open_data(without_masks(skin_data, tmp_path / "source", studies[:2]))
    done = convert(source, tmp_path / "raw", "nnunet")
    assert f"Without a mask, and so in imagesTs: 2 ({', '.join(studies[:2])})." in done.findings
    files = {one: len(list((tmp_path / "raw" / one).iterdir())) for one in FOLDERS}
    assert files == {"imagesTr": 10, "labelsTr": 10, "imagesTs": 2}
    about = json.loads((tmp_path / "raw/dataset.json").read_text())
    assert about["numTraining"] == 10
    assert_same(source, open_data(tmp_path / "raw"))
    convert(open_data(tmp_path / "raw"), tmp_path / "back", "folders")
    assert_same(source, open_data(tmp_path / "back"))
    assert verify(open_data(tmp_path / "raw"), 96).ok


def test_declared_folds_name_no_study_without_a_mask(skin_data: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(skin_data, tmp_path / "source"))
    splits = json.loads((root / "splits.json").read_text())
    (root / f"masks/{splits['train'][0]}.png").unlink()
    convert(open_data(root), tmp_path / "raw", "nnunet")
    (fold,) = json.loads((tmp_path / "raw/splits_final.json").read_text())
    assert fold == {"train": splits["train"][1:], "val": splits["val"]}
    assert open_data(tmp_path / "raw").declared_splits() == open_data(root).declared_splits()


def test_images_alone_are_there_to_be_predicted(skin_data: Path, tmp_path: Path) -> None:
    studies = open_data(skin_data).ids()
    source = open_data(without_masks(skin_data, tmp_path / "source", studies))
    done = convert(source, tmp_path / "raw", "nnunet")
    assert any("all images are in imagesTs" in finding for finding in done.findings)
    assert not (tmp_path / "raw/imagesTr").exists()
    assert json.loads((tmp_path / "raw/dataset.json").read_text())["numTraining"] == 0
    raw = open_data(tmp_path / "raw")
    assert_same(source, raw)
    assert verify(raw, 96).ok


def test_a_bad_study_is_left_out_and_named(tmp_path: Path) -> None:
    root = tmp_path / "source"
    layout_trees.nnunet(root)
    (root / "imagesTr/b_0001.nii.gz").write_bytes(b"")
    done = convert(open_data(root), tmp_path / "copy", "nnunet")
    assert done.written == ("a", "c", "d")
    assert "b_0001" in done.failed["b"]
    assert open_data(tmp_path / "copy").ids() == ["a", "c", "d"]
    assert not list((tmp_path / "copy").rglob("b*"))


def test_nothing_is_overwritten_and_nothing_half_done_stays(tmp_path: Path) -> None:
    root = tmp_path / "source"
    layout_trees.nnunet(root)
    with pytest.raises(ConfigError, match="holds something already"):
        convert(open_data(root), root, "folders")
    for path in root.rglob("*_0000.nii.gz"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="No study can be copied"):
        convert(open_data(root), tmp_path / "copy", "folders")
    assert not (tmp_path / "copy").exists()


def trained_on(
    dataset: FileDataset, config: RunConfig
) -> tuple[DatasetFingerprint, ModelConfig, DataPlan, TrainingBatch]:
    """What a training comes to before its first step, and the batch of that step."""
    splits, device = checked_splits(dataset, 0, config.train.seed), torch.device("cpu")
    model, plan = planned_model(dataset, splits, config, device)
    maker = BatchMaker(
        splits.train,
        PreparedCache(dataset, model.preparation),
        model,
        plan.settings,
        Process(model.process, model.grid_size, model.coding),
        Team(device),
    )
    return DatasetFingerprint.of(dataset, splits.train), model, plan, maker.make(1)


def assert_trained_alike(one: FileDataset, other: FileDataset, config: RunConfig) -> None:
    """Fingerprint, sealed settings, preparation, plan and batch are the same, bit for bit."""
    *first, first_batch = trained_on(one, config)
    *second, second_batch = trained_on(other, config)
    assert first == second
    assert first_batch.image.equal(second_batch.image)
    assert first_batch.x_0.equal(second_batch.x_0)
    assert first_batch.draw.eps.equal(second_batch.draw.eps)
    assert first_batch.draw.t.equal(second_batch.draw.t)


def test_hippocampus_is_the_same_from_three_layouts(
    shared_data: Path, tmp_path: Path, tiny: Callable[..., RunConfig]
) -> None:
    source = open_data(shared_data / "mri3d_hippocampus")
    convert(source, tmp_path / "raw", "nnunet")
    splits = source.declared_splits()
    assert splits is not None
    lists = {
        key: [
            {"image": str(source.files(one)[0]), "label": str(source.files(one)[1])}
            for one in studies
        ]
        for key, studies in zip(
            ("training", "validation", "testing"), splits.model_dump().values(), strict=True
        )
    }
    about = json.loads((tmp_path / "raw/dataset.json").read_text())
    (tmp_path / "list.json").write_text(json.dumps({**about, **lists}))
    for other in (open_data(tmp_path / "raw"), open_data(tmp_path / "list.json")):
        assert other.declared_splits() == splits
        assert other.label_map == source.label_map
        assert_same(source, other, source.ids()[::10])
        assert_trained_alike(source, other, tiny())
