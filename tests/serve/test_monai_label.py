"""Clients of MONAI Label are served: by its own client class where it is installed."""

from __future__ import annotations

import importlib.util
import io
import json
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FEW = {"model": "skin-lesion", "members": 1, "steps": 1, "seed": 0}


def infer(server, query="", files=None, **params):
    form = {"params": (None, json.dumps({**FEW, **params}))} | (files or {})
    return server.client.post(f"/infer/skin-lesion{query}", files=form)


def payload(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def opened(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)))


def test_the_models_and_their_labels_are_told(server):
    info = server.client.get("/info/").json()
    assert info["models"]["skin-lesion"]["labels"] == {"lesion": 1}
    assert "lesion" in info["labels"]
    assert info["models"]["skin-lesion"]["dimension"] == 2
    assert info["models"]["hippocampus"]["dimension"] == 3


def test_the_mask_of_a_session_is_that_of_the_page(server, lesion):
    job = server.send(lesion, **FEW)
    page = server.client.get(server.result(job)["layers"]["mask"]).content
    sent = {"files": (lesion.name, lesion.read_bytes())}
    session = server.client.put("/session/", files=sent).json()["session_id"]
    first = infer(server, f"?session_id={session}&output=image")
    np.testing.assert_array_equal(opened(first.content), opened(page))
    again = infer(server, f"?image={session}&output=image")
    assert again.content == first.content
    assert server.client.delete(f"/session/{session}").status_code == 200
    assert infer(server, f"?session_id={session}").status_code == 404


def test_figures_alone_come_as_json_and_leave_nothing_behind(server, lesion):
    file = {"file": (lesion.name, lesion.read_bytes())}
    before = server.client.get("/api/jobs").json()
    answer = infer(server, "?output=json", file, client_id="somebody").json()
    assert answer["label_names"] == {"lesion": 1}
    assert answer["settings"]["steps"] == 1
    assert server.client.get("/api/jobs").json() == before


def test_a_bundled_sample_is_an_image_of_the_datastore(server):
    objects = server.client.get("/datastore/?output=all").json()["objects"]
    offered = server.client.get("/api/models").json()["models"]
    sample = next(one["samples"][0] for one in offered if one["id"] == "skin-lesion")["id"]
    assert sample in objects
    assert infer(server, f"?image={sample}&output=json").status_code == 200


def test_figures_and_mask_come_in_one_form(server, lesion):
    answer = infer(server, files={"file": (lesion.name, lesion.read_bytes())})
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = {
        str(part.get_param("name", header="content-disposition")): part
        for part in message_from_bytes(head + answer.content).walk()
        if not part.is_multipart()
    }
    assert json.loads(payload(parts["params"]))["label_names"] == {"lesion": 1}
    assert parts["image"].get_filename() == "mask.png"
    assert opened(payload(parts["image"])).max() == 1


def test_slicers_panel_is_served(server, lesion):
    """It uploads under a name, asks for that with settings of its own, and may submit a label."""
    sent = {"file": (lesion.name, lesion.read_bytes()), "params": (None, '{"client_id": "me"}')}
    assert server.client.put("/datastore/?image=mine", files=sent).json() == {"image": "mine"}
    answer = infer(server, "?image=mine", result_extension=".nrrd", client_id="me")
    assert answer.headers["content-type"].startswith("multipart/form-data")
    refused = server.client.put("/datastore/label?image=mine", files=sent)
    assert (refused.status_code, "--keep" in refused.text) == (422, True)


@pytest.mark.parametrize(
    ("query", "files", "status"),
    [
        ("", {}, 422),
        ("?image=unknown", {}, 404),
        ("?output=json", {"file": ("a.png", b"no picture")}, 422),
        ("?output=pickle", {}, 422),
        ("", {"label": ("a.nii.gz", b"x")}, 422),
    ],
)
def test_what_cannot_be_done_is_refused(server, query, files, status):
    answer = infer(server, query, files)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.filterwarnings("ignore")  # it leaves its files open
@pytest.mark.skipif(
    None in map(importlib.util.find_spec, ("monailabel", "cgi")),
    reason="monailabel is not installed, or this Python has no cgi, which it needs",
)
def test_monai_labels_own_client_works(server, lesion, tmp_path):
    from monailabel.client.client import MONAILabelClient

    client = MONAILabelClient(str(server.client.base_url), str(tmp_path))
    assert "skin-lesion" in client.info()["models"]
    session = client.create_session(str(lesion))["session_id"]
    for given in ({"image_id": "", "session_id": session}, {"image_id": "", "file": str(lesion)}):
        mask, params = client.infer("skin-lesion", params=dict(FEW), **given)
        assert opened(Path(mask).read_bytes()).max() == params["label_names"]["lesion"]
