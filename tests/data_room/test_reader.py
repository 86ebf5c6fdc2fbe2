from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medsegdiff.data.reader import (
    is_image_file,
    plain_stem,
    read_header,
    read_image,
    read_mask,
)
from medsegdiff.errors import ResourceError, UnreadableStudy

Save = Callable[..., Path]
RAMP = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cut")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_eight_bit_grey_is_read_as_stored(save: Save, ending: str) -> None:
    values = (RAMP % 256).astype(np.uint8)
    image = read_image(save(f"a.{ending}", values)).image
    assert image.dtype == torch.float32
    assert np.array_equal(image.numpy(), values[None])


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_keep_their_values(save: Save, ending: str) -> None:
    values = (RAMP * 100).astype(np.uint16)
    assert np.array_equal(read_image(save(f"a.{ending}", values)).image.numpy()[0], values)


def test_colour_has_three_channels_and_loses_its_transparency(save: Save) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    image = read_image(save("a.png", values)).image
    assert np.array_equal(image.numpy(), values[..., :3].transpose(2, 0, 1))


def test_a_palette_is_expanded_in_images_and_kept_in_masks(tmp_path: Path) -> None:
    drawn = Image.new("P", (30, 20), 1)
    drawn.putpalette([0, 0, 0, 250, 10, 20])
    drawn.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").image[:, 0, 0].tolist() == [250, 10, 20]
    assert np.array_equal(read_mask(tmp_path / "a.png").values, np.ones((20, 30)))


def test_a_picture_of_one_bit_is_black_and_white(save: Save) -> None:
    path = save("a.png", RAMP % 2 == 0)
    assert set(read_image(path).image.unique().tolist()) == {0.0, 255.0}
    assert set(np.unique(read_mask(path).values)) == {0, 1}


def test_the_camera_orientation_is_applied(save: Save) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save("a.jpg", (RAMP % 256).astype(np.uint8), exif=exif)
    assert read_header(path).shape == (30, 20)
    assert read_image(path).image.shape == (1, 30, 20)


def test_grey_stored_as_colour_is_a_grey_mask(save: Save) -> None:
    values = np.repeat((RAMP % 2 * 255).astype(np.uint8)[..., None], 3, axis=-1)
    assert np.array_equal(read_mask(save("a.png", values)).values, values[..., 0])


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif"])
@given(share=st.floats(0, 0.999))
def test_no_truncated_file_is_read(folder: Path, ending: str, share: float) -> None:
    path = folder / f"a.{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableStudy, match=r"a\."):
        read_image(path)


def test_a_jpeg_without_its_end_is_refused(save: Save) -> None:
    path = save("a.jpg", (RAMP % 256).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(UnreadableStudy, match="end-of-image"):
        read_image(path)


def test_a_flipped_bit_in_a_png_is_found(save: Save) -> None:
    path = save("a.png", (RAMP % 256).astype(np.uint8))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableStudy, match="damaged"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"this is a note", "content is not an image"),
        (b"", "empty file"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG file"),
    ],
)
def test_a_file_that_is_not_what_it_says(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UnreadableStudy, match=sentence):
        read_image(tmp_path / "a.jpg")


def test_a_missing_file_and_an_unknown_ending_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableStudy, match="no file"):
        read_image(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UnreadableStudy, match="Known endings"):
        read_image(tmp_path / "a.txt")


def test_one_pixel_is_no_image(save: Save) -> None:
    with pytest.raises(UnreadableStudy, match="1 x 1 pixels"):
        read_image(save("a.png", np.zeros((1, 1), dtype=np.uint8)))


def test_a_large_photograph_is_read(save: Save) -> None:
    path = save("a.png", np.zeros((4000, 6000, 3), dtype=np.uint8), compress_level=1)
    assert read_image(path).image.shape == (3, 4000, 6000)


def test_an_image_beyond_the_budget_is_refused_before_it_is_decoded(save: Save) -> None:
    path = save("a.png", np.zeros((1000, 1000), dtype=np.uint8))
    with pytest.raises(ResourceError, match=r"needs 0\.00 GB|1000 x 1000"):
        read_image(path, budget_bytes=2**20)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    size = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunks = [(len(body) - 4, body, zlib.crc32(body)) for body in (size, b"IDAT", b"IEND")]
    packed = [struct.pack(">I", n) + body + struct.pack(">I", crc) for n, body, crc in chunks]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with pytest.raises(ResourceError):
        read_image(tmp_path / "a.png")


def test_a_mask_of_fractions_is_refused(save: Save) -> None:
    with pytest.raises(UnreadableStudy, match="whole numbers"):
        read_mask(save("a.tif", (RAMP / 7).astype(np.float32)))


def test_a_mask_of_near_integers_is_rounded(save: Save) -> None:
    path = save("a.tif", (RAMP % 3 + 0.001).astype(np.float32))
    assert np.array_equal(read_mask(path).values, RAMP % 3)


def test_intensities_that_are_not_finite_are_refused(save: Save) -> None:
    values = RAMP.astype(np.float32)
    values[3, 3] = np.nan
    with pytest.raises(UnreadableStudy, match="finite"):
        read_image(save("a.tif", values))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.png", "a"),
        ("a.b.nii.gz", "a.b"),
        ("a.NII", "a"),
        ("a.txt", "a"),
        ("u\u0308.mha", "\u00fc"),
    ],
)
def test_a_stem_is_a_name_without_its_whole_ending(name: str, stem: str) -> None:
    assert plain_stem(Path(name)) == stem


def test_hidden_files_and_others_are_no_images() -> None:
    names = ["a.png", "a.nii.gz", "A.MHA", ".a.png", "a.txt", "a.gz", "._a.nii.gz"]
    assert [is_image_file(Path(name)) for name in names] == [True] * 3 + [False] * 4
