"""A data set that is another one but for what its `dataset.json` says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def redeclared(source: Path, folder: Path, declared: Mapping[str, Any]) -> Path:
    """Make `folder`: links to the folders of `source`, and its `dataset.json` with other values.

    Args:
        source: the data set; it may have no `dataset.json`.
        folder: must not exist yet.
        declared: keys of `dataset.json`, such as `labels`, in place of those of `source`.
    """
    folder.mkdir(parents=True)
    for part in source.iterdir():
        if part.is_dir():
            (folder / part.name).symlink_to(part.resolve(), target_is_directory=True)
    file = source / "dataset.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    (folder / "dataset.json").write_text(json.dumps({**before, **declared}), encoding="utf-8")
    return folder
