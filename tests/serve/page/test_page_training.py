"""A training on the page: its curves, and what is new without a reload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Visit, log, serving, watched_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched_run(tmp_path_factory.mktemp("runs") / "lesions")


@pytest.fixture(scope="module")
def address(browser: Any, fold: Path) -> Iterator[str]:
    with serving("-m", "skin-lesion", "--run", fold.parent) as found:
        yield found


def test_training_is_followed_while_it_goes_on(visit: Visit, address: str, fold: Path) -> None:
    page = visit(address, "#run")
    page.get_by_text("Step 20 of 100 (20 %), about 80 s left").wait_for()
    assert page.locator(".charts svg .dot").count() == 1
    assert page.locator(".pictures img").count() == 1
    log(fold, {"step": 21, "loss": 0.04, "seconds": 21}, {"step": 21, "dice": 0.8125})
    page.get_by_text("Best so far: Dice 0.8125 at step 21.").wait_for()
    assert page.locator(".charts svg .dot").count() == 2


def test_one_step_is_drawn_at_whole_ticks(visit: Visit, address: str) -> None:
    one = "chart({ title: 'Loss', points: [[1, 0.5]] }).querySelector('svg')"
    module = "/static/scripts/curves.js"
    parts = f"[...{one}.children].map((part) => part.tagName + part.textContent)"
    found = visit(address).evaluate(f"import('{module}').then(({{ chart }}) => {parts})")
    assert found.count("circlestep 1: 0.5") == 1
    assert found[-5:-3] == ["text0", "text1"]
