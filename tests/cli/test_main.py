"""The program as a whole: help, versions, errors as sentences, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import medsegdiff as package
from medsegdiff.cli import main

VERBS = [
    "demo",
    "doctor",
    "verify",
    "plan",
    "train",
    "predict",
    "evaluate",
    "report",
    "serve",
    "info",
    "models",
    "export",
    "convert",
]


def test_help_is_quick_and_never_imports_torch():
    code = (
        "import sys; from medsegdiff.cli.main import run; run(['--help']); run(['train', '-h']);"
        "sys.exit(bool({'torch', 'numpy', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    started = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    assert time.perf_counter() - started < 5  # 0.2 s on a quiet machine


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, medsegdiff):
    answer = medsegdiff(verb, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out
    assert verb in medsegdiff().out


def test_the_version(medsegdiff):
    assert medsegdiff("--version").out.strip() == package.__version__


@pytest.mark.parametrize(
    "words", [["paint"], ["predict"], ["train", "x"], ["predict", "--brush", "1"], ["--x"]]
)
def test_a_wrong_command_line_is_usage(words, medsegdiff):
    answer = medsegdiff(*words)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "--help" in answer.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (package.DataError("The mask is torn."), 4, "medsegdiff: The mask is torn."),
        (package.ResourceError("Too large."), 5, "Too large."),
        (package.Interrupted("Saved.", 15), 143, "Saved."),
        (KeyboardInterrupt(), 130, "Stopped"),
        (MemoryError(), 5, "memory"),
        (OSError(28, "No space left on device"), 5, "No space left"),
        (FileExistsError(17, "File exists", "OUT"), 4, "OUT is a file, and not a folder"),
        (PermissionError(13, "Permission denied", "out"), 4, "Permission denied"),
        (KeyError("x"), 1, "--debug"),
    ],
)
def test_errors_become_a_sentence_and_a_code(error, code, words, medsegdiff, monkeypatch):
    def failing(words: list[str]) -> int:
        raise error

    monkeypatch.setattr(main, "_called", failing)
    answer = medsegdiff("models")
    assert answer.code == code
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_debug_shows_where(medsegdiff, tmp_path: Path):
    answer = medsegdiff("verify", tmp_path / "none", "--debug")
    assert answer.code == 4
    assert "Traceback" in answer.err


@pytest.mark.slow
def test_sigterm_stops_a_prediction_and_keeps_its_report(trained, skin_data, tmp_path: Path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "medsegdiff", "predict", "-i", str(skin_data / "images")]
    command += ["-o", str(out), "-m", str(trained), "--members", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    assert (out / "run_report.json").is_file()
