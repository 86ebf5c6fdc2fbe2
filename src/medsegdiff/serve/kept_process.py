"""A process that keeps one correction: the mask is a stranger's, and so is not read by the server.

in    {"dataset", "folders", "memory_gb", "jobs", "correction": {...}}    one line
out   {"study", "time"}, {"message", "is_kept"} or {"message": null, "trace"}        one line
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from medsegdiff.errors import AlreadyKept, MedSegDiffError
from medsegdiff.serve.memory import limit_memory
from medsegdiff.serve.traces import frames
from medsegdiff.serve.worker import is_want_of_memory, private_output

PATHS = ("mask", "drawn", "images", "out")
NO_MEMORY = "The mask needs more memory than there is. Send the one that the page makes."


def main() -> None:
    """Take an order, carry it out, say what became of it."""
    answers = private_output()
    answers.write(json.dumps(carried_out(json.loads(sys.stdin.readline()))) + "\n")
    answers.flush()


def carried_out(order: dict[str, Any]) -> dict[str, Any]:
    """Keep a correction and say under which name, or why not."""
    from medsegdiff.engine.corrections import Correction, keep_correction  # torch comes with it

    limit_memory(order["memory_gb"], "cpu", order["jobs"])
    given = order["correction"]
    paths = {name: Path(given[name]) for name in PATHS}
    channel_names = tuple(given["channel_names"])
    correction = Correction(**{**given, **paths, "channel_names": channel_names})
    try:
        kept = keep_correction(correction, Path(order["dataset"]))
        return {"study": kept.study, "time": kept.time}
    except MedSegDiffError as error:
        told = without_folders(str(error), order["folders"])
        return {"message": told, "is_kept": isinstance(error, AlreadyKept)}
    except Exception as error:
        if is_want_of_memory(error):
            return {"message": NO_MEMORY}
        return {"message": None, "trace": frames(error)}


def without_folders(text: str, folders: list[str]) -> str:
    """A sentence that names no folder of this machine.

    Args:
        text: the sentence.
        folders: those that may stand in it.
    """
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(f"{folder}/", "").replace(folder, "the folder")
    return text


if __name__ == "__main__":
    main()
