"""Volumes and large images: trained on windows, predicted through windows."""

from __future__ import annotations

import os
import signal
from itertools import zip_longest

import pytest
import torch
from orientations import EVERY_ORIENTATION
from volume_set import Balls

from medsegdiff.data import Window, patches, windows_over
from medsegdiff.engine import windows
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.train import train
from medsegdiff.engine.view import View
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.windows import Slab
from medsegdiff.ensemble.quality import expected_dice
from medsegdiff.errors import ConfigError, Interrupted

OTHERS = ("concat", "medsegdiff_v1", "medsegdiff_v2", "sum", "unet")  # than the default
SLICES, VOLUMES = "train.patch=[1, 16, 16]", "train.patch=[12, 16, 16]"


@pytest.fixture(scope="module", params=[SLICES, VOLUMES], ids=["slices", "volumes"])
def balls_model(request, tiny, tmp_path_factory) -> TrainedModel:
    """A network that has seen windows of the balls for eight steps."""
    run = tmp_path_factory.mktemp("balls")
    config = tiny(request.param, "train.max_steps=8", "train.validations=1")
    train(Balls(), run, config, device="cpu")
    return TrainedModel.load(run, "cpu")


def test_a_volume_gets_all_maps_on_its_own_grid(balls_model):
    data = Balls(orientation="LAS")
    found = predict(data.load("ball_5"), balls_model, balls_model.predict)
    shape = data.load("ball_5").geometry.shape
    assert found.mask.shape == found.uncertainty.shape == shape
    assert found.members.shape == (3, *shape)
    assert torch.allclose(found.probability.sum(dim=0), torch.ones(shape), atol=1e-4)
    coding = balls_model.config.coding
    assert found.quality == pytest.approx(expected_dice(found.probability, found.mask, coding))
    assert found.quality > 0


def test_spread_moves_members_apart_through_windows_too(balls_model):
    sample = Balls().load("ball_5")
    alike = predict(sample, balls_model, balls_model.predict)
    apart = predict(sample, balls_model, with_predict(balls_model.predict, spread=1.0))
    assert apart.mask.equal(alike.mask)
    assert apart.quality == alike.quality
    assert not apart.members.equal(alike.members)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_every_network_predicts_through_windows(name: str, tiny, tmp_path):
    size = "widths: [8, 8, 16], blocks: [0, 1, 1]" if name == "unet" else "size: tiny"
    network = f"model.network={{name: {name}, {size}}}"
    config = tiny(VOLUMES, network, "train.max_steps=2", "train.validations=1")
    train(Balls(), tmp_path, config, device="cpu")
    model = TrainedModel.load(tmp_path, "cpu")
    sample = Balls(orientation="LAS").load("ball_5")
    assert model.config.network.name == name
    assert len(model.config.grid_size) == 3
    found, again = (predict(sample, model, model.predict) for _ in range(2))
    assert found.mask.shape == sample.geometry.shape
    assert found.members.shape == (1 if name == "unet" else 3, *sample.geometry.shape)
    assert torch.allclose(found.probability.sum(dim=0), torch.ones(found.mask.shape), atol=1e-4)
    assert torch.equal(found.members, again.members)


def test_the_steps_of_all_windows_are_told(balls_model):
    told: list[tuple[int, int]] = []
    config = with_predict(balls_model.predict, members=3, member_batch=2, steps=2)
    predict(Balls().load("ball_5"), balls_model, config, lambda *now: told.append(now))
    total = told[0][1]
    assert told == [(done, total) for done in range(total + 1)]
    assert total > 4
    assert total % 4 == 0  # two batches of members, two steps each


@pytest.mark.parametrize("orientation", EVERY_ORIENTATION[::11])
def test_the_mask_does_not_depend_on_how_the_volume_was_stored(balls_model, orientation):
    plain, turned = Balls(), Balls(orientation=orientation)
    config = with_predict(balls_model.predict, members=0)  # noise is keyed by the stored voxels
    one = predict(plain.load("ball_4"), balls_model, config).mask
    other = predict(turned.load("ball_4"), balls_model, config).mask
    geometry = turned.load("ball_4").geometry
    placed = balls_model.config.preparation.grid.placed(geometry)
    assert torch.equal(placed.turn.apply(other), one)


