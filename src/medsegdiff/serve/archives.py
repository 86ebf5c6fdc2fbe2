"""Zip archives from strangers: counted and weighed before and while they are unpacked."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medsegdiff.errors import DataError
from medsegdiff.serve.file_names import ARCHIVE, Names, ending_of, is_known, safe_name

HARMLESS_BYTES = 64 * 2**20  # that any archive may unpack to
LARGEST_RATIO = 200  # of what is unpacked to what was packed, beyond that
PIECE = 2**20
NESTED = (ARCHIVE, ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".zst")
LITTER = ("__macosx", "thumbs.db", "desktop.ini", "dicomdir")
ENCRYPTED = 0x1


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold.

    Args:
        files: their number.
        bytes: of all of them, unpacked.
    """

    files: int
    bytes: int


def unpack(archive: Path, folder: Path, limits: ArchiveLimits) -> list[Path]:
    """Unpack the files of an archive into one folder, flat.

    Args:
        archive: a zip file.
        folder: exists and is empty.
        limits: what it may hold.

    Returns:
        The files, by names that are safe and differ.

    Raises:
        DataError: it is damaged, encrypted, too large, or holds links, archives, paths that lead
            elsewhere, or files of an unknown kind.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive, limits)
            return list(_unpacked(opened, members, folder, limits))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{archive.name} is damaged or no plain zip: {_plain(error)}.") from None


def _checked(
    opened: zipfile.ZipFile, archive: Path, limits: ArchiveLimits
) -> list[zipfile.ZipInfo]:
    """What is to be unpacked, as far as the archive's own list can be believed."""
    listed = opened.infolist()
    if len(listed) > 2 * limits.files:
        raise DataError(f"{archive.name} lists too many files: at most {limits.files} are taken.")
    members = [one for one in listed if not one.is_dir() and not _is_litter(one.filename)]
    for member in members:
        _check_member(member)
    if not members:
        raise DataError(f"{archive.name} is empty. Pack the images of one study.")
    if len(members) > limits.files:
        raise DataError(f"{archive.name} holds too many files: at most {limits.files} are taken.")
    total = sum(member.file_size for member in members)
    packed = archive.stat().st_size
    if total > limits.bytes or (total > HARMLESS_BYTES and total > LARGEST_RATIO * packed):
        raise _too_large(archive, limits)
    return members


def _check_member(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    has_drive = ":" in path.parts[0] if path.parts else True
    if path.is_absolute() or ".." in path.parts or has_drive:
        raise DataError("A path in the archive leads out of it. Pack the images anew.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise DataError("The archive holds a link or a device. Pack plain files.")
    if member.flag_bits & ENCRYPTED:
        raise DataError("The archive is encrypted. Pack the images without a password.")
    name = safe_name(member.filename)
    if _is_nested(name):
        raise DataError(f"The archive holds another archive, {name}. Pack the images themselves.")
    if not is_known(name):
        raise DataError(f"The archive holds {name}, which is of a kind that is not known.")


def _unpacked(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, limits: ArchiveLimits
) -> Iterator[Path]:
    """Unpack file by file, and stop as soon as there is more than was declared or is allowed."""
    names = Names()
    left = limits.bytes
    for member in members:
        path = folder / names.unused(safe_name(member.filename))
        with opened.open(member) as packed, path.open("xb") as file:
            while piece := packed.read(PIECE):
                left -= len(piece)
                if left < 0:
                    raise _too_large(Path(opened.filename or ""), limits)
                file.write(piece)
        yield path


def _is_litter(name: str) -> bool:
    parts = [part.lower() for part in PurePosixPath(name.replace("\\", "/")).parts]
    return any(part in LITTER or (part.startswith(".") and part != "..") for part in parts)


def _is_nested(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(NESTED) and ending_of(lower) not in (".nii.gz", ".raw.gz")


def _too_large(archive: Path, limits: ArchiveLimits) -> DataError:
    return DataError(
        f"{archive.name} unpacks to more than is allowed ({limits.bytes / 2**20:.0f} MB, and "
        f"{LARGEST_RATIO} times its own size). Upload the images themselves."
    )


def _plain(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
