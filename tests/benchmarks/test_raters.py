"""Members beside several raters: what is drawn, and that better members get better figures."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import raters
import tails
import torch
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.engine.settings import read_run_config, with_predict
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble.levels import TAIL
from medsegdiff.errors import ConfigError
from medsegdiff.types import Sample

TWO_STAGES = "widths: [8, 8], blocks: [0, 1]"
SMALL = {
    "medsegdiff": f"{{name: medsegdiff, {TWO_STAGES}, denoiser_widths: [8]}}",
    "unet": f"{{name: unet, {TWO_STAGES}}}",
    "dropping": f"{{name: unet, {TWO_STAGES}, low_resolution: {{stage: 1, dropout: 0.5}}}}",
}
TINY = ("train.side=32", "train.batch_size=2", "train.max_steps=2", "train.validations=1")


@pytest.fixture(scope="module")
def data(skin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skin samples, with a rater who agrees and one who draws everything."""
    folder = tmp_path_factory.mktemp("raters") / "skin"
    shutil.copytree(skin_data, folder)
    shutil.copytree(folder / "masks", folder / "raters" / "same")
    (folder / "raters" / "all").mkdir()
    for path in (folder / "masks").iterdir():
        Image.new("L", (256, 256), 255).save(folder / "raters" / "all" / path.name)
    return folder


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training of two steps of each network."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SMALL}
    for name, folder in folders.items():
        words = [*TINY, "train.raters=random", f"model.network={SMALL[name]}"]
        train(Folder(root=data), folder, read_run_config(None, words), device="cpu")
    return folders


@pytest.fixture
def sample(data: Path) -> Sample:
    return Folder(root=data).load("ISIC_0014836")


@pytest.mark.parametrize(
    ("kind", "run"), [("default", "medsegdiff"), ("unet", "unet"), ("dropout", "dropping")]
)
def test_each_way_gives_sixteen_masks_twice_the_same(runs, sample, kind: str, run: str):
    model = TrainedModel.load(runs[run], "cpu")
    for label, way in raters.KINDS[kind].items():
        members, fused = way(sample, model, 0.75)
        assert members.shape == (16, *sample.labels.shape)
        assert set(members.unique().tolist()) <= {0, 1}
        assert not members.eq(members[0]).all(), f"{label} gives the same mask sixteen times"
        again, fused_again = way(sample, model, 0.75)
        assert again.equal(members)
        assert fused_again.equal(fused)


def test_dropout_is_off_again_afterwards(runs, sample):
    model = TrainedModel.load(runs["dropping"], "cpu")
    before = raters.drawn_pixels(sample, model, 0.0)[1]
    raters.dropout_passes(sample, model, 0.0)
    assert raters.drawn_pixels(sample, model, 0.0)[1].equal(before)
    with pytest.raises(ConfigError, match="without dropout"):
        raters.dropout_passes(sample, TrainedModel.load(runs["unet"], "cpu"), 0.0)


def test_pixels_are_drawn_as_often_as_their_probability_says(runs, sample):
    model = TrainedModel.load(runs["unet"], "cpu")
    members, _ = raters.drawn_pixels(sample, model, 0.0)
    found = raters.predict(sample, model, model.predict)
    assert members.float().mean() == pytest.approx(float(found.probability.mean()), abs=0.01)


def test_the_raters_themselves_are_the_best_members(sample):
    both = torch.stack(list(sample.raters.values())).long()
    best = dict(zip(raters.MEASURES, raters.measured(sample, (both, both[0])), strict=True))
    worse = dict(zip(raters.MEASURES, raters.measured(sample, (both[:1], both[0])), strict=True))
    assert best["ged_squared"] == pytest.approx(0, abs=1e-9)
    assert best["hm_iou"] == best["d_max"] == best["union_sensitivity"] == pytest.approx(1)
    assert worse["ged_squared"] > 0.1
    assert worse["hm_iou"] < 0.9


