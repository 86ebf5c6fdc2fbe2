from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medsegdiff.data.dicom.codestream import codestream_size


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("shape", [(33, 65), (200, 7)])
def test_the_size_is_what_was_compressed(kind: str, shape: tuple[int, int]) -> None:
    content = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(content, format=kind)
    assert codestream_size(content.getvalue()) == shape


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\x10", b"no picture"])
def test_where_nothing_is_declared_the_size_is_unknown(content: bytes) -> None:
    assert codestream_size(content) is None
