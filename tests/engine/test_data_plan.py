from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest
import torch
from volume_set import Balls

from medsegdiff.data import Folder
from medsegdiff.data.memory import machine_bytes
from medsegdiff.data.transforms.fit_to_grid import FitToGrid
from medsegdiff.data.transforms.flip import Flip
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.engine import data_plan, memory_plan
from medsegdiff.engine.config import TrainConfig
from medsegdiff.engine.data_plan import DataPlan, plan_data
from medsegdiff.errors import ConfigError

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GIB = 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """An ordinary machine; a test may ask for one of other memory, in GiB."""

    def of(gib: float) -> None:
        for module in (data_plan, memory_plan):
            monkeypatch.setattr(module, "memory_of", lambda device: int(gib * GIB))

    of(24)
    return of


def planned(data: Balls | Folder, device: torch.device = CPU, **settings: object) -> DataPlan:
    return plan_data(data, data.ids(), TrainConfig.model_validate(settings), device)


def said(plan: DataPlan) -> str:
    return " ".join(plan.reasons)


def test_images_are_seen_whole_unless_a_window_is_asked_for(skin_data: Path):
    skin = Folder(root=skin_data)
    assert planned(skin).grid == FitToGrid(size=(96, 96))
    assert planned(skin, GPU).grid == FitToGrid(size=(256, 256))
    assert planned(skin, patch=(64, 64)).grid == Tiles(size=(64, 64))
    with pytest.raises(ConfigError, match="has 3 numbers, but the data are images"):
        planned(skin, patch=(8, 64, 64))


def test_close_slices_get_a_network_of_three_dimensions():
    plan = planned(Balls(voxels=(30, 41, 36)))
    assert plan.grid == Tiles(size=(32, 48, 40), spacing_mm=(1, 1, 1))
    assert plan.settings.batch_size == 2
    assert plan.scope == "study"
    assert "A 3-D network" in said(plan)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (Balls(voxels=(8, 40, 40)), "only 8"),
        (Balls(voxels=(20, 40, 40), spacing_mm=(5.0, 1.0, 1.0)), "5.0 times as far apart"),
    ],
)
def test_few_or_distant_slices_are_seen_one_by_one(data: Balls, why: str):
    plan = planned(data)
    assert plan.grid.sees_slices
    assert plan.settings.batch_size == 8
    assert why in said(plan)


@pytest.mark.parametrize(("stored", "chosen"), [("SPL", "SPL"), ("LSP", "LSP"), ("ALS", "PSL")])
def test_slices_lie_across_the_coarsest_axis(stored: str, chosen: str):
    turned = {"SPL": (5.0, 1.0, 1.0), "LSP": (1.0, 1.0, 5.0), "ALS": (1.0, 5.0, 1.0)}
    data = Balls(voxels=(24, 24, 24), spacing_mm=turned[stored], orientation=stored)
    assert planned(data).grid.orientation == chosen


def test_a_processor_sees_large_volumes_coarser_and_a_gpu_as_they_are():
    data = Balls(voxels=(150, 150, 150))
    coarse, fine = planned(data), planned(data, GPU)
    assert coarse.grid.spacing_mm == pytest.approx((1.476,) * 3, abs=0.001)
    assert "Coarsened" in said(coarse)
    assert fine.grid.spacing_mm == (1, 1, 1)
    assert fine.grid.size == (128, 128, 128)


def test_what_is_asked_for_goes_first():
    data = Balls()
    asked = planned(data, patch=(8, 8, 8), spacing_mm=(2, 2, 2), batch_size=5)
    assert asked.grid == Tiles(size=(8, 8, 8), spacing_mm=(2, 2, 2))
    assert asked.settings.batch_size == 5
    assert planned(data, dimensions=2).grid.sees_slices


@pytest.mark.parametrize(
    ("orientation", "dimensions", "axes"),
    [("SPL", 3, (-1,)), ("SPL", 2, (-1,)), ("LSP", 3, (-3,)), ("LSP", 2, ())],
)
def test_volumes_are_mirrored_from_left_to_right_alone(orientation, dimensions, axes):
    spacing = (1.0, 1.0, 1.0) if orientation == "SPL" else (1.0, 1.0, 2.0)
    data = Balls(spacing_mm=spacing, orientation=orientation)
    found = planned(data, dimensions=dimensions).settings.augmentation
    assert [one.axes for one in found if isinstance(one, Flip)] == [axes]


@pytest.mark.parametrize("gib", [1.5, 24, 1000])
def test_the_plan_of_ordinary_machines_is_one(gib: float, machine: Callable[[float], None]):
    data = Balls(voxels=(90, 90, 90))
    usual = planned(data)
    machine(gib)
    found = planned(data)
    assert (found.grid, found.settings) == (usual.grid, usual.settings)
    assert found.grid.size == (48, 48, 48)
    assert said(found).endswith(
        f"Batches of 2: in training they take about 0.6 GB of the {gib * GIB / 1e9:.1f} GB of "
        "memory."
    )


@pytest.mark.parametrize(("device", "gib"), [(CPU, 0.5), (CPU, 0.1), (GPU, 16), (GPU, 8)])
def test_little_memory_makes_windows_smaller(
    device: torch.device, gib: float, machine: Callable[[float], None]
):
    data = Balls(voxels=(150, 150, 150))
    usual = planned(data, device)
    machine(gib)
    found = planned(data, device)
    assert prod(found.grid.size) < prod(usual.grid.size)
    assert 2 * memory_plan.step_bytes(found.grid.size) <= memory_plan.SHARE * gib * GIB
    assert found.settings.batch_size == 2
    assert "of memory allow no larger window" in said(found)
    assert "no larger window" not in said(usual)


def test_a_window_that_is_asked_for_makes_batches_smaller(machine: Callable[[float], None]):
    machine(1)
    found = planned(Balls(), patch=(48, 48, 64))
    assert found.grid.size == (48, 48, 64)
    assert found.settings.batch_size == 1
    assert "Batches of 1: in training they take about 0.37 GB of the 1.1 GB" in said(found)
    assert "and 2, as usual, more than half of it." in said(found)
    assert planned(Balls(), patch=(48, 48, 64), micro_batch=1).settings.batch_size == 2


def test_a_part_of_a_batch_is_no_larger_than_the_batch():
    assert planned(Balls(), micro_batch=2).settings.micro_batch == 2
    with pytest.raises(ConfigError, match=r"micro_batch=3 .* a batch has 2\. Give 2 or fewer"):
        planned(Balls(), micro_batch=3)
    assert planned(Balls(), micro_batch=3, batch_size=4).settings.batch_size == 4


def test_images_come_in_smaller_batches_where_memory_is_small(
    skin_data: Path, machine: Callable[[float], None]
):
    skin = Folder(root=skin_data)
    assert planned(skin).settings.batch_size == 8
    machine(0.1)
    assert planned(skin).settings.batch_size == 2
    assert "Batches of 5, as asked." in said(planned(skin, batch_size=5))


def test_memory_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    assert memory_plan.memory_of(CPU) == machine_bytes()
