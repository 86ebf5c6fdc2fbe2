"""What the program loads before it answers: the clock differs from machine to machine, this not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

TYPER = "typer click rich shellingham colorama annotated_doc typing_extensions pydantic"
TYPER += " pydantic_core annotated_types typing_inspection"  # what it brings, by its version
NOT_FOR_A_PICTURE = {  # each takes from a twentieth of a second to several seconds
    "scipy": "stats optimize interpolate spatial linalg sparse signal integrate fft io",
    "torch": "_dynamo _inductor onnx",
    "medsegdiff": "serve plugins engine.train engine.trainer engine.run_setup engine.report",
}
FOR_OTHERS = "fastapi starlette uvicorn highdicom pydicom nibabel SimpleITK matplotlib pandas"
FOR_OTHERS += " monai sklearn sympy networkx diffusers torchvision triton IPython pytest"


def loaded(*words: object) -> set[str]:
    """Modules that a command has loaded when it ends."""
    code = (
        "import sys; from medsegdiff.cli.main import run; code = run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    alone = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    done = subprocess.run(command, capture_output=True, text=True, env=alone)  # nobody counts lines
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["predict", "--help"], ["--version"]])
def test_help_needs_no_package_but_that_of_the_command_line(words):
    packages = {name.partition(".")[0] for name in loaded(*words)}
    installed = {one for one in packages - set(sys.stdlib_module_names) if not one.startswith("_")}
    assert installed - set(TYPER.split()) == {"medsegdiff"}


def test_a_prediction_of_a_picture_loads_nothing_that_it_does_not_need(tmp_path: Path):
    image = tmp_path / "lesion.png"
    Image.new("RGB", (64, 48), (200, 150, 140)).save(image)
    found = loaded("predict", "-i", image, "-o", tmp_path / "out", "-m", "skin-lesion")
    assert (tmp_path / "out" / "lesion.png").is_file()
    unwanted = {f"{room}.{one}" for room, all_ in NOT_FOR_A_PICTURE.items() for one in all_.split()}
    assert found & (unwanted | set(FOR_OTHERS.split())) == set()
    assert {"torch", "scipy.ndimage", "medsegdiff.engine.predict"} <= found  # names are as thought
