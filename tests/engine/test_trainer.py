"""One step: a pure function of weights and number; losses that are not finite never reach them."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig, TrainConfig
from medsegdiff.engine.run_setup import set_up
from medsegdiff.engine.train import train
from medsegdiff.engine.trainer import Trainer, drawn_from, learning_rate
from medsegdiff.engine.training_batch import step_generator
from medsegdiff.errors import DataError, Interrupted, NumericalError
from medsegdiff.models import Condition, Network, SegmentationNetwork


class Failing(SegmentationNetwork):
    """A small network whose loss is not a number on some of its passes."""

    denoises = False

    def __init__(self, channels: int, failures: tuple[int, ...], value: float) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(channels, 1, 1)
        self.failures, self.value, self.passes = failures, value, 0

    def condition(self, image: torch.Tensor) -> Condition:
        self.passes += self.training
        wrong = self.training and self.passes in self.failures
        return Condition((), self.layer(image) * (self.value if wrong else 1.0))

    def denoise(self, x_t: torch.Tensor, t: torch.Tensor, condition: Condition) -> torch.Tensor:
        return x_t


class FailingNetwork(Network):  # has no name of its own, so it does not join the family
    failures: tuple[int, ...] = ()
    value: str = "nan"

    def build(self, image_channels: int, mask_channels: int, space_dims: int = 2):
        return Failing(image_channels, self.failures, float(self.value))


def failing(config: RunConfig, *failures: int, value: str = "nan") -> RunConfig:
    network = FailingNetwork.model_construct(failures=failures, value=value)
    return config.model_copy(update={"model": config.model.model_copy(update={"network": network})})


@pytest.fixture
def make_trainer(skin: Folder, tiny, tmp_path):
    def make(config: RunConfig | None = None) -> Trainer:
        return set_up(skin, tmp_path, config or tiny(), 0, None, "cpu").trainer

    return make


def test_batches_of_a_set_with_many_empty_masks_hold_foreground(skin_data, tiny, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    for path in sorted((data / "masks").iterdir())[2:]:
        Image.new("L", (256, 256)).save(path)
    share = tiny("train.foreground_share=0.5")
    plain, half = (
        set_up(Folder(root=data), tmp_path, config, 0, None, "cpu").trainer
        for config in (tiny(), share)
    )
    names = [[one.batches.names(step) for step in range(20)] for one in (plain, half)]
    filled = {half.batches.turns[i].study for i in half.batches.foreground}
    least = [min(len([n for n in batch if n in filled]) for batch in batches) for batches in names]
    assert least == [0, 2]


@pytest.fixture
def rated(skin_data, tmp_path) -> Folder:
    """The images with a rater who draws nothing and one who draws it all."""
    data = Path(shutil.copytree(skin_data, tmp_path / "rated"))
    for rater, value in (("none", 0), ("all", 255)):
        (data / "raters" / rater).mkdir(parents=True)
        for path in (data / "masks").iterdir():
            Image.new("L", (256, 256), value).save(data / "raters" / rater / f"{path.stem}.png")
    return Folder(root=data)


def test_a_random_rater_is_drawn_anew_in_every_step(rated, tiny, tmp_path):
    config = tiny("train.raters=random", "train.augmentation=[]")
    one, other = (set_up(rated, tmp_path, config, 0, None, "cpu").trainer for _ in range(2))
    drawn = []
    for step in range(8):
        x_0 = one.batches.make(step).x_0
        assert all(len(row.unique()) == 1 for row in x_0)
        drawn += (x_0.mean(dim=(1, 2, 3)) > 0).tolist()
    assert 8 < sum(drawn) < 24
    assert other.batches.make(7).x_0.equal(x_0)  # no state


def test_all_raters_are_seen_once_in_every_pass(rated, tiny, tmp_path):
    config = tiny("train.raters=all", "train.augmentation=[]")
    batches = set_up(rated, tmp_path, config, 0, None, "cpu").trainer.batches
    steps = len(batches.turns) // config.train.batch_size  # one pass
    studies = sorted({turn.study for turn in batches.turns})
    assert len(studies) == 8
    seen = []
    for step in range(steps):
        drawn = batches.make(step).x_0.mean(dim=(1, 2, 3)) > 0
        seen += zip(batches.names(step), drawn.tolist(), strict=True)
    assert sorted(seen) == [(study, full) for study in studies for full in (False, True)]


def test_a_study_without_raters_keeps_its_mask_beside_others(rated, skin, tiny, tmp_path):
    alone = rated.annotated_ids()[0]
    for rater in ("none", "all"):
        (rated.root / "raters" / rater / f"{alone}.png").unlink()
    config = tiny("train.raters=all", "train.augmentation=[]", "train.batch_size=1")
    data = Folder(root=rated.root)
    batches = set_up(data, tmp_path, config, 0, None, "cpu").trainer.batches
    turns = [turn for turn in batches.turns if turn.study == alone]
    assert len(turns) == 1
    step = next(number for number in range(99) if batches.names(number) == [alone])
    plain = set_up(skin, tmp_path, tiny("train.augmentation=[]"), 0, None, "cpu").trainer.batches
    mine = plain.process.signal(plain.cache.batch([alone])[1])
    assert batches.make(step).x_0.equal(mine)


def test_the_consensus_is_taken_where_nothing_else_is_asked(rated, skin, tiny, tmp_path):
    both = [set_up(data, tmp_path, tiny(), 0, None, "cpu").trainer for data in (rated, skin)]
    mine, yours = (one.batches.make(3) for one in both)
    assert mine.image.equal(yours.image)
    assert mine.x_0.equal(yours.x_0)


def test_training_on_raters_goes_on_bit_for_bit(rated, tiny, tmp_path, watcher, equal_runs):
    config = tiny("train.raters=random", "train.max_steps=6", "train.validations=2")
    train(rated, tmp_path / "a", config, device="cpu")
    stop = watcher(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        train(rated, tmp_path / "b", config, device="cpu", observer=stop)
    train(rated, tmp_path / "b", config, device="cpu")
    assert equal_runs(tmp_path / "a", tmp_path / "b")


def test_raters_that_are_not_there_are_refused(skin, tiny, tmp_path):
    with pytest.raises(DataError, match="None of the 8 training studies has masks of several"):
        set_up(skin, tmp_path, tiny("train.raters=random"), 0, None, "cpu")


def test_a_step_depends_on_weights_and_number_alone(make_trainer):
    one, other = make_trainer(), make_trainer()
    other.batches.make(7)  # whatever was looked at before
    assert one.step(3, 20) == other.step(3, 20)
    mine, yours = one.network.state_dict(), other.network.state_dict()
    assert all(mine[name].equal(yours[name]) for name in mine)


def test_a_step_moves_every_weight(make_trainer):
    trainer = make_trainer()
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    for number in range(3):  # what starts at zero holds back the gradients behind it
        trainer.step(number, 20)
    assert not [n for n, value in trainer.network.named_parameters() if value.equal(before[n])]


def test_steps_have_random_streams_of_their_own():
    drawn = [torch.rand(2, generator=step_generator(*key)) for key in ((0, 1), (0, 2), (1, 1))]
    assert not drawn[0].equal(drawn[1])
    assert not drawn[0].equal(drawn[2])
    assert drawn[0].equal(torch.rand(2, generator=step_generator(0, 1)))


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_not_finite_leaves_the_weights_alone(make_trainer, tiny, value):
    trainer = make_trainer(failing(tiny(), 2, value=value))
    assert trainer.step(0, 20) > 0
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    assert math.isnan(trainer.step(1, 20))
    assert all(tensor.equal(before[n]) for n, tensor in trainer.network.state_dict().items())
    assert trainer.averaged.updates == 1
    assert trainer.step(2, 20) > 0


def test_three_in_a_row_end_the_training_and_name_the_studies(make_trainer, tiny):
    trainer = make_trainer(failing(tiny(), 1, 2, 4, 5, 6))
    for number in range(5):
        trainer.step(number, 20)
    with pytest.raises(NumericalError, match="3 times in a row, last at step 6") as caught:
        trainer.step(5, 20)
    assert all(study in str(caught.value) for study in trainer.batches.names(5))


def test_what_is_not_finite_is_told_at_once_and_never_saved(skin, tiny, tmp_path, watcher):
    config = failing(tiny("train.validations=20"), 3, 8, 9, 10)
    observer = watcher()
    with pytest.raises(NumericalError):
        train(skin, tmp_path, config, device="cpu", observer=observer)
    told = [note for note in observer.notes if "was not finite" in note]
    assert "step 3 " in told[0]
    assert "ISIC_" in told[0]
    newest = max(tmp_path.glob("fold_0/checkpoint_*"))
    for file in ("model", "ema", "optimizer"):
        assert all(t.isfinite().all() for t in load_file(newest / f"{file}.safetensors").values())
    lines = (tmp_path / "fold_0" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[4])["loss"] is None  # two lines a step: its loss and its validation


def test_a_network_that_never_works_is_found_before_the_first_step(skin, tiny, tmp_path):
    config = failing(tiny(), *range(1, 9))
    with pytest.raises(NumericalError, match="Nothing of it was saved"):
        train(skin, tmp_path, config, device="cpu")
    assert not list(tmp_path.iterdir())


def test_the_learning_rate_rises_then_follows_a_cosine():
    settings = TrainConfig(learning_rate=0.5, warm_up=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == 0.5
    assert rates[55] == pytest.approx(0.25)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[99] < 0.001


@pytest.mark.parametrize("total", [1, 2, 3])
def test_the_shortest_trainings_have_a_learning_rate(total):
    rates = [learning_rate(step, total, TrainConfig(warm_up=0)) for step in range(total)]
    assert rates[0] == TrainConfig().learning_rate
    assert all(rate > 0 for rate in rates)


def gradients(trainer: Trainer) -> list[torch.Tensor]:
    trainer.gradients(trainer.batches.make(0), 0)
    found = [one.grad for one in trainer.network.parameters()]
    assert all(one is not None for one in found)
    return [one for one in found if one is not None]


def test_a_batch_in_parts_has_the_gradient_of_the_whole(make_trainer, tiny):
    whole = gradients(make_trainer())
    for rows in (1, 3):
        parts = gradients(make_trainer(tiny(f"train.micro_batch={rows}")))
        pairs = zip(whole, parts, strict=True)
        assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in pairs)


def test_a_device_without_memory_is_asked_for_half(make_trainer, monkeypatch):
    trainer, expected = make_trainer(), gradients(make_trainer())
    condition = trainer.running.condition

    def small(image: torch.Tensor) -> Condition:
        if len(image) > 2:
            raise torch.OutOfMemoryError
        return condition(image)

    monkeypatch.setattr(trainer.running, "condition", small)
    pairs = zip(expected, gradients(trainer), strict=True)
    assert trainer.rows_at_once == 2
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_made_ahead_are_the_same(make_trainer, tiny, threads):
    plain, ahead = make_trainer(), make_trainer(tiny(f"train.loaders={threads}"))
    assert [plain.step(n, 5) for n in range(5)] == [ahead.step(n, 5) for n in range(5)]


def test_the_head_takes_its_turns(make_trainer, tiny):
    often, seldom = make_trainer(), make_trainer(tiny("train.head.every=5"))
    given = often.batches.make(0)
    with torch.no_grad():
        each = [float(seldom.loss(given, number)) for number in range(6)]
        assert each[0] == each[5] == float(often.loss(given, 1))
    assert each[1] == each[4] < each[0]


def test_cross_entropy_of_the_head_has_its_weight(make_trainer, tiny):
    losses = []
    for weight in (0, 1, 2):
        trainer = make_trainer(tiny(f"train.head.cross_entropy={weight}"))
        with torch.no_grad():
            losses.append(float(trainer.loss(trainer.batches.make(0))))
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert losses[1] > losses[0]


def test_the_head_has_its_weight_beside_the_denoiser(make_trainer, tiny):
    losses = []
    for weight in (0, 1, 3):
        trainer = make_trainer(tiny(f"train.head.weight={weight}"))
        with torch.no_grad():
            losses.append(float(trainer.loss(trainer.batches.make(0))))
    assert losses[2] - losses[0] == pytest.approx(3 * (losses[1] - losses[0]), rel=1e-4)
    assert losses[1] > losses[0]


def test_training_images_are_augmented(make_trainer, tiny):
    plain = make_trainer(tiny("train.augmentation=[]")).batches.make(0)
    moved = make_trainer().batches.make(0)
    assert TrainConfig().augmentation
    assert not torch.allclose(moved.image, plain.image, atol=0.01)
    assert not torch.equal(moved.x_0, plain.x_0)


def test_a_seed_decides_dropout_and_nothing_else_is_touched():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    drawn = []
    for seed in (7, 7, 8):
        with drawn_from(seed, torch.device("cpu")):
            drawn.append(torch.rand(4))
    assert torch.equal(torch.rand(2), expected)
    assert drawn[0].equal(drawn[1])
    assert not drawn[0].equal(drawn[2])
