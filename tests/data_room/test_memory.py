from __future__ import annotations

from pathlib import Path

from medsegdiff.data.memory import PICTURE_BYTES, default_budget, machine_bytes


def test_a_photograph_may_take_as_much_on_every_machine() -> None:
    assert default_budget(Path("a.JPG")) == default_budget(Path("a.tif")) == PICTURE_BYTES


def test_a_volume_may_take_a_quarter_of_the_machine() -> None:
    expected = max(PICTURE_BYTES, machine_bytes() // 4)
    assert default_budget(Path("a.nii.gz")) == default_budget(Path("series")) == expected
