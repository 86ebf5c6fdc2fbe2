"""How the page behaves: by keys alone, and when things fail."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .conftest import Visit, drop, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(browser: Any) -> Iterator[str]:
    with serving("-m", "skin-lesion") as found:
        yield found


def test_keys_alone_reach_a_mask(visit: Visit, address: str) -> None:
    page = visit(address)
    page.wait_for_selector(".sample")
    for wanted in (".sample", "button[type=submit]"):
        while not page.evaluate("(one) => document.activeElement.matches(one)", wanted):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    page.wait_for_selector("canvas[data-shown=mask]")


def test_refused_file_is_told_with_the_reason(visit: Visit, address: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    page = visit(address)
    drop(page, broken)
    page.click("button[type=submit]")
    told = page.wait_for_selector("[role=alert]:not([hidden])").inner_text()
    assert "broken.jpg" in told
    assert "Traceback" not in told
    assert page.inner_text("#spoken") == ""
    assert page.title() == "broken.jpg could not be segmented · MedSegDiff"
    page.get_by_role("link", name="Segment another image").click()
    assert "broken.jpg" in page.locator(".shown").inner_text()


def test_a_refused_upload_leaves_the_focus_on_the_button(visit: Visit, address: str) -> None:
    refusal = {"error": {"id": "0" * 8, "message": "This is no image."}}
    page = visit(address)
    page.route("**/api/jobs", lambda route: route.fulfill(status=415, json=refusal))
    page.click(".sample")
    page.click("button[type=submit]")
    page.get_by_text("This is no image.").wait_for()
    assert page.inner_text("#spoken") == ""
    assert page.evaluate("document.activeElement.type") == "submit"


def test_an_unknown_kind_of_file_is_refused_before_it_is_sent(
    visit: Visit, address: str, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.docx"
    letter.write_bytes(b"PK")
    page = visit(address)
    drop(page, letter)
    page.get_by_text("letter.docx is of a kind that is not known").wait_for()
    assert page.get_by_role("button", name="Segment").is_disabled()


def test_the_button_is_seen_without_scrolling(visit: Visit, address: str) -> None:
    page = visit(address, viewport={"width": 1440, "height": 900})
    page.wait_for_selector(".sample")
    box = page.get_by_role("button", name="Segment").bounding_box()
    assert box["y"] + box["height"] <= 900
    assert page.get_by_role("button").count() == 2 + 6 + 1  # choosers, samples, Segment


def test_a_server_that_still_reads_its_models_is_told(visit: Visit, address: str) -> None:
    page = visit(address)
    page.route("**/api/models", lambda route: None)  # that never answers
    page.reload()
    page.get_by_text("Reading the models").wait_for()


def test_the_end_of_a_job_is_not_told_as_its_start(visit: Visit, address: str) -> None:
    last = "{ state: 'running', stage: 'writing', fraction: 1, eta_seconds: 0, name: 'x' }"
    ended = "{ state: 'done', stage: null, fraction: 1, eta_seconds: null, name: 'x' }"
    card = f"({{ progressCard }}) => progressCard({last}, 60, () => {{}})"
    then = f"(card) => (card.set({ended}), card.element.textContent)"
    module = "/static/scripts/progress_card.js"
    told = visit(address).evaluate(f"import('{module}').then({card}).then({then})")
    assert "Writing the files" in told
    assert "Starting" not in told


@pytest.mark.parametrize(("quality", "told"), [(1, "1.00"), (0.997, "> 0.99"), (0.986, "0.99")])
def test_only_what_is_wholly_sure_has_a_quality_of_one(
    visit: Visit, address: str, quality: float, told: str
) -> None:
    card = f"({{ quality }}) => quality({{ quality: {quality}, quality_words: '' }})"
    score = "(card) => card.querySelector('strong').textContent"
    module = "/static/scripts/facts.js"
    assert visit(address).evaluate(f"import('{module}').then({card}).then({score})") == told


def test_the_bar_of_quality_has_one_colour_however_long_it_is(visit: Visit, address: str) -> None:
    page = visit(address)
    page.wait_for_selector(".sample")
    parts = "quality({ quality: one, quality_words: '' }).querySelector('.score')"
    script = (
        f"({{ quality }}) => document.body.replaceChildren(...[0.5, 0.75, 1].map((one) => {parts}))"
    )
    page.evaluate(f"import('/static/scripts/facts.js').then({script})")
    pictures = [Image.open(BytesIO(bar.screenshot())) for bar in page.locator(".bar").all()]
    fills = {
        bar.convert("RGB").getpixel((bar.width // 4, bar.height * part // 4))
        for bar in pictures
        for part in (1, 2, 3)
    }
    assert fills == {(77, 91, 104)}  # --soft, in the light theme


def test_a_line_that_breaks_is_told_and_taken_up_again(visit: Visit, address: str) -> None:
    page = visit(address)
    page.route("**/events", lambda route: route.fulfill(status=404), times=1)
    page.click(".sample")
    page.click("summary")
    page.get_by_label("Steps").fill("250")
    page.click("button[type=submit]")
    page.get_by_text("This goes on as soon as it answers again").wait_for()
    page.wait_for_selector("canvas[data-shown=mask]")


def test_a_drop_without_a_file_is_told(visit: Visit, address: str) -> None:
    page = visit(address)
    page.wait_for_selector(".drop")
    nothing = page.evaluate_handle("new DataTransfer()")
    page.dispatch_event(".drop", "drop", {"dataTransfer": nothing})
    page.get_by_text("There is no file in what was dropped.").wait_for()
