"""Archives are weighed before and while they are unpacked, and nothing in them leads elsewhere."""

from __future__ import annotations

import stat
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medsegdiff.errors import DataError
from medsegdiff.serve.archives import ArchiveLimits, unpack

LIMITS = ArchiveLimits(files=5, bytes=200 * 2**20)
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Make an archive of files by name; `unix` gives their kind."""

    def packed(files: dict[str, bytes], unix: int = 0) -> Path:
        path = tmp_path / "study.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = unix << 16
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        return path

    return packed


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return folder


def test_files_come_out_flat_and_litter_stays_in(pack, target):
    files = {"ct/1/a.dcm": b"1", "ct/2/a.dcm": b"2", "__MACOSX/._a.dcm": b"", "DICOMDIR": b"x"}
    found = unpack(pack(files), target, LIMITS)
    assert [(path.name, path.read_bytes()) for path in found] == [
        ("a.dcm", b"1"),
        ("1_a.dcm", b"2"),
    ]
    assert sorted(target.iterdir()) == sorted(found)


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png"])
def test_paths_that_lead_out_are_refused(pack, target, name):
    with pytest.raises(DataError, match="leads out"):
        unpack(pack({name: b"x"}), target, LIMITS)
    assert not list(target.iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(pack, target, kind):
    with pytest.raises(DataError, match="link or a device"):
        unpack(pack({"x.png": b"/etc/passwd"}, unix=kind | 0o777), target, LIMITS)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.7z", "a.gz"])
def test_archives_in_archives_are_refused(pack, target, name):
    with pytest.raises(DataError, match="another archive"):
        unpack(pack({name: b"x"}), target, LIMITS)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({f"{i}.png": b"x" for i in range(6)}, "too many"),
        ({f"{i}.png": b"x" for i in range(20)}, "too many"),
        ({}, "is empty"),
        ({"readme.txt": b"x"}, "kind that is not known"),
        ({"a.nii": bytes(100 * 2**20)}, "200 times its own size"),
    ],
)
def test_what_is_not_one_study_is_refused(pack, target, files, reason):
    with pytest.raises(DataError, match=reason):
        unpack(pack(files), target, LIMITS)


def test_an_archive_that_lies_about_its_size_is_stopped(pack, target):
    path = pack({"a.nii": bytes(20 * 2**20)})
    lied = path.read_bytes().replace((20 * 2**20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(lied)
    with pytest.raises(DataError, match="damaged"):
        unpack(path, target, ArchiveLimits(files=5, bytes=2**20))
    assert sum(one.stat().st_size for one in target.iterdir()) <= 2**20


def test_files_that_share_their_bytes_are_weighed_together(pack, target):
    path = pack({f"{i}.nii": bytes(50 * 2**20) for i in range(5)})
    started = time.monotonic()
    with pytest.raises(DataError, match="unpacks to more"):
        unpack(path, target, LIMITS)
    assert time.monotonic() - started < 5
    assert not list(target.iterdir())


def test_damaged_and_encrypted_archives_are_refused(pack, target, tmp_path):
    path = pack({"a.png": b"x" * 1000})
    content = bytearray(path.read_bytes())
    (tmp_path / "no.zip").write_bytes(b"PK no")
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path / "no.zip", target, LIMITS)
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        unpack(path, target, LIMITS)


def test_a_damaged_member_is_refused(pack, target):
    path = pack({"a.png": bytes(range(256)) * 40})
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        unpack(path, target, LIMITS)
