"""The client in the documentation works as it is printed there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"
ADDRESS = "http://127.0.0.1:8000"


def test_the_client_of_the_documentation_takes_a_mask_away(server, lesion, tmp_path):
    (client,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert client.count(ADDRESS) == 1
    own = client.replace(ADDRESS, str(server.client.base_url).rstrip("/"))
    imported = re.findall(r"^(?:import|from) (\w+)", client, re.M)
    assert set(imported) <= sys.stdlib_module_names  # it runs after the installation as it is told
    shutil.copy(lesion, tmp_path / "lesion.jpg")
    found = subprocess.run(
        [sys.executable, "-c", own], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("quality 0.9")
    mask = np.asarray(Image.open(tmp_path / "lesion.png"))
    assert set(np.unique(mask)) == {0, 255}
