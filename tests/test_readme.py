"""The README's Python runs as it is written, on the bundled weights and images."""

import re
import shutil
from pathlib import Path

import pytest

from medsegdiff.engine.model_location import bundled_models

README = Path(__file__).parent.parent / "README.md"


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    images = sorted((bundled_models()["skin-lesion"] / "samples" / "images").iterdir())
    monkeypatch.chdir(tmp_path)
    shutil.copy(images[0], "lesion.jpg")
    Path("photos").mkdir()
    shutil.copy(images[1], "photos")
    exec(compile(code, str(README), "exec"), {})
    assert Path("out/lesion.png").is_file()
    assert capsys.readouterr().out.startswith(images[1].stem)
