"""A volume on the page, NIfTI or DICOM: its planes, its masks, its files, a correction of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_series import write_series
from PIL import Image
from volume_set import Balls

from medsegdiff.cli.main import run
from medsegdiff.data.geometry import same_grid
from medsegdiff.data.reader import read_mask

from .conftest import Visit, segmented, serving

NETWORK = "{name: medsegdiff, widths: [8, 8, 16], blocks: [0, 1, 1], denoiser_widths: [8]}"
TINY = (
    "train.dimensions=3",
    "train.patch=[16,16,16]",
    "train.batch_size=2",
    "train.validations=1",
    "train.learning_rate=0.01",
    "predict.members=8",
)
COLOURS = ((0, 229, 255), (255, 176, 0))  # of classes 1 and 2

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
def trained(browser: Any, balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "balls"
    settings = (*TINY, f"model.network={NETWORK}")
    assert run(["train", str(balls), "-o", str(folder), "--max-steps", "30", *settings]) == 0
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "corrections"


@pytest.fixture(scope="module")
def address(trained: Path, kept: Path) -> Iterator[str]:
    with serving("-m", trained, "--keep", kept) as found:
        yield found


@pytest.fixture(scope="module", params=["nifti", "dicom"])
def given(request: Any, balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is segmented: a file, or the folder of a series."""
    file = balls / "imagesTr" / "ball_5_0000.nii.gz"
    if request.param == "nifti":
        return file
    folder = tmp_path_factory.mktemp("dicom")
    nibabel.save(canonical(file), folder / "volume.nii.gz")
    return write_series(folder / "series", folder / "volume.nii.gz")


@pytest.fixture(scope="module")
def finished(browser: Any, address: str, given: Path) -> dict[str, Any]:
    return segmented(browser, address, given)


@pytest.fixture
def shown(visit: Visit, address: str, finished: dict[str, Any]) -> Any:
    page = visit(address, **finished)
    page.wait_for_selector("canvas[data-shown=mask]")
    return page


@pytest.fixture
def filled(shown: Any) -> Any:
    """The page with one plane, on which the mask covers what it lies on."""
    shown.get_by_text("Coronal", exact=True).click()
    shown.get_by_text("Fill", exact=True).click()
    shown.get_by_label("Opacity").fill("1")
    return shown


def test_the_mask_is_drawn_where_its_file_says(filled: Any) -> None:
    assert likeness(filled, taken(filled, "Mask")) > 0.9
    filled.get_by_text("Image only").click()
    filled.wait_for_selector("canvas[data-shown=image]")
    assert not drawn(filled).any()


def test_every_member_is_drawn_as_its_file_says(filled: Any) -> None:
    filled.get_by_text("Each mask", exact=True).click()
    filled.get_by_text("more files").click()
    files = [taken(filled, f"Mask of member {member}") for member in range(1, 9)]
    assert len({file.read_bytes() for file in files}) > 1
    for member, file in enumerate(files):
        filled.get_by_label("Mask", exact=True).last.fill(str(member + 1))
        filled.wait_for_selector(f"canvas[data-shown='member {member}']")
        assert likeness(filled, file) > 0.9


def test_downloads_are_those_of_the_command_line(
    shown: Any, given: Path, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run(["predict", "-i", str(given), "-o", str(out), "-m", str(trained)]) == 0
    (written,) = out.glob("*.nii.gz")
    mask = taken(shown, "Mask")
    assert mask.read_bytes() == written.read_bytes()
    if given.is_dir():
        stored = read_mask(mask)
        segments = read_mask(taken(shown, "Mask as DICOM SEG"), like=stored.geometry)
        np.testing.assert_array_equal(segments.values, stored.values)
        assert set(np.unique(segments.values)) == {0, 1, 2}


def test_letters_name_the_sides_of_the_patient(shown: Any) -> None:
    shown.get_by_text("Axial", exact=True).click()
    letters = shown.locator(".side")
    assert letters.all_inner_texts() == ["R", "L", "A", "P"]
    shown.get_by_text("left is on the right of the picture").wait_for()
    shown.get_by_text("on the left", exact=True).click()
    assert letters.all_inner_texts() == ["L", "R", "A", "P"]
    shown.get_by_text("left is on the left of the picture").wait_for()


def test_the_side_of_the_patients_left_is_remembered(shown: Any) -> None:
    shown.get_by_text("on the left", exact=True).click()
    shown.reload()
    shown.get_by_text("left is on the left of the picture").wait_for()
    assert shown.get_by_label("on the left", exact=True).is_checked()
    shown.get_by_text("Axial", exact=True).click()
    assert shown.locator(".side").all_inner_texts() == ["L", "R", "A", "P"]


def test_volume_is_told_in_ml(shown: Any) -> None:
    mask = nibabel.load(taken(shown, "Mask")).get_fdata()  # pyright: ignore
    row = shown.get_by_role("row", name="lower").inner_text()
    told = float(row.split("ml")[0].split()[-1])
    assert told == pytest.approx((mask == 1).sum() * 1.5 / 1000, rel=0.01)


def test_maps_are_shown(shown: Any) -> None:
    for view in ("Agreement", "Probability", "Uncertainty"):
        shown.locator(".choice").get_by_text(view).click()
        shown.wait_for_selector(f"canvas[data-shown={view.lower()}]")
    shown.get_by_label("Show from").fill("0.5")


def test_the_mask_is_seen_over_a_map_while_it_is_corrected(shown: Any) -> None:
    shown.locator(".choice").get_by_text("Uncertainty").click()
    shown.wait_for_selector("canvas[data-shown=uncertainty]")
    before = cyan(shown)
    shown.get_by_role("button", name="Correct the mask").click()
    shown.get_by_role("button", name="Done").wait_for()
    assert cyan(shown) > before + 100


def test_correction_lies_on_the_grid_of_the_mask(shown: Any) -> None:
    before = nibabel.load(taken(shown, "Mask"))
    after = nibabel.load(corrected(shown, "Eraser"))
    was, now = np.asarray(before.dataobj), np.asarray(after.dataobj)  # pyright: ignore
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-4)  # pyright: ignore
    assert 0 < (was != now).sum() < 0.5 * (was > 0).sum()
    assert (now[was != now] == 0).all()


