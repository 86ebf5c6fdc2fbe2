"""Tables of finished runs; what is missing is a dash, and the text says how much is there."""

from __future__ import annotations

import json

import pytest
from ablation.jobs import planned
from ablation.markdown import figures, replaced, section
from ablation.plan import FORMAT
from ablation.plot import picture, round_ticks
from ablation.rows import filled

from medsegdiff.errors import ConfigError


def finish(grid, dice_of, leakage=0.25, more=()):
    """Write results with the given Dice for each arm and seed, on two studies and more."""
    for job in planned(grid, tables=["a"]).jobs:
        if (job.arm, job.seed) not in dice_of:
            continue
        dice = [dice_of[job.arm, job.seed], dice_of[job.arm, job.seed] - 0.1, *more]
        names = ("iou", "hd95", "seconds")
        own = {"dice": dice, **{name: [0.5, None] for name in names}, "ece": 0.1, "ece_band": 0.2}
        values = {
            "format": FORMAT,
            "trained_at": "a1b2c3d",
            "studies": [f"study_{number}" for number in range(len(dice))],
            "settings": job.config.model_dump(mode="json"),
            "asked": {"own": []},
            "split": "val",
            "device": "cpu",
            "environment": {"bf16_on_cpu": True},
            "steps": 3,
            "leakage": leakage,
            "figures of own": own,
        }
        job.result.parent.mkdir(parents=True, exist_ok=True)
        job.result.write_text(json.dumps(values))


def cells(text, label):
    """The cells of one row."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_means_and_paired_differences(tiny):
    finish(tiny, {("default", 0): 0.8, ("default", 1): 0.9, ("unet", 0): 0.7, ("unet", 1): 0.8})
    found = cells(figures(filled(tiny, "a"), ["skin_isic2017"]), "default")
    assert found[1].startswith("0.8000 (")
    assert found[2] == "+0.1000 (+0.1000 to +0.1000)"  # the same in every seed and study
    assert found[-2:] == ["3", "2"]


def test_quality_is_ranked_beside_dice_where_it_was_measured(tiny):
    finish(tiny, {("default", 0): 0.8, ("unet", 0): 0.7}, more=[0.2, 0.1, 0.05])
    plain = figures(filled(tiny, "a"), ["skin_isic2017"])
    assert "ρ of quality" not in plain
    (measured,) = (
        job for job in planned(tiny, tables=["a"]).jobs if (job.arm, job.seed) == ("default", 0)
    )
    values = json.loads(measured.result.read_text())
    values["figures of own"]["expected_dice"] = [0.5, 0.9, 0.3, 0.2, 0.1]  # Dice 0.8, 0.7, 0.2 ...
    measured.result.write_text(json.dumps(values))
    text = figures(filled(tiny, "a"), ["skin_isic2017"])
    assert cells(text, "default")[-4] == "0.90"
    assert cells(text, "unet")[-4] == "–"


def test_quality_of_a_few_studies_is_not_ranked(tiny):
    finish(tiny, {("default", 0): 0.8}, more=[0.2, 0.1])
    (measured, *_) = planned(tiny, tables=["a"]).jobs
    values = json.loads(measured.result.read_text())
    values["figures of own"]["expected_dice"] = [0.5, 0.9, 0.3, 0.2]
    measured.result.write_text(json.dumps(values))
    assert "ρ of quality" not in figures(filled(tiny, "a"), ["skin_isic2017"])


def test_differences_are_over_seeds_that_both_have(tiny):
    finish(tiny, {("default", 0): 0.8, ("default", 1): 0.2, ("unet", 0): 0.7})
    found = cells(figures(filled(tiny, "a"), ["skin_isic2017"]), "default")
    assert found[2].startswith("+0.1000")
    assert found[1].startswith("0.7500")  # as is the mean
    assert found[-1] == "1"


def test_other_studies_are_not_compared(tiny):
    finish(tiny, {("default", 0): 0.8, ("unet", 0): 0.7})
    one = planned(tiny, tables=["a"]).jobs[0].result
    one.write_text(one.read_text().replace("study_1", "study_2"))
    with pytest.raises(ConfigError, match=r"'default' and 'unet' .* other studies of skin_isic"):
        figures(filled(tiny, "a"), ["skin_isic2017"])


def test_an_earlier_harness_and_other_commits_are_told(tiny):
    finish(tiny, {("default", 0): 0.8, ("unet", 0): 0.7})
    assert "harness" not in section(tiny, filled(tiny, "a"), None, "val")
    assert "commits" not in section(tiny, filled(tiny, "a"), None, "val")
    one = planned(tiny, tables=["a"]).jobs[0].result
    one.write_text(one.read_text().replace(f'"format": {FORMAT}', '"format": 1'))
    one.write_text(one.read_text().replace("a1b2c3d", "e4f5a6b"))
    text = section(tiny, filled(tiny, "a"), None, "val")
    assert "among the seconds: default." in text
    assert "Trained at commits a1b2c3d, e4f5a6b." in text


def test_missing_runs_are_dashes_and_told(tiny):
    finish(tiny, {("default", 0): 0.8})
    text = section(tiny, filled(tiny, "a"), None, "val")
    assert text.startswith("1 of 6 planned runs are finished")
    assert cells(text, "unet")[1:] == ["–"] * 8 + ["0"]
    assert "Left out: future on skin_isic2017" in text


def test_a_set_with_nothing_finished_is_named_and_has_no_table(tiny):
    text = section(tiny, filled(tiny, "a"), None, "val")
    assert "Nothing yet of skin_isic2017." in text
    assert "| unet |" not in text


def test_leakage_stands_in_tables_that_ask_for_it(tiny):
    finish(tiny, {("default", 0): 0.8}, leakage=0.31)
    table = tiny.tables["a"].model_copy(update={"has_leakage": True})
    grid = tiny.model_copy(update={"tables": {"a": table}})
    assert cells(figures(filled(grid, "a"), ["skin_isic2017"]), "default")[1] == "0.31"
    assert "leakage" not in figures(filled(tiny, "a"), ["skin_isic2017"])


def test_only_the_part_between_the_marks_is_replaced():
    page = replaced("# Page\n\nBefore.\n", "a", "Table a", "old") + "\nAfter.\n"
    new = replaced(page, "a", "Table a", r"new \1")
    assert new == page.replace("old", r"new \1")
    assert "## Table a" in new


def test_a_picture_has_a_line_for_each_finished_row(tiny):
    assert picture(filled(tiny, "a")) is None
    finish(tiny, {("default", 0): 0.8})
    one = picture(filled(tiny, "a"))
    finish(tiny, {("unet", 0): 0.7})
    two = picture(filled(tiny, "a"))
    assert one is not None
    assert two is not None
    assert two.height > one.height


def test_rows_without_a_common_seed_are_drawn_and_not_compared(tiny):
    finish(tiny, {("default", 0): 0.8, ("unet", 1): 0.3})
    assert picture(filled(tiny, "a")) is not None
    found = cells(figures(filled(tiny, "a"), ["skin_isic2017"]), "default")
    assert found[1:3] == ["–", "–"]


def test_ticks_are_round_and_enclose_the_range():
    ticks = round_ticks(0.612, 0.843)
    assert [round(tick, 6) for tick in ticks] == [0.6, 0.65, 0.7, 0.75, 0.8, 0.85]
    assert len(round_ticks(0.0, 1.0)) <= 8
