from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medsegdiff.data import DatasetFingerprint, Folder, manifest_hash


def test_a_fingerprint_measures_what_is_there(skin_data: Path) -> None:
    folder = Folder(root=skin_data)
    found = DatasetFingerprint.of(folder, folder.ids())
    assert found.studies == 12
    assert found.shapes == {"256 x 256": 12}
    assert found.channel_names == ("red", "green", "blue")
    assert sum(found.class_shares.values()) == pytest.approx(1)
    assert all(list(row) == sorted(row) for row in found.percentiles)
    assert DatasetFingerprint.model_validate_json(found.model_dump_json()) == found


def test_the_hash_follows_contents_and_names_but_not_order(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    before = manifest_hash(folder, ["a", "b", "c"])
    assert before == manifest_hash(folder, ["c", "a", "b"])
    assert before != manifest_hash(folder, ["a", "b", "d"])
    mask = folder.files("b")[1]
    mask.write_bytes(mask.read_bytes() + b"x")
    assert before != manifest_hash(folder, ["a", "b", "c"])


def test_images_alone_have_a_fingerprint(make_folder: Callable[..., Folder]) -> None:
    root = make_folder(shape=(20, 30)).root / "images"
    found = DatasetFingerprint.of(Folder(root=root), ["a", "b"])
    assert found.class_shares == {}
    assert found.median_shape == (20, 30)