def test_kept_correction_is_a_data_set(shown: Any, kept: Path, tmp_path: Path) -> None:
    file = corrected(shown, "Pen")
    shown.get_by_label("Your name").fill("A. Reader")
    shown.get_by_role("button", name="Keep image and mask").click()
    shown.wait_for_selector(".answer.good")
    study = shown.inner_text("h1")
    stored = read_mask(kept / "masks" / f"{study}.nii.gz")
    np.testing.assert_array_equal(stored.values, read_mask(file).values)
    assert same_grid(stored.geometry, read_mask(file).geometry) is None
    assert run(["verify", str(kept), "-o", str(tmp_path / "sheet.png")]) == 0


def write(path: Path, values: np.ndarray, affine: Any) -> None:
    nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), affine.numpy()), path)


def canonical(path: Path) -> Any:
    """A volume whose axes run to the right, the front and the top."""
    return nibabel.as_closest_canonical(nibabel.load(path))  # pyright: ignore


def pixels_of(page: Any) -> np.ndarray:
    """The viewer's pixels, shape (rows, columns, 3), once it has had time to draw."""
    page.wait_for_timeout(1000)
    picture = Image.open(BytesIO(page.locator("canvas").first.screenshot())).convert("RGB")
    return np.asarray(picture, dtype=int)


def cyan(page: Any) -> int:
    """Pixels with the hue of the first class, which neither a map nor an image has."""
    red, green, blue = np.moveaxis(pixels_of(page), -1, 0)
    return int(((green > red + 50) & (blue > red + 50)).sum())


def drawn(page: Any) -> np.ndarray:
    """The class that each pixel of the viewer has the colour of, 0 for none."""
    pixels = pixels_of(page)
    near = [np.abs(pixels - colour).max(axis=-1) < 40 for colour in COLOURS]
    return near[0] + 2 * near[1]


def likeness(page: Any, mask: Path) -> float:
    """Share of equal pixels among those that are marked, drawn or in a file's middle slice.

    Seen from the front; of an even number of slices either middle one may be drawn.
    """
    found, volume = drawn(page), canonical(mask)
    labels, (wide, _, high) = np.asarray(volume.dataobj), volume.header.get_zooms()
    middle = labels.shape[1] // 2
    shares = []
    for number in (middle - 1, middle):
        wanted = fitted(labels[::-1, number, ::-1].T, (high, wide), found.shape)
        marked = (wanted > 0) | (found > 0)
        shares.append(float((wanted == found)[marked].mean()))
    return max(shares)


def fitted(labels: np.ndarray, spacing_mm: tuple[float, float], shape: Any) -> np.ndarray:
    """A slice in the middle of a viewer of this shape, as large as can be."""
    size_mm = np.multiply(labels.shape, spacing_mm)
    rows, columns = np.rint(size_mm * min(np.divide(shape, size_mm))).astype(int)
    large = Image.fromarray(labels.astype(np.uint8)).resize(
        (columns, rows), Image.Resampling.NEAREST
    )
    viewer = Image.new("L", shape[::-1])
    viewer.paste(large, ((shape[1] - columns) // 2, (shape[0] - rows) // 2))
    return np.asarray(viewer)


def corrected(page: Any, tool: str) -> Path:
    """The mask after a stroke through the plane in the upper left corner."""
    page.get_by_role("button", name="Correct the mask").click()
    page.get_by_text(tool, exact=True).click()
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 0.20 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.25 * box["height"], steps=12)
    page.mouse.up()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this mask").click()
    return named(download.value, "corrected.nii.gz")


def taken(page: Any, title: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=title, exact=True).click()
    return named(download.value, f"{title}_{download.value.suggested_filename}")


def named(download: Any, name: str) -> Path:
    """A download under a name that tells its format."""
    path = Path(download.path()).with_name(name)
    download.save_as(path)
    return path
