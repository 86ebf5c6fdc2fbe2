"""What MONAI Label's client does with a server; run by a Python that has it, and nothing of ours.

    ENV/bin/python benchmarks/monai_label_calls.py SERVER FOLDER SETTINGS MODEL=FILE ...

Prints what each call answered as JSON; the masks lie in FOLDER/MODEL_CALL/.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from monailabel.client.client import MONAILabelClient, MONAILabelClientException


def inferred(
    server: str, folder: Path, model: str, settings: dict[str, Any], **which: str
) -> dict[str, Any]:
    """Segment what `which` names; where the mask is, and what was told of it."""
    folder.mkdir()
    client = MONAILabelClient(server, str(folder))
    mask, told = client.infer(model, params=dict(settings), **{"image_id": "", **which})
    return {"mask": mask, "labels": told["label_names"], "settings": told["settings"]}


def refusal(client: MONAILabelClient, file: Path) -> str:
    """What is said to a label that shall be stored."""
    try:
        client.save_label("mine", str(file))
    except MONAILabelClientException as error:
        return error.msg
    return ""


def called(
    server: str, folder: Path, settings: dict[str, Any], model: str, file: Path
) -> dict[str, Any]:
    """Every way to name an image: a session, the file itself, an upload under a name."""
    client = MONAILabelClient(server, str(folder), client_id="benchmark")
    session = client.create_session(str(file))["session_id"]
    found = {
        "session": inferred(
            server, folder / f"{model}_session", model, settings, session_id=session
        ),
        "file": inferred(server, folder / f"{model}_file", model, settings, file=str(file)),
    }
    files_of_session = client.get_session(session)["meta"]["total_files"]
    client.remove_session(session)
    client.upload_image(str(file), f"{model}_mine")
    name = {"image_id": f"{model}_mine"}
    found["upload"] = inferred(server, folder / f"{model}_upload", model, settings, **name)
    return {
        "infer": found,
        "files_of_session": files_of_session,
        "save_label": refusal(client, file),
    }


def main(server: str, folder: str, settings: str, *pairs: str) -> None:
    client = MONAILabelClient(server, folder)
    images = dict(pair.split("=", 1) for pair in pairs)
    info = client.info()
    found = {
        "client": f"monailabel {version('monailabel')}",
        "python": sys.version.split()[0],
        "auth_enabled": client.auth_enabled(),
        "models": {name: one["labels"] for name, one in info["models"].items()},
        "datastore": sorted(client.datastore()["objects"]),
        "calls": {
            name: called(server, Path(folder), json.loads(settings), name, Path(file))
            for name, file in images.items()
        },
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
