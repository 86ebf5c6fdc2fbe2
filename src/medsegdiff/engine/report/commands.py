"""The commands that make a result again; folders stand in them by their role, not by their name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LINE_END = " \\\n    "


def predict_command(run_report: Mapping[str, Any]) -> str:
    """`medsegdiff predict` with every setting spelt out."""
    words = f"medsegdiff predict -i IMAGES -o OUT -m {shlex.quote(model_name(run_report))}"
    extras = run_report.get("extras", {})
    flags = ("probabilities", "uncertainty", "members")
    words += "".join(f" --save-{flag}" for flag in flags if extras.get(flag))
    words += " --preview" if extras.get("previews") else ""
    settings = run_report.get("predict", {})
    return LINE_END.join([words, *(f"{key}={_value(one)}" for key, one in settings.items())])


def evaluate_command(evaluation: Mapping[str, Any]) -> str:
    """`medsegdiff evaluate` with its settings."""
    words = "medsegdiff evaluate -gt TRUTH -p OUT"
    for key, flag in (
        ("split", "--split"),
        ("tolerance", "--tolerance"),
        ("lesion_overlap", "--lesion-overlap"),
    ):
        if evaluation.get(key) is not None:
            words += f" {flag} {evaluation[key]}"
    return words


def train_command(fold: str) -> str:
    """`medsegdiff train` of one fold with the run's settings."""
    return f"medsegdiff train DATA -o NEW_RUN -f {fold} --config RUN/config.json"


def model_name(run_report: Mapping[str, Any]) -> str:
    """A bundled model's name, or that of the folder that the model lies in."""
    return Path(str(run_report.get("model", "MODEL"))).name or "MODEL"


def _value(value: Any) -> str:
    """A setting as YAML, safe in a shell."""
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))
