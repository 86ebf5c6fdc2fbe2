"""What all tests share: sample data, golden arrays, and one thread each to run side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

TESTS = Path(__file__).parent
SHARED = TESTS.parent.parent / "shared" / "data"

settings.register_profile("medsegdiff", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("medsegdiff")
torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*.npz")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the full data sets, beside the repository; most machines do not have it."""
    if not SHARED.is_dir():
        pytest.skip(f"the full data sets are not in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def skin_data() -> Path:
    """Twelve dermoscopy images with lesion masks: images/, masks/, splits.json (8 / 2 / 2)."""
    return TESTS / "data" / "skin_isic2017"


@pytest.fixture(scope="session")
def head_data() -> Path:
    """Six grey ultrasound images with fetal head masks, not square."""
    return TESTS / "data" / "us_fetalhead_hc18"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare arrays with those kept in `tests/golden/<name>.npz`, or keep them anew."""

    def compare(name: str, atol: float = 1e-6, **arrays: object) -> None:
        path = TESTS / "golden" / f"{name}.npz"
        given = {key: np.asarray(value) for key, value in arrays.items()}
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            np.savez_compressed(path, **given)
        kept = np.load(path)
        assert set(kept.files) == set(given)
        for key, value in given.items():
            np.testing.assert_allclose(value, kept[key], rtol=0, atol=atol, err_msg=key)

    return compare
