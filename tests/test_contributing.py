"""What CONTRIBUTING.md promises of adding a file is true as written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def added_metric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a copy of the package to which the metric of CONTRIBUTING.md has been added."""
    root = tmp_path_factory.mktemp("src")
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "src" / "medsegdiff", root / "medsegdiff", ignore=ignored)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (root / "medsegdiff" / "metrics" / "tversky.py").write_text(code, encoding="utf-8")
    return root


@pytest.mark.slow
def test_a_new_metric_is_tested_at_once(added_metric: Path) -> None:
    contract = ROOT / "tests" / "contracts" / "test_every_metric.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(contract)]
    ours = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    environment = {**ours, "PYTHONPATH": str(added_metric)}
    done = subprocess.run(
        [*command, "-k", "tversky"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b10 passed", done.stdout), done.stdout


def test_every_family_in_the_table_has_its_contract_test() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"contracts/(test_every_\w+\.py)", text))
    assert named == {path.name for path in (ROOT / "tests" / "contracts").glob("test_*.py")}
