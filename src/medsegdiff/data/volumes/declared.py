"""What the header of a volume promises: its grid, and where its numbers lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medsegdiff.data.volumes.voxels import Voxels
from medsegdiff.types import Geometry


@dataclass(frozen=True)
class Declared:
    """What the header of a volume promises.

    Args:
        geometry: the grid.
        voxels: how its numbers follow each other.
        file: that holds them; the file of the header, or another.
        is_packed: whether they are compressed (gzip or zlib).
        offset: of the first byte in the file, or of the compressed content.
        skipped: bytes before the first number, once it is inflated.
    """

    geometry: Geometry
    voxels: Voxels
    file: Path
    is_packed: bool = False
    offset: int = 0
    skipped: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes from `offset` to the end, once they are inflated."""
        return self.skipped + self.voxels.size_bytes
