"""A volume on the page: three planes, its figures, a correction that keeps its grid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from volume_set import Balls

from medsegdiff.cli.main import run

from .conftest import Visit, segmented, serving

NETWORK = "{name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
TINY = (
    "train.dimensions=3",
    "train.patch=[16,16,16]",
    "train.batch_size=2",
    "train.validations=1",
    "train.learning_rate=0.01",
    "predict.members=3",
)
FIRST = (0, 229, 255)  # the colour of class 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of six small volumes, in nnU-Net's layout."""
    root, dataset = tmp_path_factory.mktemp("balls"), Balls(spacing_mm=(1.5, 1.0, 1.0))
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir()
    for study in dataset.ids():
        sample = dataset.load(study)
        image, labels = sample.image[0].numpy().astype(np.int16), sample.labels
        write(root / "imagesTr" / f"{study}_0000.nii.gz", image, sample.geometry.affine)
        write(root / "labelsTr" / f"{study}.nii.gz", labels.numpy(), sample.geometry.affine)
    names = {"background": 0, "lower": 1, "upper": 2}
    facts = {"channel_names": {"0": "mri"}, "labels": names, "numTraining": 6}
    (root / "dataset.json").write_text(json.dumps({**facts, "file_ending": ".nii.gz"}))
    return root


@pytest.fixture(scope="module")
def address(browser: Any, balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    trained = tmp_path_factory.mktemp("trained") / "balls"
    settings = (*TINY, f"model.network={NETWORK}")
    assert run(["train", str(balls), "-o", str(trained), "--max-steps", "30", *settings]) == 0
    with serving("-m", trained) as found:
        yield found


@pytest.fixture(scope="module")
def finished(browser: Any, address: str, balls: Path) -> dict[str, Any]:
    return segmented(browser, address, balls / "imagesTr" / "ball_5_0000.nii.gz")


@pytest.fixture
def shown(visit: Visit, address: str, finished: dict[str, Any]) -> Any:
    page = visit(address, **finished)
    page.wait_for_selector("canvas[data-shown=mask]")
    return page


def test_planes_show_the_classes(shown: Any) -> None:
    shown.get_by_text("Image only").click()
    shown.wait_for_selector("canvas[data-shown=image]")
    assert coloured(shown) == 0
    shown.locator(".choice").get_by_text("Mask", exact=True).click()
    shown.get_by_text("Fill", exact=True).click()
    shown.get_by_label("Opacity").fill("1")
    assert coloured(shown) > 0.01


def test_letters_name_the_sides_of_the_patient(shown: Any) -> None:
    shown.get_by_text("Axial", exact=True).click()
    letters = shown.locator(".side")
    assert letters.all_inner_texts() == ["R", "L", "A", "P"]
    shown.get_by_text("left is on the right of the picture").wait_for()
    shown.get_by_text("on the left", exact=True).click()
    assert letters.all_inner_texts() == ["L", "R", "A", "P"]
    shown.get_by_text("left is on the left of the picture").wait_for()


def test_volume_is_told_in_ml(shown: Any, balls: Path) -> None:
    mask = nibabel.load(taken(shown, "Mask")).get_fdata()  # pyright: ignore
    row = shown.get_by_role("row", name="lower").inner_text()
    told = float(row.split("ml")[0].split()[-1])
    assert told == pytest.approx((mask == 1).sum() * 1.5 / 1000, rel=0.01)


def test_members_and_maps_are_shown(shown: Any) -> None:
    shown.get_by_text("Each mask").click()
    shown.get_by_label("Mask", exact=True).last.fill("3")
    shown.wait_for_selector("canvas[data-shown='member 2']")
    for view in ("Agreement", "Probability", "Uncertainty"):
        shown.locator(".choice").get_by_text(view).click()
        shown.wait_for_selector(f"canvas[data-shown={view.lower()}]")
    shown.get_by_label("Show from").fill("0.5")


def test_correction_lies_on_the_grid_of_the_mask(shown: Any) -> None:
    before = nibabel.load(taken(shown, "Mask"))
    shown.get_by_role("button", name="Correct the mask").click()
    shown.get_by_text("Eraser").click()
    box = shown.locator("canvas").bounding_box()
    shown.mouse.move(box["x"] + 0.20 * box["width"], box["y"] + 0.25 * box["height"])
    shown.mouse.down()
    shown.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.25 * box["height"], steps=12)
    shown.mouse.up()
    with shown.expect_download() as download:
        shown.get_by_role("button", name="Download this mask").click()
    after = nibabel.load(named(download.value, "after.nii.gz"))
    was, now = np.asarray(before.dataobj), np.asarray(after.dataobj)  # pyright: ignore
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-4)  # pyright: ignore
    assert 0 < (was != now).sum() < 0.5 * (was > 0).sum()
    assert (now[was != now] == 0).all()


def write(path: Path, values: np.ndarray, affine: Any) -> None:
    nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), affine.numpy()), path)


def coloured(page: Any) -> float:
    """Share of the viewer that has about the colour of the first class."""
    page.wait_for_timeout(1000)
    picture = Image.open(BytesIO(page.locator("canvas").first.screenshot())).convert("RGB")
    return float((np.abs(np.asarray(picture, dtype=int) - FIRST).max(axis=-1) < 40).mean())


def taken(page: Any, title: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=title, exact=True).click()
    return named(download.value, "taken.nii.gz")


def named(download: Any, name: str) -> Path:
    """A download under a name that tells its format."""
    path = Path(download.path()).with_name(name)
    download.save_as(path)
    return path
