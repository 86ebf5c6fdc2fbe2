"""The file that a measurement leaves behind: its figures, and what they were made with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablation.measure import commit

from medsegdiff.engine.environment import environment
from medsegdiff.files import write_json


def keep(file: Path | None, command: str, figures: Mapping[str, Any]) -> None:
    """Print the figures, and write them with command, commit and machine if there is a file."""
    print(json.dumps(figures, indent=1))
    if file is not None:
        made = {"command": command, "commit": commit(), "machine": environment()}
        made["load_average"] = round(os.getloadavg()[0], 1)
        write_json(file, {**made, **figures})
