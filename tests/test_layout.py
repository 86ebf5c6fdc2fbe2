"""The folders are the architecture: layers, lengths and names as CONTRIBUTING.md describes them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "medsegdiff"
FILES = sorted(SOURCE.rglob("*.py"))
TESTED_IN = {"data": "data_room"}  # tests/data holds the images
ROOMS = {"data", "models", "diffusion", "ensemble", "metrics"}
TORCH_GLOBALS = re.compile(
    r"torch\.(manual_seed|set_num_threads|set_default_\w+|seed\(|backends\.\w+\.\w+ =)"
    r"|np\.random\.(seed|rand|normal)|random\.seed"
)
ENVIRONMENT = re.compile(r"os\.environ|os\.getenv")
FORKED = "with torch.random.fork_rng"  # torch's layers draw their weights from the global stream
IN_A_READER = "torch.set_num_threads(1)  # of several, the fork has brought only this one"
SPEAKS_TO_TORCHRUN = "distributed.py"  # torchrun tells its processes their rank in no other way


def test_rooms_import_only_the_base_and_themselves() -> None:
    for file in FILES:
        room = file.relative_to(SOURCE).parts[0]
        text = file.read_text(encoding="utf-8")
        imported = set(re.findall(r"^\s*(?:from|import) medsegdiff\.(\w+)", text, re.M))
        foreign = imported - {room, "component", "types", "errors", "files"}
        assert room not in ROOMS or not foreign, f"{file} imports {foreign}"


def test_no_folder_collects_leftovers() -> None:
    folders = {file.parent.name for file in FILES}
    assert not folders & {"utils", "util", "common", "helpers", "misc"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_files_and_functions_are_short(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= 40, f"{file.name}: {node.name} has {lines} lines"


def without_forks(text: str) -> str:
    """Leave out a seed set on the first line inside a fork, which restores what was before.

    And the number of threads of a reader: a process of our own, in which nobody else's code runs.
    """
    text = text.replace(IN_A_READER, "")
    return re.sub(re.escape(FORKED) + r"\(.*\):\n\s+torch\.manual_seed\(.*\)", "", text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_library_code_leaves_global_state_alone(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not TORCH_GLOBALS.search(without_forks(text)), f"{file.name} changes global state"
    assert file.name == SPEAKS_TO_TORCHRUN or not ENVIRONMENT.search(text)
    if "cli" not in file.parts:
        assert not re.search(r"^\s*print\(", text, re.M), f"{file.name} prints"


def test_weights_are_never_unpickled() -> None:
    pickled = re.compile(r"torch\.load|torch\.save|import pickle|\bpickle\.|joblib")
    assert not [file for file in FILES if pickled.search(file.read_text(encoding="utf-8"))]


def test_import_is_light() -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'pydantic', 'PIL'}"
    code = f"import sys, medsegdiff; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_tests_mirror_the_source() -> None:
    rooms = {folder.name for folder in SOURCE.iterdir() if (folder / "__init__.py").is_file()}
    expected = {TESTED_IN.get(room, room) for room in rooms}
    tests = {file.relative_to(TESTS).parts[0] for file in TESTS.rglob("*/test_*.py")}
    assert expected <= tests, f"no tests in {expected - tests}"
