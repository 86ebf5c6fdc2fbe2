from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from medsegdiff.data.reader import read_header, read_image, read_mask
from medsegdiff.errors import UnreadableStudy

RAMP = np.arange(20 * 30).reshape(20, 30)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_every_type_is_read_as_stored(tmp_path: Path, kind: type, compression: str | None) -> None:
    values = RAMP.astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression)
    assert np.array_equal(read_image(tmp_path / "a.tif").image.numpy()[0], values)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "jpeg"])
def test_compressions_of_other_programs_are_read(tmp_path: Path, compression: str) -> None:
    values = np.full((24, 32, 3), 77, dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.tiff", compression=compression)
    assert np.abs(read_image(tmp_path / "a.tiff").image.numpy() - 77).max() <= 1


def test_colour_planes_stored_apart_are_joined(tmp_path: Path) -> None:
    values = np.stack([RAMP, RAMP + 1, RAMP + 2]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(tmp_path / "a.tif").image.numpy(), values)


def test_a_palette_is_expanded_in_images_and_kept_in_masks(tmp_path: Path) -> None:
    palette = np.zeros((3, 256), dtype=np.uint16)
    palette[:, 1] = [250 * 257, 10 * 257, 20 * 257]
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((20, 30), np.uint8), photometric="palette", colormap=palette
    )
    assert read_image(tmp_path / "a.tif").image[:, 0, 0].tolist() == [250, 10, 20]
    assert read_mask(tmp_path / "a.tif").values.max() == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_that_of_a_viewer(tmp_path: Path, orientation: int) -> None:
    values = (RAMP % 256).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=[tag])
    assert read_image(tmp_path / "a.tif").image.equal(read_image(tmp_path / "a.png").image)
    assert read_header(tmp_path / "a.tif").shape == read_header(tmp_path / "a.png").shape


def test_a_stack_of_pages_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 20, 30), dtype=np.uint8))
    with pytest.raises(UnreadableStudy, match="several pages"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_file_is_refused(tmp_path: Path, compression: str | None) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 50), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", noise, compression=compression)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-40])
    with pytest.raises(UnreadableStudy, match="damaged or incomplete"):
        read_image(tmp_path / "a.tif")
