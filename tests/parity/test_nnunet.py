"""Our summary against that of nnU-Net's own evaluator, where it is installed beside us.

nnU-Net is no dependency: put the folder with its `nnUNetv2_evaluate_folder` into PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import summary_values

EVALUATOR = shutil.which("nnUNetv2_evaluate_folder")
LABELS = {"background": 0, "oedema": 1, "tumour": 2}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(EVALUATOR is None, reason="nnUNetv2_evaluate_folder is not in PATH"),
]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Labels and predictions of three studies, random blocks."""
    generator = np.random.default_rng(0)
    for folder in ("labelsTs", "out"):
        (tmp_path / folder).mkdir()
        for study in "abc":
            mask = generator.integers(0, 3, (4, 4, 3)).repeat(4, 0).repeat(4, 1).repeat(3, 2)
            image = nibabel.Nifti1Image(mask.astype(np.uint8), np.diag([0.7, 0.7, 3, 1]))
            nibabel.save(image, tmp_path / folder / f"{study}.nii.gz")
    declared = {"channel_names": {"0": "MRI"}, "labels": LABELS, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(declared), encoding="utf-8")
    (tmp_path / "plans.json").write_text('{"label_manager": "LabelManager"}', encoding="utf-8")
    return tmp_path / "labelsTs", tmp_path / "out"


def test_what_both_give_is_equal(folders: tuple[Path, Path], tmp_path: Path):
    given = ["-djfile", tmp_path / "dataset.json", "-pfile", tmp_path / "plans.json", "-np", "1"]
    command = [str(EVALUATOR), *folders, *given, "-o", tmp_path / "theirs.json"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    theirs = json.loads((tmp_path / "theirs.json").read_text(encoding="utf-8"))
    ours = summary_values(evaluate_folders(*folders))
    for mine, yours in zip(ours["metric_per_case"], theirs["metric_per_case"], strict=True):
        assert Path(mine["reference_file"]).name == Path(yours["reference_file"]).name
        for label, values in yours["metrics"].items():
            assert {name: mine["metrics"][label][name] for name in values} == values
    means = [(ours["foreground_mean"], theirs["foreground_mean"])]
    means += [(ours["mean"][label], values) for label, values in theirs["mean"].items()]
    for mine, yours in means:
        assert {name: mine[name] for name in yours} == pytest.approx(yours, abs=1e-12)
