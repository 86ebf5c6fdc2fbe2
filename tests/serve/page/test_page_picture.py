"""A picture on the page: from a dropped file to its mask, its members, and a correction."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from medsegdiff.cli.main import run

from .conftest import FIELDS, Visit, segmented, sent_fields, serving

CLOSE_TO = """(color) => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (color.every((value, j) => Math.abs(value - data[i + j]) < 8)) count += 1;
  }
  return count;
}"""
CANVAS = "document.querySelector('canvas')"
CYAN = [0, 229, 255]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "corrections"


@pytest.fixture(scope="module")
def address(browser: Any, kept: Path) -> Iterator[str]:
    with serving("-m", "skin-lesion", "--keep", kept) as found:
        yield found


@pytest.fixture(scope="module")
def lesion(skin_data: Path) -> Path:
    return skin_data / "images" / "ISIC_0000460.jpg"


@pytest.fixture(scope="module")
def finished(browser: Any, address: str, lesion: Path) -> dict[str, Any]:
    return segmented(browser, address, lesion)


@pytest.fixture
def shown(visit: Visit, address: str, finished: dict[str, Any]) -> Any:
    """The page with the result of a lesion."""
    page = visit(address, **finished)
    page.wait_for_selector("canvas[data-shown=mask]")
    return page


def test_first_view_tells_what_to_do(visit: Visit, address: str) -> None:
    page = visit(address)
    page.wait_for_selector(".sample")
    assert page.locator(".sample").count() == 6
    assert page.get_by_role("heading", level=2).all_inner_texts()[0].endswith("Choose an image")
    assert page.get_by_role("button", name="Segment").is_disabled()


@pytest.mark.slow
def test_sample_needs_two_clicks_and_shows_its_progress(visit: Visit, address: str) -> None:
    page = visit(address)
    page.click(".sample")
    page.click("button[type=submit]")
    page.wait_for_selector("progress[aria-label=Progress]")
    page.wait_for_selector("canvas[data-shown=mask]")
    assert page.inner_text("h1") == "ISIC_0000054"


@pytest.mark.slow
def test_filled_mask_covers_what_the_file_says(shown: Any) -> None:
    mask = np.asarray(Image.open(BytesIO(taken(shown, "Mask")))) > 0
    shown.get_by_text("Fill", exact=True).click()
    shown.get_by_label("Opacity").fill("1")
    shown.wait_for_timeout(300)
    side = shown.evaluate(f"Math.min({CANVAS}.width, {CANVAS}.height)")
    assert shown.evaluate(CLOSE_TO, CYAN) == pytest.approx(mask.mean() * side**2, rel=0.02)


@pytest.mark.slow
def test_the_outline_that_is_shown_first_follows_the_border(shown: Any) -> None:
    shown.get_by_label("Opacity").fill("1")
    shown.wait_for_timeout(300)
    picture = pixels(shown)
    _, from_border = placed(taken(shown, "Mask"), len(picture))
    drawn = np.abs(picture - CYAN).max(axis=-1) < 8
    assert drawn.any()
    assert from_border[drawn].max() < 4
    assert distances(~drawn)[from_border < 2].max() < 4


@pytest.mark.slow
def test_a_class_that_is_hidden_in_the_legend_is_not_drawn(shown: Any) -> None:
    shown.get_by_label("Opacity").fill("1")
    box = shown.locator(".legend input")
    for act, is_drawn in ((box.check, True), (box.uncheck, False), (box.check, True)):
        act()
        shown.wait_for_timeout(300)
        assert (shown.evaluate(CLOSE_TO, CYAN) > 0) == is_drawn


@pytest.mark.slow
def test_the_threshold_hides_what_is_below_it(shown: Any) -> None:
    shown.locator(".choice").get_by_text("Probability").click()
    shown.wait_for_selector("canvas[data-shown=probability]")
    shown.get_by_label("Opacity").fill("1")
    inside, from_border = placed(taken(shown, "Mask"), len(pixels(shown)))
    outside, deep = (part & (from_border > 8) for part in (~inside, inside))
    seen = []
    for least in ("0", "0.5", "0.99"):
        shown.get_by_label("Show from").fill(least)
        shown.wait_for_timeout(1000)
        seen.append(pixels(shown))
    everywhere, above, hardly = seen
    assert (above[outside] != everywhere[outside]).any()
    assert (above[deep] == everywhere[deep]).all()
    assert (hardly[deep] != everywhere[deep]).any()


@pytest.mark.slow
def test_every_member_is_drawn(shown: Any) -> None:
    shown.get_by_text("Each mask", exact=True).click()
    pictures = set()
    for member in range(8):
        shown.get_by_label("Mask", exact=True).last.fill(str(member + 1))
        shown.wait_for_selector(f"canvas[data-shown='member {member}']")
        pictures.add(shown.evaluate(f"{CANVAS}.toDataURL()"))
    assert len(pictures) == 8


@pytest.mark.slow
@pytest.mark.parametrize("view", ["Agreement", "Probability", "Uncertainty"])
def test_other_views_differ_from_the_image(shown: Any, view: str) -> None:
    shown.get_by_text("Image only").click()
    shown.wait_for_selector("canvas[data-shown=image]")
    plain = shown.evaluate(f"{CANVAS}.toDataURL()")
    shown.locator(".choice").get_by_text(view).click()
    shown.wait_for_selector(f"canvas[data-shown={view.lower()}]")
    assert shown.evaluate(f"{CANVAS}.toDataURL()") != plain


@pytest.mark.slow
def test_downloaded_mask_is_that_of_the_command_line(
    shown: Any, lesion: Path, tmp_path: Path
) -> None:
    assert run(["predict", "-i", str(lesion), "-o", str(tmp_path), "-m", "skin-lesion"]) == 0
    assert taken(shown, "Mask") == (tmp_path / "ISIC_0000460.png").read_bytes()


@pytest.mark.slow
def test_pen_changes_the_mask_and_undo_takes_it_back(shown: Any) -> None:
    before = np.asarray(Image.open(BytesIO(taken(shown, "Mask")))) > 0
    shown.get_by_role("button", name="Correct the mask").click()
    assert (corrected(shown) == before).all()
    stroke(shown)
    drawn = corrected(shown)
    shown.get_by_role("button", name="Undo").click()
    assert not before[20:40, 20:60].any()
    assert drawn[20:40, 20:60].any()
    assert (corrected(shown) == before).all()
    shown.get_by_role("button", name="Redo").click()
    assert (corrected(shown) == drawn).all()


@pytest.mark.slow
def test_correcting_goes_on_over_the_uncertainty(shown: Any) -> None:
    shown.get_by_role("button", name="Correct the mask").click()
    shown.get_by_text("without your correction").wait_for()
    shown.locator(".choice").get_by_text("Uncertainty").click()
    shown.wait_for_selector("canvas[data-shown=uncertainty]")
    before = corrected(shown)
    stroke(shown)
    assert (corrected(shown) ^ before).any()


@pytest.mark.slow
def test_keys_paint_as_well(shown: Any) -> None:
    shown.get_by_role("button", name="Correct the mask").click()
    before = corrected(shown)
    shown.locator("canvas").focus()
    for _ in range(23):
        shown.keyboard.press("ArrowUp")
    shown.keyboard.press("Space")
    assert 0 < (corrected(shown) ^ before).sum() < 200


@pytest.mark.slow
def test_kept_correction_is_a_data_set(shown: Any, kept: Path, tmp_path: Path) -> None:
    shown.get_by_role("button", name="Correct the mask").click()
    stroke(shown)
    drawn = corrected(shown)
    shown.get_by_label("Your name").fill("A. Reader")
    shown.get_by_label("Note").fill("the border")
    shown.get_by_role("button", name="Keep image and mask").click()
    shown.wait_for_selector(".answer.good")
    with Image.open(kept / "masks" / "ISIC_0000460.png") as picture:
        assert ((np.asarray(picture) > 0) == drawn).all()
    assert run(["verify", str(kept), "-o", str(tmp_path / "sheet.png")]) == 0


@pytest.mark.slow
def test_strokes_are_lost_only_when_that_is_wanted(shown: Any) -> None:
    dialogs: list[str] = []
    shown.on("dialog", lambda asked: (dialogs.append(asked.type), asked.dismiss()))
    shown.get_by_role("button", name="Correct the mask").click()
    stroke(shown)
    shown.get_by_role("link", name="About").click()
    shown.get_by_role("button", name="Stay here").click()
    shown.get_by_role("button", name="Undo").wait_for()
    shown.evaluate("location.reload()")
    shown.wait_for_timeout(300)
    assert dialogs == ["beforeunload"]
    shown.get_by_role("link", name="Segment another image").click()
    shown.get_by_role("button", name="Leave without it").click()
    shown.wait_for_selector(".sample")


@pytest.mark.slow
def test_a_correction_of_somebody_else_is_replaced_only_when_that_is_wanted(shown: Any) -> None:
    there = {"error": {"id": "0" * 8, "message": "B. Other has kept one."}}
    shown.route("**/keep", lambda route: route.fulfill(status=409, json=there), times=2)
    shown.get_by_role("button", name="Correct the mask").click()
    stroke(shown)
    shown.get_by_label("Your name").fill("A. Reader")
    shown.get_by_role("button", name="Keep image and mask").click()
    shown.get_by_role("dialog").get_by_text("B. Other has kept one.").wait_for()
    shown.get_by_role("button", name="Leave it as it is").click()
    shown.get_by_role("button", name="Keep image and mask").click()
    shown.evaluate(FIELDS)
    shown.get_by_role("button", name="Replace it").click()
    shown.get_by_text("Kept as").first.wait_for()
    assert shown.inner_text("#spoken").startswith("Kept as")
    assert ["replace", "true"] in sent_fields(shown)


def pixels(page: Any) -> np.ndarray:
    """The image as it is drawn, shape (side, side, 3)."""
    content = page.evaluate(f"{CANVAS}.toDataURL()").partition(",")[2]
    whole = np.asarray(Image.open(BytesIO(base64.b64decode(content))).convert("RGB"), dtype=int)
    side = min(whole.shape[:2])
    top, left = (whole.shape[0] - side) // 2, (whole.shape[1] - side) // 2
    return whole[top : top + side, left : left + side]


def placed(mask: bytes, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Where a mask's file says the lesion is, and the distance from its border, in drawn pixels."""
    grown = Image.open(BytesIO(mask)).resize((side, side), Image.Resampling.NEAREST)
    inside = np.asarray(grown) > 0
    return inside, distances(inside) + distances(~inside)


def distances(inside: np.ndarray) -> np.ndarray:
    """From each pixel inside to the nearest outside."""
    return np.asarray(distance_transform_edt(inside))


def taken(page: Any, title: str) -> bytes:
    """What a link gives when it is clicked."""
    with page.expect_download() as download:
        page.get_by_role("link", name=title, exact=True).click()
    return Path(download.value.path()).read_bytes()


def corrected(page: Any) -> np.ndarray:
    """The mask as it is on the page, True where the lesion is."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download this mask").click()
    with Image.open(download.value.path()) as picture:
        assert picture.mode == "L"
        return np.asarray(picture) == 1


def stroke(page: Any) -> None:
    """A stroke near the upper left corner of the image: from (20, 30) to (60, 30) pixels."""
    box = page.locator(".viewer canvas").bounding_box()
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    scale = side / 256
    page.mouse.move(left + 20 * scale, top + 30 * scale)
    page.mouse.down()
    page.mouse.move(left + 60 * scale, top + 30 * scale, steps=5)
    page.mouse.up()
