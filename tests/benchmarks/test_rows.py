"""Rows of a table: the folds of a cross-validation count as one data set, structures are shown."""

from __future__ import annotations

import json

import pytest
import yaml
from ablation.jobs import planned
from ablation.markdown import figures, section
from ablation.plan import FORMAT, Grid
from ablation.rows import filled

FOLDS = ("eyes_fold_0", "eyes_fold_1")


@pytest.fixture
def folded(tiny: Grid) -> Grid:
    """The tiny grid on two folds of one data set, of five and of ten steps."""
    steps = {
        fold: {arm: {"steps": 5 * (number + 1)} for arm in tiny.arms}
        for number, fold in enumerate(FOLDS)
    }
    tiny.steps_file.write_text(yaml.safe_dump({"arms": steps}))
    table = tiny.tables["b"].model_copy(update={"folds_of": "eyes"})
    data = dict.fromkeys(FOLDS, ("train.side=32",))
    return tiny.model_copy(update={"data": data, "tables": {"b": table}, "seeds": (0,)})


def finish(grid: Grid, fold: str, dice: dict[str, list[float]], **more: object) -> None:
    """Write the results of a fold, its studies named after it."""
    for job in planned(grid).jobs:
        if job.data != fold:
            continue
        mine = dice[job.arm]
        values = {
            "format": FORMAT,
            "studies": [f"{fold}_{number}" for number in range(len(mine))],
            "settings": job.config.model_dump(mode="json"),
            "asked": {"own": []},
            "split": "val",
            "device": "cpu",
            "environment": {"bf16_on_cpu": True},
            "steps": job.config.train.max_steps,
            "leakage": None,
            "figures of own": {"dice": mine, "hd95": [2.0, *[None] * (len(mine) - 1)], **more},
        }
        job.result.parent.mkdir(parents=True, exist_ok=True)
        job.result.write_text(json.dumps(values))


def test_studies_of_all_folds_are_those_of_one_set(folded: Grid):
    finish(folded, FOLDS[0], {"default": [0.9, 0.8, 0.7], "unet": [0.7, 0.6, 0.5]}, ece=0.02)
    finish(folded, FOLDS[1], {"default": [0.4], "unet": [0.2]}, ece=0.04)
    table = filled(folded, "b")
    assert table.sets == ("eyes",)
    (default, unet) = table.rows
    assert default.interval("dice", ["eyes"]).mean == pytest.approx(0.7)  # not 0.6, of two means
    assert default.interval("hd95", ["eyes"]).mean == 2.0  # where it is known
    assert default.minus(unet, "dice", ["eyes"]).mean == pytest.approx(0.2)
    assert default.scalar("ece", ["eyes"]) == pytest.approx(0.03)
    assert default.steps == {"eyes": 8}
    text = section(folded, table, None, "val")
    assert "4 of 4 planned runs" in text
    assert "fold" not in text


def test_a_missing_fold_leaves_its_rows_empty(folded: Grid):
    finish(folded, FOLDS[0], {"default": [0.9], "unet": [0.7]})
    table = filled(folded, "b")
    assert all(row.seeds("eyes") == () for row in table.rows)
    text = section(folded, table, None, "val")
    assert "2 of 4 planned runs" in text
    assert "Nothing yet of eyes." in text


def test_structures_are_shown_where_all_rows_have_them(folded: Grid):
    both = {"dice of disc": [0.95], "dice of cup": [0.85]}
    for fold in FOLDS:
        finish(folded, fold, {"default": [0.9], "unet": [0.8]}, **both)
    text = figures(filled(folded, "b"), ["eyes"])
    heads = [cell.strip() for cell in text.splitlines()[0].strip("|").split("|")]
    assert heads[2:4] == ["Dice of disc", "Dice of cup"]
    row = next(line for line in text.splitlines() if line.startswith("| unet |"))
    assert [cell.strip() for cell in row.strip("|").split("|")][2:4] == ["0.9500", "0.8500"]
    job = next(job for job in planned(folded).jobs if (job.arm, job.data) == ("unet", FOLDS[1]))
    values = json.loads(job.result.read_text())
    del values["figures of own"]["dice of cup"]
    job.result.write_text(json.dumps(values))
    assert "Dice of" not in figures(filled(folded, "b"), ["eyes"])
