"""A grid becomes jobs: one for each arm, data set and seed, however many tables show it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ablation.jobs import planned
from ablation.markdown import introduction
from ablation.plan import BENCHMARKS, FORMAT, read_grid
from ablation.rows import filled

from medsegdiff.errors import ConfigError


def written(job, **changes):
    """A result as a finished job leaves it."""
    settings = job.config.model_dump(mode="json")
    asked = {name: list(words) for name, words in job.ways.items()}
    machine = {"device": "cpu", "environment": {"bf16_on_cpu": True}}
    values = {"format": FORMAT, "settings": settings, "asked": asked, "split": job.split}
    values |= {**machine, **changes}
    job.result.parent.mkdir(parents=True, exist_ok=True)
    job.result.write_text(json.dumps(values))


def test_tables_share_runs_and_the_first_seed_comes_first(tiny):
    found = [job.result.name for job in planned(tiny).jobs]
    names = ["default", "unet", "f_default"]
    assert found == [f"{name}_{seed}.json" for seed in (0, 1) for name in names]


def test_a_tables_way_to_predict_uses_the_arms_own_training(tiny):
    own, _, ways, *_ = planned(tiny).jobs
    assert own.folder == ways.folder
    assert list(ways.ways) == ["1 x 1", "1 x 2"]


def test_settings_that_are_not_taken_are_one_sentence_and_stop_nothing(tiny):
    (sentence,) = planned(tiny).left_out
    assert sentence.startswith("future on skin_isic2017 is left out")
    assert "telepathy" in sentence


def test_arms_without_steps_wait_for_the_calibration(tiny):
    tiny.steps_file.unlink()
    plan = planned(tiny)
    assert not plan.jobs
    assert "2 pairs of arm and data set have no steps yet" in plan.left_out[-1]


def test_an_arms_words_win_over_those_of_all(tiny_file):
    grid = read_grid(tiny_file, words=["train.side=48"])
    assert grid.settings("unet", "skin_isic2017").train.side == 32  # the data set's come later
    arm = grid.arms["unet"].model_copy(update={"settings": ("train.side=64",)})
    grid = grid.model_copy(update={"arms": {"unet": arm}})
    assert grid.settings("unet", "skin_isic2017").train.side == 64


def test_a_finished_job_is_done_until_its_settings_change(tiny, tiny_file):
    job = planned(tiny).jobs[0]
    assert not job.is_done()
    written(job)
    assert job.is_done()
    other = read_grid(tiny_file, words=["train.learning_rate=0.5"])
    assert not planned(other).jobs[0].is_done()


def test_what_was_measured_otherwise_is_shown_but_not_done(tiny):
    job = planned(tiny).jobs[0]
    written(job, format=FORMAT - 1)
    assert job.finished() is not None
    assert not job.is_done()


def test_a_setting_that_the_program_learnt_later_counts_as_its_default(tiny):
    job = planned(tiny).jobs[0]
    settings = job.config.model_dump(mode="json")
    del settings["train"]["clip_norm"]
    written(job, settings=settings)
    assert job.is_done()


@pytest.mark.parametrize("had_bf16", [False, True])
def test_a_precision_left_to_the_machine_is_what_it_came_to(tiny_file, had_bf16: bool):
    words = ["train.precision=fp32", "predict.precision=fp32"]
    job = planned(read_grid(tiny_file, words=words)).jobs[0]
    settings = job.config.model_dump(mode="json")
    settings["train"]["precision"] = settings["predict"]["precision"] = "auto"
    written(job, settings=settings, environment={"bf16_on_cpu": had_bf16})
    assert job.is_done() is not had_bf16


def test_the_test_split_has_results_of_its_own(tiny):
    written(planned(tiny).jobs[0])
    assert not planned(tiny, "test").jobs[0].is_done()
    assert planned(tiny, "test").jobs[0].result.name == "default_0_test.json"


def test_other_settings_or_seeds_have_another_folder(tiny, tiny_file):
    jobs = [*planned(tiny).jobs, *planned(read_grid(tiny_file, words=["train.clip_norm=2"])).jobs]
    assert len({job.folder for job in jobs}) == 8  # two arms, two seeds, two settings


def test_a_table_may_have_seeds_of_its_own(tiny_file):
    values = yaml.safe_load(tiny_file.read_text())
    values["tables"]["b"]["seeds"] = [5, 0]
    tiny_file.write_text(yaml.safe_dump(values))
    grid = read_grid(tiny_file)
    assert [job.result.stem for job in planned(grid, tables=["b"]).jobs] == [
        *("default_0", "unet_0"),  # the least seed first
        *("default_5", "unet_5"),
    ]
    assert {job.seed for job in planned(grid, tables=["f"]).jobs} == {0, 1}  # the grid's
    assert filled(grid, "b").planned == 4
    assert introduction(grid, filled(grid, "b"), "val")[0].count("(seeds 5, 0;") == 1
    asked = grid.with_seeds([7])
    assert {job.seed for job in planned(asked).jobs} == {7}


def test_names_that_are_not_defined_are_refused(tiny_file):
    values = yaml.safe_load(tiny_file.read_text())
    values["tables"]["a"]["arms"].append("nobody")
    tiny_file.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"Table a .*nobody"):
        read_grid(tiny_file)


LEFT_OUT = """
import json, sys
from pathlib import Path
from ablation.jobs import planned
from ablation.plan import read_grid
path = Path(sys.argv[1])
grid = read_grid(path)
assert all(grid.data_of(table) for table in grid.tables.values())
plan = planned(grid.model_copy(update={"folder": path.parent / "none"}))
print(json.dumps(plan.left_out))
"""


GRIDS = [path for path in sorted(BENCHMARKS.glob("*.yaml")) if not path.stem.endswith("_steps")]


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_every_shipped_arm_is_taken(path: Path):
    """In a process of its own: plug-ins are looked for once, and other tests may have done so."""
    command = [sys.executable, "-c", LEFT_OUT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS)
    left_out = json.loads(done.stdout)
    assert len(left_out) == 1, left_out  # only that there are no steps there
