"""A corrected mask is kept with its image, and the folder can be trained on."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from medsegdiff.cli.main import run

FEW = {"model": "skin-lesion", "members": 1, "steps": 1, "seed": 7}


def as_png(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return file.getvalue()


def keep(server, job: str, content: bytes, name: str = "mask.png", **fields: str):
    given = {"author": "A. Nurse", "note": "border", **fields}
    return server.client.post(f"/api/jobs/{job}/keep", data=given, files={"mask": (name, content)})


def layer(server, job: str, name: str = "mask") -> np.ndarray:
    content = server.client.get(f"/api/jobs/{job}/files/{name}").content
    return np.array(Image.open(io.BytesIO(content)))


@pytest.fixture(scope="module")
def keeping(tmp_path_factory, running_server):
    folder = tmp_path_factory.mktemp("keeping")
    with running_server(folder, "--keep", str(folder / "kept"), "--jobs", "1") as server:
        server.dataset = folder / "kept"
        yield server


@pytest.fixture(scope="module")
def corrected(keeping, skin_data):
    """Two studies whose masks were drawn over, and what was drawn."""
    masks = {}
    for path in sorted((skin_data / "images").iterdir())[:2]:
        job = keeping.send(path, **FEW)
        keeping.result(job)
        mask = layer(keeping, job)
        mask[5:25, 5:40] = 1
        answer = keep(keeping, job, as_png(mask))
        assert answer.status_code == 201, answer.text
        assert answer.json() == {"study": path.stem, "folder_name": "kept"}
        masks[path] = mask
    return masks


def test_the_image_is_kept_as_it_came_and_the_mask_in_the_users_values(keeping, corrected):
    for path, mask in corrected.items():
        assert (keeping.dataset / "images" / path.name).read_bytes() == path.read_bytes()
        kept = np.array(Image.open(keeping.dataset / "masks" / f"{path.stem}.png"))
        np.testing.assert_array_equal(kept, mask * 255)


def test_it_is_told_who_corrected_what(keeping, corrected):
    record = json.loads(next((keeping.dataset / "corrections").glob("*.json")).read_text())
    assert (record["author"], record["note"]) == ("A. Nurse", "border")
    assert record["changed_voxels"] > 0
    assert record["settings"]["steps"] == 1
    assert record["settings"]["seed"] == FEW["seed"]
    kept = datetime.fromisoformat(record["time"])
    assert timedelta() <= datetime.now(kept.tzinfo) - kept < timedelta(hours=1)
    assert record["model"] == "skin-lesion"
    assert record["weights_hash"]


def test_verify_accepts_the_folder(keeping, corrected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it writes a picture there
    assert run(["verify", str(keeping.dataset)]) == 0


@pytest.mark.slow
def test_train_takes_the_folder_as_it_is(keeping, corrected, tmp_path):
    few = ["--max-steps", "2", "train.batch_size=2", "--device", "cpu"]
    assert run(["train", str(keeping.dataset), "-o", str(tmp_path / "run"), *few]) == 0


@pytest.mark.slow
def test_what_another_job_has_kept_is_replaced_only_when_asked(keeping, corrected):
    path, mask = next(iter(corrected.items()))
    job = keeping.send(path, **FEW)
    keeping.result(job)
    refused = keep(keeping, job, as_png(mask), author="B. Doctor")
    assert refused.status_code == 409
    assert "A. Nurse has kept a correction of this image on 20" in refused.text
    assert keep(keeping, job, as_png(mask), replace="perhaps").status_code == 422
    for replace in ("true", "false"):  # the second time it is the job's own
        assert keep(keeping, job, as_png(mask), replace=replace).status_code == 201
    assert len(list((keeping.dataset / "corrections/earlier").iterdir())) == 2


def test_what_is_no_mask_is_refused_in_words(keeping, lesion):
    job = keeping.send(lesion, **FEW)
    keeping.result(job)
    small = keep(keeping, job, as_png(np.zeros((9, 9), np.uint8)))
    torn = keep(keeping, job, as_png(layer(keeping, job))[:60])
    unknown = keep(keeping, job, as_png(layer(keeping, job) + np.uint8(7)))
    unnamed = keep(keeping, job, b"", author="  ")
    for answer in (small, torn, unknown, unnamed):
        assert answer.status_code == 422, answer.text
        assert str(keeping.dataset.parent) not in answer.text
        assert "/" not in answer.json()["error"]["message"]


def test_a_server_without_a_folder_keeps_nothing(server, lesion):
    job = server.send(lesion, **FEW)
    server.result(job)
    assert keep(server, job, b"x").status_code == 404
