"""Every picture is on the sheet, and what the colours mean stands below in letters that fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medsegdiff.data import LabelMap
from medsegdiff.data.contact_sheet import contact_sheet
from medsegdiff.data.declared_labels import Region
from medsegdiff.data.legend import LegendEntry, legend_of, legend_strip
from medsegdiff.data.lettering import font_of, letters_for, shortened
from medsegdiff.data.pictures import CLASS_COLOURS

ORGANS = LabelMap(names=("nothing", "liver", "tumour"), values=(0, 1, 2))


def pixels(sheet: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(sheet) == colour).all(axis=-1).sum())


def red(side: int) -> Image.Image:
    return Image.new("RGB", (side, side // 2), (255, 0, 0))


def test_a_sheet_holds_every_tile_and_cuts_long_captions() -> None:
    tiles = [(red(40), "a very long caption " * 9)] * 5
    assert pixels(contact_sheet(tiles, columns=3, side=40), (255, 0, 0)) == 5 * 40 * 20
    assert contact_sheet([]).size[0] > 0


@pytest.mark.parametrize("side", [64, 256, 768])
def test_the_legend_shows_the_colour_of_every_class(side: int) -> None:
    tiles = [(red(side), "one")]
    plain = contact_sheet(tiles, side=side)
    sheet = contact_sheet(tiles, side=side, legend=legend_of(ORGANS))
    assert np.array_equal(np.asarray(sheet)[: plain.height], np.asarray(plain))
    assert sheet.height > plain.height
    for colour in CLASS_COLOURS[:2]:
        assert pixels(sheet, colour) >= letters_for(side) ** 2


def test_a_single_structure_needs_no_legend() -> None:
    lesion = LabelMap(names=("nothing", "lesion"), values=(0, 1))
    tiles = [(red(64), "one")]
    assert contact_sheet(tiles, side=64, legend=legend_of(lesion)).height == (
        contact_sheet(tiles, side=64).height
    )


def test_a_region_has_the_colours_of_its_classes_its_own_first() -> None:
    regions = (
        Region(name="whole", classes=(1, 2), painted=2),
        Region(name="core", classes=(1,), painted=1),
    )
    one, two = CLASS_COLOURS[:2]
    assert legend_of(ORGANS.model_copy(update={"regions": regions})) == [
        LegendEntry("whole", (two, one)),
        LegendEntry("core", (one,)),
    ]


def test_many_names_take_several_lines_and_none_is_cut_off() -> None:
    entries = [LegendEntry(f"structure {number}", ((number, 1, 2),)) for number in range(20)]
    strip = legend_strip(entries, 200, 12)
    assert strip.width == 200
    assert all(pixels(strip, entry.colours[0]) == 13 * 13 for entry in entries)
    one_line = legend_strip(entries[:1], 200, 12)
    assert strip.height >= 10 * one_line.height


def test_letters_grow_with_the_pictures_and_texts_are_cut_to_fit() -> None:
    assert letters_for(64) < letters_for(400) < letters_for(768)
    font = font_of(12)
    assert font.getlength(shortened("a very long name " * 9, font, 100)) <= 100
    assert shortened("short", font, 100) == "short"
