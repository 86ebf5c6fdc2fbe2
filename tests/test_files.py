"""A reader finds the old file or the new one, never half of it, whatever happens to the writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from medsegdiff.files import atomic_folder, atomic_write, write_json

ENDLESS_WRITER = """
import sys
from pathlib import Path
from medsegdiff.files import atomic_folder, atomic_write
root = Path(sys.argv[1])
for number in range(10**9):
    text = str(number % 10) * 200_000
    atomic_write(root / "file", text)
    with atomic_folder(root / "folder") as folder:
        atomic_write(folder / "first", text)
        atomic_write(folder / "second", text)
    print(number, flush=True)
"""


def failing_writer(file: BinaryIO) -> None:
    file.write(b"half of the ne")
    raise OSError("no space left on device")


def test_text_bytes_and_a_function_are_written(tmp_path: Path) -> None:
    atomic_write(tmp_path / "new" / "text", "ä")
    atomic_write(tmp_path / "bytes", b"\x00\x01")
    atomic_write(tmp_path / "function", lambda file: file.write(b"abc"))
    assert (tmp_path / "new" / "text").read_text(encoding="utf-8") == "ä"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\x01"
    assert (tmp_path / "function").read_bytes() == b"abc"


def test_a_failing_writer_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    atomic_write(path, b"old")
    with pytest.raises(OSError, match="no space"):
        atomic_write(path, failing_writer)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.png"]


def test_a_failing_writer_leaves_the_old_folder_and_no_other(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "checkpoint") as folder:
        (folder / "state").write_text("old")
    with pytest.raises(OSError, match="no space"), atomic_folder(tmp_path / "checkpoint") as folder:
        atomic_write(folder / "state", failing_writer)
    assert os.listdir(tmp_path) == ["checkpoint"]
    assert (tmp_path / "checkpoint" / "state").read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic_folder(tmp_path / "checkpoint") as folder:
            (folder / name).touch()
    assert os.listdir(tmp_path / "checkpoint") == ["second"]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no permission bits")
def test_files_get_the_permissions_of_ordinary_files(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    atomic_write(tmp_path / "atomic", "x")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_json_is_utf8_and_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"grün": None})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"grün": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


def is_whole(path: Path) -> bool:
    text = path.read_text()
    return len(text) == 200_000 and len(set(text)) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.003, 0.011])
def test_a_killed_writer_leaves_whole_files(tmp_path: Path, seconds: float) -> None:
    command = [sys.executable, "-c", ENDLESS_WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"0\n"
        time.sleep(seconds)
        writer.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    assert is_whole(tmp_path / "file")
    if (tmp_path / "folder").exists():  # a folder cannot be replaced in one step
        assert is_whole(tmp_path / "folder" / "first")
        assert is_whole(tmp_path / "folder" / "second")