def test_differences_are_to_the_first_kind_and_paired():
    draws = np.random.default_rng(0)
    one = draws.random((2, 9, len(raters.MEASURES)))
    first, second = raters.rows({"default": one, "unet": one + 0.25})
    assert "ged_squared_minus_first" not in first
    found = second["ged_squared_minus_first"]
    assert [found[key] for key in ("mean", "low", "high")] == pytest.approx([0.25] * 3)
    assert "+0.250 (+0.250 to +0.250)" in raters.markdown([first, second])


def test_the_whole_table_is_written(data, runs, tmp_path, monkeypatch, capsys):
    out = tmp_path / "raters.json"
    words = ["--default", runs["medsegdiff"], "--unet", runs["unet"], "--split", "test", "-o", out]
    monkeypatch.setattr(sys, "argv", ["raters.py", str(data), *map(str, words)])
    raters.main()
    assert "plain U-Net on random raters, pixels drawn" in capsys.readouterr().out
    written = json.loads(out.read_text(encoding="utf-8"))
    assert len(written["studies"]) == 2
    values = written["study by study"]["plain U-Net on random raters, pixels drawn"]
    assert np.shape(values["dice"]) == (1, 2)


def test_each_fold_is_judged_by_its_own_run(monkeypatch):
    two = SimpleNamespace(labels=SimpleNamespace(classes=2))
    monkeypatch.setattr(
        raters.TrainedModel, "load", lambda run: SimpleNamespace(config=two, run=int(run))
    )
    monkeypatch.setattr(raters, "measured", lambda sample, masks: [masks] * len(raters.MEASURES))
    found = raters.figures_of(
        lambda sample, model, spread: 100 * model.run + sample, list("0123"), [[1, 2], [3, 4]], 1.0
    )
    assert found[..., 0].tolist() == [[1, 2, 103, 104], [201, 202, 303, 304]]


def test_levels_hold_a_pixel_as_often_as_is_likely(sample):
    model = TrainedModel.load("skin-lesion", "cpu")
    members, _ = raters.levels(sample, model, 1.0)
    p = raters.predict(sample, model, with_predict(model.predict, seed=raters.SEED)).probability[0]
    unsure = (p > 0.15) & (p < 0.85)
    likely = (p - TAIL) / (1 - 2 * TAIL)
    assert unsure.sum() > 500
    assert (members.float().mean(dim=0) - likely)[unsure].abs().mean() < 0.03


@pytest.mark.parametrize(
    ("given", "says"),
    [(["two"], "1 runs for 2 data sets"), (["one", "two", "three"], "3 runs for 2 data sets")],
)
def test_runs_must_share_out_over_the_data_sets(data, monkeypatch, given, says):
    words = [str(data), str(data), "--default", *given]
    monkeypatch.setattr(sys, "argv", ["raters.py", *words])
    with pytest.raises(SystemExit, match=says):
        raters.main()


def test_data_without_raters_are_named(skin_data, runs, monkeypatch):
    words = [str(skin_data), "--default", str(runs["medsegdiff"])]
    monkeypatch.setattr(sys, "argv", ["raters.py", *words])
    with pytest.raises(SystemExit, match="without masks of raters"):
        raters.main()


def test_tails_move_the_levels(data, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(tails, "PAIRS", ((0.0, 1.0), (0.4, 1.0)))
    out = tmp_path / "tails.json"
    words = [str(data), "--default", str(runs["medsegdiff"]), "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["tails.py", *words])
    tails.main()
    wide, narrow = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert (wide["tail"], narrow["tail"]) == (0.0, 0.4)
    assert wide["union_sensitivity"]["mean"] > narrow["union_sensitivity"]["mean"]


def test_a_run_that_is_not_there_is_named(data, tmp_path, monkeypatch):
    words = [str(data), "--default", str(tmp_path / "nothing")]
    monkeypatch.setattr(sys, "argv", ["raters.py", *words])
    with pytest.raises(SystemExit, match=r"raters\.py: .*nothing"):
        raters.main()
