from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.volumes.stream import check_at_end, check_size, exactly, opened
from medsegdiff.errors import UnreadableStudy


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stream") / "a"


@given(
    members=st.lists(st.binary(max_size=3000), min_size=1, max_size=4),
    padding=st.integers(0, 3),
    piece=st.integers(1, 5000),
)
def test_members_of_gzip_are_read_as_one(
    path: Path, members: list[bytes], padding: int, piece: int
) -> None:
    path.write_bytes(b"".join(map(gzip.compress, members)) + bytes(padding))
    whole = b"".join(members)
    with opened(path, is_packed=True) as stream:
        found = [exactly(stream, min(piece, len(whole) - i)) for i in range(0, len(whole), piece)]
        check_at_end(stream)
    assert b"".join(found) == whole


@given(cut=st.integers(1, 60))
def test_compressed_content_that_ends_early_is_refused(path: Path, cut: int) -> None:
    content = bytes(range(256)) * 4
    path.write_bytes(zlib.compress(content)[:-cut])
    with pytest.raises(UnreadableStudy, match="early"):
        _read_whole(path, len(content))


def _read_whole(path: Path, count: int) -> None:
    with opened(path, is_packed=True) as stream:
        exactly(stream, count)
        check_at_end(stream)


def test_no_more_is_inflated_than_asked_for(path: Path) -> None:
    path.write_bytes(gzip.compress(bytes(2**24)))
    with opened(path, is_packed=True) as stream:
        assert exactly(stream, 100) == bytes(100)
        with pytest.raises(ValueError, match="longer"):
            check_at_end(stream)


@pytest.mark.parametrize(
    ("is_packed", "count", "reason"),
    [(False, 101, "early"), (False, 99, "longer"), (True, 200_000, "early")],
)
def test_a_size_that_cannot_be_is_refused(
    path: Path, is_packed: bool, count: int, reason: str
) -> None:
    path.write_bytes(bytes(110))
    check_size(path, is_packed, 10, 100)
    with pytest.raises(UnreadableStudy, match=reason):
        check_size(path, is_packed, 10, count)
