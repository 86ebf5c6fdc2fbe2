"""Training: stopping and going on bit by bit, refusals, losses that are not finite."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.engine import planning, validation
from medsegdiff.engine.budget import ValidationCost
from medsegdiff.engine.checkpoint import checksum_fault
from medsegdiff.engine.model_location import pointer
from medsegdiff.engine.predict import predict
from medsegdiff.engine.progress import TrainingObserver
from medsegdiff.engine.train import train
from medsegdiff.engine.validation import validate
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import CheckpointError, Interrupted, UnreadableStudy

train_here = partial(train, device="cpu")


def stop(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.fixture
def copied_run(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def test_a_stop_is_obeyed_within_a_validation_which_is_then_made_up_for(
    skin, tiny, tmp_path, equal_runs, finished_run, monkeypatch
):
    predicted: list[str] = []

    def stopped_in_the_first(sample, *others):
        predicted.append(sample.study)
        stop(signal.SIGTERM)()
        return predict(sample, *others)

    with monkeypatch.context() as patched:
        patched.setattr(validation, "predict", stopped_in_the_first)
        with pytest.raises(Interrupted, match="after step 5 of 20"):
            train_here(skin, tmp_path, tiny())
    assert len(predicted) == 1
    train_here(skin, tmp_path, tiny())
    assert equal_runs(tmp_path, finished_run)
    logs = [(run / "fold_0" / "metrics.jsonl").read_text() for run in (tmp_path, finished_run)]
    dices = [[line for line in log.splitlines() if '"dice"' in line] for log in logs]
    assert dices[0] == dices[1]


@pytest.mark.parametrize("step", [9, 10])  # between two checkpoints, and right after one
def test_a_stopped_training_goes_on_bit_by_bit(
    step, skin, tiny, tmp_path, watcher, equal_runs, finished_run
):
    with pytest.raises(Interrupted, match=f"after step {step} of 20"):
        train_here(skin, tmp_path, tiny(), observer=watcher(step, stop(signal.SIGTERM)))
    observer = watcher()
    result = train_here(skin, tmp_path, tiny(), observer=observer)
    assert f"Going on from checkpoint_{step:07d}." in observer.notes
    assert result.steps == 20
    assert equal_runs(tmp_path, finished_run)


def test_a_budget_in_minutes_stays_the_steps_it_once_came_to(
    skin, tiny, tmp_path, watcher, equal_runs
):
    budget = tiny("train.max_steps=null", "train.max_minutes=0.03", "train.validations=1")
    first = watcher(1, stop(signal.SIGTERM))
    with pytest.raises(Interrupted):
        train_here(skin, tmp_path / "a", budget, observer=first)
    (total,) = first.totals
    assert train_here(skin, tmp_path / "a", budget).steps == total
    whole = tiny(f"train.max_steps={total}", "train.validations=1")
    train_here(skin, tmp_path / "b", whole)
    assert equal_runs(tmp_path / "a", tmp_path / "b")


def test_few_minutes_are_not_spent_on_validations(skin, tiny, tmp_path, watcher, monkeypatch):
    cost = ValidationCost(each=0.3, at_the_end=0.0)  # on any machine; 0.4 s are to spare
    monkeypatch.setattr(planning, "validation_cost", lambda setup: cost)
    budget = tiny("train.max_steps=null", "train.max_minutes=0.02")
    unasked = budget.train.model_dump(exclude_unset=True, exclude={"validations"})
    budget = budget.model_copy(update={"train": type(budget.train).model_validate(unasked)})
    observer = watcher()
    train_here(skin, tmp_path, budget, observer=observer)
    assert any(note.startswith("Validated 1 time(s) instead of 8") for note in observer.notes)
    assert len(list((tmp_path / "fold_0" / "samples").glob("*.png"))) == 1


@pytest.mark.parametrize(
    ("spread", "raters", "says"), [(1.0, 0, True), (0.0, 0, False), (1.0, 2, False)]
)
def test_spread_members_without_raters_are_noted(
    spread, raters, says, skin_data, tiny, tmp_path, watcher
):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    for number in range(raters):
        shutil.copytree(data / "masks", data / "raters" / f"person_{number}")
    observer = watcher()
    settings = tiny("train.max_steps=1", f"predict.spread={spread}")
    train_here(Folder(root=data), tmp_path / "run", settings, observer=observer)
    assert (
        any("no training study has masks of several raters" in one for one in observer.notes)
        is says
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_give_their_exit_codes(number, code, skin, tiny, tmp_path, watcher):
    with pytest.raises(Interrupted) as caught:
        train_here(skin, tmp_path, tiny(), observer=watcher(2, stop(number)))
    assert caught.value.exit_code == code
    assert pointer(tmp_path / "fold_0", "latest") == "checkpoint_0000002"


class StopsAtTheEnd(TrainingObserver):
    def noted(self, message: str) -> None:
        if message.startswith("Validating the best weights"):
            signal.raise_signal(signal.SIGINT)


def test_the_last_validation_is_broken_off_in_words_and_made_up_for(skin, tiny, tmp_path):
    with pytest.raises(Interrupted, match="Stopped in the last validation") as caught:
        train_here(skin, tmp_path, tiny(), observer=StopsAtTheEnd())
    assert caught.value.exit_code == 130
    assert not (tmp_path / "fold_0" / "final").exists()
    train_here(skin, tmp_path, tiny())
    assert (tmp_path / "fold_0" / "final").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
def test_the_program_leaves_with_143_on_sigterm(skin_data, tmp_path):
    command = [sys.executable, "-m", "medsegdiff", "train", str(skin_data), "-o", str(tmp_path)]
    settings = ["train.side=32", "train.batch_size=2", "model.network.widths=[8, 8, 8, 8, 8]"]
    process = subprocess.Popen([*command, "--max-steps", "5000", *settings])
    log = tmp_path / "fold_0" / "metrics.jsonl"
    while process.poll() is None and not (log.is_file() and log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert pointer(tmp_path / "fold_0", "latest")


def test_a_damaged_checkpoint_is_left_out(
    skin, tiny, copied_run, watcher, equal_runs, finished_run
):
    file = copied_run / "fold_0" / "checkpoint_0000020" / "ema.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    observer = watcher()
    train_here(skin, copied_run, tiny(), observer=observer)
    assert observer.notes[0] == "Left out checkpoint_0000020: ema.safetensors is damaged."
    assert observer.notes[1].startswith("Going on from checkpoint_00000")
    assert equal_runs(copied_run, finished_run)


def test_without_a_whole_checkpoint_it_starts_anew(
    skin, tiny, copied_run, watcher, equal_runs, finished_run
):
    for sums in copied_run.glob("fold_0/checkpoint_*/SHA256SUMS"):
        sums.unlink()
    observer = watcher()
    train_here(skin, copied_run, tiny(), observer=observer)
    assert "No whole checkpoint is left, so the training starts anew." in observer.notes
    assert len(observer.totals) == 20
    assert equal_runs(copied_run, finished_run)


def test_later_damaged_checkpoints_do_not_push_out_good_ones(skin, tiny, copied_run, watcher):
    for step in (30, 40):
        (copied_run / "fold_0" / f"checkpoint_{step:07d}").mkdir()
    observer = watcher(22, stop(signal.SIGTERM))
    with pytest.raises(Interrupted):
        train_here(skin, copied_run, tiny("train.max_steps=25"), observer=observer)
    found = sorted(path.name for path in copied_run.glob("fold_0/checkpoint_*"))
    assert found[-2:] == ["checkpoint_0000020", "checkpoint_0000022"]


def test_what_names_the_best_checkpoint_is_mended(skin, tiny, copied_run, finished_run):
    (copied_run / "fold_0" / "best").unlink()  # killed between the folder and its name
    (copied_run / "fold_0" / ".checkpoint_0000020.x.tmp").mkdir()
    train_here(skin, copied_run, tiny())
    assert pointer(copied_run / "fold_0", "best") == pointer(finished_run / "fold_0", "best")
    assert not list(copied_run.rglob(".*.tmp"))


def test_a_validation_that_fails_loses_no_step(skin_data, tiny, tmp_path, watcher):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    image = data / "images" / "ISIC_0014667.jpg"
    observer = watcher(2, lambda: image.write_bytes(b"spoiled"))
    config = tiny("train.max_steps=4", "train.validations=1")
    with pytest.raises(UnreadableStudy, match="ISIC_0014667"):
        train_here(Folder(root=data), tmp_path / "run", config, observer=observer)
    assert pointer(tmp_path / "run" / "fold_0", "latest") == "checkpoint_0000004"


def test_a_finished_checkpoint_is_never_touched_again(finished_run):
    for folder in finished_run.glob("fold_0/checkpoint_*"):
        assert checksum_fault(folder) is None
    assert checksum_fault(finished_run / "fold_0" / "final") is None


def test_a_lost_best_checkpoint_is_found_again(skin, tiny, copied_run):
    best = copied_run / "fold_0" / str(pointer(copied_run / "fold_0", "best"))
    shutil.rmtree(best)
    result = train_here(skin, copied_run, tiny("train.max_steps=21"))
    assert (copied_run / "fold_0" / f"checkpoint_{result.best_step:07d}").is_dir()
    assert TrainedModel.load(copied_run, "cpu")


def test_changed_settings_are_refused_and_nothing_is_written(skin, tiny, copied_run):
    before = (copied_run / "config.json").read_bytes()
    with pytest.raises(
        CheckpointError, match=r"settings \(train.*--accept-changes.*--resume never"
    ):
        train_here(skin, copied_run, tiny("train.learning_rate=0.01"))
    assert (copied_run / "config.json").read_bytes() == before


def test_changed_settings_may_be_accepted(skin, tiny, copied_run):
    changed = tiny("train.learning_rate=0.01", "train.max_steps=21")
    result = train_here(skin, copied_run, changed, accept_changes=True)
    assert result.steps == 21
    train_here(skin, copied_run, changed)  # from now on these are the run's settings


def test_changed_data_are_refused(skin_data, tiny, copied_run, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    mask = data / "masks" / "ISIC_0000460.png"
    Image.open(mask).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mask)
    with pytest.raises(CheckpointError, match="other data"):
        train_here(Folder(root=data), copied_run, tiny())
    train_here(Folder(root=data), copied_run, tiny(), accept_changes=True)


def test_more_steps_may_be_asked_for(skin, tiny, copied_run, watcher):
    observer = watcher()
    result = train_here(skin, copied_run, tiny("train.max_steps=23"), observer=observer)
    assert result.steps == 23
    assert "23 steps in all, no longer 20." in observer.notes
    assert len(observer.totals) == 3


def test_fewer_steps_than_are_done_change_nothing(skin, tiny, copied_run, watcher):
    observer = watcher()
    result = train_here(skin, copied_run, tiny("train.max_steps=7"), observer=observer)
    assert (result.steps, observer.totals) == (20, [])
    assert any(note.startswith("20 steps are done already") for note in observer.notes)


def test_resume_never_starts_anew(skin, tiny, copied_run, watcher, losses):
    observer = watcher()
    train_here(skin, copied_run, tiny("train.max_steps=4"), resume="never", observer=observer)
    assert len(observer.totals) == len(losses(copied_run)) == 4
    names = [path.name for path in copied_run.glob("fold_0/checkpoint_*")]
    assert max(names) == "checkpoint_0000004"


def test_a_finished_training_has_nothing_left_to_do(skin, tiny, copied_run, watcher, equal_runs):
    observer = watcher()
    train_here(skin, copied_run, tiny(), observer=observer)
    assert observer.totals == []


def test_another_seed_gives_another_training(skin, tiny, tmp_path, losses, finished_run):
    train_here(skin, tmp_path, tiny("train.seed=1", "train.max_steps=2"))
    assert losses(tmp_path)[0] != losses(finished_run)[0]


def test_the_global_random_state_is_left_alone(skin, tiny, tmp_path):
    before = torch.get_rng_state()
    train_here(skin, tmp_path, tiny("train.max_steps=2"))
    assert torch.get_rng_state().equal(before)


def test_patience_ends_a_training(skin, tiny, tmp_path):
    patient = tiny("train.validations=20", "train.patience=1", "train.learning_rate=1e-12")
    assert train_here(skin, tmp_path, patient).steps < 20


def test_a_training_may_start_from_another_model(skin, tiny, tmp_path, finished_run, losses):
    short = tiny("train.max_steps=1", "train.seed=3")
    train_here(skin, tmp_path / "a", short, init=str(finished_run))
    train_here(skin, tmp_path / "b", short)
    assert losses(tmp_path / "a")[0] < losses(tmp_path / "b")[0]


def test_nothing_is_pickled(finished_run):
    source = Path(str(sys.modules["medsegdiff"].__file__)).parent
    code = "".join(file.read_text(encoding="utf-8") for file in source.rglob("*.py"))
    assert not [word for word in ("pickle", "torch.load(", "torch.save(") if word in code]
    endings = {path.suffix for path in finished_run.rglob("*") if path.is_file()}
    assert endings == {"", ".json", ".jsonl", ".png", ".safetensors"}


@pytest.mark.slow
def test_eight_images_are_learned_by_heart(skin, tiny, tmp_path):
    long = tiny("train.max_steps=150", "train.augmentation=[]", "train.validations=1")
    train_here(skin, tmp_path, long)
    model = TrainedModel.load(tmp_path, "cpu")
    studies = skin.declared_splits().train
    assert len(studies) == 8
    assert validate(model, skin, studies, model.predict).dice > 0.9
