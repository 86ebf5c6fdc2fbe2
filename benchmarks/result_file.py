"""The file that a measurement leaves behind: its figures, and what they were made with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablation.measure import commit

from medsegdiff.engine.environment import environment
from medsegdiff.files import write_json


def typed() -> str:
    """The command line of this program, from the project's folder."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def made_with(command: str, **about: Any) -> dict[str, Any]:
    """Command, commit and machine of figures; `about` says more of the machine."""
    return {"command": command, "commit": commit(), "machine": {**environment(), **about}}


def keep(file: Path | None, command: str, figures: Mapping[str, Any]) -> None:
    """Print the figures, and write them with command, commit and machine if there is a file."""
    print(json.dumps(figures, indent=1))
    if file is not None:
        load = {"load_average": round(os.getloadavg()[0], 1)}
        write_json(file, {**made_with(command), **load, **figures})
