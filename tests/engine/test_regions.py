"""Regions and an ignored label, from training to evaluation, in the user's own numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.engine.evaluate import Summary, evaluate_folders
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.model_info import described
from medsegdiff.engine.outputs import Extras
from medsegdiff.engine.run_setup import set_up
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.types import IGNORED

LABELS = {"background": 0, "whole": [10, 20, 30], "core": [20, 30], "ignore": 255}


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image with a disc in a disc, whose core has two classes; its last rows are unknown."""
    rows, columns = np.mgrid[:40, :40] - rng.integers(14, 26, (2, 1, 1))
    distance = np.hypot(rows, columns)
    mask = np.select([distance > 12, distance > 6, columns > 0], [0, 10, 20], 30)
    image = np.select([distance > 12, distance > 6], [30, 120], 220) + rng.normal(0, 8, (40, 40))
    mask[-6:], image[-6:] = 255, 0
    return image.clip(0, 255).astype(np.uint8), mask.astype(np.uint8)


@pytest.fixture(scope="module")
def tumours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of sixteen such images."""
    root, rng = tmp_path_factory.mktemp("tumours"), np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir()
    for number in range(16):
        for folder, values in zip(("images", "masks"), drawn(rng), strict=True):
            Image.fromarray(values).save(root / folder / f"{number:02}.png")
    declared = {"labels": LABELS, "regions_class_order": [10, 20]}
    (root / "dataset.json").write_text(json.dumps(declared), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(tumours: Path, tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    steps = "train.max_steps=60", "train.validations=1"
    train(Folder(root=tumours), folder, tiny(*steps), device="cpu")
    return folder


@pytest.fixture(scope="module")
def out(run: Path, tumours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    extras = Extras(probabilities=True, uncertainty=True, members=True, previews=True)
    results = list(predict_folder(tumours, folder, TrainedModel.load(run, "cpu"), extras=extras))
    assert not [one.error for one in results if one.error]
    return folder


@pytest.fixture(scope="module")
def summary(tumours: Path, out: Path) -> Summary:
    return evaluate_folders(tumours, out)


def test_masks_hold_the_numbers_that_the_regions_are_stored_under(out: Path) -> None:
    found = [np.unique(np.asarray(Image.open(path))) for path in out.glob("*.png")]
    assert len(found) == 16
    assert set(np.concatenate(found).tolist()) == {0, 10, 20}


def test_each_region_is_learnt_and_scored_without_the_ignored_rows(summary: Summary) -> None:
    assert summary.label_map.structure_names == ("whole", "core")
    whole, core = (one.mean for one in summary.class_means["Dice"])
    assert min(whole, core) > 0.6
    assert all(sum(score.counts[0]) == 34 * 40 for score in summary.scores)
    assert summary.calibration is not None
    assert summary.calibration.everywhere.voxels == 2 * 16 * 34 * 40  # once in each region


def test_a_mask_in_the_painted_numbers_means_its_regions(tumours: Path, tmp_path: Path) -> None:
    for path in (tumours / "masks").iterdir():
        truth = np.asarray(Image.open(path))
        painted = np.select([truth == 10, truth > 10], [10, 20], 0).astype(np.uint8)
        Image.fromarray(np.where(truth == 255, 10, painted)).save(tmp_path / path.name)
    perfect = evaluate_folders(tumours, tmp_path)
    assert [one.mean for one in perfect.class_means["Dice"]] == [1.0, 1.0]


def test_the_uncertainty_of_regions_ends_at_that_of_a_coin(run: Path, tumours: Path) -> None:
    model = TrainedModel.load(run, "cpu")
    assert model.config.coding.channels == 2
    (result,) = predict_folder(tumours / "images" / "03.png", tumours.parent / "o", model)
    assert result.prediction is not None
    assert result.prediction.probability.shape == (2, 40, 40)
    assert result.prediction.uncertainty.min() >= 0
    assert result.prediction.uncertainty.max() <= np.log(2) + 1e-6


def test_what_is_ignored_changes_no_loss(tumours: Path, tiny, tmp_path: Path) -> None:
    trainer = set_up(Folder(root=tumours), tmp_path, tiny(), 0, None, "cpu").trainer
    batch = trainer.batches.make(0)
    assert batch.weight is not None
    assert 0 < batch.weight.mean() < 1
    other = torch.where(batch.weight > 0, batch.x_0, -batch.x_0)
    kept = replace(batch.draw, start=torch.zeros_like(batch.x_0))  # x_t is not made of x_0
    both = [replace(batch, x_0=one, draw=kept) for one in (batch.x_0, other)]
    losses = [trainer.loss(one).detach() for one in both]
    assert losses[0] == losses[1]


def test_a_run_and_its_model_tell_of_their_regions(run: Path) -> None:
    regions = described(TrainedModel.load(run, "cpu"))["regions"]
    assert regions == {"whole": "10 + 20 + 30", "core": "20 + 30"}
    declared = json.loads((run / "dataset.json").read_text(encoding="utf-8"))
    assert declared["labels"] == {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "ignore": 4}
    assert declared["regions_class_order"] == [1, 2]


def test_labels_are_read_with_their_ignored_voxels(tumours: Path) -> None:
    sample = Folder(root=tumours).load("00")
    assert sample.labels is not None
    assert (sample.labels[-6:] == IGNORED).all()
    assert sample.labels[:-6].min() == 0
