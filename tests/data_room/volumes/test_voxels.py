from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from medsegdiff.data.volumes import voxels as module
from medsegdiff.data.volumes.voxels import Voxels, read_intensities, read_whole_numbers, storable
from medsegdiff.errors import UnreadableStudy

PATH = Path("a.raw")
SHAPE = (3, 4, 5)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_VOXELS", 7)


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<f8", ">u8"])
@pytest.mark.parametrize("is_interleaved", [False, True])
def test_channels_side_by_side_or_one_after_the_other(kind: str, is_interleaved: bool) -> None:
    image = np.random.default_rng(0).integers(0, 1000, (2, *SHAPE)).astype(kind)
    stored = np.moveaxis(image, 0, -1) if is_interleaved else image
    layout = Voxels(SHAPE, 2, np.dtype(kind), is_interleaved)
    found = read_intensities(io.BytesIO(stored.tobytes()), layout, PATH)
    np.testing.assert_array_equal(found, image.astype(np.float32))


def test_scaling_is_exact_in_float64() -> None:
    stored, layout = np.arange(60, dtype=np.int16), Voxels(SHAPE, 1, np.dtype("i2"), False, 0.1, -7)
    found = read_intensities(io.BytesIO(stored.tobytes()), layout, PATH)
    np.testing.assert_array_equal(found.ravel(), (stored * 0.1 - 7).astype(np.float32))


def test_scaled_masks_are_rounded_and_fractions_refused() -> None:
    content = io.BytesIO(np.arange(60, dtype=np.int16).tobytes())
    doubled = Voxels(SHAPE, 1, np.dtype("i2"), False, 2.0, 0.0)
    np.testing.assert_array_equal(
        read_whole_numbers(content, doubled, PATH).ravel(), np.arange(60) * 2
    )
    halved = Voxels(SHAPE, 1, np.dtype("i2"), False, 0.5, 0.0)
    with pytest.raises(UnreadableStudy, match="whole numbers"):
        read_whole_numbers(io.BytesIO(content.getvalue()), halved, PATH)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 255], "u1"),
        ([-1, 5], "i2"),
        ([0, 40_000], "u2"),
        ([-1, 40_000], "i4"),
        ([0, 2**32 - 1], "u4"),
        ([-1, 2**40], "i8"),
    ],
)
def test_long_integers_are_stored_in_the_smallest_type(values: list[int], kind: str) -> None:
    found = storable(np.array(values, dtype=np.int64))
    assert found.dtype == np.dtype(kind)
    assert found.tolist() == values


def test_types_of_at_most_four_bytes_are_kept_and_maps_are_float32() -> None:
    assert storable(np.zeros(3, np.int32)).dtype == np.int32
    assert storable(np.zeros(3, bool)).dtype == np.uint8
    assert storable(np.zeros(3, np.float64)).dtype == np.float32