def test_a_members_noise_is_the_same_in_overlapping_windows(balls_model):
    sample = Balls().load("ball_5")
    grid = balls_model.config.preparation.grid
    prepared = balls_model.config.preparation.prepare(sample)
    shape = tuple(prepared.image.shape[1:])
    whole = View.through(prepared, Window((0, 0, 0), shape), False).noise([1], 0, 3)()
    window = Window((2, 3, 1), grid.size)
    part = View.through(prepared, window, False).noise([1], 0, 3)()
    assert torch.equal(window.cut(whole[0]), part[0])


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("size", [(1, 4, 5), (4, 4, 5), (12, 4, 20), (9, 4, 5), (12, 20, 5)])
def test_what_depends_on_the_voxel_alone_is_blended_to_itself(size, overlap):
    shape = (9, 10, 11)
    voxels = torch.rand((2, 3, *shape), generator=torch.Generator().manual_seed(0))
    slab, blended = Slab(shape, size), []
    rows = windows_over(shape, size, overlap)
    for row, following in zip_longest(rows, rows[1:]):
        for window in row:
            slab.add(window, window.cut(voxels), None)
        end = following[0].corner[slab.axis] if following else shape[slab.axis]
        blended += [members for _, members, _ in slab.finished(end)]
    found = torch.cat(blended, dim=2 + slab.axis)
    torch.testing.assert_close(found, voxels, atol=3e-6, rtol=0)


@pytest.mark.parametrize(
    ("shape", "held"),
    [((90, 20, 30), (8, 20, 30)), ((8, 90, 30), (8, 8, 30)), ((6, 8, 90), (6, 8, 8))],
)
def test_no_more_is_held_than_a_slab_as_thick_as_a_window(shape, held):
    slab = Slab(shape, (8, 8, 8))
    slab.add(Window((0, 0, 0), (8, 8, 8)), torch.ones(2, 3, 8, 8, 8), None)
    assert slab.sums is not None
    assert slab.sums.shape == (2, 3, *held)


def test_the_axis_of_the_slab_changes_nothing(balls_model, monkeypatch):
    flat = Balls(
        voxels=(1, 40, 24) if balls_model.config.preparation.grid.sees_slices else (9, 40, 24)
    )
    sample = flat.load("ball_5")
    found = predict(sample, balls_model, balls_model.predict)
    for module in (patches, windows):
        monkeypatch.setattr(module, "row_axis", lambda *given: 0)
    before = predict(sample, balls_model, balls_model.predict)
    assert torch.equal(found.mask, before.mask)
    assert torch.equal(found.members, before.members)
    assert torch.equal(found.probability, before.probability)
    assert torch.equal(found.uncertainty, before.uncertainty)


def test_another_overlap_changes_little_and_a_repetition_nothing(balls_model):
    sample = Balls().load("ball_5")
    half, again, less = (
        predict(sample, balls_model, with_predict(balls_model.predict, overlap=overlap))
        for overlap in (0.5, 0.5, 0.25)
    )
    assert torch.equal(half.probability, again.probability)
    assert torch.equal(half.members, again.members)
    assert (half.probability - less.probability).abs().mean() < 0.05


def test_an_ensemble_of_whole_masks_is_refused(balls_model):
    config = with_predict(balls_model.predict, ensemble="staple")
    with pytest.raises(ConfigError, match="through windows"):
        predict(Balls().load("ball_5"), balls_model, config)


def test_a_stopped_training_on_windows_goes_on_bit_by_bit(tiny, tmp_path, equal_runs, watcher):
    config = tiny(VOLUMES, "train.max_steps=6", "train.validations=2")
    train(Balls(), tmp_path / "whole", config, device="cpu")
    stopping = watcher(3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        train(Balls(), tmp_path / "halves", config, device="cpu", observer=stopping)
    train(Balls(), tmp_path / "halves", config, device="cpu")
    assert equal_runs(tmp_path / "whole", tmp_path / "halves")
