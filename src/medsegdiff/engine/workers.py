"""Who reads and writes beside the network, and which part of a folder is this command's."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator
from typing_extensions import Self

from medsegdiff.component import Config
from medsegdiff.data.memory import SHARE, machine_bytes


class Workers(Config):
    """How many read and write while the network works; no mask depends on it.

    Without readers or without writers, one study comes after the other.

    Args:
        readers: processes that read the next studies (nnU-Net's -npp).
        writers: threads that write what is drawn (nnU-Net's -nps).
        memory_gb: of all studies between reading and writing together; one alone may take more.
            None takes a quarter of the machine's.
    """

    readers: int = Field(default=2, ge=0, le=256)
    writers: int = Field(default=2, ge=0, le=256)
    memory_gb: float | None = Field(default=None, gt=0)

    @property
    def are_there(self) -> bool:
        """Whether anything is done beside the network."""
        return self.readers > 0 and self.writers > 0

    @property
    def memory_bytes(self) -> int:
        """What all studies together may take, in bytes."""
        return int(SHARE * machine_bytes() if self.memory_gb is None else self.memory_gb * 2**30)


NOBODY = Workers(readers=0, writers=0)


class Part(Config):
    """One of several parts of a folder, for the jobs of an array (nnU-Net's names).

    Args:
        num_parts: how many there are.
        part_id: which this is, from 0.
    """

    num_parts: int = Field(default=1, ge=1)
    part_id: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.part_id >= self.num_parts:
            raise ValueError(
                f"part_id counts from 0 and must be below num_parts ({self.num_parts}), but it is "
                f"{self.part_id}"
            )
        return self

    def of(self, studies: Sequence[str]) -> Sequence[str]:
        """Every num_parts-th study; each is in exactly one part."""
        return studies[self.part_id :: self.num_parts]

    @property
    def name(self) -> str:
        """As the report calls it."""
        return self.names[self.part_id]

    @property
    def names(self) -> list[str]:
        """As the report calls all parts."""
        return [f"{number} of {self.num_parts}" for number in range(self.num_parts)]


WHOLE = Part()
